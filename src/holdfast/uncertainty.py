"""How sure a prediction is: an interval around a number, or a set of classes; numbers only, so that serving agrees."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.errors import InputError
from holdfast.stats import conformal, error_scale, prediction_sets
from holdfast.stats.conformal import Conformal
from holdfast.stats.error_scale import ErrorScale
from holdfast.stats.prediction_sets import PredictionSets

Array: TypeAlias = NDArray[np.float64]


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


def classes_in_doubt(found: Uncertainty, scores: ArrayLike) -> NDArray[np.bool_]:
    """Which classes the set of each row holds, (n, K)."""
    if found.sets is None:
        raise InputError("There are no sets of classes: they were not calibrated.")
    return prediction_sets.sets(found.sets, scores)
