"""The alarm budget: how often false alarms come while nothing changes, and how soon a change is found.

Setting: 91 daily windows of reference, 2,000 rows a day, 30 columns, then 90 monitored days. What the rows of a day come down
to is drawn by its law, and many streams are watched at once: see `holdfast.testing.signals`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bars import Bar, Effort, at_most, for_information, often
from holdfast.alarms.alarms import begin, step
from holdfast.alarms.budget import AlarmSettings
from holdfast.alarms.observation import Observation
from holdfast.alarms.season import DAY
from holdfast.stats.loss_alarm import detector, watch_losses
from holdfast.testing.signals import LABELS, MONITORED, REFERENCE, RISK, World, drawn, watched
from holdfast.testing.streams import Family
from simulate import simulated

SIZES = (0.05, 0.1, 0.25, 0.5)
LAST_CHANGE, WATCHED_AFTER = 60, 80
GOOD, AFTER, RUN_LENGTH, LONG, LEARNED = 2_000, 6_000, 1_000_000, 2_000_000, 8_000
BLOCK = 50
"""Streams at a time."""

Array: TypeAlias = NDArray[np.float64]


WORLDS = [
    World(),
    World(family=Family(weekly_sd=0.2)),
    *(
        World(family=Family(phi=phi, sd=sd), correlation=correlation)
        for phi in (0.3, 0.5, 0.7, 0.9)
        for sd in (0.05, 0.1)
        for correlation in (0.0, 0.5)
    ),
    World(family=Family(phi=0.5, sd=0.1, weekly_sd=0.2)),
    World(family=Family(sd=0.1), tails=4),
    World(sizes=(30, 200, 2_000, 20_000)),
    World(family=Family(phi=0.5, sd=0.1), sizes=(30, 200, 2_000, 20_000)),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The level of the first column rises by so many standard deviations of its rows, on a day drawn from 5 to 60."""

    size: float
    minimum: float = 0.0


