"""Pairs of profiles for simulations: a reference and the window that follows it, with nothing changed or one thing changed.

Windows below `DRAWN_FROM` rows are generated and profiled as a user's tables are. Larger ones are drawn as bin counts from
the law of each column, reference and window alike; only the rows of the two samples are then generated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from holdfast.engines.local import profile_of, reference_profile
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnEdges, ColumnProfile
from holdfast.profile.history import History
from holdfast.profile.numeric import NumberEdges
from holdfast.profile.sample import ROWS
from holdfast.profile.table import Edges, Profile
from holdfast.schema import Role, infer
from holdfast.tables import open_table
from holdfast.testing.streams import CATEGORIES, START, Family, day_effects, draw_days

Array: TypeAlias = NDArray[np.float64]
Change: TypeAlias = Callable[[pa.Table, np.random.Generator], pa.Table]

DRAWN_FROM = 10_000
REFERENCE_ROWS = 20_000
"""Rows of a generated reference without a time column."""
DRAWN_REFERENCE_ROWS = 500_000
"""Rows of a drawn one."""

NUMERIC = 25
MISSING = 0.02
DAY_SECONDS = 86_400.0
DRIVERS = (0, 3)
"""Places of the two normal columns that the prediction follows; noise is added to it, and more noise makes the target."""
TARGET_SHARE = 0.1
ROLES = {"target": Role.TARGET, "prediction": Role.PREDICTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A window of `rows` rows and the reference before it: `windows` windows of the same size, or one table without time.

    `window_sd` is the natural variation of each column between windows, in standard deviations of its rows.
    """

    rows: int
    windows: int = 0
    window_sd: float = 0.0

    @property
    def seed(self) -> list[int]:
        """Makes the draws of every world different."""
        return [self.rows, self.windows, round(100 * self.window_sd)]

    def __str__(self) -> str:
        if not self.windows:
            return f"{self.rows:,} rows, no time column"
        return f"{self.rows:,} rows, {self.windows} windows, sd {self.window_sd:g}"


def pair(
    world: World, repeat: int, *, before: Change | None = None, after: Change | None = None
) -> tuple[Profile, Profile]:
    """Profiles of the window and of its reference, fresh for every repeat.

    Parameters
    ----------
    world
        What to draw.
    repeat
        Equal numbers give equal pairs.
    before, after
        What happens to the reference and to the window; windows that are drawn as counts cannot be changed.
    """
    rng = np.random.default_rng([*world.seed, repeat])
    days = max(world.windows, 1)
    family = Family(sd=world.window_sd)
    effects = day_effects(days + 1, 2 * NUMERIC + len(CATEGORIES), family, rng)
    drawn = world.rows >= DRAWN_FROM
    generated = ROWS if drawn else world.rows * world.windows or REFERENCE_ROWS
    reference = _table(generated, effects[:-1], rng, world, 0)
    current = _table(min(world.rows, ROWS), effects[-1:], rng, world, days)
    if before:
        reference = before(reference, rng)
    if after:
        current = after(current, rng)
    # A window is a day, whatever part of it the few rows of this window cover.
    opened = open_table(reference)
    known = reference_profile(opened, infer(opened, roles=ROLES), window_seconds=DAY_SECONDS, workers=1)
    window = profile_of(open_table(current), known.edges, workers=1)
    if drawn:
        assert before is None
        assert after is None
        known = _drawn(known, effects[:-1], world.rows if world.windows else DRAWN_REFERENCE_ROWS, rng)
        window = _drawn(window, effects[-1:], world.rows, rng)
    return window, known


def _table(rows: int, effects: Array, rng: np.random.Generator, world: World, day: int) -> pa.Table:
    """Rows of some days, with a prediction that depends on two of their columns and a target that depends on it."""
    table = draw_days(
        rows, effects, rng, start=START + timedelta(days=day), numeric=NUMERIC, categories=CATEGORIES, missing=MISSING
    )
    latent = rng.standard_normal(rows)
    for place in DRIVERS:
        latent += np.nan_to_num(table[f"normal_{place}"].to_numpy())
    rarity = -2 * ndtri(TARGET_SHARE)
    table = table.append_column("prediction", pa.array(ndtr(latent / np.sqrt(3))))
    table = table.append_column("target", pa.array(latent + rng.standard_normal(rows) > rarity))
    return table if world.windows else table.drop_columns("time")


