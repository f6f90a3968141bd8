"""Labels find their predictions, in whichever order and however late they come."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.log import matched
from holdfast.log.committer import Committer
from holdfast.log.coverage import Summary, summaries
from holdfast.log.following import Following, forget, match, run
from holdfast.log.hashed_ids import hashes
from holdfast.log.lake import folder
from holdfast.log.matching import _bins, median
from holdfast.log.reading import open_log
from holdfast.log.retention import expire, tidy
from holdfast.log.spool import Group, Spool
from holdfast.testing.logged import MORNING, labels, predictions

HOUR = 3_600_000_000
DAY = 24 * HOUR


def spooled(root: Path, *groups: Group) -> None:
    with closing(Spool(root / "spool")) as spool:
        for group in groups:
            spool.write([group])


def committed(root: Path, *groups: Group) -> None:
    spooled(root, *groups)
    with Committer(root) as committer:
        assert committer.round(flush=True).problems == []


def truths(root: Path) -> list[tuple[str, bool | None]]:
    rows = open_log(root).predictions("fraud", columns=["hf_id", "hf_time"], with_labels=True).read_all().to_pylist()
    return [(row["hf_id"], row["hf_label"]) for row in rows]


def counts(summary: Summary | None) -> tuple[int, int, int, int]:
    assert summary is not None
    return summary.predicted, summary.labelled, summary.again, summary.unmatched


def test_labels_are_counted_with_their_predictions(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b", "c", "d"]))
    assert match(tmp_path, "fraud") == Summary(predicted=4)
    committed(tmp_path, labels(["a", "b", "never"], time=MORNING + 60_000_000))
    committed(tmp_path, labels(["b", "b"], time=MORNING + 3 * HOUR))
    found = match(tmp_path, "fraud")
    assert counts(found) == (4, 2, 2, 1)
    assert found is not None
    assert found.coverage == 0.5
    assert found.median_delay_seconds == pytest.approx(60, rel=0.05)
    assert summaries(tmp_path) == {"fraud": found}
    assert match(tmp_path, "fraud") == found


def test_a_label_that_came_before_its_prediction_is_matched_when_that_comes(tmp_path: Path) -> None:
    committed(tmp_path, labels(["a", "never"], time=MORNING))
    assert counts(match(tmp_path, "fraud")) == (0, 0, 0, 2)
    committed(tmp_path, predictions(["a", "b"], time=MORNING + DAY))
    assert truths(tmp_path) == [("a", True), ("b", None)]  # found by readers before it is matched
    assert counts(match(tmp_path, "fraud")) == (2, 1, 0, 1)
    assert truths(tmp_path) == [("a", True), ("b", None)]


def test_an_id_that_is_answered_on_another_day_has_its_label_there_too(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]), labels(["a"], truths=[False], time=MORNING + HOUR))
    match(tmp_path, "fraud")
    committed(tmp_path, predictions(["a"], time=MORNING + 2 * DAY))
    assert counts(match(tmp_path, "fraud")) == (2, 2, 0, 0)
    assert truths(tmp_path) == [("a", False), ("a", False)]
    committed(tmp_path, labels(["a"], time=MORNING + 3 * DAY))
    assert counts(match(tmp_path, "fraud")) == (2, 2, 2, 0)
    assert truths(tmp_path) == [("a", True), ("a", True)]


def test_an_id_that_is_answered_on_several_days_at_once_has_its_label_on_all(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]), labels(["a"]))
    match(tmp_path, "fraud")
    committed(tmp_path, *(predictions(["a"], time=MORNING + day * DAY) for day in (1, 2)))
    assert counts(match(tmp_path, "fraud")) == (3, 3, 0, 0)
    assert truths(tmp_path) == [("a", True)] * 3


def test_an_id_that_two_releases_answer_is_counted_once(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"], release=1), predictions(["a"], release=2), labels(["a"]))
    assert counts(match(tmp_path, "fraud")) == (1, 1, 0, 0)
    assert truths(tmp_path) == [("a", True), ("a", True)]


def test_only_labels_of_the_days_that_are_read_are_looked_at(tmp_path: Path) -> None:
    for day in range(3):
        committed(tmp_path, predictions([f"{day}"], time=MORNING + day * DAY))
    committed(tmp_path, labels(["0", "1", "2"], time=MORNING + 3 * DAY))
    match(tmp_path, "fraud")
    for file in folder(tmp_path, "fraud", "labels").glob("hf_date=*/*"):
        file.unlink()  # they are not needed any more
    read = open_log(tmp_path).predictions("fraud", since="2026-01-02", until="2026-01-03", with_labels=True)
    assert read.read_all().column("hf_label").to_pylist() == [True]


def test_files_that_are_put_together_change_nothing(tmp_path: Path) -> None:
    for i in range(3):
        committed(tmp_path, predictions([f"{i}"]), labels([f"{i}"], time=MORNING + HOUR))
        if i == 1:
            match(tmp_path, "fraud")
    tidy(tmp_path)
    assert len(list((folder(tmp_path, "fraud", "labels") / "hf_date=2026-01-01").glob("day-*"))) == 1
    assert sorted(truths(tmp_path)) == [("0", True), ("1", True), ("2", True)]
    assert counts(match(tmp_path, "fraud")) == (3, 3, 0, 0)


def test_days_that_are_expired_are_forgotten(tmp_path: Path) -> None:
    for day in range(3):
        committed(tmp_path, predictions([f"{day}"], time=MORNING + day * DAY))
        committed(tmp_path, labels([f"{day}", f"never {day}"], time=MORNING + day * DAY))
    match(tmp_path, "fraud")
    for kind in ("predictions", "labels"):
        expire(tmp_path, "fraud", kind, keep_days=1, now=np.datetime64("2026-01-03T12:00").item().astimezone())
    assert counts(match(tmp_path, "fraud")) == (2, 2, 0, 2)
    committed(tmp_path, labels(["0"], time=MORNING + 3 * DAY))
    assert counts(match(tmp_path, "fraud")) == (2, 2, 0, 3)
    assert truths(tmp_path) == [("1", True), ("2", True)]
    committed(tmp_path, predictions(["0"], time=MORNING + 2 * DAY))
    assert counts(match(tmp_path, "fraud")) == (3, 3, 0, 2)
    assert truths(tmp_path) == [("1", True), ("2", True), ("0", True)]


def test_what_is_damaged_is_made_again(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b"]), labels(["a"]))
    before = match(tmp_path, "fraud")
    place = matched.folder(tmp_path, "fraud")
    for file in place.glob("*.npy"):
        file.unlink()
    committed(tmp_path, labels(["b"]))
    after = match(tmp_path, "fraud")
    assert (counts(before), counts(after)) == ((2, 1, 0, 0), (2, 2, 0, 0))
    (place / matched.FILE).write_bytes(b"no database" * 1000)
    assert counts(match(tmp_path, "fraud")) == (2, 2, 0, 0)


def test_a_file_that_is_gone_before_it_was_taken_in_makes_it_begin_again(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    match(tmp_path, "fraud")
    committed(tmp_path, predictions(["b"]), predictions(["c"]))
    committed(tmp_path, predictions(["d"]))
    tidy(tmp_path)
    for file in (folder(tmp_path, "fraud", "predictions") / "hf_date=2026-01-01").glob("rows-*"):
        file.unlink()
    assert counts(match(tmp_path, "fraud")) == (4, 0, 0, 0)


def test_ids_are_forgotten(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b"]), labels(["a", "b", "never"]))
    match(tmp_path, "fraud")
    forget(tmp_path, "fraud", ["a", "never"])
    content = b"".join(path.read_bytes() for path in matched.folder(tmp_path, "fraud").glob("*.npy"))
    assert hashes(["b"]).tobytes() in content
    assert hashes(["a"]).tobytes() not in content
    assert hashes(["never"]).tobytes() not in content
    assert [path for path in matched.folder(tmp_path, "fraud").iterdir() if path.name.startswith(".")] == []


def test_following_takes_its_time(tmp_path: Path) -> None:
    now = [0.0]
    following = Following(tmp_path, [match], clock=lambda: now[0])
    committed(tmp_path, predictions(["a"]))
    assert following.follow() == []
    assert summaries(tmp_path)["fraud"].predicted == 1
    committed(tmp_path, predictions(["b"]))
    following.follow()
    assert summaries(tmp_path)["fraud"].predicted == 1
    now[0] += 11
    following.follow()
    assert summaries(tmp_path)["fraud"].predicted == 2
    committed(tmp_path, predictions(["c"]))
    following.follow(now=True)
    assert summaries(tmp_path)["fraud"].predicted == 3


def test_a_step_that_takes_long_does_not_hold_up_the_next(tmp_path: Path) -> None:
    """Each has a pause of its own: twenty times as long as it took, and 10 seconds at least."""
    committed(tmp_path, predictions(["a"]))
    now = [0.0]
    done: list[tuple[str, float, str]] = []

    def slow(_: Path, model: str) -> None:
        done.append(("slow", now[0], model))
        now[0] += 5.0

    def quick(_: Path, model: str) -> None:
        done.append(("quick", now[0], model))

    following = Following(tmp_path, [slow, quick], clock=lambda: now[0])
    for _ in range(12):
        following.follow()
        now[0] += 10.0
    assert [(name, when) for name, when, _ in done if name == "slow"] == [("slow", 0.0), ("slow", 105.0)]
    assert len([name for name, *_ in done if name == "quick"]) == 12
    assert {model for *_, model in done} == {"fraud"}


def test_it_follows_until_it_is_told_to_stop_and_then_once_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    committed(tmp_path, predictions(["a"]))
    (tmp_path / "matching").touch()  # in the way
    stop = threading.Event()
    stop.set()
    run(tmp_path, [match], stop)
    assert "cannot be written" in caplog.text
    (tmp_path / "matching").unlink()
    run(tmp_path, [match], stop)
    assert summaries(tmp_path)["fraud"].predicted == 1


def test_the_median_of_delays_is_right_within_five_percent() -> None:
    delays = (np.random.default_rng(0).lognormal(8, 2, 10_001) * 1e6).astype(np.int64)
    bins = dict(zip(*(part.tolist() for part in _bins(delays)), strict=True))
    assert median(bins) == pytest.approx(np.median(delays) / 1e6, rel=0.05)


class Event(NamedTuple):
    """Something that comes: a prediction or a label of an id, hours after the beginning."""

    label: bool | None
    name: str
    hours: int
    commit: bool
    matched: bool


EVENTS = st.builds(
    Event,
    label=st.sampled_from([None, None, True, False]),
    name=st.sampled_from("abcd"),
    hours=st.integers(0, 80),
    commit=st.booleans(),
    matched=st.booleans(),
)


@settings(max_examples=15)
@given(events=st.lists(EVENTS, min_size=1, max_size=10))
def test_a_reader_finds_what_a_look_at_all_labels_finds(
    tmp_path_factory: pytest.TempPathFactory, events: Sequence[Event]
) -> None:
    root = tmp_path_factory.mktemp("log")
    last: dict[str, tuple[int, int, bool]] = {}
    answered: set[tuple[str, int]] = set()
    for number, event in enumerate(events):
        time = MORNING + event.hours * HOUR
        if event.label is None:
            spooled(root, predictions([event.name], time=time))
            answered.add((event.name, time // DAY))
        else:
            spooled(root, labels([event.name], truths=[event.label], time=time))
            last[event.name] = max(last.get(event.name, (0, 0, False)), (time, number, event.label))
        if event.commit:
            committed(root)
        if event.matched and (root / "lake").exists():
            match(root, "fraud")
    committed(root)
    summary = match(root, "fraud")
    if answered:
        expected = {name: last[name][2] if name in last else None for name, _ in answered}
        assert dict(truths(root)) == expected
    assert counts(summary)[:2] == (len(answered), sum(name in last for name, _ in answered))
