"""Power: something changes by a known amount. How often is it found, and does a single wild value change a verdict?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bars import Bar, Effort, at_most, for_information, often, seldom
from holdfast.checks.context import Context
from holdfast.checks.drift import drift
from holdfast.checks.joint import joint_dependence
from holdfast.profile.table import Profile
from holdfast.records import Finding, Status
from holdfast.testing.streams import DISTRIBUTIONS
from simulate import simulated
from worlds import NUMERIC, Array, World, from_normal, pair, to_normal

SHIFT = 0.5
JOINT_ROWS = 2_000
PAIRS = (("normal_6", "normal_9"), ("normal_12", "lognormal_7"), ("lognormal_10", "lognormal_13"))
"""Columns that the prediction does not depend on, so that only their own pair changes."""

GONE_COLUMNS = ("normal_6", "lognormal_7", "student_8", "category_20")
WILD = (1e6, 1e9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One repeat of one experiment; `size` is a correlation, a share of missing values or a wild value."""

    world: World
    repeat: int
    size: float = 0.0
    in_reference: bool = False


def power(effort: Effort) -> Iterator[Bar]:
    """Shifts, missing values and wild values."""
    repeats = 40 if effort == "quick" else 300
    for windows in (0, 8, 10, 30):
        world = World(rows=1_000, windows=windows)
        hits = sum(simulated(finds_shift, [Trial(world=world, repeat=i) for i in range(repeats)]))
        yield often(f"0.5 sd in one of 30 columns: {world}", hits, repeats, 0.95)
    varying = World(rows=1_000, windows=10, window_sd=0.1)
    hits = sum(simulated(finds_shift, [Trial(world=varying, repeat=i) for i in range(repeats)]))
    yield for_information(f"0.5 sd in one of 30 columns: {varying}", f"{hits / repeats:.1%} of {repeats:,}")
    repeats = 20 if effort == "quick" else 100
    for size, words in ((0.6, "5% to 60% missing"), (1.0, "all null")):
        for rows in (50, 200, 1_000):
            for windows in (0, 10):
                world = World(rows=rows, windows=windows)
                hits = sum(simulated(finds_missing, [Trial(world=world, repeat=i, size=size) for i in range(repeats)]))
                yield often(f"{words}: {world}", hits, repeats, 1.0)
    for value in WILD:
        for in_reference in (False, True):
            trials = [
                Trial(world=World(rows=1_000), repeat=i, size=value, in_reference=in_reference) for i in range(repeats)
            ]
            changed = sum(simulated(changes_verdict, trials))
            yield at_most(
                f"one value of {value:.0e} in the {'reference' if in_reference else 'window'}",
                changed,
                0,
                f"verdicts changed in {repeats:,} results, half of them with a shift of 0.5 sd",
                0,
            )


def joint(effort: Effort) -> Iterator[Bar]:
    """Dependence between two columns whose margins stay equal, and how long the check takes."""
    repeats = 40 if effort == "quick" else 300
    nulls = 100 if effort == "quick" else 1_000
    world = World(rows=JOINT_ROWS)
    alarms = [hit for hit, _ in simulated(finds_dependence, [Trial(world=world, repeat=i) for i in range(nulls)])]
    yield seldom(f"no change: {world}", sum(alarms), nulls)
    for size, rate in ((0.5, 0.95), (0.3, 0.80)):
        found = simulated(finds_dependence, [Trial(world=world, repeat=i, size=size) for i in range(repeats)])
        named = sum(hit and first for hit, first in found)
        yield often(f"correlation 0 to {size:g} in one pair, found and named: {world}", named, repeats, rate)
    times = simulated(joint_seconds, [Trial(world=World(rows=5_000), repeat=i) for i in range(5)])
    yield at_most("time of the check on two full samples of 5,000 rows", median(times), 1.0, "s")


def finds_shift(trial: Trial) -> bool:
    """Whether drift of the shifted column fails; the column differs from repeat to repeat."""
    place = trial.repeat % NUMERIC
    name = f"{DISTRIBUTIONS[place % 3]}_{place}"
    current, reference = pair(trial.world, trial.repeat, after=partial(shifted, name=name))
    return any(f.subject == name for f in failing(current, reference))


