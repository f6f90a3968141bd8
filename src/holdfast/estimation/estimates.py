"""Metrics of rows whose truth is not known, from the table of what is expected, with intervals for what will be realised.

The value is that of the expected table. An interval holds two errors: labels come out by chance (drawn from their
probabilities), and the probabilities are estimates (the spread between the members of the ensemble and the plain curve,
scaled by what was learned on the reference's own windows).

Source: confidence-based performance estimation, Bialek et al. (2024), *Estimating model performance under covariate shift
without labels*; the delete-a-group jackknife, Kott (2001).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.estimation.corrected import best
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.table import ExpectedTable, Seen
from holdfast.evidence import Estimate
from holdfast.objective import Amount, Cost, FBeta, Objective
from holdfast.stats import ranking
from holdfast.stats.confusion import Confusion, share

Array: TypeAlias = NDArray[np.float64]

DRAWS = 400
"""Draws of the labels."""
OUTSIDE = 0.1
"""Share of the rows outside the support from which on nothing is said: in the reference it is 0.01."""
EFFECTIVE = 0.1
"""Effective sample size of the reference, weighted as the window, as a share of its rows, below which nothing is said."""
FEWEST = 30
"""Rows below which nothing is said."""


class Estimated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An estimate of what a metric will be when all labels have come.

    Attributes
    ----------
    estimate
        Value and interval; without a value where it is unknown.
    deviation
        Standard deviation of what will be realised around the value, estimation error included.
    status, reason
        Whether it is known, and if not, why.
    """

    estimate: Estimate
    deviation: float | None = None
    status: Literal["known", "unknown"] = "known"
    reason: str = ""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A metric as it is estimated: its value, draws of what may be realised, and the values of members and plain curve."""

    value: float
    drawn: Array
    each: Array
    unit: str = "share"


def estimate(
    fitted: Fitted, table: ExpectedTable, objective: Objective | None = None, *, level: float = 0.95, seed: int = 0
) -> dict[str, Estimated]:
    """Every metric of two classes that probabilities determine, by its key; `objective` too, where it is one of them.

    Parameters
    ----------
    fitted
        As sealed; the table was counted with it.
    table
        What is expected of the window.
    objective
        F-beta or cost add their keys, and `"objective"`.
    level
        Of the intervals.
    """
    found = figures(table, objective, seed)
    reason = unknown(fitted, table.seen, table.count_of_rows)
    return {key: judged(key, figure, fitted, table.count_of_rows, reason, level) for key, figure in found.items()}


def figures(table: ExpectedTable, objective: Objective | None = None, seed: int = 0) -> dict[str, Figure]:
    """The estimates without a word on how far they can be trusted."""
    if not table.count_of_rows:
        return {}
    random = np.random.default_rng(seed)
    beta = objective.beta if isinstance(objective, FBeta) else 1.0
    found = _answered(table, beta, random) | _ranked(table, random)
    if isinstance(objective, Cost):
        found["cost"] = _cost(table, objective, random)
        found["objective"] = found["cost"]
    elif isinstance(objective, FBeta):
        found["objective"] = found[f"f{beta:g}"]
    return found


def judged(key: str, figure: Figure, fitted: Fitted, rows: int, reason: str, level: float) -> Estimated:
    """A figure with its interval, or the reason why it is unknown."""
    drawn = figure.drawn[np.isfinite(figure.drawn)]
    if not reason and not (np.isfinite(figure.value) and len(drawn) > DRAWS / 2):
        reason = "too few rows of a class are expected"
    if reason:
        return Estimated(estimate=Estimate(value=None, level=level, rows=rows), status="unknown", reason=reason)
    tails = (1 - level) / 2, (1 + level) / 2
    low, high = np.quantile(drawn, tails) - figure.value
    model = model_error(figure) * fitted.spread.get(key, 1.0)
    half = _z(level) * model
    ends = figure.value - np.hypot(min(low, 0.0), half), figure.value + np.hypot(max(high, 0.0), half)
    if figure.unit == "share":
        ends = max(ends[0], -1.0 if key == "mcc" else 0.0), min(ends[1], 1.0)
    return Estimated(
        estimate=Estimate(
            value=figure.value, low=float(ends[0]), high=float(ends[1]), level=level, unit=figure.unit, rows=rows
        ),
        deviation=float(np.hypot(drawn.std(), model)),
    )


def model_error(figure: Figure) -> float:
    """Standard error that the probabilities alone bring: jackknife over the members, and their distance to the curve."""
    members, plain = figure.each[:-1], figure.each[-1]
    if not len(members):
        return 0.0
    around = members - members.mean()
    jackknife = (len(members) - 1) / len(members) * float(around @ around)
    return float(np.sqrt(jackknife + (members.mean() - plain) ** 2))


def unknown(fitted: Fitted, seen: Seen | None, rows: int) -> str:
    """Why nothing can be said of the window; empty: it can. `seen` None: that rows look otherwise is no reason."""
    if rows < FEWEST:
        return f"fewer than {FEWEST} rows have a score"
    if seen is None:
        return ""
    if seen.looked and seen.outside / seen.looked > OUTSIDE + 2 * np.sqrt(OUTSIDE / seen.looked):
        return f"{seen.outside / seen.looked:.0%} of the rows are unlike any that the model knows"
    size, name = effective_share(fitted, seen)
    if size < EFFECTIVE:
        what = f"{name!r}" if name else "the score"
        return f"{what} has shifted so far that only {size:.0%} of the reference can speak for the window"
    return ""


def effective_share(fitted: Fitted, seen: Seen) -> tuple[float, str]:
    """Effective size of the reference when weighted like the window, as a share, by the feature where it is smallest.

    Source: Kish, *Survey Sampling* (1965), section 8.2, of the ratios of the shares; less what sampling alone adds.
    """
    if not len(seen.codes):
        return 1.0, ""
    rows = np.maximum(seen.codes.sum(axis=1, keepdims=True), 2)
    here, there = seen.codes / rows, np.array(fitted.shares)
    squares = (here * (rows * here - 1) / (rows - 1)).clip(min=0.0)
    sizes = 1 / np.maximum((squares / there).sum(axis=1), 1.0)
    least = int(sizes.argmin())
    return float(sizes[least]), fitted.features[least].name


def _answered(table: ExpectedTable, beta: float, random: np.random.Generator) -> dict[str, Figure]:
    """Metrics of the answers, from the expected positives among those answered negative and positive."""
    rows, each = table.totals[:, 0], table.firsts[:, :, 0]
    middle = best(each)
    drawn = _labels(middle, table.seconds[:, 0, 0], rows, random)

    def confusion(positives: Array) -> Confusion:
        return Confusion(
            tp=positives[..., 1],
            fp=rows[1] - positives[..., 1],
            fn=positives[..., 0],
            tn=rows[0] - positives[..., 0],
        )

    metrics: dict[str, Callable[[Confusion], Array]] = {
        "prevalence": lambda cells: share(cells.tp + cells.fn, cells.fp + cells.tn),
        "precision": lambda cells: cells.precision,
        "recall": lambda cells: cells.recall,
        "specificity": lambda cells: cells.specificity,
        "accuracy": lambda cells: cells.accuracy,
        "f1": lambda cells: cells.f_beta(1.0),
        f"f{beta:g}": lambda cells: cells.f_beta(beta),
        "balanced_accuracy": lambda cells: cells.balanced_accuracy,
        "mcc": lambda cells: cells.matthews,
    }
    return {
        key: _figure(metric(confusion(middle)), metric(confusion(drawn)), metric(confusion(each)))
        for key, metric in metrics.items()
    }


def _ranked(table: ExpectedTable, random: np.random.Generator) -> dict[str, Figure]:
    """Metrics of the order of the rows."""
    used = table.rows > 0
    rows, each, doubt = table.rows[used], table.positives[:, used], float(table.variance.sum())
    middle = best(each)
    drawn = random.binomial(rows, np.clip(middle / rows, 0, 1), (DRAWS, len(rows))).astype(np.float64)

    def area(positives: Array) -> Array:
        # A row is no pair with itself, although its probabilities of both classes are.
        ones, zeros = positives.sum(axis=-1), (rows - positives).sum(axis=-1)
        wins = ranking.auc_of_counts(rows - positives, positives) * ones * zeros
        return np.asarray((wins - doubt / 2) / (ones * zeros - doubt))

    def precision(positives: Array) -> Array:
        return ranking.average_precision_of_counts(rows - positives, positives)

    return {
        "roc_auc": _figure(area(middle), ranking.auc_of_counts(rows - drawn, drawn), area(each)),
        "pr_auc": _figure(precision(middle), precision(drawn), precision(each)),
    }


def _cost(table: ExpectedTable, cost: Cost, random: np.random.Generator) -> Figure:
    """Mean cost of a row: linear in the labels, so that its error has a closed form."""
    names = ("", *table.columns)

    def form(entry: Amount) -> Array:
        if isinstance(entry, str):
            return np.array([float(entry == name) for name in names])
        return np.array([entry, *np.zeros(len(table.columns))])

    negative = np.stack([form(cost.true_negative), form(cost.false_positive)])
    extra = np.stack([form(cost.false_negative), form(cost.true_positive)]) - negative
    rows = table.count_of_rows
    each = ((table.totals * negative).sum() + (table.firsts * extra).sum(axis=(-2, -1))) / rows
    middle = float(((table.totals * negative).sum() + (best(table.firsts) * extra).sum()) / rows)
    variance = float(np.einsum("ai,aij,aj", extra, table.seconds, extra)) / rows**2
    drawn = middle + np.sqrt(variance) * random.standard_normal(DRAWS)
    return _figure(np.asarray(middle), drawn, each, cost.unit)


def _labels(middle: Array, variance: Array, rows: Array, random: np.random.Generator) -> Array:
    """Draws of a sum of labels with this mean and variance: binomial, of as many rows as have that variance.

    Source: Ehm, *Binomial approximation to the Poisson binomial distribution*, Statistics & Probability Letters 11 (1991).
    """
    squares = np.maximum(middle - variance, 1e-12)
    size = np.clip(np.ceil(middle**2 / squares), 1, np.maximum(rows, 1)).astype(np.int64)
    drawn: Array = random.binomial(size, np.clip(middle / size, 0, 1), (DRAWS, len(middle))).astype(np.float64)
    return drawn


def _figure(value: Array, drawn: Array, each: Array, unit: str = "share") -> Figure:
    return Figure(value=float(value), drawn=drawn, each=each, unit=unit)


def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))
