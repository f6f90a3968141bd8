"""Volumes: files beside a spool that hold the contents of its large frames, one after the other.

SQLite writes what is larger than its page to its write-ahead log, from there to its file, and takes it out of there again,
page by page; a file to which the bytes are added costs a quarter of that. The frame in the database says where they lie,
and their checksum; what no frame speaks of is of no account.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from holdfast.log.disk import sync

LARGE_BYTES = 4_000
"""Contents of so many bytes go into a volume; smaller ones fit on a page of the database."""

VOLUME_BYTES = 16 << 20
"""Size from which on a volume is not written any more."""


class Place(NamedTuple):
    """Where the content of a frame lies: volume, first byte, and size. Volume 0: in the database."""

    volume: int
    first: int
    size: int


IN_DATABASE = Place(0, 0, 0)


class Writer:
    """Adds contents to the newest volume of a spool. For one thread, but for `sync`.

    Parameters
    ----------
    spool
        The file of the spool.
    """

    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self._file: int | None = None
        self._number = 0
        self._size = 0
        self._unsynced: set[Path] = set()
        self._is_new = False

    def add(self, contents: Sequence[bytes]) -> list[Place]:
        """Write contents, within the transaction that is going to tell of them.

        Raises
        ------
        OSError
            They cannot be written; nothing is lost that was written before.
        """
        if self._file is None or self._size >= VOLUME_BYTES:
            self._begin()
        assert self._file is not None
        joined = contents[0] if len(contents) == 1 else b"".join(contents)
        written = -1
        try:
            written = os.write(self._file, joined)
        finally:
            if written < len(joined):
                self.close()  # nobody knows how much of it is there
        if written < len(joined):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        places = []
        for content in contents:
            places.append(Place(self._number, self._size, len(content)))
            self._size += len(content)
        return places

    def sync(self) -> None:
        """Have the disk know what was added; from any thread."""
        if self._is_new:
            self._is_new = False
            sync(self._spool.parent)
        for path in list(self._unsynced):
            with suppress(FileNotFoundError):  # all of it is in the lake by now
                sync(path)
            if path != _path(self._spool, self._number):
                self._unsynced.discard(path)

    def close(self) -> None:
        """Let the volume go; what comes then goes into a new one."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _begin(self) -> None:
        self.close()
        # Never a number that was there before: should a file be lost, nobody is to find another's bytes in its place.
        number = max(time.time_ns() // 1000, max(numbers(self._spool), default=0) + 1)
        path = _path(self._spool, number)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._number, self._size = number, 0
        self._unsynced.add(path)
        self._is_new = True


class Reader:
    """Reads contents from the volumes of a spool.

    Parameters
    ----------
    spool
        The file of the spool.
    """

    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self._number = 0
        self._file: int | None = None

    def read(self, place: Place) -> bytes:
        """The bytes at a place, or as many of them as there are: none of a volume that is gone."""
        if place.volume != self._number or self._file is None:
            self.close()
            try:
                self._file = os.open(_path(self._spool, place.volume), os.O_RDONLY)
            except FileNotFoundError:
                return b""
            self._number = place.volume
        return os.pread(self._file, place.size, place.first)

    def close(self) -> None:
        """Let the files go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def numbers(spool: Path) -> list[int]:
    """The volumes of a spool, oldest first."""
    found = [path.suffixes[0][1:] for path in spool.parent.glob(f"{spool.stem}.*.volume")]
    return sorted(int(number) for number in found if number.isdigit())


def remove(spool: Path, some: Iterable[int]) -> None:
    """Remove volumes that no frame speaks of any more."""
    for number in some:
        _path(spool, number).unlink(missing_ok=True)


def move(spool: Path, to: Path) -> None:
    """Move the volumes of a spool beside another file of a spool."""
    for number in numbers(spool):
        _path(spool, number).rename(_path(to, number))


def wipe(spool: Path, kept: Iterable[Place]) -> None:
    """Write zeros over all that no frame speaks of, while nobody adds to a volume."""
    by_volume: dict[int, list[Place]] = {}
    for place in sorted(kept):
        by_volume.setdefault(place.volume, []).append(place)
    for number in numbers(spool):
        path = _path(spool, number)
        with suppress(FileNotFoundError), path.open("r+b") as file:
            end, size = 0, path.stat().st_size
            for place in [*by_volume.get(number, []), Place(number, size, 0)]:
                file.seek(end)
                file.write(bytes(max(0, min(place.first, size) - end)))
                end = max(end, place.first + place.size)
            file.flush()
            os.fsync(file.fileno())


def _path(spool: Path, number: int) -> Path:
    return spool.with_name(f"{spool.stem}.{number}.volume")