def false_alarms(effort: Effort) -> Iterator[Bar]:
    """False alarms per stream and quarter: of any size, and how many of them would open an incident by default."""
    with_labels, without = {"quick": (100, 50), "usual": (1_000, 1_000), "thorough": (4_000, 4_000)}[effort]
    for world in [*WORLDS, *(replace(world, labels=False) for world in WORLDS)]:
        streams = with_labels if world.labels else without
        counts = np.array(simulated(alarm_counts, [(world, seed) for seed in range(streams // BLOCK)])).reshape(-1, 2)
        mean, material = counts.mean(0)
        error = counts[:, 0].std() / len(counts) ** 0.5
        # Days that remember very long, and days that stand out very often: harder than what is promised.
        limit = 1.5 if world.family.phi > 0.8 or world.tails else 1.0
        yield at_most(str(world), float(mean), limit, "a quarter", note=f" ± {error:.2f}; incidents {material:.3f}")


def alarm_counts(asked: tuple[World, int]) -> Array:
    """Alarms with minimum effect zero, and with the default one, of each stream of a block: shape (streams, 2)."""
    world, seed = asked
    found = watched(drawn(world, BLOCK, np.random.default_rng([seed, 1])), AlarmSettings(), 0.3)
    counts = np.zeros((BLOCK, 2))
    # Signals that one alarm names are one false alarm.
    for stream, _ in {(one.stream, one.day) for one in found if one.alarm}:
        counts[stream, 0] += 1
    for stream, _ in {(one.stream, one.day) for one in found if one.material}:
        counts[stream, 1] += 1
    return counts


def delay(effort: Effort) -> Iterator[Bar]:
    """Days until a shift of one column is found; the day on which it comes counts as 1."""
    streams = {"quick": 100, "usual": 400, "thorough": 2_000}[effort]
    for size, limit in zip(SIZES, (5, 2, 1, 1), strict=True):
        blocks = simulated(delays, [(Shift(size=size, minimum=0.3), seed) for seed in range(streams // BLOCK)])
        days, incidents = (np.concatenate(part) for part in zip(*blocks, strict=True))
        yield at_most(f"shift by {size:g} sd, any size", float(np.median(days)), limit, "days (median)", digits=0)
        late = int((days > 30).sum())
        yield at_most(f"shift by {size:g} sd, not found in 30 days", 100 * late / len(days), 2, "%")
        if size < 0.3:
            opened = int((incidents <= WATCHED_AFTER).sum())
            yield at_most(
                f"shift by {size:g} sd, opens an incident in 80 days by default", 100 * opened / len(days), 5, "%"
            )
        else:
            first = int((incidents == 1).sum())
            yield often(f"shift by {size:g} sd, incident on its first day", first, len(days), 0.95)


def delays(asked: tuple[Shift, int]) -> tuple[Array, Array]:
    """Of each stream: days until the change is alarmed, and until an incident opens; infinite where that does not come."""
    shift, seed = asked
    rng = np.random.default_rng([seed, 2])
    streams = drawn(World(), BLOCK, rng, LAST_CHANGE + WATCHED_AFTER)
    first = rng.integers(5, LAST_CHANGE + 1, BLOCK)
    for stream, day in enumerate(first):
        streams.values[REFERENCE + day - 1 :, stream, 0] += shift.size
    found = watched(streams, AlarmSettings(), shift.minimum)
    ours = [one for one in found if one.signal == 0 and one.day >= first[one.stream]]
    days, incidents = np.full((2, BLOCK), np.inf)
    for one in ours:
        after = one.day - first[one.stream] + 1
        days[one.stream] = min(days[one.stream], after)
        if one.material:
            incidents[one.stream] = min(incidents[one.stream], after)
    return days, incidents


def loss_streams(effort: Effort) -> Iterator[Bar]:
    """Rises of a 0/1 loss: row by row with a known mean, and day by day with one that was learned from 8,000 labels."""
    streams = {"quick": 100, "usual": 1_000, "thorough": 1_000}[effort]
    for risk, limit in ((0.15, 800), (0.20, 245), (0.30, 80)):
        rows = np.concatenate(simulated(rows_until_found, [(risk, seed) for seed in range(streams // BLOCK)]))
        setting = f"known risk 0.10, now {risk:.2f}"
        yield at_most(setting, float(np.median(rows)), limit, "rows (median)", digits=0)
        yield at_most(
            f"{setting}, not found in 6,000 rows", int((rows > AFTER).sum()), 0, f"of {len(rows):,}", digits=0
        )
    runs = {"quick": 2, "usual": 20, "thorough": 200}[effort]
    counts = simulated(alarms_in_a_long_run, list(range(runs)))
    length = f"{runs * LONG / sum(counts):,.0f}" if sum(counts) else f"more than {runs * LONG:,}"
    yield for_information("known risk 0.10, nothing changes", f"{length} rows between two false alarms")
    for way, function in (
        ("labels one by one", labels_until_found),
        ("day by day, with its alarm budget", days_until_found),
    ):
        found = np.array(simulated(function, list(range(streams // 5))))
        setting = f"risk 0.10 from 8,000 labels, 500 a day, {way}"
        yield at_most(f"{setting}: found at 0.15", float(np.median(found[:, 0])), 3, "days (median)", digits=0)
        yield at_most(f"{setting}: false alarms", float(found[:, 1].mean()), 1.0, "a quarter")


def rows_until_found(asked: tuple[float, int]) -> Array:
    """Rows after the rise until it is found, infinite where it is not, of a block of streams."""
    risk, seed = asked
    rng, found = np.random.default_rng([seed, 3]), np.full(BLOCK, np.inf)
    for stream in range(BLOCK):
        losses = rng.random(GOOD + AFTER) < np.where(np.arange(GOOD + AFTER) < GOOD, RISK, risk)
        _, alarms = watch_losses(detector(RISK, threshold=RUN_LENGTH), losses)
        found[stream] = min((alarm.place - GOOD + 1 for alarm in alarms if alarm.place >= GOOD), default=np.inf)
    return found


def alarms_in_a_long_run(seed: int) -> int:
    """False alarms while nothing changes; each starts with what is known again."""
    rng, count = np.random.default_rng([seed, 4]), 0
    state = detector(RISK, threshold=RUN_LENGTH)
    for _ in range(LONG // 10_000):
        state, alarms = watch_losses(state, rng.random(10_000) < RISK)
        if alarms:
            count, state = count + 1, detector(RISK, threshold=RUN_LENGTH)
    return count


def labels_until_found(seed: int) -> tuple[float, int]:
    """Days until a rise is found that comes on the first one, and false alarms in a quarter without it."""
    rng = np.random.default_rng([seed, 5])
    known = detector(float((rng.random(LEARNED) < RISK).mean()), LEARNED, threshold=MONITORED * LABELS)
    _, alarms = watch_losses(known, rng.random(30 * LABELS) < 0.15)
    found = alarms[0].place // LABELS + 1 if alarms else np.inf
    return found, len(watch_losses(known, rng.random(MONITORED * LABELS) < RISK)[1])


def days_until_found(seed: int) -> tuple[float, int]:
    """The same with a signal that is stepped once a day."""
    rng = np.random.default_rng([seed, 6])

    def day(at: int, risk: float) -> tuple[float, dict[str, Observation]]:
        rate = rng.binomial(LABELS, risk) / LABELS
        return at * DAY, {"loss": Observation(rate, (RISK * (1 - RISK) / LABELS) ** 0.5, LABELS)}

    days = LEARNED // LABELS
    watch = good = begin([day(at, RISK) for at in range(days)], AlarmSettings())
    found = np.inf
    for after in range(1, 31):
        watch, alarms = step(watch, *day(days + after - 1, 0.15))
        if alarms:
            found = after
            break
    for after in range(MONITORED):
        good, _ = step(good, *day(days + after, RISK))
    return found, good.alarms
