"""Proportions of labels among rows whose labels are not known, if each class still looks as it did.

Under label shift p(x | y) stays and p(y) changes, so that a classifier's probabilities are off by the ratio of the class
proportions alone: the ratio that makes the probabilities and the proportions agree is the maximum of the likelihood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from holdfast.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

STEPS = 1_000
"""Steps of the EM algorithm at most; each raises the likelihood."""
CLOSE = 1e-8
"""Change of a proportion below which it has converged."""


def proportions_by_em(probabilities: ArrayLike, prior: ArrayLike, weight: ArrayLike | None = None) -> Floats:
    """Proportions of K classes among n rows, shape (K,), which sum to 1.

    Parameters
    ----------
    probabilities
        Calibrated on rows with the proportions `prior`, shape (n, K).
    prior
        Proportions of the rows that the probabilities were calibrated on, shape (K,), none 0.
    weight
        Of the rows, >= 0, shape (n,); None if all count alike.

    Raises
    ------
    InputError
        When there is no row, a shape is wrong, or a probability or proportion is not one.

    Source: Saerens, Latinne & Decaestecker, *Adjusting the outputs of a classifier to new a priori probabilities*, Neural
    Computation 14 (2002); that it is the maximum of a concave likelihood: Alexandari, Kundaje & Shrikumar, *Maximum
    likelihood with bias-corrected calibration is hard-to-beat at label shift adaptation*, ICML (2020).

    Examples
    --------
    >>> calibrated = np.array([[0.9, 0.1]] * 50 + [[0.1, 0.9]] * 50)
    >>> proportions_by_em(calibrated, [0.5, 0.5]).round(3).tolist()
    [0.5, 0.5]
    >>> proportions_by_em(calibrated[:70], [0.5, 0.5]).round(3).tolist()
    [0.768, 0.232]
    """
    p, q, w = _checked(probabilities, prior, weight)
    ratio, share = p / q, w / w.sum()
    found = q
    for _ in range(STEPS):
        joint = ratio * found
        before, found = found, share @ (joint / joint.sum(axis=1, keepdims=True))
        if np.abs(found - before).max() < CLOSE:
            break
    return np.asarray(found)


def covariance_of_em(
    probabilities: ArrayLike, prior: ArrayLike, found: ArrayLike, weight: ArrayLike | None = None
) -> Floats:
    """Covariance of the proportions that `proportions_by_em` found, shape (K, K): what the choice of the rows brings.

    It is the inverse of the observed information, in which a weight counts as so many rows. What the calibration is off by
    is not in it: the ratios of the probabilities to `prior` are taken as exact.

    Parameters
    ----------
    probabilities, prior, weight
        As given to `proportions_by_em`.
    found
        What it found, shape (K,).

    Source: Redner & Walker, *Mixture densities, maximum likelihood and the EM algorithm*, SIAM Review 26 (1984), section 4.

    Examples
    --------
    Certain rows leave only the error of a share, `0.2 * 0.8 / 100`.

    >>> certain = np.array([[1.0, 0.0]] * 80 + [[0.0, 1.0]] * 20)
    >>> print(covariance_of_em(certain, [0.5, 0.5], [0.8, 0.2])[1, 1].round(6))
    0.0016
    """
    p, q, w = _checked(probabilities, prior, weight)
    ratio = p / q
    score = ratio / (ratio @ np.asarray(found, dtype=np.float64))[:, np.newaxis]
    # The last proportion is what the others leave.
    free = score[:, :-1] - score[:, -1:]
    inverse = np.linalg.pinv((free * w[:, np.newaxis]).T @ free)
    lift = np.vstack([np.eye(len(q) - 1), -np.ones((1, len(q) - 1))])
    result: Floats = lift @ inverse @ lift.T
    return result


def proportions_by_confusion(answered: ArrayLike, confusion: ArrayLike) -> Floats:
    """Proportions of K classes from how often each is answered: black-box shift estimation, clipped to 0 and above.

    Parameters
    ----------
    answered
        Share of the rows that each class is answered for, shape (K,).
    confusion
        Of labelled rows: how often answer j is given where k is true, shape (K truth, K answers); rows are made to sum to 1.

    Source: Lipton, Wang & Smola, *Detecting and correcting for label shift with black box predictors*, ICML (2018).

    Examples
    --------
    >>> proportions_by_confusion([0.45, 0.55], [[80, 20], [10, 90]]).round(3).tolist()
    [0.5, 0.5]
    """
    rates = np.asarray(confusion, dtype=np.float64)
    rates = rates / rates.sum(axis=1, keepdims=True)
    found = np.linalg.lstsq(rates.T, np.asarray(answered, dtype=np.float64), rcond=None)[0].clip(min=0.0)
    result: Floats = found / found.sum()
    return result


def _checked(probabilities: ArrayLike, prior: ArrayLike, weight: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    p, q = np.asarray(probabilities, dtype=np.float64), np.asarray(prior, dtype=np.float64)
    if p.ndim != 2 or not len(p) or q.shape != p.shape[1:]:
        raise InputError(f"expected probabilities (n, K) and K proportions; got the shapes {p.shape} and {q.shape}")
    if not ((p >= 0).all() and (q > 0).all()):
        raise InputError("expected probabilities of 0 or more and proportions above 0; some are less, or NaN")
    w = np.ones(len(p)) if weight is None else np.asarray(weight, dtype=np.float64)
    return p, q / q.sum(), w
