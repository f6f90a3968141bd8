"""A folder on this machine that is there whole or not at all, also after a crash or a power cut.

It is written under another name beside its place, every file and folder is fsynced, and then it is renamed. Renaming
onto a folder that is not empty fails, so that of several writers exactly one wins.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from holdfast.errors import ReleaseError

if sys.platform != "win32":
    import fcntl

PREFIX = ".sealing-"
"""Of folders that are being written; they belong to whoever holds a lock on them."""

CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder of the local file system; see `places.Place`."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def child(self, name: str) -> LocalFolder:
        """The folder of this name in it, which need not be there."""
        return LocalFolder(self.path / name)

    def folders(self) -> list[str]:
        """Names of the folders in it, sorted; hidden ones are left out."""
        try:
            with os.scandir(self.path) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def files(self) -> set[str]:
        """Names of everything below it that is not a folder; links are named and not followed."""
        found: set[str] = set()
        try:
            # `os.walk` is silent about folders that it cannot read.
            for folder, folders, files in os.walk(self.path, onerror=_raise):
                links = [name for name in folders if Path(folder, name).is_symlink()]
                found.update(Path(folder, name).relative_to(self.path).as_posix() for name in files + links)
        except FileNotFoundError:
            return found
        except OSError as error:
            raise _unreadable(self.path, error) from error
        return found

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.path / name).is_file()

    def read(self, name: str) -> bytes:
        """The bytes of a file. Links and whatever else is no plain file are refused: they lead somewhere else."""
        path = self.path / name
        try:
            for step in (path, *path.parents[: name.count("/")]):
                if step.is_symlink():
                    raise ReleaseError(f"{step} is a link; a sealed folder has none. Do not use this folder.")
            if not stat.S_ISREG(path.lstat().st_mode):
                raise ReleaseError(f"{path} is no plain file. Do not use this folder.")
            return path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error

    def replace(self, name: str, content: bytes) -> None:
        """Put other bytes into a file, at once and for good."""
        path = self.path / name
        with _private_folder(self.path.parent) as folder:
            with (folder / path.name).open("xb") as sink:
                _write(BytesIO(content), sink)
            (folder / path.name).replace(path)
            _fsync_folder(path.parent)

    @contextmanager
    def draft(self) -> Iterator[LocalDraft]:
        """Begin to write this folder; what is not committed is removed. Leftovers of dead writers are, too."""
        if os.path.lexists(self.path):
            raise FileExistsError(str(self.path))
        _make_folders(self.path.parent)
        with _private_folder(self.path.parent) as folder:
            yield LocalDraft(folder, self.path)


@dataclass(frozen=True, slots=True)
class LocalDraft:
    """A folder that is being written beside its place; see `places.Draft`."""

    folder: Path
    target: Path

    def write(self, name: str, content: bytes | Path) -> tuple[str, int]:
        """Write one file; returns the SHA-256 of its bytes and their number."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source, path.open("xb") as sink:
            return _write(source, sink)

    def commit(self, name: str, content: bytes) -> None:
        """Write the last file, make everything durable, and rename the folder into its place."""
        self.write(name, content)
        for folder, _, _ in os.walk(self.folder, topdown=False):
            _fsync_folder(Path(folder))
        try:
            self.folder.rename(self.target)
        except OSError as error:
            if error.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
                raise FileExistsError(str(self.target)) from None
            raise
        _fsync_folder(self.target.parent)


def _write(source: IO[bytes], sink: IO[bytes]) -> tuple[str, int]:
    """Copy, hash and fsync."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        size += sink.write(chunk)
    sink.flush()
    os.fsync(sink.fileno())
    return digest.hexdigest(), size


def _make_folders(path: Path) -> None:
    """Make a folder and those above it, for good."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # as a file; for the caller it would mean that somebody else has sealed the folder
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    for folder in reversed(missing):
        _fsync_folder(folder.parent)


def _fsync_folder(path: Path) -> None:
    if sys.platform == "win32":  # where folders cannot be opened, and renames are journaled
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _private_folder(parent: Path) -> Iterator[Path]:
    """A new folder, removed in the end if it is still there; those of dead writers are removed first."""
    _sweep(parent)
    folder, lock = _locked_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _locked_folder(parent: Path) -> tuple[Path, int | None]:
    """A new folder, and the lock that says that its writer lives: the system lets go of it when the process dies."""
    while True:
        folder = parent / f"{PREFIX}{secrets.token_hex(8)}"
        folder.mkdir()
        if sys.platform == "win32":
            return folder, None
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            # Before it was locked it may have been taken for a leftover; then it is gone, or soon will be.
            if _locked(lock) and folder.exists():
                return folder, lock
            os.close(lock)


def _sweep(parent: Path) -> None:
    """Remove what dead writers left."""
    if sys.platform == "win32":  # leftovers stay: there are no locks on folders to tell them by
        return
    for leftover in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = os.open(leftover, os.O_RDONLY)
            try:
                if _locked(lock):
                    shutil.rmtree(leftover, ignore_errors=True)
            finally:
                os.close(lock)


def _locked(folder: int) -> bool:
    """Take the lock of a folder, unless somebody has it."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _raise(error: OSError) -> None:
    raise error


def _unreadable(path: Path, error: OSError) -> ReleaseError:
    reason = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
    return ReleaseError(
        f"{path} {reason}. Check the path and your access, or take the folder from where it was sealed."
    )
