"""The alarm budget: how often false alarms come while nothing changes, and how soon a change is found.

Setting: 91 daily windows of reference, 2,000 rows a day, 30 columns, then 90 monitored days. Streams are drawn as the numbers
that a day's rows come down to: the mean of 2,000 normal scores is drawn as a normal variable of variance 1 / 2,000 around
the day's level, their spread by a chi-square, missing values and labels as binomial counts. That is the law that rows would
give, without drawing 10 billion of them. All streams go through the same functions as `holdfast.monitoring.alarms.step`, many
at a time; `tests/monitoring/test_alarms.py` shows that one stream gives the same alarms there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bars import Bar, Effort, at_most, for_information, often
from holdfast.monitoring.alarms import AlarmSettings, begin, step, weights
from holdfast.monitoring.changes import Past
from holdfast.monitoring.follow import observe, relearn, start
from holdfast.monitoring.measured import WITHIN, estimated
from holdfast.monitoring.observation import Observation
from holdfast.monitoring.season import DAY
from holdfast.stats.loss_alarm import detector, watch_losses
from holdfast.stats.shiryaev_roberts import carriers, shares, spend
from holdfast.testing.streams import Family, day_effects
from simulate import simulated

REFERENCE, MONITORED, COLUMNS, ROWS = 91, 90, 30, 2_000
LABELS, RISK, MISSING = 500, 0.10, 0.02
SIZES = (0.05, 0.1, 0.25, 0.5)
LAST_CHANGE, WATCHED_AFTER = 60, 80
GOOD, AFTER, RUN_LENGTH, LONG, LEARNED = 2_000, 6_000, 1_000_000, 2_000_000, 8_000
BLOCK = 50
"""Streams at a time."""

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How the days vary while nothing changes, and what is watched."""

    family: Family = Family()  # noqa: RUF009  # frozen
    correlation: float = 0.0
    labels: bool = True

    def __str__(self) -> str:
        family, parts = self.family, []
        if family.weekly_sd:
            parts.append(f"weekly sd {family.weekly_sd:g}")
        if family.phi:
            parts.append(f"AR({family.phi:g}) sd {family.sd:g}")
        if self.correlation:
            parts.append(f"columns correlated {self.correlation:g}")
        return ", ".join([*(parts or ["i.i.d."]), "with labels" if self.labels else "without labels"])


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
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The level of the first column rises by so many standard deviations of its rows, on a day drawn from 5 to 60."""

    size: float
    minimum: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Streams:
    """Signals on the scale on which they are judged, shape (days, streams, signals), and their keys."""

    keys: list[str]
    values: Array
    deviations: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One signal that an alarm named: days count from 1, the first one monitored."""

    stream: int
    day: int
    signal: int
    material: bool
    alarm: bool


def drawn(world: World, streams: int, rng: np.random.Generator, monitored: int = MONITORED) -> Streams:
    """Streams in which nothing changes."""
    days = REFERENCE + monitored
    level = _effects(world, days, streams, COLUMNS, rng)
    location = level + rng.standard_normal(level.shape) / ROWS**0.5
    # The mean square of n normal scores, less 1, in units of its deviation for a single row.
    spread = (rng.chisquare(ROWS, level.shape) / ROWS - 1) / 2**0.5
    odds = MISSING / (1 - MISSING) * np.exp(_effects(world, days, streams, COLUMNS, rng))
    missing = rng.binomial(ROWS, odds / (1 + odds))
    keys = [f"column:c{at}:{kind}" for kind in ("location", "spread", "missing") for at in range(COLUMNS)]
    values = [location, spread, _angle(missing, ROWS)]
    deviations = [np.full(3 * COLUMNS, ROWS**-0.5)]
    deviations[0][2 * COLUMNS :] /= 2
    if world.labels:
        sd = (RISK * (1 - RISK)) ** 0.5
        risk = np.clip(RISK + sd * _effects(world, days, streams, 2, rng), 0.0, 1.0)
        rate = rng.binomial(LABELS, risk) / LABELS
        keys += ["loss", "calibration"]
        values.append(rate)
        deviations.append(np.full(2, sd / LABELS**0.5))
    joined = np.concatenate(values, axis=-1)
    return Streams(keys=keys, values=joined, deviations=np.broadcast_to(np.concatenate(deviations), joined.shape))


