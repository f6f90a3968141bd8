"""Realised figures where not every truth is known: rows that are labelled stand for those like them that are not.

Rows are alike that have about the same score and the same answer. So figures are right also where the chance of a label
depends on these. They are always computed so; where everything is labelled that is the plain figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holdfast.monitoring.figures import Figure, Z, figures
from holdfast.monitoring.reference import Reference
from holdfast.profile.strata import COLUMNS, EXPLORED, SEEN, STOOD_FOR, UNSEEN
from holdfast.profile.window import AnswerEdges, Counted
from holdfast.stats.contingency import merged_cells
from holdfast.stats.intervals import wilson_by_variance
from holdfast.stats.post_stratified import Sampled, Sums, means, stratified_mean, stratified_ratio

Array = NDArray[np.float64]

REAL_SHARE = 0.01
"""Share of the rows of a figure of which nothing may be known before the figure is unknown."""

JOINED = 10.0
"""Labels to be expected in a stratum: neighbours are joined until there are about so many."""

NO_CHANCE = 7.0
"""Where so many labels were to be expected and none is there, that is no chance: it would come once in 1,000 times."""

LOSS, RESIDUAL = (3, 4, 5), (6, 7, 8)
RIGHT = (9, 10, 10)
"""Columns of a stratum's sums: of x, and of x weighted; the square of 0 and 1 is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Figures of a window or segment, as far as the truth is known.

    Attributes
    ----------
    figures
        By their keys: value, and the ends of the 95% interval.
    unknown
        Those that cannot be had, and why.
    spoken
        Rows that the figures speak of.
    effective
        So many labelled rows, each weighing the same, would tell as much.
    """

    figures: dict[str, Figure] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    spoken: int = 0
    effective: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
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


def measured(reference: Reference, counted: Counted) -> Measured:
    """Figures by their keys, as `figures.figures` has them, of all rows whose truth can be known or is stood for."""
    edges = reference.answers
    groups = _groups(edges, counted)
    total = sum(group.total for group in groups)
    if not groups or (counted.labelled >= total and all(group.state == SEEN for group in groups)):
        found = figures(reference, counted)
        return Measured(figures=found, spoken=counted.labelled, effective=float(counted.labelled))
    spoken = [group for group in groups if group.state != UNSEEN]
    sampled = _sampled(spoken)
    if counted.labelled < 2 or sampled is None:
        return Measured(spoken=round(sum(group.total for group in spoken)))
    known, unknown = {}, {}
    keys = {"loss": LOSS}
    if counted.residuals[0] > 1:
        keys["bias"] = RESIDUAL
    if edges.answers:
        keys["accuracy"] = RIGHT
    gap = _gap(spoken)
    for key, columns in keys.items():
        if gap:
            unknown[key] = gap
        elif (figure := _mean(spoken, columns, is_share=key == "accuracy")) is not None:
            known[key] = figure
    if edges.task == "binary":
        for key, (figure, why) in _of_two_classes(groups).items():
            if why:
                unknown[key] = why
            elif figure is not None:
                known[key] = figure
    return Measured(
        figures=known,
        unknown=unknown,
        spoken=round(sum(group.total for group in spoken)),
        effective=_effective(spoken),
    )


def _of_two_classes(groups: Sequence[_Group]) -> dict[str, tuple[Figure | None, str]]:
    """Precision and recall, or why they are unknown; neither where there is nothing to speak of."""
    yes, no = ([group for group in groups if group.answer == answer] for answer in (1, 0))
    if not yes:
        return {"recall": (None, _gap(no))} if _gap(no) else {}
    why = _gap(yes, whole=True)
    precision = None if why else _mean(yes, RIGHT, is_share=True)
    why_not = why or _gap(no, whole=True)
    return {"precision": (precision, why), "recall": (None if why_not else _recall(yes, no), why_not)}


def _recall(yes: Sequence[_Group], no: Sequence[_Group]) -> Figure | None:
    part, rest = _sampled(yes), _sampled(no)
    if part is None or rest is None:
        return None
    hits, right = _sums(yes, RIGHT), _sums(no, RIGHT)
    # Of rows with a no, being wrong is what counts: one less being right.
    misses = Sums(
        first=rest.weight - right.first,
        mixed=rest.square - right.mixed,
        second=rest.square - right.second,
    )
    value, variance, positives = stratified_ratio((part, hits), (rest, misses))
    if not (np.isfinite(value) and np.isfinite(variance)):
        return None
    both = part.rows.sum() + rest.rows.sum()
    effective = both**2 / (part.rows.sum() ** 2 / part.effective + rest.rows.sum() ** 2 / rest.effective)
    return _share(value, variance, positives * effective / both)


def _mean(groups: Sequence[_Group], columns: tuple[int, int, int], *, is_share: bool) -> Figure | None:
    sampled = _sampled(groups)
    if sampled is None:
        return None
    value, variance = stratified_mean(sampled, _sums(groups, columns))
    # Explored rows count as themselves and as those that they stand for: at worst both are off in the same direction.
    twice = _deviation(groups, EXPLORED, columns) * _deviation(groups, STOOD_FOR, columns)
    variance += 2 * twice / float(sampled.rows.sum()) ** 2
    if not np.isfinite(variance):
        return None
    if is_share:
        return _share(value, variance, sampled.effective)
    error = Z * float(np.sqrt(variance))
    return value, value - error, value + error


def _effective(groups: Sequence[_Group]) -> float:
    """Rows that would tell as much, each weighing the same; explored rows weigh as themselves and as others."""
    rows, squares = 0.0, dict.fromkeys((SEEN, STOOD_FOR, EXPLORED), 0.0)
    for group in groups:
        if (sampled := _sampled([group])) is not None:
            rows += float(sampled.rows.sum())
            squares[group.state] += float(sampled.rows.sum()) ** 2 / sampled.effective
    both = np.sqrt(squares[STOOD_FOR]) + np.sqrt(squares[EXPLORED])
    return rows**2 / float(squares[SEEN] + both**2)


def _deviation(groups: Sequence[_Group], state: int, columns: tuple[int, int, int]) -> float:
    """Standard deviation of the total over the groups in one state, as far as that is known."""
    some = [group for group in groups if group.state == state]
    sampled = _sampled(some)
    if sampled is None:
        return 0.0
    _, variance = means(sampled, _sums(some, columns))
    return float(np.sqrt(np.nan_to_num(sampled.rows**2 @ variance)))


def _share(value: float, variance: float, rows: float) -> Figure:
    low, high = wilson_by_variance(value, variance, rows)
    return value, float(low), float(high)


def _gap(groups: Iterable[_Group], *, whole: bool = False) -> str:
    """Why nothing can be said of rows: of a real share of them nothing is known; empty where all is well.

    `whole`: also where none of them is labelled at all, however few labels were to be expected.
    """
    groups = list(groups)
    total = sum(group.total for group in groups)
    missing = sum(group.unlabelled for group in groups)
    if whole and total and not any(len(group.rows) for group in groups):
        missing = total
    if not total or missing <= REAL_SHARE * total:
        return ""
    worst = max(groups, key=lambda group: group.unlabelled or (group.total if not len(group.rows) else 0.0))
    return worst.why


def _sampled(groups: Sequence[_Group]) -> Sampled | None:
    """The strata of groups that have labels; None where there are none."""
    rows = np.concatenate([group.rows for group in groups]) if groups else np.empty(0)
    if not len(rows):
        return None
    sums = np.concatenate([group.sums for group in groups])
    return Sampled(rows=rows, labelled=sums[:, 0], weight=sums[:, 1], square=sums[:, 2])


def _sums(groups: Sequence[_Group], columns: tuple[int, int, int]) -> Sums:
    sums = np.concatenate([group.sums for group in groups])
    return Sums(first=sums[:, columns[0]], mixed=sums[:, columns[1]], second=sums[:, columns[2]])


def _groups(edges: AnswerEdges, counted: Counted) -> list[_Group]:
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


def _group(state: int, answer: int, rows: Array, sums: Array, rate: float, name: str, cuts: Sequence[float]) -> _Group:
    """`rate`: share of labelled rows among all whose truth can come."""
    total = float(rows.sum())
    of = f"the {total:,.0f} rows{f' answered {name}' if name else ''}"
    if state == UNSEEN:
        why = f"the truth of {of} cannot come to be known"
        return _Group(state=state, answer=answer, rows=rows[:0], sums=sums[:0], unlabelled=total, total=total, why=why)
    if state == STOOD_FOR:
        why = f"none of those is labelled that stand for {of}, whose truth cannot come to be known"
    else:
        why = f"none of {of} is labelled"
    if not sums[:, 0].sum():
        missing = total if state == STOOD_FOR or total * rate >= NO_CHANCE else 0.0
        return _Group(
            state=state, answer=answer, rows=rows[:0], sums=sums[:0], unlabelled=missing, total=total, why=why
        )
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
    return _Group(
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
