"""Distributions of a column of any kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from holdfast.numerals import several
from holdfast.profile.calendar import TimeEdges, hours, weekdays
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnProfile, Counts
from holdfast.profile.numeric import NumberEdges
from holdfast.profile.text import TextEdges, word_bins
from holdfast.report.cells import cells_of
from holdfast.report.histograms import drawn, histogram
from holdfast.report.shapes import Bar, Bars, Picture
from holdfast.report.shares import NOTHING, share_of, shares_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

VALUES, NEW_VALUES = 15, 5
"""Most categories that are drawn: known ones, and new ones by name."""

SEEN_OFTEN = 10
"""A new value is named when it was seen at least so many times: rarer ones may point at a person."""

HOURS = tuple(f"{hour:02}" for hour in range(24))
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def pictures(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None = None) -> tuple[Picture, ...]:
    """The distributions of a column of any kind; none where there is no value to draw.

    Parameters
    ----------
    current, reference
        Over the same edges.
    sampled
        Finite values of sampled current rows, shape `(n,)`, for a number; see `histogram`.
    """
    if not current.cells.any() and not reference.cells.any():
        return ()
    match reference.edges:
        case NumberEdges():
            return (histogram(current, reference, sampled),)
        case CategoryEdges():
            return (bars(current, reference),)
        case TimeEdges():
            return week(current, reference)
        case TextEdges():
            return text(current, reference)
        case _:
            return ()


def bars(current: ColumnProfile, reference: ColumnProfile) -> Bars:
    """Distribution over categories: the 15 commonest of either side, and new values; the other ones stand apart.

    Examples
    --------
    >>> import pyarrow as pa
    >>> edges = CategoryEdges(("a", "b"))
    >>> before, now = edges.count(pa.array(["a", "a", "b", "b"])), edges.count(pa.array(["a"] * 10 + ["c"] * 10))
    >>> [(bar.label, bar.reference, bar.current, bar.new) for bar in bars(now, before).bars]
    [('a', 0.5, 0.5, False), ('b', 0.5, 0.0, False), ('c', 0.0, 0.5, True)]
    """
    edges = reference.edges
    assert isinstance(edges, CategoryEdges)
    before, now = (shares_of(profile.cells) for profile in (reference, current))
    known = np.arange(1, len(before))
    by_size = known[np.argsort(-np.maximum(before, now)[1:], kind="stable")]
    if edges.values != ("false", "true"):
        by_size = by_size[np.maximum(before, now)[by_size] > 0]
    most = len(by_size) if len(by_size) == VALUES + 1 else VALUES
    shown = np.sort(by_size[:most])
    rows = [Bar(edges.values[i - 1] or "(empty)", float(before[i]), float(now[i])) for i in shown]
    apart = []
    if len(hidden := by_size[most:]):
        apart.append(Bar(several(len(hidden), "other value"), float(before[hidden].sum()), float(now[hidden].sum())))
    if edges.complete:
        often = list(current.fresh.often(SEEN_OFTEN).items())[:NEW_VALUES]
        rows += [Bar(value or "(empty)", 0.0, share_of(n, current), new=True) for value, n in often]
        left = float(now[0]) - sum(bar.current for bar in rows if bar.new)
        if left > NOTHING:
            rows.append(Bar("other new values" if often else "new values", 0.0, left, new=True))
    else:
        apart.append(Bar("rarer or new values", float(before[0]), float(now[0])))
    return Bars("Value", _told_apart(rows), apart=tuple(apart))


def _told_apart(rows: Sequence[Bar]) -> tuple[Bar, ...]:
    """With a space after a label that another row has already: a value may be called "other values"."""
    taken: set[str] = set()
    told: list[Bar] = []
    for bar in rows:
        label = bar.label
        while label in taken:
            label += " "
        taken.add(label)
        told.append(replace(bar, label=label))
    return tuple(told)


def week(current: ColumnProfile, reference: ColumnProfile) -> tuple[Bars, ...]:
    """Distributions of a time over the hours of the day (but not of mere dates) and over the weekdays, UTC."""
    by_hour = _in_order("Hour of the day (UTC)", HOURS, hours(current), hours(reference))
    by_day = _in_order("Weekday (UTC)", WEEKDAYS, weekdays(current), weekdays(reference))
    dates = not hours(current)[1:].any() and not hours(reference)[1:].any()
    return (by_day,) if dates else (by_hour, by_day)


def _in_order(title: str, labels: tuple[str, ...], current: Counts, reference: Counts) -> Bars:
    sides = (shares_of(reference).tolist(), shares_of(current).tolist())
    return Bars(title, tuple(map(Bar, labels, *sides)), ordered=True)


def text(current: ColumnProfile, reference: ColumnProfile) -> tuple[Picture, Picture]:
    """Distributions of the length of texts, in characters and in words."""
    edges = reference.edges
    assert isinstance(edges, TextEdges)
    counts = edges.lengths.cuts, lengths(reference), lengths(current)
    low, high = np.fmin(current.low, reference.low), np.fmax(current.high, reference.high)
    characters = cells_of(counts[0], shares_of(counts[1]), shares_of(counts[2]), float(low), float(high))
    words = cells_of(edges.words.cuts, shares_of(word_bins(reference)), shares_of(word_bins(current)), 0.0, np.inf)
    return drawn("Characters", characters), drawn("Words", words)


def lengths(profile: ColumnProfile) -> Counts:
    """Rows per bin of the length of texts."""
    assert isinstance(profile.edges, TextEdges)
    return profile.counts[2 : 3 + len(profile.edges.lengths.cuts)]
