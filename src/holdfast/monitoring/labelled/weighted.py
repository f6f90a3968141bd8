"""Realised figures where not every truth is known: rows that are labelled stand for those like them that are not.

Rows are alike that have about the same score and the same answer. So figures are right also where the chance of a label
depends on these. They are always computed so; where everything is labelled that is the plain figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.monitoring.labelled.figures import Figure, Z, betas, figures, with_balanced, with_loss
from holdfast.monitoring.labelled.joined import Group, joined_strata
from holdfast.monitoring.reference import Reference
from holdfast.profile.strata import EXPLORED, SEEN, STOOD_FOR, UNSEEN
from holdfast.profile.window import Counted
from holdfast.stats.intervals import wilson_by_variance
from holdfast.stats.post_stratified import (
    Sampled,
    Sums,
    means,
    stratified_balanced,
    stratified_f_beta,
    stratified_mean,
    stratified_ratio,
)

Array = NDArray[np.float64]
_Side: TypeAlias = tuple[Sampled, Sums]

REAL_SHARE = 0.01
"""Share of the rows of a figure of which nothing may be known before the figure is unknown."""

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


def measured(reference: Reference, counted: Counted) -> Measured:
    """Figures by their keys, as `figures.figures` has them, of all rows whose truth can be known or is stood for."""
    edges = reference.answers
    groups = joined_strata(edges, counted)
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
        for key, (figure, why) in _of_two_classes(groups, betas(reference)).items():
            if why:
                unknown[key] = why
            elif figure is not None:
                known[key] = figure
    return Measured(
        figures=with_loss(reference, known),
        unknown=unknown,
        spoken=round(sum(group.total for group in spoken)),
        effective=_effective(spoken),
    )


def _of_two_classes(groups: Sequence[Group], betas: Mapping[str, float]) -> dict[str, tuple[Figure | None, str]]:
    """Figures of the outcomes, or why they are unknown; not what there is nothing to speak of."""
    yes, no = ([group for group in groups if group.answer == answer] for answer in (1, 0))
    why = (_gap(yes, whole=True) if yes else "") or _gap(no, whole=True)
    found: dict[str, tuple[Figure | None, str]] = {}
    if yes:
        why_yes = _gap(yes, whole=True)
        found["precision"] = (None if why_yes else _mean(yes, RIGHT, is_share=True), why_yes)
    if why:
        return found | dict.fromkeys(("recall", "specificity", "balanced_accuracy", "prevalence", *betas), (None, why))
    found["prevalence"] = (_prevalence(yes, no), "")
    if not yes:  # whatever was positive was missed
        missed, passed = _of_one_answer(no, 0.0), _of_one_answer(no, 1.0)
        sides = {key: one for key, one in (("recall", missed), ("specificity", passed)) if one}
        figures = {**with_balanced(sides), **(dict.fromkeys(betas, missed) if missed else {})}
        return found | {key: (one, "") for key, one in figures.items()}
    found |= {"recall": (_of_truth(yes, no), ""), "specificity": (_of_truth(no, yes), "")}
    found["balanced_accuracy"] = (_of_both(yes, no, stratified_balanced), "")
    return found | {key: (_of_both(yes, no, partial(stratified_f_beta, beta=beta)), "") for key, beta in betas.items()}


def _of_one_answer(no: Sequence[Group], value: float) -> Figure | None:
    """A share of 0 of the positive rows, or 1 of the others, where all are answered no; None where there are no such rows."""
    sampled = _sampled(no)
    if sampled is None:
        return None
    right = stratified_mean(sampled, _sums(no, RIGHT))[0]
    rows = right if value else 1 - right
    return _share(value, 0.0, rows * sampled.effective) if rows > 0 else None


def _of_truth(one: Sequence[Group], other: Sequence[Group]) -> Figure | None:
    """How many rows of a truth have the right answer: recall of those that are answered yes, specificity of those with a no."""
    return _of_both(one, other, stratified_ratio)


def _of_both(
    one: Sequence[Group], other: Sequence[Group], figure: Callable[[_Side, _Side], tuple[float, float, float]]
) -> Figure | None:
    """A figure of rows with either answer, from being right with the one, and being wrong with the other."""
    part, rest = _sampled(one), _sampled(other)
    if part is None or rest is None:
        return None
    value, variance, rows = figure((part, _sums(one, RIGHT)), (rest, _wrong(rest, other)))
    if not (np.isfinite(value) and np.isfinite(variance)):
        return None
    both = part.rows.sum() + rest.rows.sum()
    effective = both**2 / (part.rows.sum() ** 2 / part.effective + rest.rows.sum() ** 2 / rest.effective)
    return _share(value, variance, rows * effective / both)


def _prevalence(yes: Sequence[Group], no: Sequence[Group]) -> Figure | None:
    """The share of positive rows: of those with a yes the right ones, and of those with a no the wrong ones."""
    sides = [_sums(yes, RIGHT)] if _sampled(yes) else []
    rest = _sampled(no)
    sides += [_wrong(rest, no)] if rest else []
    if not sides:
        return None
    first, mixed, second = (
        np.concatenate([getattr(one, name) for one in sides]) for name in ("first", "mixed", "second")
    )
    # Being wrong varies as much as being right.
    return _mean([*yes, *no], RIGHT, is_share=True, sums=Sums(first=first, mixed=mixed, second=second))


def _wrong(sampled: Sampled, groups: Sequence[Group]) -> Sums:
    """Of being wrong: one less being right."""
    right = _sums(groups, RIGHT)
    return Sums(
        first=sampled.weight - right.first,
        mixed=sampled.square - right.mixed,
        second=sampled.square - right.second,
    )


def _mean(
    groups: Sequence[Group], columns: tuple[int, int, int], *, is_share: bool, sums: Sums | None = None
) -> Figure | None:
    """The mean of some columns; `sums`: of something else that varies as much."""
    sampled = _sampled(groups)
    if sampled is None:
        return None
    value, variance = stratified_mean(sampled, sums or _sums(groups, columns))
    # Explored rows count as themselves and as those that they stand for: at worst both are off in the same direction.
    twice = _deviation(groups, EXPLORED, columns) * _deviation(groups, STOOD_FOR, columns)
    variance += 2 * twice / float(sampled.rows.sum()) ** 2
    if not np.isfinite(variance):
        return None
    if is_share:
        return _share(value, variance, sampled.effective)
    error = Z * float(np.sqrt(variance))
    return value, value - error, value + error


def _effective(groups: Sequence[Group]) -> float:
    """Rows that would tell as much, each weighing the same; explored rows weigh as themselves and as others."""
    rows, squares = 0.0, dict.fromkeys((SEEN, STOOD_FOR, EXPLORED), 0.0)
    for group in groups:
        if (sampled := _sampled([group])) is not None:
            rows += float(sampled.rows.sum())
            squares[group.state] += float(sampled.rows.sum()) ** 2 / sampled.effective
    both = np.sqrt(squares[STOOD_FOR]) + np.sqrt(squares[EXPLORED])
    return rows**2 / float(squares[SEEN] + both**2)


def _deviation(groups: Sequence[Group], state: int, columns: tuple[int, int, int]) -> float:
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


def _gap(groups: Iterable[Group], *, whole: bool = False) -> str:
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


def _sampled(groups: Sequence[Group]) -> Sampled | None:
    """The strata of groups that have labels; None where there are none."""
    rows = np.concatenate([group.rows for group in groups]) if groups else np.empty(0)
    if not len(rows):
        return None
    sums = np.concatenate([group.sums for group in groups])
    return Sampled(rows=rows, labelled=sums[:, 0], weight=sums[:, 1], square=sums[:, 2])


def _sums(groups: Sequence[Group], columns: tuple[int, int, int]) -> Sums:
    sums = np.concatenate([group.sums for group in groups])
    return Sums(first=sums[:, columns[0]], mixed=sums[:, columns[1]], second=sums[:, columns[2]])
