"""Figures of groups of rows: segments that people name, protected groups and their crossings, each with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.codes import Codes
from holdfast.evaluation.paired import mean_of
from holdfast.evaluation.worth import worth
from holdfast.evidence import Estimate, Group
from holdfast.objective import Judged, Objective
from holdfast.stats.intervals import wilson

Rows: TypeAlias = NDArray[np.intp]
Figures: TypeAlias = Callable[[Rows], dict[str, Estimate]]

MOST_VALUES = 30
"""Values of a column that are told apart; the rest are rare, and no reader looks at more."""


def groups(
    columns: Mapping[str, Codes],
    figures: Figures,
    *,
    minimum_rows: int,
    positive: NDArray[np.bool_] | None = None,
    crossings: bool = False,
) -> tuple[Group, ...]:
    """Figures of the rows of each value of some columns, and of pairs of columns.

    Parameters
    ----------
    columns
        Columns as codes, by name; rows with a missing value (code -1) are a group of their own, named `(missing)`.
    figures
        Given the places of a group's rows, its figures by key.
    minimum_rows
        A group of fewer rows is named, with its size alone: its figures would be luck.
    positive
        (n,) rows of the positive class, where there is one.
    crossings
        Pairs of columns, too.

    Examples
    --------
    >>> sex = Codes(codes=np.array([0, 0, 1, -1]), values=("female", "male"))
    >>> found = groups({"sex": sex}, lambda rows: {"n": Estimate(value=float(len(rows)))}, minimum_rows=2)
    >>> [(group.name, group.rows, group.enough) for group in found]
    [('sex = female', 2, True), ('sex = male', 1, False), ('sex = (missing)', 1, False)]
    """
    sizes = range(1, 3 if crossings else 2)
    found = []
    for names in (chosen for size in sizes for chosen in combinations(columns, size)):
        for values, rows in _cells([columns[name] for name in names]):
            enough = len(rows) >= minimum_rows
            found.append(
                Group(
                    columns=names,
                    values=values,
                    rows=len(rows),
                    positives=None if positive is None else int(np.count_nonzero(positive[rows])),
                    figures=figures(rows) if enough else {},
                    enough=enough,
                )
            )
    return tuple(found)


def rows_where(columns: Mapping[str, Codes], wanted: Mapping[str, str]) -> Rows:
    """Places of the rows that have certain values, such as `{"country": "DE"}`; none for a value that no row has."""
    kept: NDArray[np.bool_] | None = None
    for name, value in wanted.items():
        column = columns[name]
        code = column.values.index(value) if value in column.values else -2
        hit = column.codes == code
        kept = hit if kept is None else kept & hit
    return np.flatnonzero(kept) if kept is not None else np.empty(0, np.intp)


def _cells(columns: Sequence[Codes]) -> Iterator[tuple[tuple[str, ...], Rows]]:
    """Each combination of values that occurs, and its rows; the most frequent ones, in the order of their values."""
    key = np.zeros(len(columns[0].codes), np.int64)
    for column in columns:
        key = key * (len(column.values) + 1) + np.where(column.codes < 0, len(column.values), column.codes)
    order = np.argsort(key, kind="stable")
    cells, starts = np.unique(key[order], return_index=True)
    pieces = dict(zip(cells.tolist(), np.split(order, starts[1:]), strict=True))
    largest = sorted(pieces, key=lambda cell: (-len(pieces[cell]), cell))[:MOST_VALUES]
    for cell in sorted(largest):
        values, rest = [], cell
        for column in reversed(columns):
            rest, code = divmod(rest, len(column.values) + 1)
            values.append(column.values[code] if code < len(column.values) else "(missing)")
        yield tuple(reversed(values)), pieces[cell]


def figures_of(objective: Objective, judged: Judged) -> Figures:
    """What is told of every group: the objective, and shares or errors that people ask for.

    `objective` is the value in the group by itself. Two classes: `selection_rate`, `base_rate`, `recall`,
    `false_positive_rate` and `precision`, with Wilson intervals; several classes: `accuracy`; numbers: `mae` and `bias`.
    With weights, Wilson's rows are the effective ones, (sum w)² / sum w² (Kish, *Survey Sampling*, 1965).
    """

    def figures(rows: Rows) -> dict[str, Estimate]:
        part = judged.take(rows)
        found = {"objective": worth(objective, part)}
        if part.answer is None:
            return found
        if part.truth.dtype == bool:
            truth, answer = part.truth, np.asarray(part.answer, dtype=bool)
            everyone = np.ones(len(truth), bool)
            found |= {
                "selection_rate": share(answer, everyone, part.weight),
                "base_rate": share(truth, everyone, part.weight),
                "recall": share(answer, truth, part.weight),
                "false_positive_rate": share(answer, ~truth, part.weight),
                "precision": share(truth, answer, part.weight),
            }
        elif part.score.ndim == 2:
            found["accuracy"] = share(part.truth == part.answer, np.ones(len(part.truth), bool), part.weight)
        else:
            error = np.asarray(part.answer, dtype=np.float64) - part.truth
            found["mae"] = mean_of(np.abs(error), part.weight)
            found["bias"] = mean_of(error, part.weight)
        return found

    return figures


def share(hit: NDArray[np.bool_], among: NDArray[np.bool_], weight: NDArray[np.float64] | None = None) -> Estimate:
    """Share of the rows `among` that `hit`, with Wilson's 95% interval; unknown where there is no such row.

    >>> found = share(np.array([True, False, True]), np.array([True, True, False]))
    >>> found.value, found.rows
    (0.5, 2)
    """
    w = among.astype(np.float64) if weight is None else np.where(among, weight, 0.0)
    total = w.sum()
    if not total > 0:
        return Estimate(value=None, unit="share", rows=int(np.count_nonzero(among)))
    value = float(w[hit].sum() / total)
    effective = float(total**2 / np.sum(w**2))
    low, high = (float(end) for end in wilson(value * effective, effective))
    return Estimate(value=value, low=low, high=high, unit="share", rows=int(np.count_nonzero(among)))
