"""A local folder is there whole or not at all, whenever its writer is killed and however many write at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast.errors import ReleaseError
from holdfast.releases.local import PREFIX, LocalFolder

KILLED_AT_EVERY_LINE = """
import os, shutil, signal, sys
from pathlib import Path
from holdfast.releases.environment import origin
from holdfast.releases.folder import seal, verify

model = Path(sys.argv[1]) / "fraud"
made = origin()


def sealed():
    seal(model / "1", {"a/b.bin": b"x"}, model="fraud", version=1, origin=made)


whole = nothing = line = 0
while True:
    line += 1
    (model / ".sealing-dead").mkdir(parents=True)
    child = os.fork()
    if child == 0:
        left = line

        def step(frame, event, argument):
            global left
            if not frame.f_code.co_filename.endswith("local.py"):
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return step

        sys.settrace(step)
        sealed()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if (model / "1").exists():
        assert verify(model / "1") == (), line
        whole += 1
    else:
        nothing += 1
        if line % 10 == 0:
            sealed()  # whatever was left, the next one cleans it up
            assert os.listdir(model) == ["1"], line
    shutil.rmtree(model)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        break
print(whole, nothing)
"""

SEALS_FOR_EVER = """
import sys
from holdfast.releases.environment import origin
from holdfast.releases.store import open_store

store, made = open_store(sys.argv[1]), origin()
print("ready", flush=True)
while True:
    store.add("fraud", {"model.bin": b"x" * 200_000, "card.md": b"# Card"}, made)
"""


def names(folder: Path) -> list[str]:
    """What is in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and locks of folders")


@posix
def test_a_writer_killed_at_any_line_leaves_a_whole_release_or_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EVERY_LINE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    whole, nothing = map(int, done.stdout.split())
    assert nothing > 50
    assert whole > 10  # killed after the rename


@posix
def test_writers_killed_at_any_moment_leave_whole_releases_only(tmp_path: Path) -> None:
    from holdfast.releases.store import open_store

    for wait in (0.0, 0.01, 0.02, 0.05):
        writers = [
            subprocess.Popen([sys.executable, "-c", SEALS_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        time.sleep(wait)
        for writer in writers:
            writer.kill()
            writer.communicate()
    store = open_store(tmp_path)
    versions = store.versions("fraud")
    assert versions == list(range(1, len(versions) + 1))
    assert [store.verify("fraud", version) for version in versions] == [()] * len(versions)
    with store.root.child("fraud").child("9999").draft():
        assert len(list((tmp_path / "fraud").glob(f"{PREFIX}*"))) == 1  # its own: those of the dead are gone


def test_of_concurrent_writers_exactly_one_wins(tmp_path: Path) -> None:
    def write(number: int) -> int:
        try:
            with LocalFolder(tmp_path / "a" / "1").draft() as draft:
                draft.write("who", str(number).encode())
                draft.commit("last", b"")
        except FileExistsError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(40))) == 1
    assert LocalFolder(tmp_path / "a").folders() == ["1"]
    assert names(tmp_path / "a") == ["1"]


@posix
def test_what_a_living_writer_writes_is_not_swept(tmp_path: Path) -> None:
    with LocalFolder(tmp_path / "1").draft() as first:
        with LocalFolder(tmp_path / "2").draft() as second:
            second.commit("last", b"2")
        first.commit("last", b"1")
    assert LocalFolder(tmp_path).files() == {"1/last", "2/last"}


def test_nothing_is_left_of_a_draft_that_is_not_committed(tmp_path: Path) -> None:
    with LocalFolder(tmp_path / "1").draft() as draft:
        draft.write("a/b", b"x")
    assert names(tmp_path) == []


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_what_is_there_is_never_written_over(tmp_path: Path, there: str) -> None:
    target = tmp_path / "1"
    if there == "folder":
        target.mkdir()
    elif there == "file":
        target.write_bytes(b"x")
    else:
        target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError), LocalFolder(target).draft():
        pass


@pytest.mark.parametrize("there", ["folder", "file"])
def test_what_appears_in_the_meantime_is_not_written_over(tmp_path: Path, there: str) -> None:
    with LocalFolder(tmp_path / "1").draft() as draft:
        if there == "folder":
            (tmp_path / "1" / "x").mkdir(parents=True)
        else:
            (tmp_path / "1").write_bytes(b"x")
        with pytest.raises(FileExistsError):
            draft.commit("last", b"")
    assert names(tmp_path) == ["1"]


def test_files_are_read_and_listed_by_name(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path / "1")
    with folder.draft() as draft:
        assert draft.write("a/b.txt", b"abc") == ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3)
        draft.commit("last", b"")
    assert folder.files() == {"a/b.txt", "last"}
    assert folder.read("a/b.txt") == b"abc"
    assert folder.has("last")
    assert not folder.has("a")
    folder.replace("a/b.txt", b"other")
    assert folder.read("a/b.txt") == b"other"
    assert names(tmp_path) == ["1"]


def test_links_and_other_things_are_not_read(tmp_path: Path) -> None:
    """A link may lead anywhere, and a pipe would wait for ever."""
    (tmp_path / "secret").write_bytes(b"x")
    folder = tmp_path / "1"
    (folder / "real").mkdir(parents=True)
    (folder / "real" / "f").write_bytes(b"x")
    (folder / "file").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(folder / "real")
    for name, message in {
        "file": "is a link",
        "folder/f": "is a link",
        "real": "no plain file",
        "none": "is not there",
    }.items():
        with pytest.raises(ReleaseError, match=message):
            LocalFolder(folder).read(name)
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
        with pytest.raises(ReleaseError, match="no plain file"):
            LocalFolder(folder).read("pipe")
    assert LocalFolder(folder).files() >= {"file", "folder", "real/f"}


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert LocalFolder(tmp_path / "none").folders() == []
    assert LocalFolder(tmp_path / "none").files() == set()
