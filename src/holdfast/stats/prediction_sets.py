"""Sets of classes that hold the true one with a stated chance, whatever the model, if past and future rows are alike.

- `lac` (least ambiguous): all classes above one limit of probability. The smallest sets on average; hard rows get fewer
  classes than they need, and some rows none.
- `aps` (adaptive): the most probable classes while their sum stays within a limit. Larger sets, covering easy and hard rows
  more evenly. Randomised, the class at the limit is kept with a chance that makes them smaller and the coverage exact; then a
  set may be empty. Otherwise the most probable class is always kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from holdfast.errors import InputError
from holdfast.stats.conformal import conformal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

Method = Literal["lac", "aps"]

ROUNDING = 1e-12
"""Sums of probabilities in another order differ by less: a row like a calibration row must not fall out by it."""


class PredictionSets(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far down the list of classes a set goes, as numbers.

    Attributes
    ----------
    method
        `lac` or `aps`.
    level
        Share of rows whose set is to hold the true class, 0 to 1.
    quantile
        Largest nonconformity of a class in the set; None when the calibration rows are too few for the level: every set
        holds all classes.
    rows
        Calibration rows.
    randomised
        Whether a uniform number per row is needed.
    """

    method: Method
    level: float
    quantile: float | None
    rows: int
    randomised: bool = False


def fit(
    scores: ArrayLike, truth: ArrayLike, *, method: Method = "lac", level: float = 0.9, uniform: ArrayLike | None = None
) -> PredictionSets:
    """Learn from calibration rows how large sets must be. The model must not have seen these rows.

    Parameters
    ----------
    scores
        Probabilities of the classes, shape (n, K), 0 to 1.
    truth
        Number of the true class of each row, shape (n,), 0 to K - 1.
    method
        `lac` or `aps`.
    level
        Share of rows to cover, between 0 and 1.
    uniform
        For randomised `aps`: seeded uniform numbers of 0 to 1, shape (n,).

    Raises
    ------
    InputError
        When a score is NaN or outside 0 to 1, a class number is outside 0 to K - 1, or shapes differ.
    SettingError
        When `level` is not between 0 and 1.

    Source: `lac`: Sadinle, Lei & Wasserman (2019), *Least ambiguous set-valued classifiers with bounded error levels*,
    JASA 114; `aps`: Romano, Sesia & Candes (2020), *Classification with valid and adaptive coverage*, NeurIPS.

    Examples
    --------
    >>> scores = [[0.7, 0.2, 0.1]] * 8 + [[0.1, 0.5, 0.4]]
    >>> found = fit(scores, [0] * 8 + [2], level=0.8)
    >>> round(found.quantile, 3)
    0.3
    >>> sets(found, [[0.8, 0.15, 0.05], [0.4, 0.3, 0.3]]).tolist()
    [[True, False, False], [False, False, False]]
    """
    p = _checked(scores)
    quantile = conformal_quantile(_of_truth(method, p, truth, uniform), level)
    return PredictionSets(
        method=method,
        level=level,
        quantile=quantile if math.isfinite(quantile) else None,
        rows=len(p),
        randomised=uniform is not None,
    )


def nonconformity(
    found: PredictionSets, scores: ArrayLike, truth: ArrayLike, *, uniform: ArrayLike | None = None
) -> Floats:
    """How little the true class fits each row, shape (n,): what `quantile` is a quantile of.

    Parameters are those of `fit`, for rows whose truth came later.

    Raises
    ------
    InputError
        As `fit`.

    Examples
    --------
    >>> found = PredictionSets(method="lac", level=0.9, quantile=0.85, rows=500)
    >>> nonconformity(found, [[0.75, 0.25], [0.25, 0.75]], [0, 0])
    array([0.25, 0.75])
    """
    return _of_truth(found.method, _checked(scores), truth, uniform)


def sets(found: PredictionSets, scores: ArrayLike, *, uniform: ArrayLike | None = None) -> NDArray[np.bool_]:
    """Which classes are in the set of each row, shape (n, K). A set may be empty, except with plain `aps`.

    An empty set says that no class fits the row: send it to review.

    Parameters
    ----------
    scores
        Probabilities of the classes, shape (n, K), 0 to 1.
    uniform
        For randomised sets: one uniform number of 0 to 1 per row, shape (n,), drawn from a seed or the row's key.

    Raises
    ------
    InputError
        When a score is NaN or outside 0 to 1, or `uniform` is missing, not wanted, or of another shape.

    Examples
    --------
    >>> found = PredictionSets(method="aps", level=0.9, quantile=0.85, rows=500)
    >>> sets(found, [[0.5, 0.3, 0.2], [0.1, 0.9, 0.0]]).tolist()
    [[True, True, False], [False, True, False]]
    """
    p = _checked(scores)
    if found.randomised != (uniform is not None):
        raise InputError(f"expected {'a' if found.randomised else 'no'} uniform number per row, as in calibration")
    if found.quantile is None:
        return np.ones(p.shape, dtype=np.bool_)
    inside: NDArray[np.bool_] = _nonconformity(found.method, p, uniform) <= found.quantile + ROUNDING
    if found.method == "aps" and not found.randomised:
        inside[np.arange(len(p)), np.argmax(p, axis=1)] = True
    return inside


def _of_truth(method: Method, p: Floats, truth: ArrayLike, uniform: ArrayLike | None) -> Floats:
    code = np.asarray(truth)
    if code.shape != p.shape[:1] or not np.isin(code, np.arange(p.shape[1])).all():
        raise InputError(f"expected one class number of 0 to {p.shape[1] - 1} per row; got others, or another length")
    return np.take_along_axis(_nonconformity(method, p, uniform), code[:, None].astype(np.intp), axis=1)[:, 0]


def _nonconformity(method: Method, p: Floats, uniform: ArrayLike | None) -> Floats:
    """How little each class fits its row, shape (n, K)."""
    if method == "lac":
        if uniform is not None:
            raise InputError("expected no uniform numbers: only `aps` sets are randomised")
        return 1 - p
    if uniform is None:
        return _before(p) + p
    u = np.asarray(uniform, dtype=np.float64)
    if u.shape != p.shape[:1] or not np.all((u >= 0) & (u <= 1)):
        raise InputError("expected one uniform number of 0 to 1 per row; got NaN, others, or another length")
    return _before(p) + (1 - u[:, None]) * p


def _before(p: Floats) -> Floats:
    """Sum of the probabilities of the classes that come before each, from the most probable down."""
    order = np.argsort(-p, axis=1, kind="stable")
    ordered = np.take_along_axis(p, order, axis=1)
    result = np.empty_like(p)
    np.put_along_axis(result, order, np.cumsum(ordered, axis=1) - ordered, axis=1)
    return result


def _checked(scores: ArrayLike) -> Floats:
    p = np.asarray(scores, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] < 2:
        raise InputError(f"expected the probabilities of two classes or more, shape (n, K); got {p.shape}")
    if not np.all((p >= 0) & (p <= 1)):
        raise InputError("expected probabilities from 0 to 1; got NaN or others")
    return p
