"""Intervals, and sets of classes, that follow the labels between two releases: what revises the sealed policy.

Only the conformal offset follows; threshold, band and calibration change by a new release.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.stats.adaptive_conformal import WINDOW, Following, follow, start
from holdfast.uncertainty import Offset, Uncertainty, nonconformity

Array: TypeAlias = NDArray[np.float64]

MOST_WIDENED = 10.0
"""An offset grows to so many times the sealed one at most: beyond, the model is wrong, and no interval mends that."""

MOST_SETS = 1.0
"""Largest nonconformity of a class: then a set holds all of them."""

WINDOW_DAYS, MOST_WINDOW = 14, 5_000
"""A rolling window holds what two weeks bring, so that weekdays and hours are in it alike; within limits."""


class Followed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the offsets of a release have followed.

    Attributes
    ----------
    everyone
        Over all rows.
    segments
        Of segments that were sealed with an offset of their own.
    """

    everyone: Following
    segments: dict[str, Following] = {}


def begin(sealed: Uncertainty | None) -> Followed | None:
    """Where a release starts; None where it has neither intervals nor sets, or too few rows calibrated them.

    Examples
    --------
    >>> from holdfast.stats.conformal import Conformal
    >>> state = begin(Uncertainty(conformal=Conformal(kind="absolute", level=0.9, quantile=2.0, rows=100)))
    >>> state.everyone.offset
    2.0
    """
    found = None if sealed is None else sealed.conformal or sealed.sets
    if sealed is None or found is None or found.quantile is None:
        return None
    segments = {} if sealed.conformal is None else sealed.conformal.segments
    return Followed(
        everyone=start(found.level, found.quantile),
        segments={name: start(found.level, offset) for name, offset in segments.items()},
    )


def learned(
    state: Followed,
    sealed: Uncertainty,
    prediction: ArrayLike,
    truth: ArrayLike,
    segment: ArrayLike | None = None,
    *,
    window: int = WINDOW,
) -> Followed:
    """Follow the truths of further rows, each once, in the order in which they came.

    Parameters
    ----------
    state
        What `begin` or `learned` gave.
    sealed
        What the release was sealed with.
    prediction, truth
        As `holdfast.uncertainty.nonconformity` takes them. Rows without a finite prediction and truth are left out: their
        interval is unknown, too.
    segment
        Name of each row's segment, (n,), where the level is kept by segment.
    window
        Truths that an offset is taken from: what `window_rows` says.

    Examples
    --------
    >>> from holdfast.stats.conformal import Conformal
    >>> sealed = Uncertainty(conformal=Conformal(kind="absolute", level=0.9, quantile=2.0, rows=100))
    >>> state = learned(begin(sealed), sealed, np.zeros(1_000), np.full(1_000, 5.0))
    >>> content(state)
    {'quantile': 5.0}
    """
    predicted, actual = np.asarray(prediction, dtype=np.float64), np.asarray(truth)
    known = np.isfinite(predicted.reshape(len(predicted), -1 if predicted.size else 1)).all(axis=1) & np.isfinite(
        actual
    )
    codes = actual[known] if sealed.conformal is not None else actual[known].astype(np.intp)
    scores = nonconformity(sealed, predicted[known], codes)
    names = None if segment is None else np.asarray(segment, dtype=np.str_)[known]
    segments = state.segments
    if names is not None:
        segments = {
            name: follow(own, scores[names == name], window=window, most=_most(sealed, name))
            for name, own in state.segments.items()
        }
    return Followed(everyone=follow(state.everyone, scores, window=window, most=_most(sealed)), segments=segments)


def content(state: Followed) -> dict[str, Any]:
    """What revises the sealed policy, for `holdfast.book.policies.revise_policy`; serving takes it up."""
    segments = {name: own.offset for name, own in state.segments.items()}
    made: dict[str, Any] = msgspec.to_builtins(Offset(quantile=state.everyone.offset, segments=segments))
    return made


def window_rows(labels_a_day: float) -> int:
    """Length of the rolling window, where so many labels come a day.

    Examples
    --------
    >>> window_rows(24), window_rows(100), window_rows(1e6)
    (500, 1400, 5000)
    """
    return int(min(max(WINDOW_DAYS * labels_a_day, WINDOW), MOST_WINDOW))


def _most(sealed: Uncertainty, segment: str | None = None) -> float | None:
    """Largest offset; None where the sealed one narrows a band of quantiles, and so is no measure."""
    if sealed.conformal is None:
        return MOST_SETS
    offset = sealed.conformal.quantile if segment is None else sealed.conformal.segments[segment]
    return MOST_WIDENED * offset if offset is not None and offset > 0 else None
