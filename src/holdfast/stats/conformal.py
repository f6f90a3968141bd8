"""Prediction intervals that cover a stated share of the truth, whatever the model, if past and future rows are alike.

A band around the prediction is widened by the quantile of how far the truths of the calibration rows lie outside it:

- `absolute`: the band is the prediction itself; every interval has the same width;
- `normalised`: distances are measured in `sigma`, the row's own scale: wide where the model is unsure;
- `cqr`: the band is that of two quantile predictions, which may be too narrow or too wide.

Any of them by segment (Mondrian): then the share is kept within each segment that has enough rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from holdfast.errors import InputError, SettingError
from holdfast.stats.intervals import wilson

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

FEWEST_MISSES = 10
"""Rows to expect outside a segment's intervals from which it has a quantile of its own: 100 rows at level 0.9."""


class Conformal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How wide an interval must be, as numbers.

    Attributes
    ----------
    kind
        `absolute`, `normalised` or `cqr`.
    level
        Share of truths to cover, 0 to 1.
    quantile
        How far the band is widened, in the unit of the target (`normalised`: in `sigma`); negative when a `cqr` band was
        too wide. None when the calibration rows are too few for the level: every interval is infinite.
    rows
        Calibration rows.
    segments
        Quantile of each segment that has enough rows.
    fallback
        Segments with too few rows: they use `quantile`, which keeps the level over all rows, not within them. So do
        segments that were never seen.
    """

    kind: Literal["absolute", "normalised", "cqr"]
    level: float
    quantile: float | None
    rows: int
    segments: dict[str, float] = {}
    fallback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How often intervals (or prediction sets) hold the truth, per group; every array has the shape (groups,).

    `share` is NaN in a group without rows; `low` and `high` are its Wilson interval; `size` the mean width of an interval,
    or the mean number of classes of a set.
    """

    rows: NDArray[np.int64]
    share: Floats
    low: Floats
    high: Floats
    size: Floats


def conformal_quantile(scores: ArrayLike, level: float) -> float:
    """The `ceil((n + 1) * level)`-th smallest of n scores; infinite when n is too small for the level.

    A further score, exchangeable with these, is at most the quantile with a chance of at least `level` and, without ties,
    of `ceil((n + 1) * level) / (n + 1)`. At 0.9 nine rows are needed, at 0.99 ninety-nine.

    Raises
    ------
    InputError
        When a score is NaN or infinite.
    SettingError
        When `level` is not between 0 and 1.

    Source: Vovk, Gammerman & Shafer (2005), *Algorithmic learning in a random world*; Lei et al. (2018),
    *Distribution-free predictive inference for regression*, JASA 113.

    Examples
    --------
    >>> conformal_quantile([3.0, 1.0, 2.0, 5.0], 0.6), conformal_quantile([3.0, 1.0, 2.0, 5.0], 0.9)
    (3.0, inf)
    """
    if not 0 < level < 1:
        raise SettingError(f"expected a level between 0 and 1, such as 0.9; got {level}")
    scores = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise InputError("expected a truth and a prediction in every calibration row; got NaN or infinite ones")
    # Rounding must not turn 0.7 * 10 into more than 7.
    rank = math.ceil((len(scores) + 1) * level - 1e-9)
    return float(np.partition(scores, rank - 1)[rank - 1]) if rank <= len(scores) else math.inf


def fit(
    truth: ArrayLike,
    prediction: ArrayLike,
    *,
    level: float = 0.9,
    sigma: ArrayLike | None = None,
    segment: ArrayLike | None = None,
) -> Conformal:
    """Split conformal: learn from calibration rows how wide intervals must be. The model must not have seen these rows.

    Parameters
    ----------
    truth
        Shape (n,).
    prediction
        Shape (n,); or, for `cqr`, (n, 2): predictions of a lower and an upper quantile.
    level
        Share of truths to cover, between 0 and 1.
    sigma
        For `normalised`: scale of each row's error, shape (n,), above 0 and predicted without the truth.
    segment
        Name of each row's segment, shape (n,), text.

    Raises
    ------
    InputError
        When a number is NaN or infinite, shapes differ, or `sigma` is not above 0.
    SettingError
        When `level` is not between 0 and 1, or `sigma` comes with two quantiles.

    Source: Papadopoulos et al. (2002), *Inductive confidence machines for regression*; normalised: Lei et al. (2018);
    `cqr`: Romano, Patterson & Candes (2019), *Conformalized quantile regression*, NeurIPS; by segment: Vovk (2012),
    *Conditional validity of inductive conformal predictors*.

    Examples
    --------
    >>> import numpy as np
    >>> conformal = fit(truth=np.arange(19.0), prediction=np.zeros(19), level=0.9)
    >>> conformal.quantile
    17.0
    >>> interval(conformal, [100.0])
    (array([83.]), array([117.]))
    """
    kind, scores = _nonconformity(truth, prediction, sigma)
    quantile = conformal_quantile(scores, level)
    segments, fallback = {}, []
    if segment is not None:
        names, place = np.unique(np.asarray(segment, dtype=np.str_), return_inverse=True)
        for k, name in enumerate(names.tolist()):
            own = scores[place == k]
            if len(own) * (1 - level) >= FEWEST_MISSES - 1e-9:  # 100 * (1 - 0.9) is a hair below 10
                segments[name] = conformal_quantile(own, level)
            else:
                fallback.append(name)
    return Conformal(
        kind=kind,
        level=level,
        quantile=quantile if math.isfinite(quantile) else None,
        rows=len(scores),
        segments=segments,
        fallback=tuple(fallback),
    )


