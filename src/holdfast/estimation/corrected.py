"""An expected value by score and features: a calibrated curve of the score, corrected by trees, in several members.

Each member was fitted without one part of the reference. Their mean is the estimate; how far they lie apart says how sure
it is (the delete-a-group jackknife: Kott, *Journal of Official Statistics* 17 (2001)).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.stats import boosting, calibration, error_scale
from holdfast.stats.boosting import USUAL, Growth, Link, Trees
from holdfast.stats.calibration import Calibration
from holdfast.stats.error_scale import ErrorScale

Array: TypeAlias = NDArray[np.float64]

MEMBERS, LOSS_MEMBERS = 5, 3
"""Parts of the reference: of classes, and of numbers, whose trees are larger."""
LOSS_GROWTH = Growth(depth=5, most=140, share=0.6, smoothing=1.0, least=5.0, stops=False)
FEWEST = 200
"""Rows, and rows of the rarer label, below which nothing is corrected: five parts of fewer say little."""


class Curve(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the score alone says: a calibration, or the size of errors; one of the two."""

    calibration: Calibration | None = None
    scale: ErrorScale | None = None

    def at(self, score: Array) -> Array:
        """Probabilities, or expected losses, > 0."""
        if self.scale is not None:
            return error_scale.sigma(self.scale, score)
        return calibration.apply(self.calibration or Calibration(), score)


class LabelShift(msgspec.Struct, frozen=True, kw_only=True):
    """What the share of positive rows is found by where the truth is not known; see `labels`.

    Attributes
    ----------
    prior
        Share of positive rows in the reference.
    curve
        Probability by the score, a line in its log-odds: it must be calibrated as a whole, with no step that some bins
        happen to have.
    members
        The same without each part of the reference.
    """

    prior: float
    curve: Calibration
    members: tuple[Calibration, ...] = ()


