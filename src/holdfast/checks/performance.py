"""Is the model better than a simple rule, everywhere, and are its probabilities and intervals what they say?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.ask import Said, not_applicable, passed
from holdfast.checks.limits import ReleaseLimits
from holdfast.evidence import Baseline, Coverage, Estimate, Group
from holdfast.numerals import number, several
from holdfast.records import Status
from holdfast.stats.reliability import Reliability, calibration_error, chance_error, reliability, spiegelhalter

Array: TypeAlias = NDArray[np.float64]

CERTAIN = 0.005
"""p-value below which probabilities are certainly off, for each of two tests."""


OWN = "half"
"""The rule that is the model itself, with the threshold 0.5: that it does better speaks against the threshold alone."""


def baseline_gain(baselines: Sequence[Baseline]) -> list[Said]:
    """Is the objective better than that of simple rules?

    Parameters
    ----------
    baselines
        Rules with `saving`, the paired difference on the same rows, above 0 where the model is better.

    Examples
    --------
    >>> from holdfast.evidence import Estimate
    >>> saving = Estimate(value=-2.0, low=-3.0, high=-1.0, unit="EUR")
    >>> [found] = baseline_gain([Baseline(key="never", title="Never", objective=Estimate(value=5.0), saving=saving)])
    >>> print(found.status, found.subject, found.message)
    fail never Worse than the rule "Never" by 2 EUR (95% interval 1 to 3).
    """
    if not baselines:
        return [Said(status=Status.INCONCLUSIVE, message="There is no simple rule to compare with.")]
    return [_against(one) for one in baselines]


def _against(baseline: Baseline) -> Said:
    saving = baseline.saving
    if saving is None or saving.value is None or saving.low is None or saving.high is None:
        message = f'The difference from the rule "{baseline.title}" could not be had.'
        return Said(status=Status.INCONCLUSIVE, subject=baseline.key, message=message)
    worse = Status.WARN if baseline.key == OWN else Status.FAIL
    status = worse if saving.high < 0 else Status.PASS if saving.low > 0 else Status.INCONCLUSIVE
    sign, ends = (-1, (saving.high, saving.low)) if saving.value < 0 else (1, (saving.low, saving.high))
    unit = f" {saving.unit}" if saving.unit and saving.unit != "share" else ""
    return Said(
        status=status,
        subject=baseline.key,
        message=f'{"Worse" if sign < 0 else "Better"} than the rule "{baseline.title}" by {number(sign * saving.value, 4)}{unit} '
        f"({saving.level:.0%} interval {number(sign * ends[0], 4)} to {number(sign * ends[1], 4)}).",
        value=saving.value,
        limit=0.0,
        interval=(saving.low, saving.high),
        unit=saving.unit,
    )


def weak_segments(weak: Sequence[Group] | None) -> list[Said]:
    """Which segments are certainly worse than the rest?

    Parameters
    ----------
    weak
        Segments that one half of the rows proposed, `confirmed` where the other half agrees; None: nobody has searched.
    """
    if weak is None:
        return [not_applicable("Weak segments were not searched for.")]
    told = []
    for group in weak:
        worse = group.figures.get("worse_by")
        if not group.confirmed or worse is None or worse.value is None:
            continue
        known = worse.low is not None and worse.high is not None
        message = (
            f"The objective is worse by {number(worse.value, 4)} {worse.unit}".rstrip()
            + f" than elsewhere, on {several(group.rows, 'row')} of the half that confirms."
        )
        told.append(
            Said(
                status=Status.WARN,
                # Columns only: the values are rows' values, and the report has them.
                subject=" × ".join(group.columns),
                message=message,
                value=worse.value,
                limit=0.0,
                interval=(worse.low, worse.high) if known else None,  # type: ignore[arg-type]
                unit=worse.unit,
                evidence={"rows": group.rows},
            )
        )
    return told or [passed("No segment was confirmed to be worse than the rest.", proposed=len(weak))]


def calibration(
    probability: Array, hit: NDArray[np.bool_], limits: ReleaseLimits, weight: Array | None = None
) -> list[Said]:
    """Is a probability what it says, beyond chance and by a size that matters?

    Certain: Spiegelhalter's test, or the sum over ten bins of the squared standardised distance from the diagonal
    (Hosmer & Lemeshow, *Goodness of fit tests for the multiple logistic regression model*, 1980, with as many degrees
    of freedom as bins: nothing was fitted on these rows), each at 0.5%.
    Material: the calibration error beyond its value by chance is more than `calibration` of `2 b (1 - b)`, the mean
    absolute deviation of a label of base rate b.

    Parameters
    ----------
    probability
        Of the positive class, or of the class that was answered, 0 to 1, (n,).
    hit
        Whether the row is positive, or the answer right, (n,).
    limits
        `calibration`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> true = rng.uniform(0, 0.5, 5_000)
    >>> hit = rng.random(5_000) < true
    >>> print(calibration(true, hit, ReleaseLimits())[0].status, calibration(2 * true, hit, ReleaseLimits())[0].status)
    pass warn
    """
    rows = len(probability)
    base = float(np.average(hit, weights=weight)) if rows else 0.0
    spread = 2 * base * (1 - base)
    if not spread > 0:
        return [not_applicable("There is one class only.")]
    curve = reliability(probability, hit, weight)
    excess = (calibration_error(curve) - chance_error(curve)) / spread
    chances = [p for p in (spiegelhalter(probability, hit, weight)[1], _fit(curve)) if not math.isnan(p)]
    certain = min(chances, default=1.0) < CERTAIN
    return [
        Said(
            status=Status.WARN if certain and excess > limits.calibration else Status.PASS,
            message=f"Probabilities are off by {calibration_error(curve):.4f} on average, {chance_error(curve):.4f} of it to "
            f"be expected by chance: {'certainly more' if certain else 'not certainly more'} than that.",
            value=excess,
            limit=limits.calibration,
            unit="share",
            evidence={
                "error": calibration_error(curve),
                "chance": chance_error(curve),
                "p_value": min(chances, default=None),
            },
        )
    ]


def _fit(curve: Reliability) -> float:
    """p-value of the bins' distances from the diagonal; NaN where no bin has a spread."""
    from scipy.special import chdtrc

    variance = curve.score * (1 - curve.score) / curve.rows
    # Rarer outcomes than five to be expected are not near normal.
    fit = (curve.score * curve.rows >= 5) & ((1 - curve.score) * curve.rows >= 5)
    if not fit.any():
        return math.nan
    return float(chdtrc(int(fit.sum()), np.sum((curve.share - curve.score)[fit] ** 2 / variance[fit])))


