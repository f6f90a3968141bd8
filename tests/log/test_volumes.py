"""Volumes: what is in them is found, whole or not at all, and nothing else stays."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.log import recent, volumes
from holdfast.log.batch import kept
from holdfast.log.committer import Committer
from holdfast.log.destination import REFUSED
from holdfast.log.proof import verify
from holdfast.log.reading import open_log
from holdfast.log.spool import Group, Spool, frames
from holdfast.log.volumes import LARGE_BYTES, Place, Reader, Writer
from holdfast.testing.logged import in_lake, predictions


def large(name: str, count: int = 200) -> Group:
    """Predictions whose frame is large."""
    group = predictions([f"{name}-{number:020}" for number in range(count)])
    assert len(group.content) >= LARGE_BYTES
    return group


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume has room for one frame and a bit."""
    monkeypatch.setattr(volumes, "VOLUME_BYTES", 5_000)


def there(folder: Path) -> list[int]:
    return volumes.numbers(folder / "0.db")


# A writer and a reader


def test_what_was_added_is_read(tmp_path: Path) -> None:
    with closing(Writer(tmp_path / "0.db")) as writer, closing(Reader(tmp_path / "0.db")) as reader:
        first = writer.add([b"one", b"three"])
        second = writer.add([b"more"])
        assert [place[1:] for place in first + second] == [(0, 3), (3, 5), (8, 4)]
        assert [reader.read(place) for place in second + first] == [b"more", b"one", b"three"]


@pytest.mark.usefixtures("small")
def test_a_volume_that_is_large_is_followed_by_another_one(tmp_path: Path) -> None:
    contents = [bytes([number]) * 3_000 for number in range(5)]
    with closing(Writer(tmp_path / "0.db")) as writer, closing(Reader(tmp_path / "0.db")) as reader:
        places = [place for content in contents for place in writer.add([content])]
        assert [reader.read(place) for place in reversed(places)] == contents[::-1]
    assert sorted({place.volume for place in places}) == there(tmp_path)
    assert [place.first for place in places] == [0, 3_000, 0, 3_000, 0]


def test_a_number_is_given_once_whatever_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    for moment in (20, 10, 30):
        monkeypatch.setattr(volumes.time, "time_ns", lambda moment=moment: moment * 1_000)
        with closing(Writer(tmp_path / "0.db")) as writer:
            given.append(writer.add([b"x"])[0].volume)
    assert given == [20, 21, 30] == there(tmp_path)


def test_of_a_volume_that_is_gone_or_cut_off_there_are_fewer_bytes(tmp_path: Path) -> None:
    with closing(Writer(tmp_path / "0.db")) as writer:
        (place,) = writer.add([b"0123456789"])
    (path,) = tmp_path.glob("*.volume")
    with path.open("r+b") as file:
        file.truncate(4)
    with closing(Reader(tmp_path / "0.db")) as reader:
        assert reader.read(place) == b"0123"
    path.unlink()
    with closing(Reader(tmp_path / "0.db")) as reader:
        assert reader.read(place) == b""


def test_another_spool_s_volumes_are_its_own(tmp_path: Path) -> None:
    for name in ("0.db", "0-again.db", "10.db"):
        with closing(Writer(tmp_path / name)) as writer:
            writer.add([name.encode()])
    assert [len(volumes.numbers(tmp_path / name)) for name in ("0.db", "0-again.db", "10.db", "1.db")] == [1, 1, 1, 0]


@pytest.mark.usefixtures("small")
def test_all_is_wiped_that_is_not_kept(tmp_path: Path) -> None:
    with closing(Writer(tmp_path / "0.db")) as writer:
        a, b, c = writer.add([b"a" * 2_000, b"b" * 2_000, b"c" * 2_000])
        (d,) = writer.add([b"d" * 10])
    volumes.wipe(tmp_path / "0.db", [b])
    with closing(Reader(tmp_path / "0.db")) as reader:
        assert [set(reader.read(place)) for place in (a, b, c, d)] == [{0}, {ord("b")}, {0}, {0}]
        assert reader.read(Place(a.volume, 0, 10_000)) == bytes(2_000) + b"b" * 2_000 + bytes(2_000)