def watched(streams: Streams, settings: AlarmSettings, minimum: float) -> list[Found]:
    """Alarms of many streams at once, as `holdfast.monitoring.alarms.step` gives them for one."""
    values, deviations = streams.values, streams.deviations
    count, signals = values.shape[1:]
    share = weights(streams.keys, settings)
    kinds = [key.rpartition(":")[2] for key in streams.keys]
    alike = [np.flatnonzero([other == kind for other in kinds]) for kind in sorted(set(kinds))]
    followed = start(7, [day % 7 for day in range(REFERENCE)], values[:REFERENCE], deviations[:REFERENCE], alike)
    since = np.zeros((count, signals), dtype=np.int64)
    baseline, noted = np.zeros((count, signals)), np.zeros((count, signals), dtype=np.bool_)
    surprises, found = [], []
    for day in range(len(values) - REFERENCE):
        at = REFERENCE + day
        followed, surprise = observe(followed, at % 7, values[at], deviations[at], 1.0)
        surprises.append(surprise)
        parts = shares(followed.evidence, share)
        named = carriers(parts, settings.threshold)
        effect, error, windows = np.zeros((3, count, signals))
        for stream, signal in np.argwhere(named):
            one = (stream, signal)
            past = [
                Past(
                    start=float(place),
                    error=float(surprises[place].error[one]),
                    deviation=float(surprises[place].deviation[one]),
                    memory=float(surprises[place].memory[one]),
                    level=float(surprises[place].level[one]),
                )
                for place in range(since[one], day + 1)
            ]
            change = estimated(past, followed.fading[one], followed.regression.weight[one].sum())
            effect[one], error[one], windows[one] = change.effect, change.error, change.windows
        if named.any():
            now = followed.offset + effect
            material = named & (np.abs(now - baseline) > minimum) & ~((baseline != 0) & (np.abs(now) <= minimum))
            found += [
                Found(stream=s, day=day + 1, signal=j, material=bool(material[s, j]), alarm=True)
                for s, j in np.argwhere(named).tolist()
            ]
            baseline, noted = np.where(material, now, baseline), np.where(named, ~material, noted)
            since[named] = day + 1
            followed = relearn(followed, effect, error, windows)
            followed = replace(followed, evidence=spend(followed.evidence, parts, named, settings.threshold))
        sure = np.abs(followed.offset - baseline) - WITHIN * np.sqrt(followed.offset_variance) > minimum
        grown = noted & sure & ~named
        found += [
            Found(stream=s, day=day + 1, signal=j, material=True, alarm=False) for s, j in np.argwhere(grown).tolist()
        ]
        baseline, noted = np.where(grown, followed.offset, baseline), noted & ~grown
    return found


def false_alarms(effort: Effort) -> Iterator[Bar]:
    """False alarms per stream and quarter: of any size, and how many of them would open an incident by default."""
    streams = {"quick": 100, "usual": 1_000, "thorough": 4_000}[effort]
    for world in [*WORLDS, *(replace(world, labels=False) for world in WORLDS)]:
        counts = np.array(simulated(alarm_counts, [(world, seed) for seed in range(streams // BLOCK)])).reshape(-1, 2)
        mean, material = counts.mean(0)
        error = counts[:, 0].std() / len(counts) ** 0.5
        limit = 1.5 if world.family.phi > 0.8 else 1.0
        yield at_most(str(world), mean, limit, "a quarter", note=f" ± {error:.2f}; incidents {material:.3f}")


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


def _effects(world: World, days: int, streams: int, columns: int, rng: np.random.Generator) -> Array:
    """Levels of shape (days, streams, columns), the columns of a stream correlated as asked."""
    own = day_effects(days, streams * columns, world.family, rng).reshape(days, streams, columns)
    if not world.correlation:
        return own
    common = day_effects(days, streams, world.family, rng)[..., None]
    return np.asarray((1 - world.correlation) ** 0.5 * own + world.correlation**0.5 * common)


def _angle(hits: NDArray[np.int64], rows: int) -> Array:
    """As `holdfast.monitoring.scale.onto` has it for shares."""
    return np.asarray(np.arcsin(np.sqrt((hits + 0.375) / (rows + 0.75))))