def _drawn(profile: Profile, effects: Array, rows: int, rng: np.random.Generator) -> Profile:
    """The same profile with counts of `rows` rows on each day, from the law of each column over its edges."""
    edges = profile.edges
    days = {name: rng.multinomial(rows, law) for name, law in _laws(edges, effects).items()}
    columns = dict(profile.columns)
    for name, counts in days.items():
        columns[name] = replace(columns[name], counts=counts.sum(0))
    history = History()
    if edges.grid and len(profile.history.windows) == len(effects):
        history = History({n: _entries(edges, days, i) for i, n in enumerate(sorted(profile.history.windows))})
    return replace(profile, rows=rows * len(effects), columns=columns, history=history)


def _entries(edges: Edges, days: dict[str, NDArray[np.int64]], day: int) -> NDArray[np.int64]:
    """One day's line of the history; columns that are not drawn (the time) stay empty."""
    line = np.zeros(max(place.stop for place in edges.places.values()), dtype=np.int64)
    for name, counts in days.items():
        column = ColumnProfile(edges.columns[name], counts[day], np.empty(0))
        line[edges.places[name]] = np.append(column.missing, column.grouped)
    return line


def _laws(edges: Edges, effects: Array) -> dict[str, Array]:
    """Probability of each entry of the counts of each column on each day, shape `(days, entries)`."""
    level, missing_level, tilt = np.split(effects, [NUMERIC, 2 * NUMERIC], axis=1)
    odds = MISSING / (1 - MISSING) * np.exp(missing_level)
    missing = odds / (1 + odds)
    driver = level[:, DRIVERS].sum(1)
    laws = {}
    for name, own in edges.columns.items():
        kind, _, number = name.partition("_")
        if kind in {"normal", "lognormal", "student"}:
            laws[name] = _number_law(own, kind, level[:, int(number)], missing[:, int(number)])
        elif kind == "category":
            laws[name] = _category_law(own, int(number), tilt[:, CATEGORIES.index(int(number))])
        elif kind == "prediction":
            laws[name] = _number_law(own, kind, driver / np.sqrt(3), np.zeros(len(effects)))
        elif kind == "target":
            positive = ndtr(driver / 2 + ndtri(TARGET_SHARE))
            nothing = np.zeros_like(positive)
            laws[name] = np.stack([nothing, nothing, nothing, 1 - positive, positive], axis=1)
    return laws


def _number_law(edges: ColumnEdges, kind: str, level: Array, missing: Array) -> Array:
    assert isinstance(edges, NumberEdges)
    cuts = ndtr(to_normal(kind, edges.cuts) - level[:, None])
    law = np.zeros((len(level), edges.size))
    law[:, 1] = missing
    law[:, 2:-2] = np.diff(cuts, axis=1, prepend=0, append=1) * (1 - missing[:, None])
    return law


def _category_law(edges: ColumnEdges, values: int, tilt: Array) -> Array:
    assert isinstance(edges, CategoryEdges)
    # Another fixed direction than the rows of the sample take: no column's counts depend on its sampled rows.
    direction = np.random.default_rng(values).standard_normal(values)
    weights = np.exp(tilt[:, None] * direction) / np.arange(1, values + 1)
    shares = weights / weights.sum(1, keepdims=True)
    law = np.zeros((len(tilt), edges.size))
    law[:, 3:] = shares[:, [int(value.removeprefix("v")) for value in edges.values]]
    law[:, 2] = np.maximum(1 - law[:, 3:].sum(1), 0.0)
    return law


def to_normal(name: str, values: Array) -> Array:
    """The standard normal variable from which a column of this name is made."""
    kind = name.partition("_")[0]
    if kind == "lognormal":
        return np.asarray(np.log(values))
    if kind == "student":
        return np.asarray(ndtri(stdtr(3, values)))
    return np.asarray(ndtri(values)) if kind == "prediction" else values


def from_normal(name: str, latent: Array) -> Array:
    """The inverse of `to_normal`."""
    kind = name.partition("_")[0]
    if kind == "lognormal":
        return np.asarray(np.exp(latent))
    if kind == "student":
        return np.asarray(stdtrit(3, ndtr(latent)))
    return np.asarray(ndtr(latent)) if kind == "prediction" else latent