def finds_missing(trial: Trial) -> bool:
    """Whether the missingness of the column fails."""
    name = GONE_COLUMNS[trial.repeat % len(GONE_COLUMNS)]
    current, reference = pair(
        trial.world,
        trial.repeat,
        before=partial(thinned, name=name, share=0.05),
        after=partial(thinned, name=name, share=trial.size),
    )
    return any(f.subject == name and f.code == "drift.missing" for f in failing(current, reference))


def changes_verdict(trial: Trial) -> bool:
    """Whether any drift finding has another status once one value of one column is wild."""
    # Every other repeat holds a real change, which the wild value must not hide.
    move = partial(shifted, name="normal_6") if trial.repeat % 2 else None
    wild = partial(with_wild_value, name="normal_6", value=trial.size)

    def moved_and_wild(table: pa.Table, rng: np.random.Generator) -> pa.Table:
        return wild(move(table, rng) if move else table, rng)

    plain = pair(trial.world, trial.repeat, after=move)
    spoilt = (
        pair(trial.world, trial.repeat, before=wild, after=move)
        if trial.in_reference
        else pair(trial.world, trial.repeat, after=moved_and_wild)
    )
    return verdicts(*plain) != verdicts(*spoilt)


def finds_dependence(trial: Trial) -> tuple[bool, bool]:
    """Whether joint drift fails, and whether it names the changed pair."""
    names = PAIRS[trial.repeat % len(PAIRS)]
    after = partial(tied, names=names, correlation=trial.size) if trial.size else None
    found = [f for f in failing(*pair(trial.world, trial.repeat, after=after)) if f.code == "drift.joint"]
    return bool(found), any(set(f.evidence["pair"]) == set(names) for f in found)


def joint_seconds(trial: Trial) -> float:
    """Time of the joint check alone."""
    current, reference = pair(trial.world, trial.repeat)
    start = perf_counter()
    joint_dependence(current, reference, Context())
    return perf_counter() - start


def failing(current: Profile, reference: Profile) -> list[Finding]:
    """Drift findings that fail."""
    return [f for f in drift(current, reference, Context()) if f.status is Status.FAIL]


def verdicts(current: Profile, reference: Profile) -> dict[tuple[str, str], bool]:
    """Whether each drift finding fails; joint drift by its code alone, since a pair is named even when nothing is found."""
    return {
        (f.code, "" if f.code == "drift.joint" else f.subject): f.status in {Status.FAIL, Status.ERROR}
        for f in drift(current, reference, Context())
    }


def shifted(table: pa.Table, rng: np.random.Generator, *, name: str) -> pa.Table:
    """Half a standard deviation more in the latent normal variable of a column."""
    del rng
    return _replaced(table, name, from_normal(name, to_normal(name, table[name].to_numpy()) + SHIFT))


def tied(table: pa.Table, rng: np.random.Generator, *, names: tuple[str, str], correlation: float) -> pa.Table:
    """The second column follows the first in its latent normal variable; both margins stay as they were."""
    first, second = (to_normal(name, table[name].to_numpy()) for name in names)
    # Where the first is missing, a normal value of its own keeps the margin of the second.
    first = np.where(np.isnan(first), rng.standard_normal(len(first)), first)
    both = correlation * first + np.sqrt(1 - correlation**2) * second
    return _replaced(table, names[1], from_normal(names[1], both))


def thinned(table: pa.Table, rng: np.random.Generator, *, name: str, share: float) -> pa.Table:
    """A column with this share of nulls, at random places, besides what it lacked before."""
    gone = rng.random(table.num_rows) < share
    kept = pa.array(gone)
    column = table[name].combine_chunks()
    values = pc.if_else(kept, pa.scalar(None, _value_type(column)), _decoded(column))
    return table.set_column(table.schema.get_field_index(name), name, values)


def with_wild_value(table: pa.Table, rng: np.random.Generator, *, name: str, value: float) -> pa.Table:
    """One value of a column replaced."""
    del rng
    values = table[name].to_numpy().copy()
    values[len(values) // 2] = value
    return _replaced(table, name, values)


def _replaced(table: pa.Table, name: str, values: Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _value_type(column: pa.Array) -> pa.DataType:
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type