# In a spool


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("durability", ["group", "sync"])
def test_frames_lie_in_volumes_where_they_are_large(tmp_path: Path, durability: str) -> None:
    groups = [large("a"), predictions(["small"]), large("b"), large("c")]
    with closing(Spool(tmp_path, durability)) as spool:  # type: ignore[arg-type]
        spool.write(groups[:3])
        spool.write(groups[3:])
        assert [(frame.sound, frame.content) for frame in frames(spool.path)] == [(True, g.content) for g in groups]
    assert sum(path.stat().st_size for path in tmp_path.glob("*.volume")) == sum(
        len(group.content) for group in groups if len(group.content) >= LARGE_BYTES
    )


def test_what_the_disk_has_no_room_for_is_refused_and_what_was_there_stays(tmp_path: Path) -> None:
    """A file may have no more than 12,000 bytes: the second frame is cut off in the middle."""
    code = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from holdfast.errors import LogError
from holdfast.log.spool import Spool, frames
from test_volumes import large
spool = Spool(Path({str(tmp_path)!r}))
spool.write([large("a", 250)])
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = next(Path({str(tmp_path)!r}).glob("*.volume")).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1_000, limits[1]))
try:
    spool.write([large("b", 250)])
except LogError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
spool.write([large("c", 250)])
print([(frame.sound, frame.rows) for frame in frames(spool.path)])
spool.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told, found = done.stdout.splitlines()
    assert told == f"The spool {tmp_path / '0.db'} cannot be written: No space left on device."
    assert found == "[(True, 250), (True, 250)]"
    assert len(there(tmp_path)) == 2


# In the lake


@pytest.mark.usefixtures("small")
def test_volumes_go_when_the_lake_has_what_is_in_them(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with closing(Spool(folder)) as spool, Committer(tmp_path) as committer:
        spool.write([large("a")])
        spool.write([large("b")])
        first, last = there(folder)
        assert committer.round(flush=True).rows == 400
        assert there(folder) == [last]  # to which more may be added
        spool.write([large("c")])
        assert first < last < there(folder)[-1]
        assert committer.round(flush=True).rows == 200
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
        with closing(Spool(folder)) as spool:
            spool.write([large("d")])
        assert committer.round(flush=True).rows == 200
    assert there(folder) == []  # nobody has the spool
    assert verify(tmp_path)[1] == []
    assert in_lake(tmp_path).num_rows == 800


@pytest.mark.usefixtures("small")
def test_a_volume_stays_while_a_frame_in_it_waits(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with closing(Spool(folder)) as spool:
        for number in range(4):
            spool.write([large(f"{number}")])
    _, two, three, four = there(folder)
    with Committer(tmp_path) as committer:
        committer.round()  # sees them; none is due
        pending = committer._pending
        (groups, _, _) = pending.read((), 1 << 30)
        ((_, items),) = groups.items()
        seqs = [item.frame.seq for item in items]
        pending.remove({items[0].writer: [seqs[0], seqs[2]]})
        assert there(folder) == [two, three, four]
        pending.remove({items[0].writer: [seqs[1]]})
        assert there(folder) == [four]


def test_a_frame_whose_bytes_are_lost_is_refused_and_counted(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([large("a"), predictions(["b"])])
        spool.write([large("c")])
    (path,) = (tmp_path / "spool").glob("*.volume")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 10)
    with Committer(tmp_path) as committer:
        done = committer.round(flush=True)
    assert (done.rows, done.refused, done.problems) == (201, 200, [])
    assert [(one.count, one.reason) for one in kept(tmp_path / REFUSED)] == [
        (200, "the bytes are not those that were written")
    ]
    assert verify(tmp_path)[1] == []


def test_a_reader_sees_what_waits_and_not_what_went_meanwhile(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([large("a"), predictions(["b"])])
        assert open_log(tmp_path).predictions("fraud").read_all().num_rows == 201
        (path,) = (tmp_path / "spool").glob("*.volume")
        path.unlink()  # as the committer does between two steps of the reader
        ((_, items),) = recent.waiting(tmp_path).items()
        assert [item.frame.rows for item in items] == [1]
