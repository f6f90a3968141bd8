"""How often a key may ask: what it has left, which all processes of a server share."""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATE = struct.Struct("=?dd")
"""Whether it was used before, what was left then, and when that was."""


class Bucket:
    """A token bucket: it holds what a second brings, or one, and is full at the beginning.

    Source: the token bucket, Turner, *New directions in communications*, IEEE Communications Magazine 24 (1986).

    Parameters
    ----------
    rate
        Requests a second, > 0.
    path
        File that the processes share, as short as it is; None: there is one process.

    Examples
    --------
    >>> bucket = Bucket(2.0)
    >>> [bucket.take(now) for now in (10.0, 10.0, 10.0, 10.5)]
    [0.0, 0.0, 0.5, 0.0]
    """

    def __init__(self, rate: float, path: Path | None = None) -> None:
        self.rate, self._most = rate, max(1.0, rate)
        self._file: int | None = None
        self._state: bytearray | mmap.mmap = bytearray(_STATE.size)
        if path is not None:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            os.ftruncate(self._file, _STATE.size)
            self._state = mmap.mmap(self._file, _STATE.size)

    def take(self, now: float) -> float:
        """Take one of those left.

        Parameters
        ----------
        now
            Seconds of a clock that never goes back and is that of all the processes.

        Returns
        -------
        wait
            0; or the seconds after which there is one again: none was taken.
        """
        with self._held():
            used, left, since = _STATE.unpack_from(self._state)
            # Another process may have looked at its clock a moment later, and come first.
            left = min(self._most, left + max(0.0, now - since) * self.rate) if used else self._most
            wait = 0.0 if left >= 1 else (1 - left) / self.rate
            _STATE.pack_into(self._state, 0, True, left if wait else left - 1, max(now, since) if used else now)
        return wait

    def close(self) -> None:
        """Let the file go."""
        if isinstance(self._state, mmap.mmap):
            self._state.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextmanager
    def _held(self) -> Iterator[None]:
        if self._file is None:
            yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
