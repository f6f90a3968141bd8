"""The queue of reviews: what gets into it, in which order, and what becomes of verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.errors import LogError
from holdfast.log import reviews
from holdfast.log.columns import prediction_layout
from holdfast.log.committer import Committer
from holdfast.log.frames import encode
from holdfast.log.lake import folder
from holdfast.log.queueing import queue
from holdfast.log.retention import expire
from holdfast.log.reviews import Counts, DecidedError, NoReviewError, Settled
from holdfast.log.spool import Group, Spool
from holdfast.testing.logged import MORNING, labels

HOUR = 3_600_000_000
DAY = 24 * HOUR
COLUMNS = (("amount", "float64"), ("country", "string"))


def asked(
    ids: Sequence[str],
    losses: Sequence[float | None],
    *,
    time: int = MORNING,
    review: bool = True,
    route: str = "champion",
    decision: bool = False,
) -> Group:
    """Predictions that are to be reviewed."""
    layout = prediction_layout("fraud", "binary", (), COLUMNS)  # type: ignore[arg-type]
    known: dict[str, Sequence[Any]] = {
        "hf_id": list(ids),
        "hf_time": [time],
        "hf_release": [3],
        "hf_route": [route],
        "hf_score": [0.4],
        "hf_decision": [decision],
        "hf_confidence": [0.6],
        "hf_review": [review],
        "hf_reason": ["band"],
        "hf_expected_loss": list(losses),
        "amount": [12.5],
        "country": ["AT"],
    }
    return Group(layout, len(ids), encode([known.get(name, [None]) for name, _ in layout.columns]))


def committed(root: Path, *groups: Group) -> None:
    with closing(Spool(root / "spool")) as spool:
        for group in groups:
            spool.write([group])
    with Committer(root) as committer:
        assert committer.round(flush=True).problems == []


def errors_avoided(_: str, settled: Sequence[Settled]) -> list[float | None]:
    return [float(one.decision != one.outcome) - float(one.verdict != one.outcome) for one in settled]


def followed(root: Path) -> Counts:
    queue(root, "fraud", errors_avoided)
    return reviews.counts(root).get("fraud", Counts())


def open_ids(root: Path) -> list[str]:
    return [one.id for one in reviews.waiting(root, "fraud", 100)]


def decide(root: Path, identifier: str, verdict: bool, *, hours: int = 1) -> bool:
    with reviews.deciding(root, "fraud", identifier, verdict, "ada", MORNING + hours * HOUR) as overruled:
        return overruled


def test_rows_that_were_answered_with_review_wait_the_dearest_first(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a", "b", "none", "c"], [5.0, 80.0, None, 20.0]), asked(["d"], [20.0], time=MORNING - 1))
    committed(tmp_path, asked(["sure"], [None], review=False), asked(["unseen"], [1.0], route="shadow"))
    assert followed(tmp_path) == Counts(open=5)
    assert open_ids(tmp_path) == ["b", "d", "c", "a", "none"]
    assert [one.id for one in reviews.waiting(tmp_path, "fraud", 2)] == ["b", "d"]
    assert reviews.waiting(tmp_path, "churn", 2) == []
    assert followed(tmp_path) == Counts(open=5)


def test_a_reviewer_sees_the_answer_and_the_row(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a"], [5.0]))
    followed(tmp_path)
    (one,) = reviews.waiting(tmp_path, "fraud", 10)
    assert (one.release, one.time, one.reason, one.expected_loss, one.decision) == (3, MORNING, "band", 5.0, False)
    assert one.content == {
        "score": 0.4,
        "confidence": 0.6,
        "set": None,
        "warnings": None,
        "row": {"amount": 12.5, "country": "AT"},
    }


def test_a_verdict_closes_a_review_and_is_counted(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a", "b", "c"], [1.0, 2.0, 3.0]))
    followed(tmp_path)
    assert decide(tmp_path, "a", True, hours=1)
    assert not decide(tmp_path, "b", False, hours=3)
    assert reviews.counts(tmp_path)["fraud"] == Counts(open=1, upheld=1, overruled=1, seconds=4 * 3600.0)
    assert open_ids(tmp_path) == ["c"]


def test_of_two_reviewers_the_first_one_counts(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a"], [1.0]))
    followed(tmp_path)
    decide(tmp_path, "a", True)
    with pytest.raises(DecidedError):
        decide(tmp_path, "a", False)
    with pytest.raises(NoReviewError):
        decide(tmp_path, "b", False)
    assert reviews.counts(tmp_path)["fraud"].upheld == 0


def test_a_verdict_that_cannot_be_logged_does_not_count(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a"], [1.0]))
    followed(tmp_path)
    with (
        pytest.raises(LogError, match="full"),
        reviews.deciding(tmp_path, "fraud", "a", True, "ada", MORNING),
    ):
        raise LogError("the disk is full")
    assert reviews.counts(tmp_path)["fraud"] == Counts(open=1)


def test_where_there_is_no_queue_nothing_waits(tmp_path: Path) -> None:
    assert reviews.waiting(tmp_path, "fraud", 10) == []
    assert reviews.counts(tmp_path) == {}
    with pytest.raises(NoReviewError):
        decide(tmp_path, "a", True)
    assert not list(tmp_path.iterdir())


def test_a_verdict_that_came_as_a_label_closes_the_review(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a", "b"], [1.0, 2.0]))
    committed(tmp_path, labels(["a"], source="review", time=MORNING + 2 * HOUR))
    assert followed(tmp_path) == Counts(open=1, overruled=1, seconds=2 * 3600.0)
    committed(tmp_path, labels(["a"], truths=[False], source="review", time=MORNING + 3 * HOUR))
    assert followed(tmp_path) == Counts(open=1, overruled=1, seconds=2 * 3600.0)


def test_a_verdict_that_a_server_took_is_not_counted_again_when_its_label_is_committed(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a"], [1.0]))
    followed(tmp_path)
    decide(tmp_path, "a", True)
    committed(tmp_path, labels(["a"], source="review", time=MORNING + HOUR))
    assert followed(tmp_path) == Counts(overruled=1, seconds=3600.0)


def test_what_a_verdict_saved_is_known_with_the_outcome(tmp_path: Path) -> None:
    committed(tmp_path, asked(["right", "wrong", "upheld", "waits"], [1.0] * 4))
    followed(tmp_path)
    for name, verdict in (("right", True), ("wrong", True), ("upheld", False), ("waits", True)):
        decide(tmp_path, name, verdict)
    committed(tmp_path, labels(["right", "wrong", "upheld"], truths=[True, False, True], time=MORNING + DAY))
    found = followed(tmp_path)
    assert (found.settled, found.saved) == (3, 0.0)
    committed(tmp_path, labels(["wrong"], truths=[True], time=MORNING + 2 * DAY))  # corrected
    found = followed(tmp_path)
    assert (found.settled, found.saved) == (3, 2.0)


def test_an_outcome_that_came_first_is_not_taken_back_by_an_older_one(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a"], [1.0]))
    committed(tmp_path, labels(["a"], truths=[True], time=MORNING + 2 * DAY))
    followed(tmp_path)
    committed(tmp_path, labels(["a"], truths=[False], time=MORNING + DAY))
    followed(tmp_path)
    decide(tmp_path, "a", True)
    assert followed(tmp_path).saved == 1.0


def test_where_it_cannot_be_told_what_was_saved_nothing_is_counted(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a"], [1.0]))
    committed(tmp_path, labels(["a"], time=MORNING + DAY))
    queue(tmp_path, "fraud", lambda _, settled: [None] * len(settled))
    decide(tmp_path, "a", True)
    queue(tmp_path, "fraud", lambda _, settled: [None] * len(settled))
    assert (reviews.counts(tmp_path)["fraud"].settled, reviews.counts(tmp_path)["fraud"].saved) == (0, 0.0)


def test_reviews_go_with_the_days_of_the_lake(tmp_path: Path) -> None:
    committed(tmp_path, asked(["old"], [1.0]), asked(["new"], [1.0], time=MORNING + 5 * DAY))
    followed(tmp_path)
    expire(tmp_path, "fraud", "predictions", keep_days=1, now=np.datetime64("2026-01-06T12:00").item().astimezone())
    followed(tmp_path)
    assert open_ids(tmp_path) == ["new"]


def test_rows_of_a_person_leave_the_queue_for_good(tmp_path: Path) -> None:
    committed(tmp_path, asked(["person-17", "b"], [1.0, 2.0]))
    followed(tmp_path)
    reviews.forget(tmp_path, "fraud", ["person-17"])
    assert open_ids(tmp_path) == ["b"]
    held = b"".join(path.read_bytes() for path in tmp_path.glob("reviews.db*"))
    assert b"person-17" not in held


def test_a_queue_that_was_lost_is_filled_again(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a", "b"], [1.0, 2.0]), labels(["a"], source="review", time=MORNING + HOUR))
    before = followed(tmp_path)
    for path in tmp_path.glob("reviews.db*"):
        path.unlink()
    assert followed(tmp_path) == before == Counts(open=1, overruled=1, seconds=3600.0)


def test_a_damaged_queue_says_so(tmp_path: Path) -> None:
    (tmp_path / reviews.FILE).write_bytes(b"no database" * 500)
    for use in (lambda: reviews.waiting(tmp_path, "fraud", 1), lambda: reviews.forget(tmp_path, "fraud", ["a"])):
        with pytest.raises(LogError, match=r"reviews\.db cannot be"):
            use()


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    committed(tmp_path, asked(["a"], [1.0]))
    for file in folder(tmp_path, "fraud", "predictions").glob("hf_date=*/*"):
        file.unlink()
    with pytest.raises(LogError, match="were removed"):
        followed(tmp_path)


def test_numbers_overrule_outside_the_interval() -> None:
    assert [reviews.is_overruled(10.0, verdict, 8.0, 12.0) for verdict in (7.9, 8.0, 12.0, 12.1)] == [
        True,
        False,
        False,
        True,
    ]
