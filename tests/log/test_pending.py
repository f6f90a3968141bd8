"""What waits in the spools of a host."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.errors import LogError
from holdfast.log.pending import Pending
from holdfast.log.spool import Spool, frames
from holdfast.log.spooled import DamagedSpoolError, SpoolFile, in_use
from holdfast.testing.logged import labels, predictions

LABELS, PREDICTIONS = ("fraud", "labels"), ("fraud", "predictions")
ALL = 1 << 30


@pytest.fixture
def pending(tmp_path: Path) -> Iterator[Pending]:
    with closing(Pending(tmp_path)) as found:
        yield found


def test_frames_are_put_together_by_table_in_order(tmp_path: Path, pending: Pending) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["a"]), predictions(["b"]), labels(["c"])])
        assert pending.look() == []
        groups, more, problems = pending.read((), ALL)
    assert {key: [item.frame.seq for item in items] for key, items in groups.items()} == {
        LABELS: [1, 3],
        PREDICTIONS: [2],
    }
    assert {item.writer for items in groups.values() for item in items} == {spool.writer}
    assert (more, problems) == (False, [])


def test_tables_can_be_left_out(tmp_path: Path, pending: Pending) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["a"]), predictions(["b"])])
        pending.look()
        assert list(pending.read({LABELS}, ALL)[0]) == [PREDICTIONS]


def test_no_more_is_read_than_asked_for_and_that_is_said(tmp_path: Path, pending: Pending) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels([f"{k}"]) for k in range(10)])
        pending.look()
        size = len(labels(["0"]).content)
        groups, more, _ = pending.read((), 3 * size)
    assert ([item.frame.seq for item in groups[LABELS]], more) == ([1, 2, 3], True)


def test_what_is_removed_is_gone_and_the_rest_stays(tmp_path: Path, pending: Pending) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels([f"{k}"]) for k in range(250)])
        pending.look()
        pending.sync([spool.writer, "another"])
        pending.remove({spool.writer: range(1, 250), "another": [250]})
        assert [frame.seq for frame in frames(spool.path)] == [250]


def test_a_layout_that_is_new_while_frames_are_read_is_known(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["a"])])
        with closing(SpoolFile(spool.path)) as file:
            assert [frame.layout.kind for frame in file.frames()] == ["labels"]
            spool.write([predictions(["b"])])
            assert [frame.layout.kind for frame in file.frames()] == ["labels", "predictions"]
            assert file.tables == {LABELS, PREDICTIONS}


def test_a_spool_that_came_in_place_of_another_is_opened(tmp_path: Path, pending: Pending) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["a"])])
    pending.look()
    for path in (tmp_path / "spool").glob("0.db*"):
        path.unlink()
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["b"]), labels(["c"])])
        (told,) = pending.look()
        assert "is not the one that it was" in told
        assert len(pending.read((), ALL)[0][LABELS]) == 2
    for path in (tmp_path / "spool").glob("0.db*"):
        path.unlink()
    assert pending.look() == []
    assert pending.read((), ALL)[0] == {}


def test_a_copy_of_a_spool_is_left_alone(tmp_path: Path, pending: Pending) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["a"])])
    shutil.copy(tmp_path / "spool" / "0.db", tmp_path / "spool" / "00.db")
    (told,) = pending.look()
    assert "00.db is a copy" in told
    assert len(pending.read((), ALL)[0][LABELS]) == 1


def test_damage_that_shows_while_frames_are_read_is_mended_at_the_next_look(tmp_path: Path, pending: Pending) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels([f"{k}-{i}-{os.urandom(200).hex()}" for i in range(5)]) for k in range(30)])
    pending.look()
    content = bytearray((tmp_path / "spool" / "0.db").read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    (tmp_path / "spool" / "0.db").write_bytes(content)
    groups, _, problems = pending.read((), ALL)
    assert (len(groups[LABELS]) < 30, problems) == (True, [])
    (told,) = pending.look()
    assert "was damaged" in told
    pending.look()
    assert 0 < len(pending.read((), ALL)[0][LABELS]) < 30


def test_to_remove_frames_writes_much_less_than_they_were(tmp_path: Path, pending: Pending) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["x" * 50_000]) for _ in range(100)])
        with closing(sqlite3.connect(spool.path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pending.look()
        pending.remove({spool.writer: range(1, 101)})
        assert pending.read((), ALL)[0] == {}
        assert Path(f"{spool.path}-wal").stat().st_size < 500_000


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE layouts; CREATE TABLE layouts(id, content); INSERT INTO layouts VALUES (1, NULL)",
        "CREATE TRIGGER lost BEFORE INSERT ON meta BEGIN SELECT RAISE(IGNORE); END; DELETE FROM meta",
    ],
)
def test_a_spool_that_lacks_what_every_spool_has_is_damaged(tmp_path: Path, pending: Pending, damage: str) -> None:
    """As where a page of it holds zeros: nothing else may wait for it."""
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["a"])])
    with closing(sqlite3.connect(spool.path)) as connection:
        connection.executescript(damage)
    told = pending.look()
    pending.read((), ALL)
    (told,) = told or pending.look()
    assert "was damaged" in told


def test_damage_where_no_frame_lies_is_found_too(tmp_path: Path, pending: Pending) -> None:
    """Frames could be read, but none be added any more."""
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["a"])])
    with closing(sqlite3.connect(spool.path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_sequence'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(spool.path.read_bytes())
    content[(page - 1) * size : page * size] = bytes(size)
    spool.path.write_bytes(content)
    (told,) = pending.look()
    assert "was damaged" in told
    pending.look()
    assert len(pending.read((), ALL)[0][LABELS]) == 1


def test_damage_in_a_spool_that_is_in_use_waits(tmp_path: Path, pending: Pending) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom holdfast.log.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1]) / 'spool')\nprint('ready', flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert in_use(tmp_path / "spool" / "0.db")
        with closing(sqlite3.connect(tmp_path / "spool" / "0.db")) as connection, connection:
            connection.execute("INSERT INTO layouts VALUES (1, 'no layout')")
            connection.execute("INSERT INTO frames VALUES (1, 1, 1, 1, 1, 0, 0, 0, x'00')")
        pending.look()
        pending.read((), ALL)
        (told,) = pending.look()
        assert "when the process that writes it has ended" in told
        process.communicate()
    assert not in_use(tmp_path / "spool" / "0.db")
    pending.read((), ALL)
    (told,) = pending.look()
    assert "was damaged. 0 rows" in told


def test_what_is_no_spool_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database" * 100)
    with pytest.raises(DamagedSpoolError, match=r"a\.db is damaged"):
        SpoolFile(tmp_path / "a.db")
    with pytest.raises(LogError, match="cannot be used"):
        SpoolFile(tmp_path / "nowhere" / "a.db")


def test_a_spool_of_another_format_is_left_alone(tmp_path: Path, pending: Pending) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels(["a"])])
    with closing(sqlite3.connect(tmp_path / "spool" / "0.db")) as connection, connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    (told,) = pending.look()
    assert "update Holdfast" in told
