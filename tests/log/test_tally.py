"""The count of rows that were answered without being logged."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from holdfast.log.tally import Tally, unlogged


def test_it_survives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "0.unlogged"
    with closing(Tally(path)) as tally:
        tally.add(3)
        tally.add(4)
        assert Tally.read(path) == 7
    with closing(Tally(path)) as tally:
        tally.add(1)
    assert Tally.read(path) == 8


def test_those_of_all_processes_are_added_up(tmp_path: Path) -> None:
    for number in range(3):
        with closing(Tally(tmp_path / f"{number}.unlogged")) as tally:
            tally.add(10)
    assert unlogged(tmp_path) == 30
    assert unlogged(tmp_path / "none") == 0


def test_a_file_that_was_never_finished_counts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "0.unlogged"
    path.write_bytes(b"")
    assert unlogged(tmp_path) == 0
    with closing(Tally(path)) as tally:
        tally.add(2)
    assert unlogged(tmp_path) == 2
