"""How much better is the model on the rows that it was fitted on?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holdfast.checks.ask import Said, not_applicable
from holdfast.checks.limits import ReleaseLimits
from holdfast.evidence import Metric
from holdfast.numerals import number
from holdfast.records import Status

MAIN = ("objective", "roc_auc", "accuracy", "macro_roc_auc", "rmse", "r2")
"""Metrics that are compared, where there are such: the objective, and what each task is commonly judged by."""


def overfit_gap(train: Sequence[Metric], test: Sequence[Metric], limits: ReleaseLimits) -> list[Said]:
    """How much worse are the objective and the main metrics on test than on train?

    The interval of the difference is made of those of its two sides (Zou & Donner, *Construction of confidence limits
    about effect measures*, Statistics in Medicine 27 (2008)): rows of different parts are independent.

    Parameters
    ----------
    train, test
        Figures of the two parts, with the same keys.
    limits
        `gap`: of shares and areas the difference itself, of others as a share of the figure on train.

    Examples
    --------
    >>> from holdfast.evidence import Estimate
    >>> def area(value):
    ...     estimate = Estimate(value=value, low=value - 0.01, high=value + 0.01, unit="share")
    ...     return [Metric(key="roc_auc", title="ROC AUC", estimate=estimate, direction="higher")]
    >>> [found] = overfit_gap(area(0.99), area(0.80), ReleaseLimits())
    >>> print(found.status, found.subject, f"{found.value:.2f}")
    warn roc_auc 0.19
    """
    fitted = {metric.key: metric for metric in train}
    pairs = [(fitted[metric.key], metric) for metric in test if metric.key in MAIN and metric.key in fitted]
    if not pairs:
        return [not_applicable("There are no rows of train whose figures could be compared.")]
    return [_gap(on_train, on_test, limits.gap) for on_train, on_test in pairs]


def _gap(train: Metric, test: Metric, limit: float) -> Said:
    fitted, new = _loss(train), _loss(test)
    if fitted is None or new is None:
        message = f"{test.title}: the figure or its interval could not be had of one of the parts."
        return Said(status=Status.INCONCLUSIVE, subject=test.key, message=message)
    gap = new[0] - fitted[0]
    low = gap - float(np.hypot(new[0] - new[1], fitted[2] - fitted[0]))
    high = gap + float(np.hypot(new[2] - new[0], fitted[0] - fitted[1]))
    # R² has no unit, and its differences are read as those of shares are.
    share = test.estimate.unit == "share" or test.key == "r2"
    scale = 1.0 if share else abs(fitted[0])
    if not scale > 0:
        return Said(status=Status.NOT_APPLICABLE, subject=test.key, message=f"{test.title} is 0 on train.")
    gap, low, high = gap / scale, low / scale, high / scale
    status = Status.WARN if low > limit else Status.INCONCLUSIVE if gap > limit else Status.PASS
    on_train, on_test = (number(part.estimate.value or 0.0, 4) for part in (train, test))
    return Said(
        status=status,
        subject=test.key,
        message=f"{test.title}: {on_train} on train, {on_test} on test, which is "
        f"{abs(gap):.3g}{'' if share else ' of it'} {'worse' if gap > 0 else 'better'}; {limit:g} is tolerable.",
        value=gap,
        limit=limit,
        interval=(low, high),
        unit="difference" if share else "share",
    )


def _loss(metric: Metric) -> tuple[float, float, float] | None:
    """Value and interval, turned so that lower is better; None where one of them could not be had."""
    value, low, high = metric.estimate.value, metric.estimate.low, metric.estimate.high
    if value is None or low is None or high is None:
        return None
    return (value, low, high) if metric.direction == "lower" else (-value, -high, -low)
