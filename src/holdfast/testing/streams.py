"""Tables in which nothing changes, or exactly what was asked for: for simulations of false alarms and of power.

Numbers are made from a latent standard normal variable, so an effect of 0.5 moves the normal score of *every* numeric
column by 0.5 standard deviations, whatever its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from holdfast.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

CATEGORIES = (5, 20, 50, 200, 1_000)
DISTRIBUTIONS = ("normal", "lognormal", "student")
START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How the level of a column moves from day to day, in standard deviations of its rows.

    Attributes
    ----------
    sd
        Standard deviation of the day effects around the weekly pattern.
    phi
        Their correlation from one day to the next, at least 0 and below 1; 0 makes them independent.
    weekly_sd
        Root mean square of a pattern that repeats every seven days.
    """

    sd: float = 0.0
    phi: float = 0.0
    weekly_sd: float = 0.0

    def __post_init__(self) -> None:
        if self.sd < 0 or self.weekly_sd < 0 or not 0 <= self.phi < 1:
            raise SettingError(
                f"expected sd >= 0, weekly_sd >= 0 and 0 <= phi < 1, got sd={self.sd}, weekly_sd={self.weekly_sd}, "
                f"phi={self.phi}: choose a stationary family"
            )


def day_effects(days: int, columns: int, family: Family, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the level of each column on each day: a stationary AR(1) process plus a weekly pattern.

    The process is ``e[t] = phi e[t - 1] + sd sqrt(1 - phi^2) z[t]`` with standard normal ``z``, started in its
    stationary law (Box and Jenkins, *Time Series Analysis*, ch. 3). The weekly pattern has mean zero over seven days.

    Parameters
    ----------
    days, columns
        Shape of the result. Columns are independent of each other.
    family
        Size and memory of the effects.
    rng
        Source of randomness.

    Returns
    -------
    ndarray of shape (days, columns)
        Effects in standard deviations of the rows.

    Examples
    --------
    >>> effects = day_effects(5_000, 2, Family(sd=0.1, phi=0.7), np.random.default_rng(0))
    >>> effects.shape, effects.std().round(2)
    ((5000, 2), np.float64(0.1))
    """
    effects: NDArray[np.float64] = family.sd * rng.standard_normal((days, columns))
    innovation = (1 - family.phi**2) ** 0.5
    for day in range(1, days):
        effects[day] = family.phi * effects[day - 1] + innovation * effects[day]
    week = rng.standard_normal((7, columns))
    # Centring takes a seventh of the variance away; the factor gives it back.
    week = (week - week.mean(axis=0)) * (7 / 6) ** 0.5 * family.weekly_sd
    effects += week[np.arange(days) % 7]
    return effects


def choose(weights: NDArray[np.float64], group: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw one code per row with the weights of the row's group.

    Parameters
    ----------
    weights : ndarray of shape (groups, codes)
        Non-negative, with a positive sum in every group; they need not sum to one.
    group : ndarray of shape (rows,)
        The group of each row.
    rng
        Source of randomness.

    Returns
    -------
    ndarray of shape (rows,)
        Codes from 0 to ``codes - 1``.

    Examples
    --------
    >>> choose(np.array([[1.0, 0.0], [0.0, 3.0]]), np.array([0, 1, 1]), np.random.default_rng(0))
    array([0, 1, 1])
    """
    groups, codes = weights.shape
    cumulative = np.cumsum(weights, axis=1)
    cumulative /= cumulative[:, -1:]
    # Group g owns the interval [g, g + 1) of one long line, so that a single search serves all rows.
    line = (cumulative + np.arange(groups)[:, None]).ravel()
    found: NDArray[np.int64] = np.searchsorted(line, rng.random(len(group)) + group, side="right") - group * codes
    # A uniform number just below one may round to the start of the next group's interval.
    return found.clip(0, codes - 1)


def draw_days(
    rows: int,
    effects: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    shift: Mapping[str, float] | None = None,
    start: datetime = START,
    numeric: int = 25,
    categories: Sequence[int] = CATEGORIES,
    missing: float = 0.02,
) -> pa.Table:
    """Draw a table whose columns move with given day effects.

    Parameters
    ----------
    rows
        Rows in all, spread evenly over the days.
    effects : ndarray of shape (days, 2 * numeric + len(categories))
        For each day the shift of each numeric column in standard deviations of its latent normal variable, then the
        shift of the log odds that each of them is missing, then for each string column the size of a fixed random tilt
        of its log weights.
    rng
        Source of randomness.
    shift
        A constant shift by column, in the same standard deviations; numeric columns only.
    start
        Midnight of the first day, with a time zone.
    numeric
        Number of float columns; normal, lognormal and Student t(3) take turns.
    categories
        Number of values of each string column; their weights follow Zipf's law.
    missing
        Share of NaN in float columns on a day without effect, in [0, 1).

    Returns
    -------
    Table
        `time` (UTC, increasing), `normal_0`, `lognormal_1`, `student_2`, `normal_3`, ..., and dictionary-encoded
        strings `category_<values>`.

    Raises
    ------
    SettingError
        If the effects have another number of columns, or `shift` names a column that is not numeric.

    Examples
    --------
    >>> draw_days(6, np.zeros((2, 3)), np.random.default_rng(0), numeric=1, categories=[5]).column_names
    ['time', 'normal_0', 'category_5']
    """
    names = [f"{DISTRIBUTIONS[i % 3]}_{i}" for i in range(numeric)]
    shift = dict(shift or {})
    if unknown := sorted(shift.keys() - names):
        raise SettingError(f"expected numeric columns of this table in `shift`, got {unknown}: name some of {names}")
    if effects.ndim != 2 or effects.shape[1] != 2 * numeric + len(categories):
        raise SettingError(
            f"expected effects of shape (days, {2 * numeric + len(categories)}), got {effects.shape}: "
            "give two columns for each numeric column and one for each string column"
        )
    days = len(effects)
    day = np.arange(rows) * days // max(rows, 1)
    level, missing_level, tilt = np.split(effects, [numeric, 2 * numeric], axis=1)
    odds = missing / (1 - missing) * np.exp(missing_level)
    missing_share = odds / (1 + odds)

    microseconds = (np.sort(day + rng.random(rows)) * 86_400_000_000).astype("timedelta64[us]")
    first = np.datetime64(start.astimezone(UTC).replace(tzinfo=None), "us")
    columns = {"time": pa.array(first + microseconds, pa.timestamp("us", "UTC"))}
    for i, name in enumerate(names):
        latent = rng.standard_normal(rows)
        latent += (level[:, i] + shift.get(name, 0.0))[day]
        values = _from_normal(latent, DISTRIBUTIONS[i % 3])
        values[rng.random(rows) < missing_share[:, i][day]] = np.nan
        columns[name] = pa.array(values)
    for i, size in enumerate(categories):
        labels, log_weights, direction = _vocabulary(size)
        codes = choose(np.exp(log_weights + tilt[:, i, None] * direction), day, rng)
        columns[f"category_{size}"] = pa.DictionaryArray.from_arrays(codes.astype(np.int32), labels)
    return pa.table(columns)


def null_table(
    rows: int,
    seed: int = 0,
    *,
    windows: int | None = None,
    window_sd: float = 0.0,
    phi: float = 0.0,
    weekly_sd: float = 0.0,
    shift: Mapping[str, float] | None = None,
    numeric: int = 25,
    categories: Sequence[int] = CATEGORIES,
    missing: float = 0.02,
) -> pa.Table:
    """Draw a table in which nothing changes but the natural variation from window to window, and what `shift` says.

    A reference and the window that follows it come from one call, cut where the window begins, so that the weekly
    pattern and the memory of the days run on.

    Parameters
    ----------
    rows
        Rows in all; a multiple of `windows` gives equal windows.
    seed
        Equal arguments give equal tables.
    windows
        Number of windows, of one day each; the table then has a `time` column. None: one window, no `time`.
    window_sd, phi, weekly_sd
        Natural variation between windows; see `Family`. Each column, and its missing share, moves by itself.
    shift, numeric, categories, missing
        As in `draw_days`.

    Returns
    -------
    Table
        The columns of `draw_days`.

    Raises
    ------
    SettingError
        As `Family` and `draw_days`.

    Examples
    --------
    >>> table = null_table(6_000, windows=6, window_sd=0.1)
    >>> reference, current = table.slice(0, 5_000), table.slice(5_000)
    >>> reference.num_columns, current.num_rows, current["time"][0].as_py().date()
    (31, 1000, datetime.date(2025, 1, 6))
    """
    rng = np.random.default_rng(seed)
    family = Family(sd=window_sd, phi=phi, weekly_sd=weekly_sd)
    effects = day_effects(windows or 1, 2 * numeric + len(categories), family, rng)
    table = draw_days(rows, effects, rng, shift=shift, numeric=numeric, categories=categories, missing=missing)
    return table if windows else table.drop_columns("time")


def _from_normal(latent: NDArray[np.float64], distribution: str) -> NDArray[np.float64]:
    """Give standard normal values another distribution, in the same order."""
    if distribution == "normal":
        return latent
    if distribution == "lognormal":
        return np.exp(latent)
    # Interpolated: the exact quantile costs 0.5 s per million values.
    return np.interp(latent, *_student_quantiles())


@cache
def _student_quantiles() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard normal values and the Student t(3) values of the same probability."""
    from scipy.special import ndtr, stdtrit

    grid = np.linspace(-8, 8, 4_097)
    # Computed in the lower tail, where probabilities are exact, and mirrored.
    return grid, np.sign(grid) * np.abs(stdtrit(3, ndtr(-np.abs(grid))))


@cache
def _vocabulary(values: int) -> tuple[pa.Array, NDArray[np.float64], NDArray[np.float64]]:
    """Labels, log weights by Zipf's law, and the direction in which day effects tilt them, the same in every table."""
    direction = np.random.default_rng(values).standard_normal(values)
    return pa.array([f"v{i}" for i in range(values)]), -np.log(np.arange(1, values + 1)), direction
