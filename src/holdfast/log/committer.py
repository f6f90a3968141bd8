"""The committer: from the spools into the lake, every row exactly once. One for each host.

The order is what keeps the rows: the disk has the frames, then the files, then the entry of the table's log; only then the
frames go.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from holdfast.errors import LogError
from holdfast.giving_way import give_way
from holdfast.log.batch import Item
from holdfast.log.destination import Destination, Done
from holdfast.log.disk import locked, make_folder
from holdfast.log.lake import Key, changing
from holdfast.log.pending import Pending
from holdfast.log.retention import tidy

LOCK = "committer.lock"

ROUND_SECONDS = 1.0
TIDY_SECONDS = 300.0

LONGEST_PAUSE_SECONDS = 60.0
"""Between attempts on a table that cannot be written."""

PATIENT_NICENESS = 19
"""Of the thread that commits rows that can wait."""

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
        Bytes of frames that are read at once; the process takes about six times as much.
    clock
        Seconds that only go forward.
    patience
        Seconds for which rows may wait while others want the processors: so many that a commit of them is felt are then
        committed by a thread that gives way to all others. Few rows, those that have waited longer, and the last ones are not.

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
        batch_bytes: int = 32 << 20,
        clock: Callable[[], float] = time.monotonic,
        patience: float = 0.0,
    ) -> None:
        self.root = root
        self._rows, self._seconds, self._batch_bytes, self._clock = rows, seconds, batch_bytes, clock
        self._patience = patience
        self._patient = ThreadPoolExecutor(1, "holdfast-commit", initializer=give_way, initargs=(PATIENT_NICENESS,))
        self._destinations: dict[Key, Destination] = {}
        self._waiting_since: dict[Key, float] = {}
        self._paused: dict[Key, _Pause] = {}
        make_folder(root)
        self._held = ExitStack()
        if not self._held.enter_context(locked(root / LOCK, wait=False)):
            self._held.close()
            raise LogError(f"Another committer works on {root}; there can be one.")
        self._pending = Pending(root)

    def __enter__(self) -> Committer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        self._patient.shutdown()
        for destination in self._destinations.values():
            destination.close()
        self._pending.close()
        self._held.close()

    def round(self, *, flush: bool = False) -> Done:
        """Commit what is due; with `flush` all there is."""
        done = Done(problems=self._pending.look())
        while True:
            now = self._clock()
            paused = {key for key, pause in self._paused.items() if pause.until > now}
            groups, full, problems = self._pending.read(paused, self._batch_bytes)
            done.problems += problems
            for key in self._waiting_since.keys() - groups.keys():
                del self._waiting_since[key]
            for key, items in groups.items():
                if flush or full or self._is_due(key, items):
                    done.add(self._try(key, items, can_wait=not flush and self._can_wait(items)))
            if not full:
                return done

    def _is_due(self, key: Key, items: Sequence[Item]) -> bool:
        since = self._waiting_since.setdefault(key, self._clock())
        return _rows(items) >= self._rows or self._clock() - since >= self._seconds

    def _can_wait(self, items: Sequence[Item]) -> bool:
        oldest = min((item.frame.received for item in items), default=0)
        return _rows(items) >= self._rows and time.time() - oldest / 1000 < self._patience

    def _try(self, key: Key, items: Sequence[Item], *, can_wait: bool) -> Done:
        try:
            return self._commit(key, items, can_wait=can_wait)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other tables go on
            self._destinations.pop(key, None)
            seconds = min(2 * self._paused[key].seconds, LONGEST_PAUSE_SECONDS) if key in self._paused else 1.0
            self._paused[key] = _Pause(self._clock() + seconds, seconds)
            return Done(problems=[_told(key, error)])

    def _commit(self, key: Key, items: Sequence[Item], *, can_wait: bool) -> Done:
        """Commit these frames to their table, and remove them from the spools."""
        seqs: dict[str, list[int]] = {}
        for item in items:
            seqs.setdefault(item.writer, []).append(item.frame.seq)
        self._pending.sync(seqs)
        with changing(self.root):
            destination = self._destinations.setdefault(key, Destination(self.root, key))
            # What holds the spool is never left to the patient thread: those that answer would wait for it.
            done = self._patient.submit(destination.commit, items).result() if can_wait else destination.commit(items)
        self._pending.remove(seqs)
        self._paused.pop(key, None)
        self._waiting_since.pop(key, None)
        return done


def _rows(items: Sequence[Item]) -> int:
    return sum(item.frame.rows for item in items)


def _told(key: Key, error: Exception) -> str:
    if isinstance(error, LogError):
        return str(error)
    # What else it says may be a value.
    reason = error.strerror if isinstance(error, OSError) else None
    return f"The table of {key[0]} {key[1]} cannot be written: {reason or type(error).__name__}."


def run(
    root: Path,
    stop: threading.Event,
    *,
    rows: int = 10_000,
    seconds: float = 5.0,
    keep_days: int | None = None,
    patience: float = 0.0,
) -> None:
    """Commit until told to stop, a round each second, and keep the lake tidy; wait while another committer works here.

    The last round, after `stop`, commits all there is.
    """
    committer = _when_alone(root, stop, rows, seconds, patience)
    if committer is None:
        return
    tidying = threading.Thread(target=_tidy, args=(root, stop, keep_days), name="holdfast-tidy", daemon=True)
    with committer:
        tidying.start()
        told: set[str] = set()
        last = False
        while not last:
            last = stop.wait(ROUND_SECONDS)
            problems = set(committer.round(flush=last).problems)
            for problem in problems - told:
                log.error("%s", problem)
            told = problems
        tidying.join()


def _when_alone(root: Path, stop: threading.Event, rows: int, seconds: float, patience: float) -> Committer | None:
    said = False
    while True:
        try:
            return Committer(root, rows=rows, seconds=seconds, patience=patience)
        except LogError as error:
            if not said:
                log.warning("%s It is asked again each second.", error)
                said = True
        if stop.wait(ROUND_SECONDS):
            return None


def _tidy(root: Path, stop: threading.Event, keep_days: int | None) -> None:
    while not stop.wait(TIDY_SECONDS):
        for problem in tidy(root, keep_days=keep_days, going_on=lambda: not stop.is_set()).problems:
            log.error("%s", problem)