class Corrected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Expected value of a row.

    Attributes
    ----------
    link
        `logit` for a probability, `log` for a loss.
    plain
        What the score alone says, fitted on all rows.
    starts, trees
        Of each member: the curve without its part of the rows, and the trees that correct it. None: nothing is corrected.
    """

    link: Link
    plain: Curve
    starts: tuple[Curve, ...] = ()
    trees: tuple[Trees, ...] = ()

    @property
    def members(self) -> int:
        """How many there are."""
        return len(self.starts)

    def each(self, score: Array, codes: NDArray[np.intp]) -> Array:
        """Expected values by each member, and by the plain curve in the last row, shape (members + 1, n)."""
        found = [
            boosting.mean(linked(start.at(score), self.link) + boosting.added(trees, codes), self.link)
            for start, trees in zip(self.starts, self.trees, strict=True)
        ]
        return np.stack([*found, self.plain.at(score)])


def best(each: Array) -> Array:
    """The estimate from what `Corrected.each` gives, or any sums of it: the mean of the members; without any, the plain curve.

    Examples
    --------
    >>> print(best(np.array([0.1, 0.2, 0.6])).round(2), best(np.array([0.6])))
    0.15 0.6
    """
    result: Array = each[:-1].mean(axis=0) if len(each) > 1 else each[-1]
    return result


def class_probabilities(corrected: tuple[Corrected, ...], score: Array, codes: NDArray[np.intp]) -> Array:
    """Probabilities of several classes, (members + 1, K, n), which sum to 1: each against the rest, then normalised.

    A class that has no members counts with its plain curve in all.

    Source: Zadrozny & Elkan (2002), *Transforming classifier scores into accurate multiclass probability estimates*, KDD.

    Examples
    --------
    >>> half = Curve(calibration=Calibration(kind="isotonic", x=(0.0, 1.0), y=(0.0, 0.5)))
    >>> both = Corrected(link="logit", plain=half), Corrected(link="logit", plain=Curve())
    >>> class_probabilities(both, np.array([[0.5, 0.5]]), np.empty((0, 1), dtype=np.intp)).round(3).tolist()
    [[[0.333], [0.667]]]
    """
    most = max(one.members for one in corrected)
    found = []
    for k, one in enumerate(corrected):
        each = one.each(score[:, k], codes)
        found.append(each if one.members == most else np.repeat(each[-1:], most + 1, axis=0))
    stacked = np.stack(found, axis=1)
    total: Array = stacked / stacked.sum(axis=1, keepdims=True)
    return total


def fit_probability(
    score: Array, truth: NDArray[np.bool_], codes: NDArray[np.intp], fold: NDArray[np.intp], weight: Array | None = None
) -> Corrected:
    """Probability of the positive class.

    Parameters
    ----------
    score
        Of rows that the model did not fit, 0 to 1, shape (n,).
    truth
        True where positive, shape (n,).
    codes
        Features in bins, shape (features, n); see `features.coded`.
    fold
        The member that does not see each row, shape (n,); see `folds`.
    """
    labels = np.bincount(truth, minlength=2)
    if not labels.all():
        return Corrected(link="logit", plain=Curve(calibration=Calibration()))
    plain = calibration.choose(score, truth, weight)
    if not _enough(truth, fold):
        return Corrected(link="logit", plain=Curve(calibration=plain))
    starts = tuple(
        Curve(
            calibration=calibration.fit(
                plain.kind, score[fold != k], truth[fold != k], None if weight is None else weight[fold != k]
            )
        )
        for k in range(MEMBERS)
    )
    return _grown("logit", Curve(calibration=plain), starts, score, truth.astype(np.float64), codes, fold, weight)


def fit_label_shift(
    score: Array, truth: NDArray[np.bool_], fold: NDArray[np.intp], weight: Array | None = None
) -> LabelShift | None:
    """As `fit_probability`, for `LabelShift`; None where the reference has rows of one label only."""
    if truth.all() or not truth.any():
        return None
    parts = [np.full(len(truth), True), *(fold != k for k in range(MEMBERS) if _enough(truth, fold))]
    curves = [
        calibration.fit("platt", score[part], truth[part], None if weight is None else weight[part]) for part in parts
    ]
    return LabelShift(prior=float(np.average(truth, weights=weight)), curve=curves[0], members=tuple(curves[1:]))


def fit_loss(
    predicted: Array, loss: Array, codes: NDArray[np.intp], fold: NDArray[np.intp], weight: Array | None = None
) -> Corrected:
    """Expected loss of a predicted number, such as its absolute or squared error; see `fit_probability`."""
    plain = _scale(predicted, loss)
    if len(loss) < FEWEST or not loss.any():
        return Corrected(link="log", plain=plain)
    starts = tuple(_scale(predicted[fold != k], loss[fold != k]) for k in range(LOSS_MEMBERS))
    return _grown("log", plain, starts, predicted, loss, codes, fold, weight, LOSS_GROWTH)


def folds(
    labels: NDArray[Any] | None, rows: int, members: int = MEMBERS, *, ordered: bool, seed: int = 0
) -> NDArray[np.intp]:
    """A member for each of the rows that does not see it, (n,).

    In the order of time a member leaves out a stretch of it: a correction must hold at other times, too. Otherwise the
    rows are dealt out, seeded, those of each label alike.
    """
    if ordered:
        return np.arange(rows) * members // max(rows, 1)
    order = np.random.default_rng(seed).permutation(rows)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(rows, dtype=np.intp)
    fold[order] = np.arange(rows) % members
    return fold


def linked(values: Array, link: Link) -> Array:
    """Means on the scale of the link."""
    result: Array = np.log(values) - np.log1p(-values) if link == "logit" else np.log(values)
    return result


def _grown(
    link: Link,
    plain: Curve,
    starts: tuple[Curve, ...],
    score: Array,
    truth: Array,
    codes: NDArray[np.intp],
    fold: NDArray[np.intp],
    weight: Array | None,
    growth: Growth = USUAL,
) -> Corrected:
    begin = np.stack([linked(start.at(score), link) for start in starts])
    # In the unit of their mean, so that leaves are smoothed alike whatever the losses are measured in.
    unit = 1.0 if link == "logit" else float(truth.mean())
    counted = np.ones(len(truth)) if weight is None else weight * (len(weight) / weight.sum())
    trees = boosting.cross_fitted(codes, truth / unit, begin - np.log(unit), fold, counted, link, growth)
    return Corrected(link=link, plain=plain, starts=starts, trees=trees)


def _scale(predicted: Array, loss: Array) -> Curve:
    # The mean of |truth - prediction|, of truths that lie a loss above.
    return Curve(scale=error_scale.fit(predicted, predicted + loss))


def _enough(truth: NDArray[np.bool_], fold: NDArray[np.intp]) -> bool:
    """Whether both labels have rows to go round, and each member sees both."""
    seen = [np.bincount(truth[fold != k], minlength=2).min() for k in range(MEMBERS)]
    return bool(np.bincount(truth, minlength=2).min() >= FEWEST and min(seen) >= FEWEST // 2)
