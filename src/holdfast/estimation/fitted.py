"""What is sealed with a release to estimate performance before the truth comes."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.estimation import features
from holdfast.estimation.corrected import Corrected, LabelShift, fit_label_shift, fit_loss, fit_probability
from holdfast.estimation.features import Feature
from holdfast.evidence import Task
from holdfast.stats.boosting import BINS

Array: TypeAlias = NDArray[np.float64]

ROWS = 20_000
"""Rows that are fitted on at most, a seeded sample: more take longer and change little."""


class Fitted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """How scores and features say what is to be expected.

    Attributes
    ----------
    task, classes
        As of the model.
    features
        Of the rows that the corrections look at.
    shares
        Share of the reference's rows in each code of each feature.
    support_limit
        Distance beyond which a row lies outside the support; None: it cannot be said.
    corrected
        Of two classes: the probability of the positive one; of several: of each; of numbers: the absolute and the squared
        error.
    label_shift
        Of two classes: what the share of positive rows is found by where the truth is not known.
    spread
        By metric: how many times the spread between members and curve the error of the estimate is; see `windows`.
    rows
        Rows that it was fitted on.
    """

    task: Task
    classes: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    shares: tuple[tuple[float, ...], ...] = ()
    support_limit: float | None = None
    corrected: tuple[Corrected, ...]
    label_shift: LabelShift | None = None
    spread: dict[str, float] = {}
    rows: int = 0

    @cached_property
    def identity(self) -> str:
        """Digest of all that it holds."""
        return "sha256:" + hashlib.sha256(msgspec.json.encode(self)).hexdigest()


def fit(
    task: Task,
    score: Array,
    truth: NDArray[Any],
    rows: pa.Table,
    weight: Array | None = None,
    *,
    classes: tuple[str, ...] = (),
    support_limit: float | None = None,
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

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score, x = rng.random(2_000), rng.random(2_000)
    >>> truth = rng.random(2_000) < score * x
    >>> fitted = fit("binary", score, truth, pa.table({"x": x}))
    >>> len(fitted.features), fitted.corrected[0].members, len(fitted.corrected[0].trees[0].leaves) > 10
    (2, 5, True)
    """
    chosen = sampled(len(truth), seed)
    score, truth, rows = score[chosen], truth[chosen], rows.take(pa.array(chosen))
    weight = None if weight is None else weight[chosen]
    # Of several classes, the columns of the score say as much as one of them.
    found = features.learn(rows, score if score.ndim == 1 else score.max(axis=1))
    codes = features.coded(found, rows, score if score.ndim == 1 else score.max(axis=1))
    corrected: list[Corrected] = []
    match task:
        case "binary":
            corrected = [fit_probability(score, truth, codes, weight, seed)[0]]
        case "classes":
            corrected = [
                fit_probability(score[:, k], truth == k, codes, weight, seed)[0] for k in range(score.shape[1])
            ]
        case "regression":
            error = np.abs(score - truth)
            corrected = [fit_loss(score, loss, codes, weight, seed)[0] for loss in (error, error**2)]
    return Fitted(
        task=task,
        classes=classes,
        features=found,
        shares=shares_of(codes, weight),
        support_limit=support_limit,
        corrected=tuple(corrected),
        label_shift=fit_label_shift(score, truth, weight, seed) if task == "binary" else None,
        rows=len(truth),
    )


def sampled(rows: int, seed: int) -> NDArray[np.intp]:
    """Places of at most `ROWS` rows, seeded, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:ROWS])


def shares_of(codes: NDArray[np.intp], weight: Array | None) -> tuple[tuple[float, ...], ...]:
    """Share of the rows in each code, half a row added to each, so that none is impossible."""
    rows = codes.shape[1]
    counted = np.ones(rows) if weight is None else weight * (rows / weight.sum())
    counts = np.stack([np.bincount(column, counted, BINS) + 0.5 for column in codes])
    return tuple(tuple(float(f"{share:.6g}") for share in row / row.sum()) for row in counts)
