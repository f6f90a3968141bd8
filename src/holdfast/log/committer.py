"""The committer: from the spools into the lake, every row exactly once. One for each host.

The order is what keeps the rows: the disk has the frames, then the files, then the entry of the table's log; only then the
frames go.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from holdfast.errors import LogError
from holdfast.log.batch import Item
from holdfast.log.destination import Destination, Done, Key
from holdfast.log.disk import locked, make_folder
from holdfast.log.lake import changing
from holdfast.log.spool import spools
from holdfast.log.spooled import SpoolFile

SPOOL = "spool"
LOCK = "committer.lock"

LONGEST_PAUSE_SECONDS = 60.0
"""Between attempts on a table that cannot be written."""

log = logging.getLogger("holdfast.log")


class _Pause(NamedTuple):
    until: float
    seconds: float


class Committer:
    """Moves what is in the spools into the lake.

    Parameters
    ----------
    root
        The folder of spools and lake.
    rows, seconds
        A table's rows are committed when there are so many, or the oldest has waited so long.
    batch_bytes
        Bytes of frames that are read at once.
    clock
        Seconds that only go forward.

    Raises
    ------
    LogError
        Another committer works on this folder.
    """

    def __init__(
        self,
        root: Path,
        *,
        rows: int = 10_000,
        seconds: float = 5.0,
        batch_bytes: int = 64 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = root
        self._rows, self._seconds, self._batch_bytes, self._clock = rows, seconds, batch_bytes, clock
        self._spools: dict[Path, SpoolFile] = {}
        self._destinations: dict[Key, Destination] = {}
        self._waiting_since: dict[Key, float] = {}
        self._paused: dict[Key, _Pause] = {}
        make_folder(root / SPOOL)
        self._held = ExitStack()
        if not self._held.enter_context(locked(root / LOCK, wait=False)):
            self._held.close()
            raise LogError(f"Another committer works on {root}: one is enough, and this one stops.")

    def __enter__(self) -> Committer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        for destination in self._destinations.values():
            destination.close()
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()
        self._held.close()

    def round(self, *, flush: bool = False) -> Done:
        """Commit what is due; with `flush` all there is."""
        done = Done()
        self._open_spools(done)
        while True:
            groups, full = self._read(done)
            for key, items in groups.items():
                if flush or full or self._is_due(key, items):
                    done.add(self._try(key, items))
            if not full:
                return done

    def _open_spools(self, done: Done) -> None:
        paths = spools(self.root / SPOOL)
        for path in [path for path in self._spools if path not in paths]:
            self._spools.pop(path).close()
        for path in paths:
            if path not in self._spools:
                try:
                    spool = SpoolFile(path)
                except LogError as error:
                    done.problems.append(str(error))
                    continue
                if any(other.writer == spool.writer for other in self._spools.values()):
                    done.problems.append(f"{path} is a copy of another spool, and is left alone.")
                    spool.close()
                    continue
                self._spools[path] = spool

    def _read(self, done: Done) -> tuple[dict[Key, list[Item]], bool]:
        """What waits for each table, in order, and whether more waits than is read at once."""
        now = self._clock()
        paused = {key for key, pause in self._paused.items() if pause.until > now}
        groups: dict[Key, list[Item]] = {}
        left = self._batch_bytes
        with ExitStack() as reading:
            streams = [
                reading.enter_context(closing(_in_order(spool, paused, done.problems)))
                for spool in self._spools.values()
            ]
            for _, _, _, item in heapq.merge(*streams):
                groups.setdefault((item.frame.layout.model, item.frame.layout.kind), []).append(item)
                left -= len(item.frame.content)
                if left <= 0:
                    break
        for key in self._waiting_since.keys() - groups.keys():
            del self._waiting_since[key]
        return groups, left <= 0

    def _is_due(self, key: Key, items: Sequence[Item]) -> bool:
        since = self._waiting_since.setdefault(key, self._clock())
        return sum(item.frame.rows for item in items) >= self._rows or self._clock() - since >= self._seconds

    def _try(self, key: Key, items: Sequence[Item]) -> Done:
        try:
            return self._commit(key, items)
        except LogError as error:
            self._destinations.pop(key, None)
            seconds = min(2 * self._paused[key].seconds, LONGEST_PAUSE_SECONDS) if key in self._paused else 1.0
            self._paused[key] = _Pause(self._clock() + seconds, seconds)
            return Done(problems=[str(error)])

    def _commit(self, key: Key, items: Sequence[Item]) -> Done:
        """Commit these frames to their table, and remove them from the spools."""
        seqs: dict[str, list[int]] = {}
        for item in items:
            seqs.setdefault(item.writer, []).append(item.frame.seq)
        concerned = [spool for spool in self._spools.values() if spool.writer in seqs]
        for spool in concerned:
            spool.sync()
        with changing(self.root):
            done = self._destinations.setdefault(key, Destination(self.root, key)).commit(items)
        self._paused.pop(key, None)
        self._waiting_since.pop(key, None)
        for spool in concerned:
            spool.remove(seqs[spool.writer])
        return done


def run(root: Path, stop: threading.Event, *, rows: int = 10_000, seconds: float = 5.0) -> None:
    """Commit until told to stop, a round each second; waits while another committer works on the folder.

    The last round, after `stop`, commits all there is.
    """
    committer = _when_alone(root, stop, rows, seconds)
    if committer is None:
        return
    with committer:
        told: set[str] = set()
        while True:
            last = stop.wait(1.0)
            problems = set(committer.round(flush=last).problems)
            for problem in problems - told:
                log.error("%s", problem)
            told = problems
            if last:
                return


def _when_alone(root: Path, stop: threading.Event, rows: int, seconds: float) -> Committer | None:
    said = False
    while True:
        try:
            return Committer(root, rows=rows, seconds=seconds)
        except LogError as error:
            if not said:
                log.warning("%s It takes over when the other one ends.", str(error).partition(":")[0] + ".")
                said = True
        if stop.wait(1.0):
            return None


def _in_order(spool: SpoolFile, without: set[Key], problems: list[str]) -> Generator[tuple[int, str, int, Item]]:
    """The frames of a spool by time, writer and number; where the clock was set back, the numbers decide."""
    latest = 0
    try:
        for frame in spool.frames(without):
            latest = max(latest, frame.received)
            yield latest, spool.writer, frame.seq, Item(spool.writer, frame)
    except LogError as error:
        problems.append(str(error))
