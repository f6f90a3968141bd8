"""Calibration of a binary score: plain numbers, fitted on validation rows, applied the same wherever the model runs.

The kinds are ordered from simple to flexible and each holds the one before: `none` leaves the score alone, `platt` is a line
in its log-odds, `beta` gives the two ends of the scale a slope each, `isotonic` is any rising curve (and therefore holds the
others only with enough rows to draw them).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from holdfast.errors import InputError
from holdfast.stats.reliability import probabilities

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

Kind = Literal["none", "platt", "beta", "isotonic"]

KINDS: tuple[Kind, ...] = ("none", "platt", "beta", "isotonic")
"""From simple to flexible."""

EDGE = 1e-7
"""Scores and results are kept this far from 0 and 1, where the log loss ends; single precision comes no closer to 1."""

FOLDS = 5

FEWEST = 10
"""Rows of the rarer label below which a curve is not worth fitting: each fold needs some."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a score becomes a probability, as numbers.

    Attributes
    ----------
    kind
        `none`, `platt`, `beta` or `isotonic`.
    coefficients
        `platt`: slope and intercept; `beta`: slopes a and b and the intercept c. Slopes are never negative.
    x, y
        `isotonic`: knots of the curve, both not falling, as many of one as of the other.
    """

    kind: Kind = "none"
    coefficients: tuple[float, ...] = ()
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        needed = {"platt": 2, "beta": 3}.get(self.kind, 0)
        if len(self.coefficients) != needed or len(self.x) != len(self.y) or (self.kind == "isotonic") != bool(self.x):
            raise ValueError(f"expected the numbers of a {self.kind} calibration; got others")


def apply(calibration: Calibration, scores: ArrayLike) -> Floats:
    """Calibrated probabilities of `scores` (0 to 1, any shape): never falling, and within `EDGE` and 1 - `EDGE`.

    `platt`: `expit(slope * logit(s) + intercept)`. `beta`: `expit(a * ln(s) - b * ln(1 - s) + c)`. `isotonic`: straight
    lines between the knots, constant beyond them. NaN stays NaN.

    Source: Platt (1999), *Probabilistic outputs for support vector machines*, on the log-odds; Kull, Silva Filho & Flach
    (2017), *Beta calibration*, AISTATS; Zadrozny & Elkan (2002), *Transforming classifier scores*, KDD.

    Examples
    --------
    >>> apply(Calibration(kind="platt", coefficients=(1.0, -1.0)), [0.5, 0.9]).round(3).tolist()
    [0.269, 0.768]
    >>> apply(Calibration(kind="isotonic", x=(0.2, 0.6), y=(0.1, 0.5)), [0.0, 0.3, 1.0]).round(3).tolist()
    [0.1, 0.2, 0.5]
    """
    scores = np.clip(np.asarray(scores, dtype=np.float64), EDGE, 1 - EDGE)
    if calibration.kind == "none":
        return scores
    result: Floats
    if calibration.kind == "isotonic":
        result = np.interp(scores, calibration.x, calibration.y)
    else:
        *slopes, intercept = calibration.coefficients
        odds = _features(calibration.kind, scores) @ np.array(slopes) + intercept
        # Beyond these odds the result is clipped anyway, and `exp` would overflow.
        result = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    return np.clip(result, EDGE, 1 - EDGE)


def fit(kind: Kind, scores: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None) -> Calibration:
    """Fit one kind of calibration.

    `platt` and `beta` are logistic regressions on Platt's smoothed targets (`(N + 1) / (N + 2)` for N positive rows,
    `1 / (N + 2)` for N negative ones), so that separable rows have a fit too; a slope that would be negative is held at 0,
    as in Kull et al. `isotonic` is the least-squares rising fit; its lowest and highest steps stop at `1 / (N + 2)` and
    its complement, since N rows cannot tell a probability from 0 any closer.

    Parameters
    ----------
    scores
        Probabilities of the positive class by a model that did not see these rows, shape (n,), 0 to 1.
    truth
        True where positive, shape (n,).
    weight
        Of the rows, shape (n,), at least 0; only ratios matter.

    Raises
    ------
    InputError
        When a score is NaN or outside 0 to 1, a shape or a weight is wrong, or one label has no rows of positive weight.

    Examples
    --------
    >>> fit("isotonic", [0.1, 0.2, 0.3, 0.4], [False, True, False, True]).y
    (0.16666666666666666, 0.5, 0.5, 0.8333333333333334)
    """
    return _fit(kind, *_rows(scores, truth, weight))


def choose(scores: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None) -> Calibration:
    """The simplest kind whose cross-validated log loss is within one standard error of the best, fitted on all rows.

    The standard error is that of the *paired* difference to the best, row by row: much smaller than that of a loss alone,
    so that a real gain is not given away. `none` when the rarer label has fewer than `FEWEST` rows.

    Parameters and errors are those of `fit`.

    Source: Breiman et al. (1984), *Classification and regression trees*, section 3.4.3: the one-standard-error rule.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> probability = rng.random(2_000)
    >>> truth = rng.random(2_000) < probability
    >>> choose(probability, truth).kind, choose(probability**3, truth).kind
    ('none', 'beta')
    """
    s, y, w = _rows(scores, truth, weight)
    if min(y.sum(), (~y).sum()) < FEWEST:
        return Calibration()
    losses = _held_out_losses(s, y, w)
    share = w / w.sum()
    means = share @ losses
    excess = losses - losses[:, [np.argmin(means)]]
    gap = share @ excess
    error = np.sqrt((share**2) @ (excess - gap) ** 2)
    return _fit(KINDS[int(np.argmax(gap <= error))], s, y, w)


def _held_out_losses(scores: Floats, truth: NDArray[np.bool_], weight: Floats) -> Floats:
    """Log loss of each row under each kind, fitted on the other folds; folds are seeded and hold both labels alike."""
    order = np.random.default_rng(0).permutation(len(truth))
    order = order[np.argsort(truth[order], kind="stable")]
    fold = np.empty(len(truth), dtype=np.intp)
    fold[order] = np.arange(len(truth)) % FOLDS
    losses = np.empty((len(truth), len(KINDS)))
    for k in range(FOLDS):
        out = fold == k
        for j, kind in enumerate(KINDS):
            p = apply(_fit(kind, scores[~out], truth[~out], weight[~out]), scores[out])
            losses[out, j] = -np.log(np.where(truth[out], p, 1 - p))
    return losses


def _fit(kind: Kind, scores: Floats, truth: NDArray[np.bool_], weight: Floats) -> Calibration:
    if kind == "none":
        return Calibration()
    weight = weight * (len(weight) / weight.sum())  # targets and steps are smoothed by the number of rows
    if kind == "isotonic":
        return _isotonic(scores, truth, weight)
    positives, negatives = weight[truth].sum(), weight[~truth].sum()
    targets = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    return Calibration(kind=kind, coefficients=_logistic(_features(kind, scores), targets, weight))


def _features(kind: Kind, scores: Floats) -> Floats:
    """What the logistic regression of a kind sees, shape (..., 1) or (..., 2)."""
    s = np.clip(scores, EDGE, 1 - EDGE)
    ends = np.stack([np.log(s), -np.log1p(-s)], axis=-1)
    return ends if kind == "beta" else ends.sum(axis=-1, keepdims=True)


def _logistic(features: Floats, targets: Floats, weight: Floats) -> tuple[float, ...]:
    """Slopes, none negative, and the intercept of the weighted logistic regression on soft targets, by Newton's method."""
    used = list(range(features.shape[1]))
    while True:
        design = np.column_stack([features[:, used], np.ones(len(targets))])
        found = _newton(design, targets, weight)
        if not used or found[:-1].min() >= 0:
            break
        del used[int(np.argmin(found[:-1]))]
    slopes = np.zeros(features.shape[1])
    slopes[used] = found[:-1]
    return (*slopes.tolist(), float(found[-1]))


