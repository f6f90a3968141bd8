"""What waits in all spools of a host, those of dead processes too."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from holdfast.errors import LogError
from holdfast.log.batch import Item
from holdfast.log.disk import make_folder
from holdfast.log.lake import Key
from holdfast.log.salvage import ASIDE, salvage
from holdfast.log.spool import spools
from holdfast.log.spooled import DamagedSpoolError, SpoolFile, check
from holdfast.log.state import remember_writer, writer_known

FOLDER = "spool"


class Pending:
    """The spools in a folder, as the one committer of the host sees them.

    Parameters
    ----------
    root
        The folder of spools and lake.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root / FOLDER
        make_folder(self._folder)
        self._open: dict[Path, SpoolFile] = {}
        self._damaged: dict[Path, DamagedSpoolError] = {}

    def look(self) -> list[str]:
        """Take in spools that are new, save what can be read of damaged ones; returns what is wrong."""
        damaged, self._damaged = self._damaged, {}
        problems = [self._salvage(path, error) for path, error in damaged.items()]
        paths = spools(self._folder)
        for path in [path for path, spool in self._open.items() if path not in paths or spool.replaced]:
            self._open.pop(path).close()
        taken_in = [self._take_in(path) for path in paths if path not in self._open]
        return [*problems, *(problem for problem in taken_in if problem)]

    def read(self, without: Collection[Key], most_bytes: int) -> tuple[dict[Key, list[Item]], bool, list[str]]:
        """What waits for each table, by time, writer and number; whether there is more than was read; and what is wrong."""
        groups: dict[Key, list[Item]] = {}
        problems: list[str] = []
        left = most_bytes
        with ExitStack() as reading:
            streams = [
                reading.enter_context(closing(self._in_order(spool, without, problems)))
                for spool in self._open.values()
            ]
            for _, _, _, item in heapq.merge(*streams):
                groups.setdefault((item.frame.layout.model, item.frame.layout.kind), []).append(item)
                left -= len(item.frame.content)
                if left <= 0:
                    break
        return groups, left <= 0, problems

    def sync(self, writers: Collection[str]) -> None:
        """Have the disk know the frames of these writers."""
        for spool in self._of(writers):
            spool.sync()

    def remove(self, seqs: Mapping[str, Collection[int]]) -> None:
        """Remove frames, given by writer and number."""
        for spool in self._of(seqs):
            try:
                spool.remove(seqs[spool.writer])
            except DamagedSpoolError as error:
                self._damaged[spool.path] = error

    def close(self) -> None:
        """Let the files go."""
        for spool in self._open.values():
            spool.close()
        self._open.clear()

    def _of(self, writers: Collection[str]) -> Iterable[SpoolFile]:
        return [spool for spool in self._open.values() if spool.writer in writers]

    def _in_order(
        self, spool: SpoolFile, without: Collection[Key], problems: list[str]
    ) -> Generator[tuple[int, str, int, Item], None, None]:
        """The frames of a spool; where the clock was set back, their numbers decide."""
        latest = 0
        try:
            for frame in spool.frames(without):
                latest = max(latest, frame.received)
                yield latest, spool.writer, frame.seq, Item(spool.writer, frame)
        except DamagedSpoolError as error:
            self._damaged[spool.path] = error
        except LogError as error:
            problems.append(str(error))

    def _take_in(self, path: Path) -> str | None:
        try:
            check(path)
            spool = SpoolFile(path)
            known = writer_known(self._root, path.name)
        except DamagedSpoolError as error:
            return self._salvage(path, error)
        except LogError as error:
            return str(error)
        if any(other.writer == spool.writer for other in self._open.values()):
            spool.close()
            return f"The spool {path} is a copy of another one, and is left alone: move it away."
        self._open[path] = spool
        if known == spool.writer:
            return None
        try:
            remember_writer(self._root, path.name, spool.writer)
        except LogError as error:  # the disk is full: only the message below depends on it
            return str(error)
        if known is None or any((self._folder / ASIDE).glob(f"{path.stem}-*")):
            return None
        return f"The spool {path} is not the one that it was: what only that one had is lost."

    def _salvage(self, path: Path, error: DamagedSpoolError) -> str:
        if path in self._open:
            self._open.pop(path).close()
        try:
            told = salvage(self._root, path)
        except (LogError, OSError) as reason:
            return f"{error} It cannot be saved now: {getattr(reason, 'strerror', None) or reason}."
        return told or f"{error} What can be read of it is saved when the process that writes it has ended."