def coverage(told: Sequence[Coverage], limits: ReleaseLimits) -> list[Said]:
    """Do intervals, or sets of classes, hold the truth as often as they promise: over all, and in each segment?

    Parameters
    ----------
    told
        Coverage on the test part, by method.
    limits
        `coverage`: how far below its level is tolerable.
    """
    if not told:
        return [not_applicable("There are no intervals and no sets of classes.")]
    found = []
    for one in told:
        least = one.level - limits.coverage
        found.append(_held(one.method, one, one.coverage, least))
        # Of a segment only what is certain: the whole is what was promised.
        segments = [group for group in one.groups if group.enough and "coverage" in group.figures]
        judged = [
            # The place of the segment among those of the report: its value is a value of the rows.
            _held(f"{one.method}, {' × '.join(group.columns)}, segment {place}", one, group.figures["coverage"], least)
            for place, group in enumerate(segments, 1)
        ]
        found += [said for said in judged if said.status is Status.WARN]
    return found


def _held(subject: str, one: Coverage, estimate: Estimate, least: float) -> Said:
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        return Said(status=Status.INCONCLUSIVE, subject=subject, message="The coverage could not be had.")
    return Said(
        status=Status.WARN if high < least else Status.INCONCLUSIVE if value < least else Status.PASS,
        subject=subject,
        message=f"They hold {value:.1%} of the truths ({estimate.level:.0%} interval {low:.1%} to {high:.1%}); "
        f"{one.level:.1%} were promised, {least:.1%} are tolerable.",
        value=value,
        limit=least,
        interval=(low, high),
        unit="share",
    )


def guarantee(asked: bool, held: bool) -> list[Said]:
    """Could the guarantee be had that was asked for?

    >>> print(guarantee(True, False)[0].status)
    fail
    """
    if not asked:
        return [not_applicable("No guarantee was asked for.")]
    if held:
        return [passed("The guarantee that was asked for could be had on validation.")]
    message = (
        "No review rule holds the guarantee that was asked for on validation: every row would go to review. "
        "Ask for less, give more rows, or improve the model."
    )
    return [Said(status=Status.FAIL, message=message)]