def _newton(design: Floats, targets: Floats, weight: Floats) -> Floats:
    """Minimum of the convex log loss; steps are halved until they descend."""
    found = np.zeros(design.shape[1])

    def loss(at: Floats) -> float:
        odds = design @ at
        return float(weight @ (np.maximum(odds, 0) + np.log1p(np.exp(-np.abs(odds))) - targets * odds))

    now = loss(found)
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(design @ found, -500, 500)))
        gradient = design.T @ (weight * (p - targets))
        hessian = (design.T * (weight * p * (1 - p))) @ design
        # Scores that are all the same leave the slope open: the shortest step is taken.
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        if gradient @ step <= 1e-12 * now:  # twice what the step can still gain
            break
        while (after := loss(found - step)) > now:
            step = step / 2
        found, now = found - step, after
    return found


def _isotonic(scores: Floats, truth: NDArray[np.bool_], weight: Floats) -> Calibration:
    """Knots at both ends of each step of the least-squares rising fit."""
    from scipy.optimize import isotonic_regression

    x, place = np.unique(scores, return_inverse=True)
    mass = np.bincount(place, weight)
    steps = isotonic_regression(np.bincount(place, weight * truth) / mass, weights=mass)
    smallest = 1 / (len(truth) + 2)
    y = np.clip(steps.x, smallest, 1 - smallest)
    knots = np.unique([steps.blocks[:-1], steps.blocks[1:] - 1])
    return Calibration(kind="isotonic", x=tuple(x[knots].tolist()), y=tuple(y[knots].tolist()))


def _rows(scores: ArrayLike, truth: ArrayLike, weight: ArrayLike | None) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """The rows of positive weight; there must be both labels among them."""
    s, y, w = probabilities(scores, truth, weight)
    if y.all() or not y.any():
        raise InputError("expected rows of both labels to calibrate; got one label only: take a longer validation part")
    return s, y, w
