"""The counts of all processes of a server: a file of each, in a folder that only they know."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from holdfast.decoding import ready
from holdfast.serve.metrics import METRICS, Metrics, Stored

MEMORY = Path("/dev/shm")  # noqa: S108 - nobody else can write into the folder that is made there
"""Where files lie in memory: counts go on when the disk is full, and cost it nothing."""

_PREFIX = "holdfast-counts-"


@contextmanager
def counts_folder(otherwise: Path) -> Iterator[Path]:
    """A folder for counts, in memory, or else in this one, until the block ends.

    What servers have left that were killed is removed.
    """
    parent = MEMORY if os.access(MEMORY, os.W_OK) else otherwise
    for left in parent.glob(f"{_PREFIX}*"):
        with ExitStack() as held, suppress(OSError):  # it has an owner, or is of another user
            _hold(left, held)
            shutil.rmtree(left)
    with ExitStack() as held:
        made = Path(mkdtemp(prefix=_PREFIX, dir=parent))
        held.callback(shutil.rmtree, made, ignore_errors=True)
        _hold(made, held)
        yield made


def _hold(folder: Path, held: ExitStack) -> None:
    """Lock a folder, as the server that it belongs to does; `OSError` where another process has."""
    descriptor = os.open(folder, os.O_RDONLY)
    held.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def resumed(path: Path) -> Metrics:
    """Go on with what a process counted that is gone, if there was one; not with what it had at the moment."""
    metrics = Metrics()
    with suppress(OSError, msgspec.MsgspecError):
        stored = msgspec.msgpack.decode(path.read_bytes(), type=ready(Stored))
        for name, labels, value in stored.values:
            if METRICS[name].kind == "counter":
                metrics.count(name, labels, value)
        for name, labels, counts, total in stored.histograms:
            metrics.add(name, labels, counts, total)
    metrics.save(path)
    return metrics


def saved(folder: Path) -> dict[str, bytes]:
    """The files of all processes, by the name of each."""
    found = {}
    for path in sorted(folder.glob("*.counts")):
        with suppress(OSError):
            found[path.stem] = path.read_bytes()
    return found


def process_use(contents: Mapping[str, bytes]) -> Iterator[tuple[str, float, float]]:
    """Name, processor seconds and resident bytes of each process whose file this is; of those that are gone, nothing."""
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for name, content in contents.items():
        with suppress(OSError, IndexError, ValueError):
            pid = msgspec.msgpack.decode(content, type=ready(Stored)).pid
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            yield name, (int(fields[11]) + int(fields[12])) / tick, float(int(fields[21]) * page)
