"""Fitting what estimates performance before the truth comes, on rows that the model did not see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.estimation import features
from holdfast.estimation.class_table import ExpectedClasses
from holdfast.estimation.corrected import (
    LOSS_MEMBERS,
    MEMBERS,
    Corrected,
    best,
    fit_label_shift,
    fit_loss,
    fit_probability,
    folds,
)
from holdfast.estimation.expected import each_of
from holdfast.estimation.features import Feature
from holdfast.estimation.figure import Figure
from holdfast.estimation.figures import figures
from holdfast.estimation.fitted import Fitted, main_score
from holdfast.estimation.loss_table import ExpectedLosses
from holdfast.estimation.parts import Seen
from holdfast.estimation.table import ExpectedTable
from holdfast.estimation.tables import Expected
from holdfast.estimation.windows import Estimator, learned_spread
from holdfast.evidence import Task
from holdfast.objective import Objective

Array: TypeAlias = NDArray[np.float64]

ROWS, NUMBER_ROWS = 20_000, 40_000
"""Rows that are fitted on, about, a seeded sample of more: of classes, and of numbers, whose errors vary more."""
CLASS_BINS, NUMBER_BINS = 32, 128
"""Bins of a feature: finer ones are noise where a truth is only yes or no."""


def fit(
    task: Task,
    score: Array,
    truth: NDArray[Any],
    rows: pa.Table,
    weight: Array | None = None,
    *,
    classes: tuple[str, ...] = (),
    support_limit: float | None = None,
    answer: NDArray[Any] | None = None,
    columns: Mapping[str, Array] | None = None,
    objective: Objective | None = None,
    ordered: bool = False,
    seed: int = 0,
) -> Fitted:
    """Fit on rows that the model did not see.

    Parameters
    ----------
    task
        What the model predicts.
    score
        Probability of the positive class, (n,); of each class, (n, K); or the predicted number, (n,).
    truth
        True where positive; codes of the classes; or numbers, (n,).
    rows
        Their features.
    weight
        How many rows each stands for, (n,); None if all count alike.
    classes
        Names, where there are several.
    support_limit
        Distance from the background beyond which a row lies outside the support.
    answer
        What the policy answers: True where positive, or codes, (n,); None: it is not tried how far estimates are off.
    columns
        That the costs of two classes are made of, finite, (n,) each.
    objective
        Is estimated, too.
    ordered
        Whether the rows are in the order of time.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score, x = rng.random(2_000), rng.random(2_000)
    >>> truth = rng.random(2_000) < score * x
    >>> fitted = fit("binary", score, truth, pa.table({"x": x}))
    >>> len(fitted.features), fitted.corrected[0].members, len(fitted.corrected[0].trees[0].leaves) > 10
    (2, 5, True)
    """
    numbers = task == "regression"
    most = NUMBER_ROWS if numbers else ROWS
    chosen, weight = sampled(_surprise(task, score, truth), weight, most, seed)
    score, truth, rows = score[chosen], truth[chosen], rows.take(pa.array(chosen))
    answer = None if answer is None else answer[chosen]
    columns = {name: values[chosen] for name, values in (columns or {}).items()}
    found = features.learn(rows, main_score(score), NUMBER_BINS if numbers else CLASS_BINS)
    codes = features.coded(found, rows, main_score(score))
    fold = folds(
        None if numbers else truth, len(truth), LOSS_MEMBERS if numbers else MEMBERS, ordered=ordered, seed=seed
    )
    label_shift, kurtosis = None, 3.0
    corrected: list[Corrected] = []
    match task:
        case "binary":
            corrected = [fit_probability(score, truth, codes, fold, weight)]
            label_shift = fit_label_shift(score, truth, fold, weight)
        case "classes":
            corrected = [fit_probability(score[:, k], truth == k, codes, fold, weight) for k in range(score.shape[1])]
        case "regression":
            error = np.abs(score - truth)
            corrected = [fit_loss(score, loss, codes, fold, weight) for loss in (error, error**2)]
            squared = best(corrected[1].each(score, codes))
            kurtosis = float((error**4).mean() / max((squared**2).mean(), 1e-300))
    fitted = Fitted(
        task=task,
        classes=classes,
        features=found,
        shares=shares_of(found, codes, weight),
        support_limit=support_limit,
        corrected=tuple(corrected),
        label_shift=label_shift,
        kurtosis=kurtosis,
        rows=len(truth),
    )
    if answer is None and task != "regression":
        return fitted
    each, certain = each_of(fitted, score, codes), _certain(task, score, truth)
    estimator = _estimator(fitted, score, answer, columns, objective)
    spread = learned_spread(each, certain, fold, codes, estimator, weight, seed)
    return msgspec.structs.replace(fitted, spread=spread)


def _certain(task: Task, score: Array, truth: NDArray[Any]) -> Array:
    """What was realised, in the form of what is expected, (..., n)."""
    match task:
        case "binary":
            return np.asarray(truth, dtype=np.float64)
        case "classes":
            return np.asarray(truth == np.arange(score.shape[1])[:, np.newaxis], dtype=np.float64)
        case "regression":
            return np.stack([np.abs(score - truth), (score - truth) ** 2])


def _estimator(
    fitted: Fitted,
    score: Array,
    answer: NDArray[Any] | None,
    columns: Mapping[str, Array],
    objective: Objective | None,
) -> Estimator:
    """Figures of some of the rows, from what is expected of them."""
    nothing = Seen.count(np.empty((0, 0), dtype=np.intp))

    def figures_of(each: Array, rows: NDArray[np.intp]) -> dict[str, Figure]:
        table: Expected
        if answer is None:
            table = ExpectedLosses.count("", each, fitted.kurtosis, nothing)
        elif fitted.task == "classes":
            table = ExpectedClasses.count("", score[rows], answer[rows], each, nothing)
        else:
            some = {name: values[rows] for name, values in columns.items()}
            table = ExpectedTable.count("", score[rows], answer[rows] == 1, each, some, nothing)
        return figures(table, fitted.classes, objective)

    return figures_of


def sampled(surprise: Array, weight: Array | None, most: int, seed: int) -> tuple[NDArray[np.intp], Array | None]:
    """Places of about `ROWS` rows, seeded, in their order, and how many rows each stands for.

    Half of the chance of a row goes by how much its truth surprises the model, for these rows say most: a plain sample would
    leave out nearly all fraud, and nearly all that looks like it. The weights make up for it.

    Source: local case-control sampling, Fithian & Hastie, Annals of Statistics 42 (2014), with weights after Horvitz &
    Thompson (1952), and the even half that keeps them bounded.
    """
    rows = len(surprise)
    if rows <= most:
        return np.arange(rows), weight
    counted = np.ones(rows) if weight is None else weight
    size = counted * surprise
    chance = np.minimum(most / 2 * (counted / counted.sum() + size / max(size.sum(), 1e-300)), 1.0)
    chosen = np.flatnonzero(np.random.default_rng(seed).random(rows) < chance)
    return chosen, counted[chosen] / chance[chosen]


def _surprise(task: Task, score: Array, truth: NDArray[Any]) -> Array:
    """What the model gave to all but the truth, 0 to 1, (n,); of numbers the same for all."""
    match task:
        case "binary":
            return np.abs(truth - score)
        case "classes":
            return np.asarray(1 - score[np.arange(len(truth)), truth])
        case "regression":
            return np.ones(len(truth))


def shares_of(
    found: tuple[Feature, ...], codes: NDArray[np.intp], weight: Array | None
) -> tuple[tuple[float, ...], ...]:
    """Share of the rows in each code of each feature, half a row added to each, so that none is impossible."""
    rows = codes.shape[1]
    counted = np.ones(rows) if weight is None else weight * (rows / weight.sum())
    counts = [np.bincount(column, counted, one.size) + 0.5 for one, column in zip(found, codes, strict=True)]
    return tuple(tuple(float(f"{share:.6g}") for share in row / row.sum()) for row in counts)
