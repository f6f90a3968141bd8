"""Changes to plant in any table, each with the rows that it touched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Planted(NamedTuple):
    """A table with one change, and the positions of the rows that were touched (int64, increasing)."""

    table: pa.Table
    rows: NDArray[np.int64]


def nulls(
    table: pa.Table,
    column: str,
    share: float,
    since: str | datetime | None = None,
    *,
    time: str = "time",
    seed: int = 0,
) -> Planted:
    """Make a column null in a share of the rows that have a value.

    Parameters
    ----------
    table, column
        What to change; the table given is left alone.
    share
        Share of the rows since `since` with a value, from 0 to 1; exact up to rounding, drawn at random.
    since
        First moment of the change (ISO 8601 or datetime; without a zone UTC is meant); None: all rows.
    time
        Name of the timestamp column that `since` refers to.
    seed
        Decides the rows.

    Returns
    -------
    Planted
        The new table and the rows that were touched.

    Examples
    --------
    >>> nulls(pa.table({"x": [1, 2, 3, 4]}), "x", 0.5).table["x"].null_count
    2
    """
    rows = _draw_rows(table, column, share, since, time, seed)
    return _replace(table, column, rows, pa.nulls(len(rows)))


def unit_change(
    table: pa.Table,
    column: str,
    factor: float,
    since: str | datetime | None = None,
    *,
    share: float = 1.0,
    time: str = "time",
    seed: int = 0,
) -> Planted:
    """Multiply a number by a factor, such as 100 for cents that used to be euros, in a share of the rows.

    Parameters and result as in `nulls`; integers are rounded.

    Examples
    --------
    >>> unit_change(pa.table({"x": [1.5, None]}), "x", 100).table["x"].to_pylist()
    [150.0, None]
    """
    rows = _draw_rows(table, column, share, since, time, seed)
    return _replace_numbers(table, column, rows, _numbers(table, column)[rows] * factor)


def shift(
    table: pa.Table, column: str, sd: float, since: str | datetime | None = None, *, time: str = "time"
) -> Planted:
    """Add to a number `sd` of its standard deviations (of the finite values in the whole table as it came).

    Other parameters and result as in `nulls`; integers are rounded.

    Examples
    --------
    >>> shift(pa.table({"x": [0.0, 2.0]}), "x", 0.5).table["x"].to_pylist()
    [0.5, 2.5]
    """
    values = _numbers(table, column)
    rows = _eligible_rows(table, [column], since, time)
    return _replace_numbers(table, column, rows, values[rows] + sd * values[np.isfinite(values)].std())


def new_category(
    table: pa.Table,
    column: str,
    value: str,
    share: float,
    since: str | datetime | None = None,
    *,
    time: str = "time",
    seed: int = 0,
) -> Planted:
    """Write a value into a share of the rows that have one.

    Other parameters and result as in `nulls`.

    Examples
    --------
    >>> new_category(pa.table({"x": ["a", "b"]}), "x", "c", 1.0).table["x"].to_pylist()
    ['c', 'c']
    """
    rows = _draw_rows(table, column, share, since, time, seed)
    return _replace(table, column, rows, pa.array([value] * len(rows), pa.string()))


def duplicate_rows(
    table: pa.Table, share: float, since: str | datetime | None = None, *, time: str = "time", seed: int = 0
) -> Planted:
    """Repeat a share of the rows, each right after itself; the rows reported are the copies.

    Parameters and result as in `nulls`.

    Examples
    --------
    >>> duplicate_rows(pa.table({"x": [1, 2]}), 1.0)
    Planted(table=...[1,1,2,2]..., rows=array([1, 3]))
    """
    rows = _draw_rows(table, None, share, since, time, seed)
    times = np.ones(table.num_rows, np.int64)
    times[rows] = 2
    return Planted(table.take(pa.array(np.repeat(np.arange(table.num_rows), times))), rows + 1 + np.arange(len(rows)))


def change_dependence(
    table: pa.Table,
    a: str,
    b: str,
    correlation: float = 0.0,
    since: str | datetime | None = None,
    *,
    time: str = "time",
    seed: int = 0,
) -> Planted:
    """Reorder the values of column `a` so that its normal scores have a given correlation with those of `b`.

    Both columns keep exactly their values; only which stands beside which changes (a Gaussian copula: Nelsen, *An
    Introduction to Copulas*, 2006, sec. 2.3). With 0, `a` becomes independent of `b`, and of every other column.

    Parameters
    ----------
    table, since, time, seed
        As in `nulls`.
    a, b
        Columns that can be ordered. Rows where either is null or NaN stay as they are.
    correlation
        From -1 to 1, before ties.

    Returns
    -------
    Planted
        The new table and the rows that were reordered.

    Examples
    --------
    >>> change_dependence(pa.table({"a": [3, 1, 2], "b": [10, 20, 30]}), "a", "b", 1.0).table["a"].to_pylist()
    [1, 2, 3]
    """
    from scipy.special import ndtri

    if not -1 <= correlation <= 1:
        raise SettingError(f"expected a correlation from -1 to 1, got {correlation}: mend `correlation`")
    rng = np.random.default_rng(seed)
    rows = _eligible_rows(table, [a, b], since, time)
    score = np.empty(len(rows))
    score[_random_order(_plain(table, b).take(pa.array(rows)), rng)] = ndtri((np.arange(len(rows)) + 0.5) / len(rows))
    target = correlation * score + (1 - correlation**2) ** 0.5 * rng.standard_normal(len(rows))
    values = _plain(table, a).take(pa.array(rows))
    source = np.empty(len(rows), np.int64)
    source[np.argsort(target)] = _random_order(values, rng)
    return _replace(table, a, rows, values.take(pa.array(source)))


def since_mask(table: pa.Table, since: str | datetime, time: str) -> NDArray[np.bool_]:
    """Which rows are of a moment or later; a moment without a zone is in UTC."""
    moment = datetime.fromisoformat(since) if isinstance(since, str) else since
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    start = pa.scalar(moment, table[time].type)
    is_since: NDArray[np.bool_] = pc.greater_equal(table[time], start).fill_null(False).to_numpy()
    return is_since


def _plain(table: pa.Table, column: str) -> pa.Array:
    """Values of a column in one piece, without dictionary."""
    values = table[column]
    return (values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values).combine_chunks()


def _numbers(table: pa.Table, column: str) -> NDArray[np.float64]:
    """Values of a column as floats, NaN where it is null."""
    numbers: NDArray[np.float64] = table[column].cast(pa.float64()).to_numpy()
    return numbers


def _draw_rows(
    table: pa.Table, column: str | None, share: float, since: str | datetime | None, time: str, seed: int
) -> NDArray[np.int64]:
    """Positions of a share of the rows since a moment that have a value in the column."""
    if not 0 <= share <= 1:
        raise SettingError(f"expected a share from 0 to 1, got {share}: mend `share`")
    rows = _eligible_rows(table, [] if column is None else [column], since, time)
    return np.sort(np.random.default_rng(seed).choice(rows, round(share * len(rows)), replace=False))


def _eligible_rows(
    table: pa.Table, columns: Sequence[str], since: str | datetime | None, time: str
) -> NDArray[np.int64]:
    """Positions of the rows since a moment that have a value, neither null nor NaN, in every one of the columns."""
    eligible = np.ones(table.num_rows, bool) if since is None else since_mask(table, since, time)
    for column in columns:
        eligible &= ~pc.is_null(table[column], nan_is_null=True).to_numpy()
    return np.flatnonzero(eligible)


def _random_order(values: pa.Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions that sort the values, ties at random."""
    return np.lexsort((rng.random(len(values)), pc.rank(values, tiebreaker="dense").to_numpy()))


def _replace(table: pa.Table, column: str, rows: NDArray[np.int64], values: pa.Array) -> Planted:
    """Write values into rows of a column, which keeps its type."""
    field = table.field(column)
    mask = np.zeros(table.num_rows, bool)
    mask[rows] = True
    plain = _plain(table, column)
    changed = pc.replace_with_mask(plain, pa.array(mask), values.cast(plain.type)).cast(field.type)
    return Planted(table.set_column(table.column_names.index(column), field, changed), rows)


def _replace_numbers(table: pa.Table, column: str, rows: NDArray[np.int64], values: NDArray[np.float64]) -> Planted:
    is_integer = pa.types.is_integer(table[column].type)
    return _replace(table, column, rows, pa.array(np.rint(values) if is_integer else values))
