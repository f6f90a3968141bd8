"""How sure a prediction is: an interval around a number, or a set of classes; numbers only, so that serving agrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from msgspec.structs import replace
from numpy.typing import ArrayLike, NDArray

from holdfast.decoding import ready
from holdfast.errors import InputError, SettingError
from holdfast.stats import conformal, error_scale, prediction_sets
from holdfast.stats.conformal import Conformal
from holdfast.stats.error_scale import ErrorScale
from holdfast.stats.prediction_sets import PredictionSets

Array: TypeAlias = NDArray[np.float64]

_LARGEST = float(np.finfo(np.float64).max)
"""An interval may be wide, but never infinite."""


class Uncertainty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was calibrated on validation.

    Attributes
    ----------
    conformal
        Of predicted numbers.
    scale
        Of the kind `normalised`: size of the error by predicted value.
    segment
        Column within whose values the level is kept.
    sets
        Of several classes.
    """

    conformal: Conformal | None = None
    scale: ErrorScale | None = None
    segment: str | None = None
    sets: PredictionSets | None = None


class Offset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may follow the labels between two releases: the content of a policy revision.

    Attributes
    ----------
    quantile
        In place of that of `conformal` or `sets`; finite.
    segments
        In place of those of the named segments; the others keep what was sealed.
    """

    quantile: Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
    segments: dict[str, Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]] = {}


def revised(found: Uncertainty | None, content: Mapping[str, Any]) -> Uncertainty:
    """The sealed uncertainty with the offset of a policy revision.

    Raises
    ------
    SettingError
        The content is no offset, or nothing was calibrated that it could replace.

    Examples
    --------
    >>> sealed = Uncertainty(conformal=Conformal(kind="absolute", level=0.9, quantile=2.0, rows=100))
    >>> intervals(revised(sealed, {"quantile": 3.0}), [10.0])
    (array([7.]), array([13.]))
    """
    try:
        offset = msgspec.convert(content, ready(Offset))
    except msgspec.ValidationError as error:
        raise SettingError(f"Expected a policy revision of a quantile, and of those of segments: {error}.") from None
    if found is not None and found.conformal is not None:
        segments = found.conformal.segments | offset.segments
        return replace(found, conformal=replace(found.conformal, quantile=offset.quantile, segments=segments))
    if found is not None and found.sets is not None:
        return replace(found, sets=replace(found.sets, quantile=offset.quantile))
    raise SettingError("Expected a release with intervals or sets of classes, for a policy revision; it has none.")


def intervals(found: Uncertainty, prediction: ArrayLike, segment: ArrayLike | None = None) -> tuple[Array, Array]:
    """Lower and upper ends, (n,) each, in the unit of the target.

    Parameters
    ----------
    prediction
        (n,), or (n, 2) with a lower and an upper quantile where those were calibrated.
    segment
        Name of each row's segment, (n,), where the level is kept by segment.

    Examples
    --------
    >>> found = Uncertainty(conformal=Conformal(kind="absolute", level=0.9, quantile=2.0, rows=100))
    >>> intervals(found, [10.0])
    (array([8.]), array([12.]))
    """
    if found.conformal is None:
        raise InputError("There are no intervals: they were not calibrated.")
    sigma = None if found.scale is None else error_scale.sigma(found.scale, prediction)
    return conformal.interval(found.conformal, prediction, sigma=sigma, segment=segment)


def nonconformity(found: Uncertainty, prediction: ArrayLike, truth: ArrayLike) -> Array:
    """How badly the truth of each row fits its prediction, (n,): what the calibrated quantile is a quantile of.

    Parameters
    ----------
    prediction
        As `intervals` or `classes_in_doubt` take it: (n,), (n, 2) of two quantiles, or (n, K) of several classes.
    truth
        Numbers, or the classes' numbers, (n,).

    Raises
    ------
    InputError
        Nothing was calibrated, or shapes differ.

    Examples
    --------
    >>> found = Uncertainty(conformal=Conformal(kind="absolute", level=0.9, quantile=2.0, rows=100))
    >>> nonconformity(found, [10.0, 10.0], [13.0, 9.0])
    array([3., 1.])
    """
    if found.conformal is not None:
        sigma = None if found.scale is None else error_scale.sigma(found.scale, prediction)
        return conformal.nonconformity(found.conformal, truth, prediction, sigma=sigma)
    if found.sets is not None:
        return prediction_sets.nonconformity(found.sets, prediction, truth)
    raise InputError("There are neither intervals nor sets of classes: they were not calibrated.")


def classes_in_doubt(found: Uncertainty, scores: ArrayLike) -> NDArray[np.bool_]:
    """Which classes the set of each row holds, (n, K)."""
    if found.sets is None:
        raise InputError("There are no sets of classes: they were not calibrated.")
    return prediction_sets.sets(found.sets, scores)
