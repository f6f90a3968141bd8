"""Damaged spools: what can be read is kept, the rest is moved aside and said."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.errors import LogError
from holdfast.log import salvage as module
from holdfast.log.committer import Committer
from holdfast.log.proof import proof
from holdfast.log.salvage import salvage
from holdfast.log.spool import Spool, frames, spools, writer_of
from holdfast.log.state import remember_writer
from holdfast.testing.logged import in_lake, labels

GROUPS = 60


def spooled(root: Path, groups: int = GROUPS) -> str:
    """A closed spool, large enough to have pages in the middle."""
    with closing(Spool(root / "spool")) as spool:
        for k in range(groups):
            spool.write([labels([f"{k:02}-{i}-{'x' * 100}" for i in range(5)])])
        return spool.writer


def numbers(root: Path) -> list[int]:
    """Groups in the lake, each of which must be whole."""
    ids = sorted(in_lake(root, kind="labels").column("hf_id").to_pylist())
    assert len(ids) == len(set(ids))
    found = sorted({int(name[:2]) for name in ids})
    assert [name[:4] for name in ids] == [f"{k:02}-{i}" for k in found for i in range(5)]
    return found


def truncated(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))


def test_what_can_be_read_of_a_truncated_spool_gets_into_the_lake(tmp_path: Path) -> None:
    writer = spooled(tmp_path)
    truncated(tmp_path / "spool" / "0.db", 0.6)
    with Committer(tmp_path) as committer:
        (told,) = committer.round(flush=True).problems
        committer.round(flush=True)
    assert "0.db was damaged" in told
    found = numbers(tmp_path)
    assert 10 <= len(found) < GROUPS
    assert set(in_lake(tmp_path, kind="labels").column("hf_writer").to_pylist()) == {writer}
    assert [path.name for path in spools(tmp_path / "spool")] == [f"salvaged-{writer}.db"]
    assert [path.name for path in (tmp_path / "spool" / "damaged").glob("*.db")] == ["0-0.db"]


def test_the_proof_says_what_is_missing(tmp_path: Path) -> None:
    spooled(tmp_path)
    truncated(tmp_path / "spool" / "0.db", 0.6)
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
        committer.round(flush=True)
    (one,) = proof(tmp_path)
    assert one.accepted == 5 * GROUPS
    assert one.unexplained == 5 * (GROUPS - len(numbers(tmp_path))) > 0


def test_where_the_counters_are_lost_nothing_is_claimed(tmp_path: Path) -> None:
    spooled(tmp_path)
    with closing(sqlite3.connect(tmp_path / "spool" / "0.db")) as connection, connection:
        connection.execute("DROP TABLE counters")
    assert salvage(tmp_path, tmp_path / "spool" / "0.db") is not None
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    (one,) = proof(tmp_path)
    assert (one.accepted, one.unexplained) == (5 * GROUPS, 0)


def test_the_place_is_free_for_a_new_spool_of_another_writer(tmp_path: Path) -> None:
    writer = spooled(tmp_path)
    truncated(tmp_path / "spool" / "0.db", 0.5)
    with pytest.raises(LogError, match="cannot be used"):
        Spool(tmp_path / "spool")
    assert salvage(tmp_path, tmp_path / "spool" / "0.db") is not None
    assert spooled(tmp_path, 1) != writer
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).problems == []


def test_what_was_committed_before_is_not_committed_again(tmp_path: Path) -> None:
    spooled(tmp_path)
    spool = tmp_path / "spool" / "0.db"
    content = spool.read_bytes()
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    for path in tmp_path.glob("spool/0.db*"):
        path.unlink()
    spool.write_bytes(content[: len(content) // 2])
    with Committer(tmp_path) as committer:
        assert len(committer.round(flush=True).problems) == 1
        assert committer.round(flush=True).rows == 0
    assert numbers(tmp_path) == list(range(GROUPS))


def test_a_crash_before_the_file_is_moved_does_no_harm(tmp_path: Path) -> None:
    writer = spooled(tmp_path)
    spool = tmp_path / "spool" / "0.db"
    truncated(spool, 0.5)
    content = spool.read_bytes()
    salvage(tmp_path, spool)
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    before = numbers(tmp_path)
    spool.write_bytes(content)
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
        committer.round(flush=True)
    assert numbers(tmp_path) == before
    assert [path.name for path in spools(tmp_path / "spool")] == [f"salvaged-{writer}.db"]
    assert sorted(path.name for path in (tmp_path / "spool" / "damaged").glob("*.db")) == ["0-0.db", "0-1.db"]


def test_a_spool_that_was_saved_may_be_damaged_again(tmp_path: Path) -> None:
    writer = spooled(tmp_path)
    truncated(tmp_path / "spool" / "0.db", 0.8)
    salvage(tmp_path, tmp_path / "spool" / "0.db")
    saved = tmp_path / "spool" / f"salvaged-{writer}.db"
    truncated(saved, 0.8)
    salvage(tmp_path, saved)
    assert [path.name for path in spools(tmp_path / "spool")] == [f"salvaged-{writer}-again.db"]
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).rows > 0


def test_a_writer_that_cannot_be_read_is_the_one_that_was_known(tmp_path: Path) -> None:
    writer = spooled(tmp_path)
    spool = tmp_path / "spool" / "0.db"
    with closing(sqlite3.connect(spool)) as connection, connection:
        connection.execute("DELETE FROM meta")
    remember_writer(tmp_path, "0.db", writer)
    salvage(tmp_path, spool)
    assert [writer_of(path) for path in spools(tmp_path / "spool")] == [writer]


def test_a_writer_that_nobody_knows_is_a_new_one(tmp_path: Path) -> None:
    writer = spooled(tmp_path)
    with closing(sqlite3.connect(tmp_path / "spool" / "0.db")) as connection, connection:
        connection.execute("DROP TABLE meta")
    salvage(tmp_path, tmp_path / "spool" / "0.db")
    (path,) = spools(tmp_path / "spool")
    assert writer_of(path) != writer
    assert len(list(frames(path))) == GROUPS


def test_large_frames_are_saved_with_the_others_and_their_volumes_move_aside(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        for k in range(GROUPS):
            spool.write([labels([f"{k:02}-{i}-{'x' * (1_000 if k == 2 else 100)}" for i in range(5)])])
    (volume,) = (tmp_path / "spool").glob("*.volume")
    truncated(tmp_path / "spool" / "0.db", 0.9)
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
        committer.round(flush=True)
    assert 2 in numbers(tmp_path)
    assert list((tmp_path / "spool").glob("*.volume")) == []
    (aside,) = (tmp_path / "spool" / "damaged").glob("*.volume")
    assert aside.name == volume.name.replace("0.", "0-0.", 1)


def test_a_spool_in_use_is_left_to_its_process(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        assert salvage(tmp_path, spool.path) is None


def test_frames_behind_a_gap_in_the_numbers_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEPS", 5)
    spooled(tmp_path)
    spooled(tmp_path, 3)  # begins with a far higher number
    spool = tmp_path / "spool" / "0.db"
    content = bytearray(spool.read_bytes())
    page = 4096
    for start in range(len(content) // 2 // page * page, len(content) // 2 + 4 * page, page):
        content[start : start + page] = bytes(page)
    spool.write_bytes(content)
    salvage(tmp_path, spool)
    (path,) = spools(tmp_path / "spool")
    seqs = [frame.seq for frame in frames(path)]
    assert 20 < len(seqs) < GROUPS + 3
    assert max(seqs) > 10**15


def test_a_spool_that_was_emptied_is_said_to_be_another_one(tmp_path: Path) -> None:
    spooled(tmp_path)
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    os.truncate(tmp_path / "spool" / "0.db", 0)
    with Committer(tmp_path) as committer:
        (told,) = committer.round(flush=True).problems
        assert "is not the one that it was" in told
        assert committer.round(flush=True).problems == []


def test_a_truncated_write_ahead_log_loses_its_end_and_no_later_frame(tmp_path: Path) -> None:
    """What it had lost was committed: the numbers must not be given again, or the new frames would pass for committed."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom holdfast.log.spool import Spool\n"
        "from holdfast.testing.logged import labels\nspool = Spool(Path(sys.argv[1]) / 'spool')\n"
        "for k in range(20): spool.write([labels([f'{k:02}-{i}' for i in range(5)])])\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    log = tmp_path / "spool" / "0.db-wal"
    content = log.read_bytes()
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).rows == 100
    log.write_bytes(content[: len(content) // 2])
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([labels([f"20-{i}" for i in range(5)])])
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).problems == []
    assert numbers(tmp_path) == list(range(21))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0.0, 1.0), st.integers(0, 3), st.randoms(use_true_random=False))
def test_no_damage_stops_it_or_puts_anything_wrong_into_the_lake(
    tmp_path_factory: pytest.TempPathFactory, share: float, holes: int, random: object
) -> None:
    root = tmp_path_factory.mktemp("root")
    spooled(root)
    spool = root / "spool" / "0.db"
    content = bytearray(spool.read_bytes())
    for _ in range(holes):
        at = random.randrange(len(content))  # type: ignore[attr-defined]
        content[at : at + 300] = bytes(300)
    spool.write_bytes(content[: int(len(content) * share)])
    with Committer(root) as committer:
        for _ in range(4):
            committer.round(flush=True)
        assert set(numbers(root)) <= set(range(GROUPS))
        spooled(root, 1)
        committer.round(flush=True)
    assert "00-0" in {name[:4] for name in in_lake(root, kind="labels").column("hf_id").to_pylist()}
