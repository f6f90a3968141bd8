"""Right and wrong answers of two classes, and the shares that are made of them.

Every share is NaN where it has no row to speak of (scikit-learn says 0 and warns): what is unknown is not bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Weights of the four outcomes, arrays of one shape: a place for each threshold, replicate or class.

    Attributes
    ----------
    tp, fp, fn, tn
        True positives, false positives, false negatives, true negatives, >= 0.
    """

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats

    @staticmethod
    def at(negative: Floats, positive: Floats, place: int) -> Confusion:
        """Answers of "positive from group `place` on": weights by rising score, shape (..., scores)."""
        return Confusion(
            tp=positive[..., place:].sum(axis=-1),
            fp=negative[..., place:].sum(axis=-1),
            fn=positive[..., :place].sum(axis=-1),
            tn=negative[..., :place].sum(axis=-1),
        )

    @staticmethod
    def at_every_place(negative: Floats, positive: Floats) -> Confusion:
        """`at` for places 0 to the number of scores, on a new last axis: from all positive to none."""
        none = np.zeros((*negative.shape[:-1], 1))
        fn, tn = (np.concatenate([none, np.cumsum(weights, axis=-1)], axis=-1) for weights in (positive, negative))
        return Confusion(tp=fn[..., -1:] - fn, fp=tn[..., -1:] - tn, fn=fn, tn=tn)

    @property
    def precision(self) -> Floats:
        """Share of the positive answers that are right."""
        return share(self.tp, self.fp)

    @property
    def recall(self) -> Floats:
        """Share of the positive rows that are found."""
        return share(self.tp, self.fn)

    @property
    def specificity(self) -> Floats:
        """Share of the negative rows that are left alone."""
        return share(self.tn, self.fp)

    @property
    def accuracy(self) -> Floats:
        """Share of the answers that are right."""
        return share(self.tp + self.tn, self.fp + self.fn)

    @property
    def balanced_accuracy(self) -> Floats:
        """Mean of recall and specificity.

        Source: Brodersen et al., *The balanced accuracy and its posterior distribution*, ICPR (2010).
        """
        return (self.recall + self.specificity) / 2

    @property
    def selected(self) -> Floats:
        """Share of the rows that are answered positive."""
        return share(self.tp + self.fp, self.fn + self.tn)

    @property
    def matthews(self) -> Floats:
        """Matthews correlation coefficient of truth and answer, -1 to 1; NaN if either does not vary.

        Source: Matthews, *Comparison of the predicted and observed secondary structure*, BBA 405 (1975).

        Examples
        --------
        >>> one = [np.array(float(n)) for n in (6, 1, 2, 3)]
        >>> print(Confusion(*one).matthews.round(4))
        0.4781
        """
        precision, recall, specificity = self.precision, self.recall, self.specificity
        below = share(self.tn, self.fn)
        good, bad = (precision, recall, specificity, below), (1 - precision, 1 - recall, 1 - specificity, 1 - below)
        # Geometric means of shares: the product of four large weights would overflow.
        coefficient: Floats = np.sqrt(np.prod(good, axis=0)) - np.sqrt(np.prod(bad, axis=0))
        return coefficient

    def f_beta(self, beta: float) -> Floats:
        """F-beta, 0 to 1: the harmonic mean of precision and recall, recall counting `beta` (> 0) times as much.

        Source: van Rijsbergen, *Information Retrieval*, 2nd ed. (1979), chapter 7.

        Examples
        --------
        >>> one = [np.array(float(n)) for n in (6, 1, 2, 3)]
        >>> print(Confusion(*one).f_beta(1).round(4))
        0.8
        """
        return share((1 + beta**2) * self.tp, beta**2 * self.fn + self.fp)


def share(success: ArrayLike, failure: ArrayLike) -> Floats:
    """`success / (success + failure)`, NaN where both are 0."""
    success, total = np.asarray(success, dtype=np.float64), np.add(success, failure, dtype=np.float64)
    ratio: Floats = np.divide(success, total, out=np.full(np.shape(total), np.nan), where=total > 0)
    return ratio
