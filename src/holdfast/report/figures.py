"""The table of key figures of a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holdfast.profile.calendar import TimeEdges, weekdays
from holdfast.profile.categorical import OTHER, CategoryEdges
from holdfast.profile.column import ColumnProfile
from holdfast.profile.numeric import NumberEdges, infinite_rows, mean_and_deviation
from holdfast.profile.text import TextEdges, unseen_share
from holdfast.report.histograms import cells_between
from holdfast.report.pictures import lengths
from holdfast.report.shares import share_of
from holdfast.stats.ecdf import quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the table of key figures.

    Attributes
    ----------
    label
        Its name.
    unit
        `rows`, `share` (0 to 1), `value` (in the column's own unit), `time` (seconds since 1970, UTC), `days`, `name`.
    reference, current
        The figure on both sides; None where there is none.
    """

    label: str
    unit: str
    reference: float | str | None
    current: float | str | None


def key_figures(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None = None) -> tuple[Figure, ...]:
    """The table of key figures of a column of any kind: rows, missing values, and what its kind has.

    Parameters
    ----------
    current, reference, sampled
        As of `histogram`.
    """
    sides = (reference, current)
    figures = [
        Figure("Rows", "rows", reference.rows, current.rows),
        Figure("Missing", "share", *(_ratio(p.missing, p.rows) for p in sides)),
    ]
    if reference.invalid or current.invalid:
        name = "Thereof NaN" if isinstance(reference.edges, NumberEdges) else "Thereof unreadable"
        figures.append(Figure(name, "share", *(_ratio(p.invalid, p.rows) for p in sides)))
    match reference.edges:
        case NumberEdges():
            figures += _number_figures(current, reference, sampled)
        case CategoryEdges():
            figures += _category_figures(current, reference)
        case TimeEdges():
            figures += [
                Figure("First", "time", *(_known(p.low) for p in sides)),
                Figure("Last", "time", *(_known(p.high) for p in sides)),
                Figure("Span", "days", *(_known((p.high - p.low) / 86_400) for p in sides)),
                Figure(
                    "On weekends", "share", *(_ratio(int(weekdays(p)[5:].sum()), int(p.cells.sum())) for p in sides)
                ),
            ]
        case TextEdges():
            figures += _text_figures(current, reference)
        case _:
            pass
    return tuple(figures)


def _number_figures(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None) -> list[Figure]:
    sides = (reference, current)
    figures = []
    if infinite_rows(reference) or infinite_rows(current):
        figures.append(Figure("Infinite", "share", *(_ratio(infinite_rows(p), p.rows) for p in sides)))
    cells = cells_between(current, reference, sampled)
    levels = [
        cells.quantiles(shares, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist() for shares in (cells.reference, cells.current)
    ]
    names = ("5% quantile", "25% quantile", "Median", "75% quantile", "95% quantile")
    moments = [mean_and_deviation(p) for p in sides]
    return [
        *figures,
        Figure("Mean", "value", *(_known(mean) for mean, _ in moments)),
        Figure("Standard deviation", "value", *(_known(deviation) for _, deviation in moments)),
        Figure("Minimum", "value", *(_known(p.low) for p in sides)),
        *(Figure(name, "value", _known(a), _known(b)) for name, a, b in zip(names, *levels, strict=True)),
        Figure("Maximum", "value", *(_known(p.high) for p in sides)),
    ]


def _category_figures(current: ColumnProfile, reference: ColumnProfile) -> list[Figure]:
    sides = (reference, current)
    edges = reference.edges
    assert isinstance(edges, CategoryEdges)
    top = [int(p.cells[1:].argmax()) if p.cells[1:].any() else None for p in sides]
    figures = [
        Figure("Commonest value", "name", *(None if i is None else edges.values[i] or "(empty)" for i in top)),
        Figure(
            "Its share",
            "share",
            *(None if i is None else share_of(p.cells[1 + i], p) for i, p in zip(top, sides, strict=True)),
        ),
    ]
    if not edges.complete:
        return [*figures, Figure("Rarer or new values", "share", *(share_of(p.counts[OTHER], p) for p in sides))]
    distinct = (int(np.count_nonzero(p.cells[1:])) + len(p.fresh.counts) * 2**p.fresh.level for p in sides)
    return [
        Figure("Distinct values", "rows", *distinct),
        *figures,
        Figure("New values", "share", None, share_of(current.counts[OTHER], current)),
    ]


def _text_figures(current: ColumnProfile, reference: ColumnProfile) -> list[Figure]:
    edges = reference.edges
    assert isinstance(edges, TextEdges)
    sides = (reference, current)
    middle = np.array([0.5])
    return [
        Figure("Shortest (characters)", "value", *(_known(p.low) for p in sides)),
        Figure(
            "Median length (characters)",
            "value",
            *(_known(quantile(edges.lengths.cuts, lengths(p), (p.low, p.high), middle)) for p in sides),
        ),
        Figure("Longest (characters)", "value", *(_known(p.high) for p in sides)),
        Figure("Unseen words", "share", None, _known(unseen_share(current, reference))),
    ]


def _known(value: float | NDArray[np.float64]) -> float | None:
    return float(np.squeeze(value)) if np.isfinite(value).all() else None


def _ratio(part: int, rows: int) -> float | None:
    return part / rows if rows else None
