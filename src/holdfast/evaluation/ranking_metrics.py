"""Metrics of the order of the rows by score, with intervals, from a score table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.figures import Precision, effective_rows, metric
from holdfast.evidence import Metric
from holdfast.profile.scores import POSITIVE, UNKNOWN, ScoreTable
from holdfast.stats import ranking
from holdfast.stats.bootstrap import poisson_replicates, spread
from holdfast.stats.intervals import wilson_by_variance

Floats = NDArray[np.float64]
Ends = tuple[float | np.float64 | Floats, float | np.float64 | Floats]

GAINS = (0.01, 0.05, 0.1)
"""Shares of the rows, those with the highest scores, of which gain and lift are stated."""


def ranking_metrics(table: ScoreTable, precision: Precision) -> list[Metric]:
    """ROC AUC, average precision, Kolmogorov-Smirnov, gain and lift."""
    used = table.counts[:UNKNOWN].any(axis=0)
    weights, squares = (table.sums_of(*names)[:UNKNOWN, used] for names in (("weight",), ("weight", "weight")))
    ties = np.isfinite(table.single[used])
    rows, level, fewest = table.rows, precision.level, effective_rows(table)

    figures: dict[str, Callable[[Floats, Floats], Floats]] = {
        "pr_auc": ranking.average_precision_of_counts,
        "ks": ranking.kolmogorov_smirnov_of_counts,
        **{_gain_key(share): _gain(share) for share in GAINS},
    }
    values = {key: float(figure(*weights)) for key, figure in figures.items()}
    drawn = [
        [figure(*chunk.swapaxes(0, 1)) for figure in figures.values()]
        for chunk in poisson_replicates(weights, squares, precision.replicates, precision.seed)
    ]
    errors = dict(zip(figures, map(spread, np.concatenate(drawn, axis=1)), strict=True))

    def ends(key: str, least_rows: float) -> Ends:
        return wilson_by_variance(values[key], errors[key] ** 2, least_rows, level)

    found = [
        _area(weights, squares, ties, fewest.min(), rows, level),
        metric(
            "pr_auc",
            "Average precision",
            values["pr_auc"],
            _beyond(
                values["pr_auc"],
                ends("pr_auc", fewest[POSITIVE]),
                ranking.average_precision_bracket(weights[0], weights[1], ties),
            ),
            rows=rows,
            level=level,
            formula="sum over rising recall of (R_k - R_(k-1)) P_k",
        ),
        metric(
            "ks",
            "Kolmogorov-Smirnov",
            values["ks"],
            _beyond(
                values["ks"],
                ends("ks", fewest.min()),
                (values["ks"], ranking.kolmogorov_smirnov_most(weights[0], weights[1], ties)),
            ),
            rows=rows,
            level=level,
            formula="max over thresholds of |TPR - FPR|",
        ),
    ]
    for share in GAINS:
        key, top = _gain_key(share), f"top {share:.0%}"
        gain, (low, high) = values[key], ends(key, fewest[POSITIVE])
        found.append(metric(key, f"Gain, {top}", gain, (low, high), rows=rows, level=level))
        lift, limits = gain / share, (low / share, high / share)
        found.append(metric(key.replace("gain", "lift"), f"Lift, {top}", lift, limits, rows=rows, level=level, unit=""))
    return found


def _area(
    weights: Floats, squares: Floats, ties: NDArray[np.bool_], least_rows: float, rows: int, level: float
) -> Metric:
    area, error = ranking.auc_of_counts(*weights), ranking.auc_error(weights[0], weights[1], ties)
    ends = wilson_by_variance(area, ranking.auc_variance(*weights, *squares), least_rows, level)
    return metric(
        "roc_auc",
        "ROC AUC",
        area,
        _beyond(area, ends, (area - error, area + error)),
        rows=rows,
        level=level,
        formula="P(score of a positive > score of a negative) + P(equal) / 2",
    )


def _beyond(value: float | Floats, ends: Ends, bracket: Ends) -> Ends:
    """The interval, longer by what the bins may hide; inside 0 to 1."""
    return np.maximum(ends[0] + (bracket[0] - value), 0), np.minimum(ends[1] + (bracket[1] - value), 1)


def _gain_key(share: float) -> str:
    return f"gain_{100 * share:g}"


def _gain(share: float) -> Callable[[Floats, Floats], Floats]:
    return lambda negative, positive: ranking.gain_of_counts(negative, positive, share)
