"""How many rows were answered without being logged: a count that goes on when the disk is full, and when the process ends."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path


class Tally:
    """A count that survives a restart, and can be raised on a full disk: its place is taken beforehand."""

    _FORMAT = struct.Struct("<Q")

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b") if path.exists() else path.open("w+b")
        self.value = self.read(path)
        with suppress(OSError):  # there is no place now: at the next time
            self._write()
            os.fsync(self._file.fileno())

    @classmethod
    def read(cls, path: Path) -> int:
        """The count of a file; one that is being made says nothing yet."""
        stored = path.read_bytes()
        return int(cls._FORMAT.unpack(stored)[0]) if len(stored) == cls._FORMAT.size else 0

    def add(self, count: int) -> None:
        """Raise the count."""
        self.value += count
        with suppress(OSError):  # a broken disk: at the next time
            self._write()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _write(self) -> None:
        os.pwrite(self._file.fileno(), self._FORMAT.pack(self.value), 0)


def unlogged(folder: Path) -> int:
    """Rows that were answered though the spools in a folder could not be written, ever."""
    return sum(Tally.read(path) for path in folder.glob("*.unlogged"))
