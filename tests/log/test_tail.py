"""The end of a table's log after a power cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.errors import LogError
from holdfast.log.table import Table, create
from holdfast.log.tail import ASIDE, LOG, entry, has_log, mend, sound

COLUMNS = (("hf_id", "string"),)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table with three commits."""
    made = create(tmp_path / "t", "labels", COLUMNS)
    for seq in (1, 2, 3):
        made.commit(transactions={"writer": seq})
    return tmp_path / "t"


def test_a_sound_log_is_left_as_it_is(table: Path) -> None:
    assert mend(table) == []
    assert Table(table).version == 3
    assert not (table / ASIDE).exists()


@pytest.mark.parametrize(
    "damage", [lambda content: b"\0" * len(content), lambda content: content[:-20], lambda _: b"", lambda _: b"[]\n"]
)
def test_a_damaged_last_entry_is_moved_aside(table: Path, damage: object) -> None:
    last = entry(table, 3)
    last.write_bytes(damage(last.read_bytes()))  # type: ignore[operator]
    (told,) = mend(table)
    assert str(last) in told
    assert [path.name for path in (table / ASIDE).iterdir()] == [f"{last.name}.0"]
    mended = Table(table)
    assert (mended.version, mended.transaction("writer")) == (2, 2)
    mended.commit(transactions={"writer": 3})
    assert Table(table).transaction("writer") == 3


def test_an_entry_that_was_cut_at_the_end_of_a_line_is_damaged(table: Path) -> None:
    last = entry(table, 3)
    first, *rest = last.read_bytes().splitlines(keepends=True)
    assert len(rest) == 1
    last.write_bytes(first)
    assert not sound(last)
    assert len(mend(table)) == 1
    assert Table(table).version == 2


def test_two_damaged_entries_at_the_end_are_moved_aside(table: Path) -> None:
    for version in (2, 3):
        entry(table, version).write_bytes(b"\0\0")
    assert len(mend(table)) == 2
    assert Table(table).version == 1


def test_a_damaged_entry_that_others_follow_cannot_be_left_out(table: Path) -> None:
    entry(table, 2).write_bytes(b"\0\0")
    with pytest.raises(LogError, match="entry 2 cannot be read, and later ones follow"):
        mend(table)


def test_a_table_whose_first_entry_is_damaged_is_none(table: Path) -> None:
    for version in range(4):
        entry(table, version).write_bytes(b"")
    assert len(mend(table)) == 4
    assert not has_log(table)
    assert create(table, "labels", COLUMNS).version == 0


@pytest.mark.parametrize("size", [0, 100])
def test_a_torn_checkpoint_goes_since_the_entries_say_the_same(table: Path, size: int) -> None:
    Table(table).checkpoint()
    path = table / LOG / f"{3:020d}.checkpoint.parquet"
    path.write_bytes(path.read_bytes()[:size])
    assert len(mend(table)) == 1
    assert not (table / LOG / "_last_checkpoint").exists()
    assert Table(table).transaction("writer") == 3


def test_a_torn_hint_at_the_last_checkpoint_goes(table: Path) -> None:
    Table(table).checkpoint()
    (table / LOG / "_last_checkpoint").write_bytes(b"\0\0\0")
    assert mend(table) == []
    assert not (table / LOG / "_last_checkpoint").exists()
    assert Table(table).transaction("writer") == 3


def test_a_folder_without_a_log_is_nothing_to_mend(tmp_path: Path) -> None:
    assert mend(tmp_path) == []
    assert not has_log(tmp_path)


def test_entries_say_how_many_lines_they_have(table: Path) -> None:
    lines = [json.loads(line) for line in entry(table, 3).read_text().splitlines()]
    assert lines[0]["commitInfo"]["holdfast.actions"] == len(lines)
