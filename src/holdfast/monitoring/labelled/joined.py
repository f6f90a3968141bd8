"""Strata of a window, neighbours joined until each may expect labels enough, and what has none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.profile.strata import COLUMNS, SEEN, STOOD_FOR, UNSEEN
from holdfast.profile.window import AnswerEdges, Counted, ranked
from holdfast.stats.contingency import merged_cells

Array = NDArray[np.float64]

JOINED = 10.0
"""Labels to be expected in a stratum: neighbours are joined until there are about so many."""

NO_CHANCE = 7.0
"""Where so many labels were to be expected and none is there, that is no chance: it would come once in 1,000 times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows in one state with one answer: their strata that have labels, and the rows of those that have none.

    Attributes
    ----------
    rows, sums
        Of the strata with labels, (k,) and (k, `COLUMNS`).
    unlabelled
        Rows of strata in which `NO_CHANCE` labels were to be expected, and none is.
    total
        All rows.
    why
        Of what nothing is known.
    """

    state: int
    answer: int
    rows: Array
    sums: Array
    unlabelled: float
    total: float
    why: str


def joined_strata(edges: AnswerEdges, counted: Counted) -> list[Group]:
    """Strata with rows, neighbours joined until each may expect labels enough."""
    layout = edges.layout
    if counted.strata.size != layout.size:
        return []  # counted before there were strata
    known = counted.known_strata if counted.known_strata.size else np.zeros(layout.size * COLUMNS)
    sums = known.reshape(layout.size, COLUMNS)
    # Labels of rows that were not read (before the first run went back so far) are rows, too.
    seen = slice(layout.answers * layout.cells)
    rows = counted.strata.copy()
    rows[seen] = np.maximum(rows[seen], sums[seen, 0])
    rate = float(sums[seen, 0].sum() / max(rows[seen].sum(), 1))
    found = []
    for state, answer, place in layout.groups():
        if rows[place].sum():
            name = edges.names[answer] if layout.answers > 1 else ""
            found.append(_group(state, answer, rows[place].astype(float), sums[place], rate, name, edges.cuts))
    return found


def _group(state: int, answer: int, rows: Array, sums: Array, rate: float, name: str, cuts: Sequence[float]) -> Group:
    """`rate`: share of labelled rows among all whose truth can come."""
    total = float(rows.sum())
    of = f"the {total:,.0f} rows{f' answered {name}' if name else ''}"
    if state == UNSEEN:
        why = f"the truth of {of} cannot come to be known"
        return Group(state=state, answer=answer, rows=rows[:0], sums=sums[:0], unlabelled=total, total=total, why=why)
    if state == STOOD_FOR:
        why = f"none of those is labelled that stand for {of}, whose truth cannot come to be known"
    else:
        why = f"none of {of} is labelled"
    if not sums[:, 0].sum():
        missing = total if state == STOOD_FOR or total * rate >= NO_CHANCE else 0.0
        return Group(state=state, answer=answer, rows=rows[:0], sums=sums[:0], unlabelled=missing, total=total, why=why)
    cells = merged_cells(sums[:, 0], rows, ordered=True, least=JOINED)
    size = cells.max() + 1
    all_rows = np.bincount(cells, rows, minlength=size).astype(np.float64)
    all_sums = np.stack([np.bincount(cells, column, minlength=size) for column in sums.T], axis=1).astype(float)
    labelled = all_sums[:, 0] > 0
    expected = all_rows * (all_sums[:, 0].sum() / total)
    gaps = ~labelled & (expected >= NO_CHANCE)
    if gaps.any():
        why = f"none of {_between(cells, np.flatnonzero(gaps), all_rows, cuts, name)} is labelled"
    nearest = np.abs(np.arange(size)[:, None] - np.flatnonzero(labelled)[None]).argmin(axis=1)
    return Group(
        state=state,
        answer=answer,
        rows=np.bincount(nearest, all_rows, minlength=np.count_nonzero(labelled)).astype(np.float64),
        sums=all_sums[labelled],
        unlabelled=float(all_rows[gaps].sum()),
        total=total,
        why=why,
    )


def _between(cells: NDArray[np.intp], gaps: NDArray[np.intp], rows: Array, cuts: Sequence[float], name: str) -> str:
    """Rows by their scores: those of the largest stratum without labels."""
    worst = gaps[rows[gaps].argmax()]
    places = np.flatnonzero(cells == worst)
    low, high = int(places[0]), int(places[-1]) + 1
    told = [f"from {cuts[low - 1]:.3g}"] if low else []
    told += [f"up to {cuts[high - 1]:.3g}"] if high <= len(cuts) else []
    answered = f" answered {name}" if name else ""
    return f"the {rows[worst]:,.0f} rows{answered} with scores {' '.join(told)}".rstrip()


def row_weights(edges: AnswerEdges, counted: Counted, score: Array, decision: NDArray[np.int64] | None) -> Array:
    """How many rows each labelled row stands for whose truth can come, (n,); 1 where that was not counted.

    Parameters
    ----------
    counted
        Of the windows that the rows are from.
    score, decision
        Of the labelled rows, (n,) or (n, K), and (n,).
    """
    layout = edges.layout
    if counted.strata.size != layout.size or counted.known_strata.size != layout.size * COLUMNS:
        return np.ones(len(score))
    labelled = counted.known_strata.reshape(layout.size, COLUMNS)[:, 0]
    factor = np.ones(layout.size)
    for state, _, place in layout.groups():
        rows, some = counted.strata[place].astype(float), labelled[place]
        if state == SEEN and some.sum():
            cells = merged_cells(some, np.maximum(rows, some), ordered=True, least=JOINED)
            known = np.bincount(cells, some)
            factor[place] = (np.bincount(cells, np.maximum(rows, some)) / np.maximum(known, 1))[cells]
    found = layout.strata(np.searchsorted(edges.cuts, ranked(score), side="right"), decision, None, None)
    return np.where(found >= 0, factor[found], 1.0)
