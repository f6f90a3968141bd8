"""Many hypotheses at once: p-values and e-values adjusted so that a whole family keeps one error rate.

A NaN is a hypothesis that was not tested: it is left out of the family, which it would otherwise enlarge, is never
rejected, and stays NaN. Each function takes values of any shape as one family and keeps the shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays have no single truth value to compare by
class Adjusted:
    """The verdict on a family of hypotheses.

    Attributes
    ----------
    rejected
        Which hypotheses are rejected at the asked level: `adjusted <= level`.
    adjusted
        Adjusted p-values, 0 to 1: the smallest level at which each hypothesis would be rejected.
    """

    rejected: NDArray[np.bool_]
    adjusted: NDArray[np.float64]


def benjamini_hochberg(p_values: ArrayLike, level: float) -> Adjusted:
    """Keep the expected share of false rejections (FDR) at `level`, for independent or positively dependent p-values.

    Step-up: the k-th smallest of m p-values is multiplied by m / k.

    Source: Benjamini & Hochberg, *Controlling the false discovery rate*, JRSS B 57 (1995).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5, float("nan")], 0.05).rejected.tolist()
    [True, False, False, False, False]
    """
    return _adjust(p_values, level, _step_up)


def benjamini_yekutieli(p_values: ArrayLike, level: float) -> Adjusted:
    """Keep the FDR at `level` however the p-values depend on each other: Benjamini-Hochberg times 1 + 1/2 + ... + 1/m.

    Source: Benjamini & Yekutieli, *The control of the false discovery rate under dependency*, Annals of Statistics 29
    (2001).

    Examples
    --------
    >>> benjamini_yekutieli([0.01, 0.04, 0.03, 0.5], 0.05).adjusted.round(4).tolist()
    [0.0833, 0.1111, 0.1111, 1.0]
    """
    return _adjust(p_values, level, lambda p: _step_up(p) * np.sum(1 / np.arange(1, len(p) + 1)))


def holm(p_values: ArrayLike, level: float) -> Adjusted:
    """Keep the probability of any false rejection (FWER) at `level`, however the p-values depend on each other.

    Step-down: the k-th smallest of m p-values is multiplied by m - k + 1.

    Source: Holm, *A simple sequentially rejective multiple test procedure*, Scand. J. Statistics 6 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.5], 0.05).adjusted.round(4).tolist()
    [0.04, 0.09, 0.09, 0.5]
    """
    return _adjust(p_values, level, lambda p: np.maximum.accumulate(p * np.arange(len(p), 0, -1)))


def e_benjamini_hochberg(e_values: ArrayLike, level: float) -> Adjusted:
    """Keep the FDR at `level` with e-values, however they depend on each other: Benjamini-Hochberg on 1 / e.

    Parameters
    ----------
    e_values
        0 to infinity, each of mean at most 1 under its hypothesis.
    level
        The FDR to keep, 0 to 1.

    Source: Wang & Ramdas, *False discovery rate control with e-values*, JRSS B 84 (2022).

    Examples
    --------
    >>> e_benjamini_hochberg([100, 50, 3, 0], 0.05).rejected.tolist()
    [True, True, False, False]
    """
    # Below 1 an e-value is no evidence, and its adjusted p-value is 1 in any case.
    return _adjust(1 / np.maximum(e_values, 1.0), level, _step_up)


def _adjust(p_values: ArrayLike, level: float, step: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Adjusted:
    """Adjust the tested p-values by `step`, which takes and gives them in ascending order."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    ascending = tested[np.argsort(p.flat[tested], kind="stable")]
    adjusted.flat[ascending] = np.minimum(step(p.flat[ascending]), 1)
    return Adjusted(rejected=adjusted <= level, adjusted=adjusted)


def _step_up(p: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = p * len(p) / np.arange(1, len(p) + 1)
    return np.minimum.accumulate(scaled[::-1])[::-1]
