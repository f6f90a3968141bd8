"""The band of scores around the threshold that a person should look at: at a cost per review, or within a capacity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holdfast.errors import InputError, SettingError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewBand:
    """Scores from `low` on and below `high` go to review; `low == high` sends none.

    `share` of the (weighted) rows lie in it; `saving` is what reviewing them saves, the cost of review taken off, per row
    of all rows and in the unit of the costs, by the scores' own word.
    """

    low: float
    high: float
    share: float
    saving: float


def review_band(
    score: ArrayLike,
    threshold: float,
    *,
    false_positive: ArrayLike = 1.0,
    false_negative: ArrayLike = 1.0,
    review: float = 0.0,
    capacity: float = 1.0,
    weight: ArrayLike | None = None,
) -> ReviewBand:
    """The band of scores around the threshold whose review saves most, at a cost per review or within a capacity.

    Deciding a row on its own is expected to cost `score * false_negative` below the threshold and
    `(1 - score) * false_positive` from it on; a review finds the truth and costs `review`. Among all bands that hold the
    threshold, exactly and from the rows' own costs, the one with the largest sum of (expected cost - `review`) is taken that
    sends at most `capacity` of the rows to review. With the same costs for every row and no limit of capacity its ends
    tend to `review / false_negative` and `1 - review / false_positive`.

    Parameters
    ----------
    score
        Calibrated probabilities of the positive class, shape (n,), 0 to 1: the band is no better than they are.
    threshold
        From which a row is decided positive.
    false_positive, false_negative
        Cost of a wrong decision, at least 0: one number, or one per row, shape (n,).
    review
        Cost of reviewing one row, at least 0, in the same unit.
    capacity
        Largest share of rows that can be reviewed, 0 to 1.
    weight
        Of the rows, shape (n,), at least 0.

    Raises
    ------
    InputError
        When a score is NaN or outside 0 to 1, a cost is NaN or negative, shapes differ, or no row has weight.
    SettingError
        When `review` is negative, or `capacity` not within 0 to 1.

    Source: Chow (1970), *On optimum recognition error and reject tradeoff*, IEEE Transactions on Information Theory 16, whose
    rule this is, with a capacity.

    Examples
    --------
    >>> import numpy as np
    >>> band = review_band(np.linspace(0, 1, 1_001), 0.5, false_negative=10.0, false_positive=5.0, review=1.0)
    >>> round(band.low, 2), round(band.high, 2), round(band.share, 2)
    (0.1, 0.8, 0.7)
    """
    if not (review >= 0 and 0 <= capacity <= 1):
        raise SettingError("expected a cost of review of at least 0 and a capacity of 0 to 1; got others")
    s, fp, fn = (np.asarray(numbers, dtype=np.float64) for numbers in (score, false_positive, false_negative))
    w = np.ones(s.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    if s.ndim != 1 or any(numbers.shape != s.shape for numbers in (fp, fn, w) if numbers.ndim):
        raise InputError(
            f"expected a score per row, and as many costs and weights; got {s.shape}, {fp.shape}, {w.shape}"
        )
    w = w / w.sum() if w.sum() > 0 else np.full(s.shape, np.nan)
    gain = w * (np.where(s >= threshold, (1 - s) * fp, s * fn) - review)
    right = (s >= 0) & (s <= 1) & (fp >= 0) & (fp < np.inf) & (fn >= 0) & (fn < np.inf) & (w >= 0)
    if not (len(s) and right.all()):
        raise InputError("expected scores of 0 to 1, and costs and weights of at least 0, not all 0; got NaN or others")
    order = np.argsort(s, kind="stable")
    s, w, gain = s[order], w[order], gain[order]
    above = s >= threshold
    # Steps away from the threshold, each taking in all rows of one score: the score reached, rows and saving so far.
    up, up_share, up_gain = _steps(s[above], w[above], gain[above])
    down, down_share, down_gain = _steps(s[~above][::-1], w[~above][::-1], gain[~above][::-1])
    # For each step up: the best of the steps down that the capacity still allows.
    best_down = np.maximum.accumulate(down_gain)
    allowed = np.searchsorted(down_share, capacity - up_share + 1e-12, side="right") - 1
    total = np.where(allowed >= 0, up_gain + best_down[allowed], -np.inf)
    i = int(np.argmax(total))
    j = int(np.argmax(down_gain[: allowed[i] + 1]))
    return ReviewBand(
        low=threshold if j == 0 else float(down[j - 1]) if j < len(down) else 0.0,
        high=threshold if i == 0 else float(up[i]) if i < len(up) else float(np.nextafter(1, 2)),
        share=float(up_share[i] + down_share[j]),
        saving=float(total[i]),
    )


def _steps(score: Floats, weight: Floats, gain: Floats) -> tuple[Floats, Floats, Floats]:
    """Distinct scores in their order, and cumulative weight and gain after none, the first, the first two, ... of them."""
    ends = np.flatnonzero(np.append(np.diff(score) != 0, True)) if len(score) else np.array([], dtype=np.intp)
    share, total = (np.concatenate([[0.0], np.cumsum(numbers)[ends]]) for numbers in (weight, gain))
    return score[ends], share, total
