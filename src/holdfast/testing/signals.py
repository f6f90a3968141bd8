"""Streams of a model's signals, and their alarms: for simulations of how often alarms are false, and how soon true ones come.

A stream has 91 daily windows of reference, 2,000 rows a day, 30 columns, and the monitored days. It is drawn as the numbers that
a day's rows come down to: the mean of 2,000 normal scores is a normal variable of variance 1 / 2,000 around the day's level,
their mean square a chi-square, missing values and errors among labels are binomial counts. That is the law that rows would give.

All streams go through the functions of `holdfast.alarms.alarms.step`, many at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.alarms.budget import AlarmSettings, weights
from holdfast.alarms.changes import Past
from holdfast.alarms.follow import observe, relearn
from holdfast.alarms.learning import start
from holdfast.alarms.measured import WITHIN, estimated
from holdfast.alarms.scale import kind_of
from holdfast.stats.shiryaev_roberts import carriers, shares, spend
from holdfast.testing.streams import Family, day_effects

REFERENCE, MONITORED, COLUMNS, ROWS = 91, 90, 30, 2_000
LABELS, RISK, MISSING = 500, 0.10, 0.02

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How the days vary while nothing changes, and what is watched.

    Attributes
    ----------
    family
        How the level of each signal moves from day to day.
    correlation
        Of those levels between the columns, 0 to 1.
    tails
        Degrees of freedom of day effects by Student's t, above 2, instead of normal ones; then without memory.
    labels
        Whether labels come: 500 a day, 10% of them errors.
    sizes
        Rows of a monitored day, each as likely as the others.
    """

    family: Family = Family()  # noqa: RUF009  # frozen
    correlation: float = 0.0
    tails: float | None = None
    labels: bool = True
    sizes: tuple[int, ...] = (ROWS,)

    def __str__(self) -> str:
        family, parts = self.family, []
        if family.weekly_sd:
            parts.append(f"weekly sd {family.weekly_sd:g}")
        if family.phi:
            parts.append(f"AR({family.phi:g}) sd {family.sd:g}")
        if self.tails:
            parts.append(f"days by Student's t({self.tails:g}) sd {family.sd:g}")
        if self.correlation:
            parts.append(f"columns correlated {self.correlation:g}")
        if self.sizes != (ROWS,):
            parts.append(f"days of {min(self.sizes):,} to {max(self.sizes):,} rows")
        return ", ".join([*(parts or ["i.i.d."]), "with labels" if self.labels else "without labels"])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Streams:
    """Signals on the scale on which they are judged.

    Attributes
    ----------
    keys
        Of the signals.
    values, deviations : ndarray of shape (days, streams, signals)
        The reference's days and those monitored.
    """

    keys: list[str]
    values: Array
    deviations: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One signal that an alarm named.

    Attributes
    ----------
    stream, signal
        Places.
    day
        From 1, the first one monitored.
    material
        Whether it opens an incident.
    alarm
        Whether it spent budget; else it is a change that was noted before.
    """

    stream: int
    day: int
    signal: int
    material: bool
    alarm: bool


def drawn(world: World, streams: int, rng: np.random.Generator, monitored: int = MONITORED) -> Streams:
    """Streams in which nothing changes.

    Examples
    --------
    >>> streams = drawn(World(), 2, np.random.default_rng(1))
    >>> streams.values.shape, len(watched(streams, AlarmSettings(), 0.3))
    ((181, 2, 93), 0)
    """
    days = REFERENCE + monitored
    level = _effects(world, days, streams, COLUMNS, rng)
    rows = np.full((days, streams, 1), ROWS)
    rows[REFERENCE:] = rng.choice(world.sizes, (monitored, streams, 1))
    location = level + rng.standard_normal(level.shape) / rows**0.5
    # The mean square of n normal scores, less 1, in units of its deviation for a single row.
    spread = (rng.chisquare(rows, level.shape) / rows - 1) / 2**0.5
    odds = MISSING / (1 - MISSING) * np.exp(_effects(world, days, streams, COLUMNS, rng))
    missing = rng.binomial(rows, odds / (1 + odds))
    keys = [f"column:c{at}:{kind}" for kind in ("location", "spread", "missing") for at in range(COLUMNS)]
    values = [location, spread, _angle(missing, rows)]
    alone = np.broadcast_to(rows**-0.5, level.shape)
    deviations = [alone, alone, alone / 2]
    if world.labels:
        sd = (RISK * (1 - RISK)) ** 0.5
        risk = np.clip(RISK + sd * _effects(world, days, streams, 3, rng), 0.0, 1.0)
        rate = rng.binomial(LABELS, risk) / LABELS
        keys += ["loss", "calibration", "calibration:slope"]
        values.append(rate)
        deviations.append(np.full((days, streams, 3), sd / LABELS**0.5))
    return Streams(keys=keys, values=np.concatenate(values, axis=-1), deviations=np.concatenate(deviations, axis=-1))


def watched(streams: Streams, settings: AlarmSettings, minimum: float) -> list[Found]:
    """Alarms of many streams at once, as `holdfast.alarms.alarms.step` gives them for one.

    Parameters
    ----------
    streams
        What is watched.
    settings
        The budget.
    minimum
        Smallest effect that opens an incident, the same for all signals, on their scales.
    """
    values, deviations = streams.values, streams.deviations
    count, signals = values.shape[1:]
    share = weights(streams.keys, settings)
    kinds = [kind_of(key) for key in streams.keys]
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


def _effects(world: World, days: int, streams: int, columns: int, rng: np.random.Generator) -> Array:
    """Levels of shape (days, streams, columns), the columns of a stream correlated as asked."""
    if world.tails:
        scale = world.family.sd * (1 - 2 / world.tails) ** 0.5
        return np.asarray(scale * rng.standard_t(world.tails, (days, streams, columns)))
    own = day_effects(days, streams * columns, world.family, rng).reshape(days, streams, columns)
    if not world.correlation:
        return own
    common = day_effects(days, streams, world.family, rng)[..., None]
    return np.asarray((1 - world.correlation) ** 0.5 * own + world.correlation**0.5 * common)


def _angle(hits: NDArray[np.int64], rows: NDArray[np.int64]) -> Array:
    """As `holdfast.alarms.scale.onto` has it for shares."""
    return np.asarray(np.arcsin(np.sqrt((hits + 0.375) / (rows + 0.75))))
