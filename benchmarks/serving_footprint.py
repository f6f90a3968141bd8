"""What a server takes: memory under lasting load, time to start, and what requests leave behind that mean nothing to it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from bars import Bar, Effort, at_most, for_information
from load import LOAD_CORE, SERVER_CORE, load, without_wrk
from servers import SERVERS, free_port, holdfast
from serving_project import MODEL, released, rows

MOST_MEGABYTES, MOST_GROWTH = 200, 1.05
PAUSE_MILLISECONDS = 100
"""Of each connection after each answer: an hour at full speed would fill the disk."""

STARTS = 5
UNKNOWN_NAMES = 1_000


def footprint(effort: Effort) -> Iterator[Bar]:
    """Of Holdfast alone."""
    with released() as folder:
        yield from start(folder)
        yield unknown_names(folder)
        if missing := list(without_wrk()):
            yield from missing
            return
        yield from memory(folder, {"quick": 20, "usual": 3_600, "thorough": 3_600}[effort])


def start(folder: Path) -> Iterator[Bar]:
    """From the command to the first "ready", each time with an empty log."""
    seconds = []
    for _ in range(STARTS):
        began = time.perf_counter()
        with holdfast(folder, free_port(), cores=f"{SERVER_CORE},{LOAD_CORE}"):
            seconds.append(time.perf_counter() - began)
    yield at_most("from `holdfast serve` to ready", median(seconds), 2.0, "s")
    yield for_information("from `holdfast serve` to ready, slowest", f"{max(seconds):.2f} s of {STARTS}")


def unknown_names(folder: Path) -> Bar:
    """Names of models that are none, in the paths of requests."""
    with holdfast(folder, free_port()) as server:
        ask = partial(server.ask, body=b'{"rows": []}')

        def unknown(names: int) -> set[str]:
            for k in range(names):
                ask(f"/v1/models/{MODEL}-{names}-{k}/predict")
                ask(f"/v2/models/{MODEL}-{names}-{k}/versions/{k}/infer")
            return set(re.findall(r"^(\w+(?:{.*})?) ", server.ask("/metrics")[1].decode(), re.MULTILINE))

        new = unknown(UNKNOWN_NAMES) - unknown(1)
    setting = f"series of metrics that {UNKNOWN_NAMES:,} names of unknown models make"
    return Bar(setting=setting, bar="0", measured=f"{len(new)}", met=not new)


def memory(folder: Path, seconds: int) -> Iterator[Bar]:
    """Resident memory at tenths of the time; requests of one row, and of a hundred in one of a hundred."""
    server = SERVERS["Holdfast"]
    bodies = [server.body_of(rows(100 if seed == 0 else 1, seed)) for seed in range(100)]
    found, answered = [], 0.0
    with holdfast(folder, free_port()) as running:
        for _ in range(10):
            sent = load(running, server.path, bodies, connections=64, seconds=seconds // 10, pause=PAUSE_MILLISECONDS)
            answered += sent.per_second * (seconds // 10)
            found.append(running.megabytes(of="serve.worker"))
        committer = running.megabytes(of="serve.committing")
    setting = f"memory of a worker after {seconds:,} s of load ({answered:,.0f} requests)"
    yield at_most(setting, found[-1], MOST_MEGABYTES, "MB", 0)
    yield at_most(f"{setting}, against a fifth of the time", found[-1] / found[1], MOST_GROWTH, "×")
    yield for_information("memory of a worker at tenths of the time", ", ".join(f"{one:.0f}" for one in found) + " MB")
    yield for_information("memory of the process that commits, then", f"{committer:.0f} MB")
