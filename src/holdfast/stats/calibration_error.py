"""How far predicted probabilities lie from what happens, over bins of the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def expected_calibration_error(weight: Floats, predicted: Floats, observed: Floats) -> float:
    """Weighted mean over bins of |mean score - share of positives|, 0 to 1; NaN without weight.

    Parameters
    ----------
    weight, predicted, observed
        Sums over the rows of each bin of the weight, of weight x score, and of the weight of positives, shape (bins,).

    Source: Naeini, Cooper & Hauskrecht, *Obtaining well calibrated probabilities using Bayesian binning*, AAAI (2015).

    Examples
    --------
    >>> two = np.array([10.0, 10.0]), np.array([1.0, 9.0]), np.array([2.0, 9.0])
    >>> expected_calibration_error(*two)
    0.05
    """
    total = weight.sum()
    return float(np.abs(predicted - observed).sum() / total) if total > 0 else float("nan")


def calibration_error_interval(
    weight: Floats, predicted: Floats, observed: Floats, squares: Floats, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the expected calibration error, conservative; `squares` are sums of squared weights, shape (bins,).

    Chance alone keeps the error above 0: a perfectly calibrated model has the mean `sum(sqrt(2 / pi) * sd)` over the
    bins. The low end takes that off besides the sampling error, so that it is 0 for a calibrated model.

    Source: mean of the folded normal law, Leone, Nelson & Nottingham, Technometrics 3 (1961); the bias is described by
    Roelofs et al., *Mitigating bias in calibration error estimation*, AISTATS (2022).
    """
    from scipy.special import ndtri

    total = weight.sum()
    if not total > 0:
        return float("nan"), float("nan")
    share = np.divide(observed, weight, out=np.zeros(weight.shape), where=weight > 0)
    # Rounding in sums of weights may leave a share just outside 0 to 1.
    variance = squares * np.maximum(share * (1 - share), 0)
    chance = np.sqrt(2 / np.pi) * np.sqrt(variance).sum() / total
    half = ndtri((1 + level) / 2) * np.sqrt(variance.sum()) / total
    error = expected_calibration_error(weight, predicted, observed)
    return max(error - chance - half, 0.0), min(error + half, 1.0)
