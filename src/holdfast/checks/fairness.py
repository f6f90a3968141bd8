"""Are protected groups treated alike?"""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.checks.ask import Said, not_applicable, passed
from holdfast.checks.limits import ReleaseLimits
from holdfast.evidence import Disparity
from holdfast.records import Status


def disparity(disparities: Sequence[Disparity], limits: ReleaseLimits) -> list[Said]:
    """Which protected groups lie certainly and materially apart in the model's answers?

    A difference is named when its whole interval lies above the limit, a ratio when it lies below four fifths (Uniform
    Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D). Ratios of error rates are not judged: where errors
    are rare, any ratio of them is large.

    Parameters
    ----------
    disparities
        Of the groups farthest apart, by column and measure; the intervals hold for all pairs of groups.
    limits
        `disparity` and `disparity_ratio`.

    Examples
    --------
    >>> from holdfast.evidence import Estimate
    >>> gap = Estimate(value=0.2, low=0.15, high=0.25, unit="share")
    >>> found = disparity(
    ...     [Disparity(columns=("sex",), measure="equal_opportunity_difference", estimate=gap, lowest="a", highest="b")],
    ...     ReleaseLimits(),
    ... )
    >>> print(found[0].status, found[0].subject, found[0].message)
    warn sex equal_opportunity_difference is 0.2 (0.15 to 0.25) between the groups that lie farthest apart.
    """
    if not disparities:
        return [not_applicable("There are no protected groups with enough rows to compare.")]
    judged = [said for one in disparities if (said := _judged(one, limits)) is not None]
    told = [said for said in judged if said.status is not Status.PASS]
    return told or [passed(f"None of {len(disparities)} disparities is certain and material.")]


def _judged(one: Disparity, limits: ReleaseLimits) -> Said | None:
    ratio = one.measure.endswith("_ratio")
    if ratio and one.measure == "equalised_odds_ratio":
        return None
    estimate, limit = one.estimate, limits.disparity_ratio if ratio else limits.disparity
    subject = " × ".join(one.columns)
    if estimate.value is None or estimate.low is None or estimate.high is None:
        message = f"{one.measure}: the figure or its interval could not be had."
        return Said(status=Status.INCONCLUSIVE, subject=subject, message=message)
    certain = estimate.high < limit if ratio else estimate.low > limit
    beyond = estimate.value < limit if ratio else estimate.value > limit
    return Said(
        status=Status.WARN if certain else Status.INCONCLUSIVE if beyond else Status.PASS,
        subject=subject,
        message=f"{one.measure} is {estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g}) between the groups "
        "that lie farthest apart.",
        value=estimate.value,
        limit=limit,
        interval=(estimate.low, estimate.high),
        unit="ratio" if ratio else "share",
        evidence={"measure": one.measure},
    )