def nonconformity(
    conformal: Conformal, truth: ArrayLike, prediction: ArrayLike, *, sigma: ArrayLike | None = None
) -> Floats:
    """How far the truth of each row lies outside the band, shape (n,): what `quantile` is a quantile of.

    Parameters are those of `fit`, for rows whose truth came later.

    Raises
    ------
    InputError
        When shapes differ, or the prediction or `sigma` is not that of the kind.

    Examples
    --------
    >>> conformal = Conformal(kind="normalised", level=0.9, quantile=2.0, rows=500)
    >>> nonconformity(conformal, [12.0, 13.0], [10.0, 10.0], sigma=[1.0, 3.0])
    array([2., 1.])
    """
    kind, scores = _nonconformity(truth, prediction, sigma)
    if kind != conformal.kind:
        raise InputError(f"expected the inputs of a {conformal.kind} interval; got those of {kind}")
    return scores


def interval(
    conformal: Conformal, prediction: ArrayLike, *, sigma: ArrayLike | None = None, segment: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """Lower and upper ends of the intervals, each of shape (n,), in the unit of the target.

    Parameters are those of `fit`, for new rows. Ends that would cross, where a `cqr` band was far too wide, meet half way.
    A NaN prediction has a NaN interval.

    Raises
    ------
    InputError
        When the prediction or `sigma` is not that of the kind, or segments were calibrated and none is given.

    Examples
    --------
    >>> conformal = Conformal(kind="normalised", level=0.9, quantile=2.0, rows=500)
    >>> interval(conformal, [10.0, 10.0], sigma=[1.0, 3.0])
    (array([8., 4.]), array([12., 16.]))
    """
    kind, lower, upper, scale = _band(prediction, sigma)
    if kind != conformal.kind:
        raise InputError(f"expected the inputs of a {conformal.kind} interval; got those of {kind}")
    width = np.full(lower.shape, math.inf if conformal.quantile is None else conformal.quantile)
    if conformal.segments:
        if segment is None:
            raise InputError("expected the segment of each row, since intervals were calibrated by segment; got none")
        names = np.asarray(segment, dtype=np.str_)
        for name, quantile in conformal.segments.items():
            width[names == name] = quantile
    low, high = lower - width * scale, upper + width * scale
    crossed = low > high
    middle = np.where(crossed, lower / 2 + upper / 2, 0.0)
    return np.where(crossed, middle, low), np.where(crossed, middle, high)


def coverage(covered: ArrayLike, size: ArrayLike, group: ArrayLike | None = None, *, groups: int = 1) -> Coverage:
    """Share of rows whose interval or set holds the truth, and its mean size: overall, per segment or per period.

    Parameters
    ----------
    covered
        Whether the row's truth is inside, shape (n,).
    size
        Width of the interval or number of classes in the set, shape (n,).
    group
        Number of the row's group, 0 to `groups` - 1, shape (n,); all rows are one group without it.

    Source: the interval is that of Wilson (1927), for rows that are independent given the calibration.

    Examples
    --------
    >>> found = coverage([True, True, False, True], [2.0, 2.0, 2.0, 4.0], [0, 0, 1, 1], groups=2)
    >>> found.share.tolist(), found.size.tolist()
    ([1.0, 0.5], [2.0, 3.0])
    """
    covered = np.asarray(covered, dtype=np.bool_)
    code = np.zeros(len(covered), dtype=np.intp) if group is None else np.asarray(group, dtype=np.intp)
    rows = np.bincount(code, minlength=groups)
    held = np.bincount(code, covered, minlength=groups)
    total = np.bincount(code, np.asarray(size, dtype=np.float64), minlength=groups)
    some = np.where(rows > 0, rows, np.nan)
    low, high = wilson(held, rows)
    return Coverage(rows=rows, share=held / some, low=np.asarray(low), high=np.asarray(high), size=total / some)


def _nonconformity(
    truth: ArrayLike, prediction: ArrayLike, sigma: ArrayLike | None
) -> tuple[Literal["absolute", "normalised", "cqr"], Floats]:
    actual = np.asarray(truth, dtype=np.float64)
    kind, lower, upper, scale = _band(prediction, sigma)
    if not actual.shape == lower.shape == scale.shape:
        raise InputError(f"expected a truth, a prediction and a sigma per row; got {actual.shape} and {lower.shape}")
    return kind, np.maximum(lower - actual, actual - upper) / scale


def _band(
    prediction: ArrayLike, sigma: ArrayLike | None
) -> tuple[Literal["absolute", "normalised", "cqr"], Floats, Floats, Floats]:
    """Kind, lower and upper end of the band to widen, and the scale of each row."""
    band = np.asarray(prediction, dtype=np.float64)
    if band.ndim == 2 and band.shape[1] == 2:
        if sigma is not None:
            raise SettingError("expected either two quantiles or a prediction with its sigma; got both")
        return "cqr", band[:, 0], band[:, 1], np.ones(len(band))
    if band.ndim != 1:
        raise InputError(f"expected predictions of shape (n,), or (n, 2) for two quantiles; got {band.shape}")
    if sigma is None:
        return "absolute", band, band, np.ones(len(band))
    scale = np.asarray(sigma, dtype=np.float64)
    if scale.shape != band.shape or not np.all(scale > 0):
        raise InputError("expected a sigma above 0 for each row; got NaN, others, or another number of rows")
    return "normalised", band, band, scale
