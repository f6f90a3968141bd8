"""Deciding only where it is safe: a threshold of confidence with guaranteed risk, and risk against coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from holdfast.errors import InputError, SettingError
from holdfast.stats.intervals import clopper_pearson

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

STARTS = (0.1, 0.25, 0.5, 0.8)
"""Coverages from which a chain of tests goes on to larger ones; the doubt is shared between the chains.

One chain would need a start that fits the data: too small a coverage has too few rows, too large a one too many errors.
"""

GRID = 100
"""Coverages that are tried: every percent."""


class Guarantee(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold of confidence from which the error is bounded.

    Attributes
    ----------
    threshold
        Rows of at least this confidence are decided.
    coverage
        Share of the calibration rows that are decided, 0 to 1.
    bound
        Upper bound of the error of the decided rows, at most `risk`, with probability `1 - delta`.
    risk, delta
        What was asked for.
    rows
        Calibration rows.
    """

    threshold: float
    coverage: float
    bound: float
    risk: float
    delta: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCoverage:
    """Risk of the rows decided at each threshold, from the most confident down; every array has the shape (thresholds,).

    `threshold` falls strictly, `coverage` rises to 1, `risk` is the mean loss of the rows of at least that confidence.
    """

    threshold: Floats
    coverage: Floats
    risk: Floats

    @property
    def area(self) -> float:
        """Mean risk over all coverages (AURC), in the unit of the loss: 0 for a model that never errs."""
        return float(self.risk @ np.diff(self.coverage, prepend=0))


def guarantee(confidence: ArrayLike, errors: ArrayLike, risk: float, delta: float = 0.05) -> Guarantee | None:
    """Selection with guaranteed risk: the lowest threshold whose error is at most `risk`, with certainty `1 - delta`.

    The question is that of SGR (Geifman & El-Yaniv 2017), and so is its bound: exact, for the errors above a threshold. Their
    binary search stops early where rows are few, so the thresholds are tried in a fixed order instead: from each of `STARTS`
    to larger coverages, percent by percent, until one fails at `delta / len(STARTS)`. Rows *above* the row that sets the
    threshold are counted, since given that row they are independent. The guarantee is about future rows that are drawn
    like these, and about the model as it is.

    Parameters
    ----------
    confidence
        Of each decision, any scale, shape (n,); not learned from these rows.
    errors
        True where the decision was wrong, shape (n,).
    risk
        Largest share of wrong decisions among those made, between 0 and 1.
    delta
        Largest probability that the guarantee does not hold, between 0 and 1.

    Returns
    -------
    Guarantee or None
        None when nothing can be guaranteed: too many errors, or too few rows. Even without any error a start needs
        `ln(len(STARTS) / delta) / risk` decided rows, such as 219 at risk 0.02 and delta 0.05.

    Raises
    ------
    InputError
        When a confidence is NaN, or shapes differ.
    SettingError
        When `risk` or `delta` is not between 0 and 1.

    Source: Geifman & El-Yaniv (2017), *Selective classification for deep neural networks*, NeurIPS; fixed sequences with
    several starts: Angelopoulos et al. (2021), *Learn then test*, section 3.2; bound: Clopper & Pearson (1934).

    Examples
    --------
    >>> import numpy as np
    >>> confidence = np.linspace(0, 1, 1_000)
    >>> found = guarantee(confidence, confidence < 0.3, risk=0.05)
    >>> round(found.coverage, 3), round(found.bound, 3)
    (0.72, 0.045)
    >>> guarantee(confidence, confidence < 0.3, risk=0.001) is None
    True
    """
    for name, share in (("risk", risk), ("delta", delta)):
        if not 0 < share < 1:
            raise SettingError(f"expected `{name}` between 0 and 1, such as 0.05; got {share}")
    c, wrong = _ordered(confidence, np.asarray(errors, dtype=np.bool_))
    if not len(c):
        return None
    edge = c[np.minimum(len(c) * np.arange(1, GRID + 1) // GRID, len(c) - 1)]
    decided = np.searchsorted(-c, -edge)  # rows above the edge: equal ones fall with it
    mistakes = np.concatenate([[0], np.cumsum(wrong)])[decided]
    bound = np.asarray(clopper_pearson(mistakes, decided, 1 - 2 * delta / len(STARTS))[1])
    failed = np.append(~(bound <= risk), True)  # no rows, no bound
    starts = [round(GRID * share) - 1 for share in STARTS]
    reached = [start + int(np.argmax(failed[start:])) - 1 for start in starts if not failed[start]]
    if not reached:
        return None
    best = max(reached)
    return Guarantee(
        threshold=float(np.nextafter(edge[best], np.inf)),
        coverage=int(decided[best]) / len(c),
        bound=float(bound[best]),
        risk=risk,
        delta=delta,
        rows=len(c),
    )


def risk_coverage(confidence: ArrayLike, loss: ArrayLike, weight: ArrayLike | None = None) -> RiskCoverage:
    """Risk against coverage: the mean loss of the rows that would be decided, at every threshold of confidence.

    Parameters
    ----------
    confidence
        Of each decision, any scale, shape (n,).
    loss
        Of each decision: 1 and 0 for wrong and right, or a cost, shape (n,).
    weight
        Of the rows, shape (n,), at least 0.

    Raises
    ------
    InputError
        When a number is NaN, shapes differ, or no row has weight.

    Source: El-Yaniv & Wiener (2010), *On the foundations of noise-free selective classification*, JMLR 11; the area:
    Geifman, Uziel & El-Yaniv (2019), *Bias-reduced uncertainty estimation for deep neural classifiers*, ICLR.

    Examples
    --------
    >>> curve = risk_coverage([0.9, 0.8, 0.7, 0.7], [0, 0, 1, 0])
    >>> curve.coverage.tolist(), curve.risk.tolist(), curve.area
    ([0.25, 0.5, 1.0], [0.0, 0.0, 0.25], 0.125)
    """
    weight = np.ones(np.shape(confidence)) if weight is None else weight
    c, losses, w = _ordered(confidence, np.asarray(loss, dtype=np.float64), np.asarray(weight, dtype=np.float64))
    if not np.all(w >= 0) or not w.any():
        raise InputError("expected rows with weights of at least 0; got none, or negative ones")
    c, losses, w = c[w > 0], losses[w > 0], w[w > 0]
    ends = np.append(np.flatnonzero(np.diff(c)), len(c) - 1)
    mass, total = np.cumsum(w)[ends], np.cumsum(w * losses)[ends]
    return RiskCoverage(threshold=c[ends], coverage=mass / mass[-1], risk=total / mass)


def _ordered(confidence: ArrayLike, *others: NDArray[np.generic]) -> tuple[Floats, ...]:
    """Everything from the most confident row down."""
    c = np.asarray(confidence, dtype=np.float64)
    if c.ndim != 1 or any(other.shape != c.shape for other in others):
        raise InputError(f"expected one number of each kind per row; got {[c.shape, *(o.shape for o in others)]}")
    numbers = [np.asarray(other, dtype=np.float64) for other in others]
    if any(np.isnan(column).any() for column in (c, *numbers)):
        raise InputError("expected a number in every row; got NaN: leave those rows out, and send such rows to review")
    order = np.argsort(-c, kind="stable")
    return c[order], *(column[order] for column in numbers)
