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
from holdfast.estimation.corrected import Corrected, LabelShift, best, fit_label_shift, fit_loss, fit_probability
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
    kurtosis
        Of numbers: mean of the fourth power of an error over that of its expected square, squared.
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
    kurtosis: float = 3.0
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
    chosen, weight = sampled(np.zeros(len(truth), dtype=np.intp) if task == "regression" else truth, weight, seed)
    score, truth, rows = score[chosen], truth[chosen], rows.take(pa.array(chosen))
    found = features.learn(rows, main_score(score))
    codes = features.coded(found, rows, main_score(score))
    corrected: list[Corrected] = []
    kurtosis = 3.0
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
            squared = best(corrected[1].each(score, codes))
            kurtosis = float((error**4).mean() / max((squared**2).mean(), 1e-300))
    return Fitted(
        task=task,
        classes=classes,
        features=found,
        shares=shares_of(codes, weight),
        support_limit=support_limit,
        corrected=tuple(corrected),
        label_shift=fit_label_shift(score, truth, weight, seed) if task == "binary" else None,
        kurtosis=kurtosis,
        rows=len(truth),
    )


def main_score(score: Array) -> Array:
    """The score that features are learned beside, (n,): itself, or of several classes the largest."""
    return score if score.ndim == 1 else score.max(axis=1)


def sampled(labels: NDArray[Any], weight: Array | None, seed: int) -> tuple[NDArray[np.intp], Array | None]:
    """Places of some `ROWS` rows, seeded, in their order, and what each stands for.

    Rare labels keep more of their rows than others, since these say most; weights make up for it.

    Source: stratified sampling, Cochran, *Sampling Techniques*, 3rd ed. (1977), section 5A.
    """
    if len(labels) <= ROWS:
        return np.arange(len(labels)), weight
    values, label, counts = np.unique(labels, return_inverse=True, return_counts=True)
    kept = np.minimum(counts, np.maximum(ROWS // len(values), ROWS * counts // len(labels)))
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = np.sort(np.concatenate([order[label[order] == k][: kept[k]] for k in range(len(values))]))
    standing = (counts / kept)[label[chosen]]
    return chosen, standing if weight is None else standing * weight[chosen]


def shares_of(codes: NDArray[np.intp], weight: Array | None) -> tuple[tuple[float, ...], ...]:
    """Share of the rows in each code, half a row added to each, so that none is impossible."""
    rows = codes.shape[1]
    counted = np.ones(rows) if weight is None else weight * (rows / weight.sum())
    counts = np.stack([np.bincount(column, counted, BINS) + 0.5 for column in codes])
    return tuple(tuple(float(f"{share:.6g}") for share in row / row.sum()) for row in counts)
