"""Serving one model, side by side with what else can serve it.

Server and load have a core each. All servers take turns, each time as fresh processes, so that a neighbour disturbs all alike;
what Holdfast is compared with ran in the same round, and the median of the rounds counts. The bare application comes nearest,
and gets more rounds. Holdfast validates, decides (with a band of doubt), logs and counts; the others only score.

What was logged in the last seconds waits for the lake while requests want the processor: what is left of the rate when they go
on to want it is measured beside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from subprocess import CalledProcessError
from typing import TypeAlias

import holdfast as hf
from bars import Bar, Effort, at_least, at_most, for_information
from load import Load, LoadError, Running, load, without_wrk
from peers import PeerError
from servers import SERVERS, Server, free_port
from serving_project import MODEL, released, rows

SINGLE, FEW, MANY, MANY_FEW = SHAPES = (
    "1 row, 64 connections",
    "1 row, 8 connections",
    "100 rows, 64 connections",
    "100 rows, 8 connections",
)
SIZES = {SINGLE: (1, 64), FEW: (1, 8), MANY: (100, 64), MANY_FEW: (100, 8)}
"""Rows of a request, and connections. The bars are about 64, as the figures are that they were set by."""

BODIES = 100
"""Different requests, which are sent in turn."""

LASTING = {SINGLE: 40, MANY: 40}
"""Seconds of load, before its rate is measured once more."""

Loads: TypeAlias = Mapping[str, Load]
"""Of one server in one round, by shape."""


def serving(effort: Effort) -> Iterator[Bar]:
    """Requests a second and the slowest in a hundred, for each shape of load."""
    if missing := list(without_wrk()):
        yield from missing
        return
    rounds, pairs, seconds = {"quick": (1, 1, 2), "usual": (3, 9, 5), "thorough": (9, 9, 10)}[effort]
    runs: dict[str, list[Loads]] = {name: [] for name in SERVERS}
    megabytes: dict[str, list[float]] = {name: [] for name in SERVERS}
    failed: dict[str, str] = {}
    with released() as folder:
        for turn in range(pairs):
            for name in SERVERS if turn < rounds else ("Holdfast", "bare"):
                if name in failed:
                    continue
                try:
                    loads, size = measured(SERVERS[name], folder, seconds)
                except (LoadError, PeerError, CalledProcessError) as error:
                    if name in ("Holdfast", "bare"):
                        raise
                    failed[name] = str(error)
                else:
                    runs[name].append(loads)
                    megabytes[name].append(size)
        lasted = list(lasting(folder, seconds))
    yield from compared(runs)
    for name, server in SERVERS.items():
        if name in failed:
            yield for_information(server.name, f"not measured: {failed[name][:200]}")
            continue
        for shape in SHAPES:
            yield for_information(f"{shape}: {server.name}", told([loads[shape] for loads in runs[name]]))
        yield for_information(f"memory of all processes: {server.name}", f"{median(megabytes[name]):,.0f} MB")
    yield from lasted


def measured(server: Server, folder: Path, seconds: int) -> tuple[Loads, float]:
    """What a fresh server does with each shape of load, after a second of it, and its memory then."""
    loads = {}
    with server.start(folder, free_port()) as running:
        check(server, running, folder)
        for shape, (size, connections) in SIZES.items():
            bodies = [server.body_of(rows(size, seed)) for seed in range(BODIES)]
            send = partial(load, running, server.path, bodies, connections=connections)
            send(seconds=1)
            loads[shape] = send(seconds=seconds)
        return loads, running.megabytes()


def lasting(folder: Path, seconds: int) -> Iterator[Bar]:
    """What Holdfast does when a load goes on, and how far the lake is behind."""
    server = SERVERS["Holdfast"]
    for shape, before in LASTING.items():
        size, connections = SIZES[shape]
        bodies = [server.body_of(rows(size, seed)) for seed in range(BODIES)]
        with server.start(folder, free_port()) as running:
            send = partial(load, running, server.path, bodies, connections=connections)
            send(seconds=before)
            one = send(seconds=4 * seconds)
            text = running.ask("/metrics")[1].decode()
        behind = max(
            map(float, re.findall(r"^holdfast_log_oldest_uncommitted_seconds(?:{.*})? (\S+)$", text, re.MULTILINE))
        )
        measured = f"{told([one])}, the oldest row outside the lake {behind:.0f} s old"
        yield for_information(f"{shape}, after {before} s of it: {server.name}", measured)


def check(server: Server, running: Running, folder: Path) -> None:
    """That it scores as the model does: all servers do the same work."""
    some = rows(5, seed=0)
    status, answer = running.ask(server.path, server.body_of(some))
    if status != 200:
        raise LoadError(f"it answered {status}")
    columns = {name: [row[name] for row in some] for name in some[0]}
    expected = hf.load_release(folder / "releases" / MODEL / "1").model.predict(columns)
    if any(abs(a - b) > 1e-6 for a, b in zip(server.scores(json.loads(answer)), expected, strict=True)):
        raise LoadError("its scores are not those of the model")


def compared(runs: Mapping[str, Sequence[Loads]]) -> Iterator[Bar]:
    """The bars."""
    rate = median(loads[SINGLE].per_second for loads in runs["Holdfast"])
    yield Bar(setting=f"{SINGLE}: requests a second", bar="≥ 12,000", measured=f"{rate:,.0f}", met=rate >= 12_000)
    for shape, name, least in (
        (SINGLE, "bare", 0.6),
        (SINGLE, "MLServer", 5.0),
        (SINGLE, "FastAPI", 1.7),
        (MANY, "bare", 0.75),
        (MANY_FEW, "bare", None),
    ):
        setting = f"{shape}: times the requests of {SERVERS[name].name}"
        pairs = [(own[shape], other[shape]) for own, other in zip(runs["Holdfast"], runs[name], strict=False)]
        if not pairs:
            yield Bar(setting=setting, bar=f"≥ {least:g}" if least else "", measured="not measured")
            continue
        by_cpu = median(own.per_cpu_second / other.per_cpu_second for own, other in pairs)
        note = f" ({by_cpu:.2f} by time of the processor)"
        ratio = median(own.per_second / other.per_second for own, other in pairs)
        yield (
            for_information(setting, f"{ratio:.2f}{note}")
            if least is None
            else at_least(setting, ratio, least, 2, note)
        )
    pairs = [(own[SINGLE], bare[SINGLE]) for own, bare in zip(runs["Holdfast"], runs["bare"], strict=True)]
    slow = median(own.p99_milliseconds / bare.p99_milliseconds for own, bare in pairs)
    yield at_most(f"{SINGLE}: the slowest in a hundred", slow, 1.6, f"× as slow as of {SERVERS['bare'].name}")


def told(loads: Sequence[Load]) -> str:
    """A server under one shape of load."""
    rate, by_cpu = median(one.per_second for one in loads), median(one.per_cpu_second for one in loads)
    slow = median(one.p99_milliseconds for one in loads)
    return f"{rate:,.0f}/s, {by_cpu:,.0f} for each second of the processor, p99 {slow:.1f} ms"
