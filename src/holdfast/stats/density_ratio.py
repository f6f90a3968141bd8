"""How much more frequent each kind of row has become: by its inputs, and by its label, although no label is known.

The ratio of the densities of (inputs, label) now and before is `exp(a . x + b_label)`, up to a factor. Then that of the
inputs alone is `exp(a . x)` times the sum over labels of `P(label | x) exp(b_label)`, where the probabilities are those of
before: what a calibrated model says. It is learned from rows of both times without labels. With b = 0 it is the usual
logistic regression for covariate shift, with a = 0 the likelihood whose maximum EM finds for label shift; where both are
free, each takes what the other cannot explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holdfast.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

KEPT = 2.0
"""A coefficient that is smaller than so many of its standard errors becomes 0."""
RIDGE = 1.0
"""Penalty of the first fit, in rows: it makes the coefficients finite."""
ROUNDS, STEPS, CONVERGED = 50, 50, 1e-8
LARGEST = 1e6
"""Penalty beyond which a coefficient is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Coefficients of the log of the ratio.

    Attributes
    ----------
    intercept, slope
        Of the inputs, (k,).
    labels
        Of the classes, (K,), the first 0; empty where labels were left out.
    """

    intercept: float
    slope: Floats
    labels: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Inputs of rows, (n, k), each of about unit scale; how many rows each stands for; and the classes' probabilities.

    `probability` has the shape (n, K), or (n, 0) to leave out labels.
    """

    inputs: Floats
    weight: Floats
    probability: Floats

    def take(self, places: NDArray[np.intp]) -> Rows:
        """Some of the rows."""
        return Rows(inputs=self.inputs[places], weight=self.weight[places], probability=self.probability[places])


def fit(before: Rows, now: Rows, *, kept: float = KEPT, labels: Floats | None = None) -> Ratio:
    """Learn the ratio from rows of both times: penalised maximum likelihood of which time a row is of.

    Each time counts as much as the other, whatever its number of rows. A small ridge penalty comes first, then, again and
    again, one that is the larger the smaller a coefficient was: what is only noise goes to 0, what is large stays as it
    is, and of two columns (or a column and the label) that explain the same, the better one takes it.

    Parameters
    ----------
    before, now
        Rows of both times.
    kept
        Coefficients below so many of their standard errors become 0; 0 keeps all.
    labels
        Coefficients of the labels, (K,), the first 0, where they are known, such as from the labels' proportions by EM;
        None: they are learned, too.

    Raises
    ------
    InputError
        There are no rows of a time, or a number is not finite.

    Source: covariate shift by logistic regression, Bickel, Brueckner & Scheffer (2009), *Discriminative learning under
    covariate shift*, JMLR 10; label shift by maximum likelihood, Saerens, Latinne & Decaestecker (2002), *Neural
    Computation* 14; exponential tilts: Qin (1998), *Biometrika* 85; the penalty: broken adaptive ridge, Dai, Chen, Sun, Liu
    & Li (2018), *Journal of Multivariate Analysis* 168. Fisher scoring with step halving.

    Examples
    --------
    >>> x = np.linspace(-3, 3, 2_001)
    >>> normal, shifted = np.exp(-(x**2) / 2), np.exp(-((x - 0.5) ** 2) / 2)
    >>> none = np.empty((2_001, 0))
    >>> before = Rows(inputs=x[:, None], weight=normal, probability=none)
    >>> now = Rows(inputs=x[:, None], weight=shifted, probability=none)
    >>> fit(before, now).slope.round(2).tolist()
    [0.5]
    """
    for one in (before, now):
        if not len(one.inputs) or not (np.isfinite(one.inputs).all() and np.isfinite(one.probability).all()):
            raise InputError(
                "expected finite inputs and probabilities of rows of both times; got none, NaN or infinite ones"
            )
    inputs = np.concatenate([before.inputs, now.inputs])
    probability = np.concatenate([before.probability, now.probability])
    later = np.repeat([0.0, 1.0], [len(before.inputs), len(now.inputs)])
    weight = np.concatenate([one.weight / one.weight.sum() for one in (before, now)])
    seen = _Seen(inputs=inputs, probability=probability, labels=labels, later=later, weight=weight)
    # Rows of each time that would say as much, if both had as many.
    rows = 2 / sum(1 / effective_rows(one.weight) for one in (before, now))
    free = 0 if labels is not None else max(probability.shape[1] - 1, 0)
    ridge = np.full(1 + inputs.shape[1] + free, RIDGE / rows)
    ridge[0] = 0.0
    at = _maximum(seen, np.zeros(len(ridge)), ridge)
    for _ in range(ROUNDS if kept else 0):
        # A penalty of c / coefficient^2 has a fixed point other than 0 where the coefficient is above 2 sqrt(c) errors.
        squares = np.maximum(at[1:] ** 2, 1e-12)
        ridge[1:] = np.minimum((kept / 2) ** 2 / rows / squares, LARGEST)
        last, at = at, _maximum(seen, at, ridge, steps=1)
        if np.abs(at - last).max() < 1e-4:
            break
    at[1:] = np.where(ridge[1:] >= LARGEST, 0.0, at[1:])
    k = inputs.shape[1]
    if labels is None:
        labels = np.concatenate([[0.0], at[1 + k :]]) if probability.shape[1] else np.empty(0)
    return Ratio(intercept=float(at[0]), slope=at[1 : 1 + k], labels=labels)


