"""The index of ids: which rows are retries, and that it is never ahead of the table."""

from __future__ import annotations

import shutil
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.log import seen as module
from holdfast.log.committer import Committer
from holdfast.log.seen import NONE, WINDOW_SECONDS, Seen, Uses, uses_of
from holdfast.log.spool import Spool
from holdfast.testing.logged import predictions

DAY = WINDOW_SECONDS * 1_000_000


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of 1970-01-01 are recent."""
    monkeypatch.setattr(module, "recent_since", lambda: 0)


def uses(*rows: tuple[int, int, int]) -> Uses:
    return Uses(*np.array(rows, dtype=np.int64).reshape(-1, 3).T)


def judged(seen: Seen, *rows: tuple[int, int, int]) -> list[str]:
    retry, conflict = seen.judge(uses(*rows))
    return ["retry" if r else "conflict" if c else "new" for r, c in zip(retry, conflict, strict=True)]


def test_the_first_use_of_an_id_is_new(tmp_path: Path) -> None:
    assert judged(Seen(tmp_path), (1, 10, 0), (2, 10, 0)) == ["new", "new"]


def test_a_second_use_is_a_retry_with_the_same_inputs_and_a_conflict_with_others(tmp_path: Path) -> None:
    assert judged(Seen(tmp_path), (1, 10, 0), (1, 10, 5), (1, 11, 6), (1, 11, 7)) == [
        "new",
        "retry",
        "conflict",
        "retry",
    ]


def test_uses_are_compared_with_those_in_the_table(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    seen.add(3, uses((1, 10, 0), (5, 10, 0)))
    seen.add(4, uses((2, 10, 0)))
    assert judged(seen, (1, 10, 1), (2, 11, 1), (3, 10, 1)) == ["retry", "conflict", "new"]


def test_after_a_day_an_id_is_new_again(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    seen.add(0, uses((1, 10, 0)))
    assert judged(seen, (1, 10, DAY)) == ["retry"]
    assert judged(seen, (1, 10, DAY + 1)) == ["new"]
    assert judged(seen, (2, 10, 0), (2, 10, DAY + 1)) == ["new", "new"]


def test_what_is_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    assert seen.version == -1
    seen.add(0, uses((1, 10, 1)))
    seen.store()
    seen.add(1, uses((2, 10, 1)))
    seen.add(7, NONE)
    seen.store()
    again = Seen(tmp_path)
    assert again.version == 7
    assert judged(again, (1, 10, 2), (2, 10, 2), (3, 10, 2)) == ["retry", "retry", "new"]


def test_what_is_not_stored_is_not_claimed(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    seen.add(0, uses((1, 10, 1)))
    assert Seen(tmp_path).version == -1


def test_it_stores_by_itself_what_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMORY_ROWS", 3)
    seen = Seen(tmp_path)
    seen.add(0, uses((1, 10, 1), (2, 10, 1)))
    seen.add(1, uses((3, 10, 1)))
    assert Seen(tmp_path).version == 1


def test_large_arrays_are_left_alone_and_old_ones_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_ROWS", 2)
    seen = Seen(tmp_path)
    for version in range(3):
        seen.add(version, uses((2 * version, 10, 1), (2 * version + 1, 10, 1)))
        seen.store()
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr(module, "recent_since", lambda: 2 * DAY)
    seen.add(3, uses((9, 10, 2 * DAY)))
    seen.store()
    assert len(list(tmp_path.iterdir())) == 1
    assert Seen(tmp_path).version == 3
    assert judged(Seen(tmp_path), (9, 10, 2 * DAY)) == ["retry"]


@pytest.mark.parametrize("harm", ["gap", "torn"])
def test_an_index_that_is_not_whole_is_forgotten(tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_ROWS", 1)
    seen = Seen(tmp_path)
    for version in range(3):
        seen.add(version, uses((version, 10, 1)))
        seen.store()
    middle = sorted(tmp_path.iterdir())[1]
    if harm == "gap":
        middle.unlink()
    else:
        middle.write_bytes(middle.read_bytes()[:40])
    assert Seen(tmp_path).version == -1
    assert list(tmp_path.iterdir()) == []


def test_what_was_merged_and_not_removed_does_no_harm(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    seen.add(0, uses((1, 10, 1)))
    seen.store()
    (first,) = tmp_path.iterdir()
    content = first.read_bytes()
    seen.add(1, uses((2, 10, 1)))
    seen.store()
    first.write_bytes(content)
    again = Seen(tmp_path)
    assert again.version == 1
    assert len(list(tmp_path.iterdir())) == 1
    assert judged(again, (1, 10, 2)) == ["retry"]


def test_only_rows_whose_ids_the_client_gave_are_uses() -> None:
    rows = pa.table(
        {
            "hf_id": ["a", "b", "a"],
            "hf_given": [True, False, True],
            "hf_release": [1, 1, 2],
            "hf_route": ["champion"] * 3,
            "hf_inputs": [7, 8, 7],
            "hf_time": pa.array([1, 2, None], pa.timestamp("us", "UTC")),
        }
    )
    found, positions = uses_of(rows)
    assert positions.tolist() == [0, 2]
    assert found.inputs.tolist() == [7, 7]
    assert found.times.tolist() == [1, 0]
    assert len(set(found.keys.tolist())) == 2


def test_rows_without_ids_of_clients_have_no_uses() -> None:
    assert uses_of(pa.table({"hf_label": [True]}))[0].rows == 0
    assert uses_of(pa.table({"hf_id": ["a"], "hf_given": [False]}))[0].rows == 0


ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2 * DAY)), max_size=30)


@given(ROWS, st.sets(st.integers(0, 30)))
def test_it_judges_as_a_plain_loop_does_wherever_commits_fall(rows: list[tuple[int, int, int]], cuts: set[int]) -> None:
    expected, kept = [], []
    for key, inputs, when in rows:
        near = [i for k, i, t in kept if k == key and abs(t - when) <= DAY]
        expected.append("retry" if inputs in near else "conflict" if near else "new")
        if inputs not in near:
            kept.append((key, inputs, when))
    seen = Seen(Path("nowhere"))
    found: list[str] = []
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for version, (start, end) in enumerate(pairwise(edges)):
        verdicts = judged(seen, *rows[start:end])
        some = [row for row, verdict in zip(rows[start:end], verdicts, strict=True) if verdict != "retry"]
        seen.add(version, uses(*some))
        found += verdicts
    assert found == expected


def test_rows_that_waited_for_days_are_told_from_their_retries_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "recent_since", lambda: 10 * DAY)
    seen = Seen(tmp_path)
    seen.add(0, uses((1, 10, 0), (2, 10, 2 * DAY)))
    seen.store()
    again = Seen(tmp_path)
    assert judged(again, (2, 10, 2 * DAY + 5)) == ["retry"]
    assert judged(again, (1, 10, 5)) == ["new"], "a day before the newest is as far back as is looked"


def test_an_index_that_is_made_anew_knows_rows_that_waited_for_days(tmp_path: Path) -> None:
    """The rows are of months ago, as far as the clock of this machine can tell."""
    with pytest.MonkeyPatch.context() as real:
        real.setattr(module, "recent_since", lambda: int(time.time() - WINDOW_SECONDS) * 1_000_000)
        found = []
        for _ in range(2):
            spool = Spool(tmp_path / "spool")
            spool.write([predictions(["a", "b"], given=True)])
            spool.close()
            with Committer(tmp_path) as committer:
                found.append(committer.round(flush=True))
            shutil.rmtree(tmp_path / module.FOLDER, ignore_errors=True)
    assert [(done.rows, done.duplicates) for done in found] == [(2, 0), (0, 2)]
