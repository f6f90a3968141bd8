"""How far protected groups lie apart, and what it would cost to bring them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.codes import Codes
from holdfast.evaluation.paired import mean_of
from holdfast.evidence import Disparity, Equalised, Estimate, Group
from holdfast.objective import Judged, Objective, contributions
from holdfast.stats.intervals import newcombe

MEASURES = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("recall",),
    "equalised_odds": ("recall", "false_positive_rate"),
}
"""Measure -> the rates that are alike in all groups where it holds.

Sources: Dwork and others, *Fairness through awareness* (2012); Hardt, Price and Srebro, *Equality of opportunity in
supervised learning* (2016).
"""


def disparities(groups: Sequence[Group]) -> tuple[Disparity, ...]:
    """Differences and ratios between the groups that lie farthest apart, by column and measure.

    The interval of a difference is Newcombe's, at a level that holds for all pairs of groups together (Bonferroni):
    the farthest pair was chosen because it is the farthest. A ratio has the interval of the logarithm of a risk ratio
    (Katz and others 1978), at the same level. `equalised_odds` is the larger of two differences (the smaller ratio).

    Parameters
    ----------
    groups
        Of one or several (pairs of) columns, as from `slices.groups`; those without enough rows are left out.
    """
    found = []
    for columns in dict.fromkeys(group.columns for group in groups):
        members = [group for group in groups if group.columns == columns and group.enough]
        for measure, rates in MEASURES.items():
            gaps = [gap for rate in rates if (gap := _gap(members, rate)) is not None]
            if not gaps or len(gaps) < len(rates):
                continue
            widest = max(gaps, key=lambda gap: gap[0].value or 0.0)
            least = min(gaps, key=lambda gap: 1.0 if gap[1].value is None else gap[1].value)
            for kind, (estimate, low, high) in (
                ("difference", (widest[0], *widest[2:])),
                ("ratio", (least[1], *least[2:])),
            ):
                found.append(
                    Disparity(columns=columns, measure=f"{measure}_{kind}", estimate=estimate, lowest=low, highest=high)
                )
    return tuple(found)


def _gap(groups: Sequence[Group], rate: str) -> tuple[Estimate, Estimate, str, str] | None:
    """Difference and ratio of a rate between the two groups farthest apart, and their names."""
    known = [group for group in groups if rate in group.figures and group.figures[rate].value is not None]
    if len(known) < 2:
        return None
    low, high = (f(known, key=lambda group: group.figures[rate].value or 0.0) for f in (min, max))
    if low is high:
        low, high = known[:2]
    a, b = high.figures[rate], low.figures[rate]
    assert a.value is not None
    assert b.value is not None
    difference = _difference(a.value * a.rows, a.rows, b.value * b.rows, b.rows, len(known))
    return difference, _ratio(b, a, difference.level), low.name, high.name


def _ratio(low: Estimate, high: Estimate, level: float) -> Estimate:
    from scipy.special import ndtri

    assert low.value is not None
    assert high.value is not None
    rows = low.rows + high.rows
    if not high.value > 0:
        return Estimate(value=1.0, level=level, rows=rows)
    if not low.value > 0:
        return Estimate(value=0.0, level=level, rows=rows)
    error = np.sqrt((1 - low.value) / (low.value * low.rows) + (1 - high.value) / (high.value * high.rows))
    reach = float(np.exp(ndtri(0.5 + level / 2) * error))
    ratio = low.value / high.value
    return Estimate(value=ratio, low=ratio / reach, high=ratio * reach, level=level, rows=rows)


def equalised(
    column: str,
    protected: Codes,
    validation_rows: NDArray[np.intp],
    test_rows: NDArray[np.intp],
    everything: Judged,
    threshold: float,
    objective: Objective,
    *,
    minimum_rows: int,
) -> tuple[Equalised, ...]:
    """Thresholds per group that would give all groups the rate that all rows have together, and what they would cost.

    The thresholds are quantiles of the score within each group of the validation rows (for equal opportunity: of its
    positive rows); they are judged on the test rows. Nothing is changed by this: it says what a choice would cost.

    Parameters
    ----------
    column, protected
        Name and values, for all rows.
    validation_rows, test_rows
        Places of the two parts.
    everything
        All rows, with the model's own scores of two classes.
    threshold
        The one that all groups have now.
    """
    found = []
    for measure, only_positive in (("demographic_parity", False), ("equal_opportunity", True)):
        thresholds = _thresholds(protected, validation_rows, everything, threshold, only_positive, minimum_rows)
        if len(thresholds) < 2:
            continue
        own = np.full(len(everything.truth), threshold)
        for code, value in thresholds.items():
            own[protected.codes == code] = value
        cut = np.stack([np.full(len(own), threshold), own])[:, test_rows]
        score, truth = everything.score[test_rows], everything.truth[test_rows]
        answers = score >= cut
        counted = truth if only_positive else np.ones(len(truth), bool)
        gaps = [_spread(answer, counted, protected.codes[test_rows], thresholds) for answer in answers]
        values = [_objective(objective, everything, test_rows, answer) for answer in answers]
        found.append(
            Equalised(
                columns=(column,),
                measure=f"{measure}_difference",
                thresholds={protected.values[code]: value for code, value in thresholds.items()},
                before=gaps[0],
                after=gaps[1],
                objective_before=values[0],
                objective_after=values[1],
            )
        )
    return tuple(found)


def _thresholds(
    protected: Codes, rows: NDArray[np.intp], judged: Judged, threshold: float, only_positive: bool, minimum_rows: int
) -> dict[int, float]:
    score, codes = judged.score[rows], protected.codes[rows]
    counted = judged.truth[rows].astype(bool) if only_positive else np.ones(len(rows), bool)
    if not counted.any():
        return {}
    rate = float(np.mean(score[counted] >= threshold))
    found = {}
    for code in range(len(protected.values)):
        own = np.sort(score[counted & (codes == code)])[::-1]
        if np.count_nonzero(codes == code) < minimum_rows or not len(own):
            continue
        selected = round(rate * len(own))
        found[code] = float(own[selected - 1]) if selected else float(np.nextafter(own[0], np.inf))
    return found


def _spread(
    answer: NDArray[np.bool_], counted: NDArray[np.bool_], codes: NDArray[np.int64], thresholds: dict[int, float]
) -> Estimate:
    """Largest difference of the rate between two groups."""
    sizes = {code: int(np.count_nonzero(counted & (codes == code))) for code in thresholds}
    hits = {code: int(np.count_nonzero(answer & counted & (codes == code))) for code in thresholds}
    known = [code for code, size in sizes.items() if size]
    if len(known) < 2:
        return Estimate(value=None, unit="share")
    high, low = (f(known, key=lambda code: hits[code] / sizes[code]) for f in (max, min))
    if high == low:  # all rates are equal
        high, low = known[:2]
    return _difference(hits[high], sizes[high], hits[low], sizes[low], len(known))


def _difference(high: float, high_rows: int, low: float, low_rows: int, groups: int) -> Estimate:
    """Difference of two rates, given as rows that count among rows; its level holds for all pairs of so many groups."""
    level = 1 - 0.05 / comb(groups, 2)
    ends = newcombe(high, high_rows, low, low_rows, level)
    return Estimate(
        value=high / high_rows - low / low_rows,
        low=float(ends[0]),
        high=float(ends[1]),
        level=level,
        unit="share",
        rows=high_rows + low_rows,
    )


def _objective(objective: Objective, judged: Judged, rows: NDArray[np.intp], answer: NDArray[np.bool_]) -> float | None:
    part = replace(judged.take(rows), answer=answer)
    return mean_of(contributions(objective, part), part.weight).value