def log_ratio(ratio: Ratio, rows: Rows) -> Floats:
    """Log of the ratio of the densities of the inputs, (n,): how much more frequent such rows have become."""
    found: Floats = ratio.intercept + rows.inputs @ ratio.slope
    return found + _of_labels(ratio.labels, rows.probability)[0] if len(ratio.labels) else found


def effective_rows(weight: Floats) -> float:
    """Number of equal rows that would say as much, `(sum w)^2 / sum w^2`.

    Source: Kish (1965), *Survey sampling*, section 11.7.

    Examples
    --------
    >>> effective_rows(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Rows of both times together, and which are `later`; each time's weights sum to 1."""

    inputs: Floats
    probability: Floats
    labels: Floats | None
    later: Floats
    weight: Floats


def _maximum(seen: _Seen, at: Floats, ridge: Floats, steps: int = STEPS) -> Floats:
    """The parameters (intercept, slopes, labels but the first) with the largest penalised likelihood."""
    value, design, chance = _looked(seen, at, ridge)
    for _ in range(steps):
        gradient = design.T @ (seen.weight * (seen.later - chance)) - ridge * at
        curvature = (design * (seen.weight * chance * (1 - chance))[:, None]).T @ design
        curvature[np.diag_indices_from(curvature)] += ridge + 1e-12
        step = np.linalg.solve(curvature, gradient)
        for _ in range(30):
            further = _looked(seen, at + step, ridge)
            if further[0] >= value:
                break
            step /= 2
        else:
            break
        gained, at = further[0] - value, at + step
        value, design, chance = further
        if gained < CONVERGED:
            break
    return at


def _looked(seen: _Seen, at: Floats, ridge: Floats) -> tuple[float, Floats, Floats]:
    """Penalised log likelihood, the derivatives of the log odds, (n, parameters), and the chance that a row is a later one."""
    k = seen.inputs.shape[1]
    odds, slopes = at[0] + seen.inputs @ at[1 : 1 + k], [np.ones((len(seen.inputs), 1)), seen.inputs]
    if seen.probability.shape[1]:
        labels = np.concatenate([[0.0], at[1 + k :]]) if seen.labels is None else seen.labels
        added, posterior = _of_labels(labels, seen.probability)
        odds = odds + added
        slopes.append(posterior[:, 1:] if seen.labels is None else posterior[:, :0])
    likelihood = (seen.weight * np.logaddexp(0, np.where(seen.later == 1, -odds, odds))).sum()
    return -float(likelihood + (ridge * at**2).sum() / 2), np.hstack(slopes), 0.5 * (1 + np.tanh(odds / 2))


def _of_labels(labels: Floats, probability: Floats) -> tuple[Floats, Floats]:
    """Log of the sum of `P(label | x) exp(b_label)`, (n,), and its derivatives by b, (n, K)."""
    terms = probability * np.exp(labels)
    total = np.maximum(terms.sum(axis=1), 1e-300)
    return np.log(total), terms / total[:, None]
