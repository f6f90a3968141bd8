"""From margins to scores, and the way back for contributions: those of the margin become contributions to the score.

A model's trees or weights add up to *margins*, and its link makes scores of them: log-odds become a probability. Contributions
that add up to the margin are brought to the score for each background row by itself, by the mean slope of the link on the
straight line from the background row's margins to the row's own. They then add up to the difference of the two scores. For one
margin that is the rescale rule of DeepLIFT, as the package `shap` applies it for `model_output="probability"`; for a softmax
it is the Aumann-Shapley value of the link, by quadrature.

Sources: Shrikumar, Greenside & Kundaje, *Learning important features through propagating activation differences*, ICML (2017);
Chen, Lundberg & Lee, *Explaining a series of models by propagating Shapley values*, Nature Communications 13 (2022); Aumann &
Shapley, *Values of non-atomic games* (1974).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from holdfast.explain.mixing import Array

Function = Callable[[Array], Array]

ALIKE = 1e-6
"""Margins that differ by less have the slope of their middle."""

STEP = 1e-4
"""Half of the width over which that is measured: its error is of the order of its square."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
"""Of the quadrature, on -1 to 1."""

STEEP = 8.0
"""Differences of margins that a piece of the quadrature spans: it errs by less than 1e-8 there."""

MOST_PIECES = 12


def _sigmoid(margin: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * margin)))  # exp would overflow


def softmax(margins: Array) -> Array:
    """Probabilities from margins, along the last axis."""
    powers = np.exp(margins - margins.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


POINTWISE: Mapping[str, Function] = {
    "identity": lambda margin: margin,
    "logistic": _sigmoid,
    "complement": lambda margin: 1.0 - margin,
    "logistic complement": lambda margin: _sigmoid(-margin),
    "exp": np.exp,
    "softplus": lambda margin: np.logaddexp(0.0, margin),
    "signed square": lambda margin: margin * np.abs(margin),
}
"""Links of a single margin."""

LINEAR = {"identity", "complement"}
SOFTMAX = "softmax"


class Link(NamedTuple):
    """How scores are made of J margins.

    Attributes
    ----------
    kind
        A name in `POINTWISE`, or `SOFTMAX`.
    places
        Which column of what it makes each score is.
    """

    kind: str
    places: tuple[int, ...]

    @property
    def linear(self) -> bool:
        """Whether contributions to the margin are contributions to the score."""
        return self.kind in LINEAR

    def scores(self, margins: Array) -> Array:
        """Scores, shape (n, K), of margins, shape (n, J)."""
        with np.errstate(over="ignore"):
            made = softmax(margins) if self.kind == SOFTMAX else POINTWISE[self.kind](margins)
        return made[:, self.places]

    def slopes(self, margins: Array, known: Array, score: int) -> Array:
        """Mean slopes of one score between the margins of background rows and those of a row.

        Parameters
        ----------
        margins
            Of the row, shape (J,).
        known
            Of background rows, shape (B, J).
        score
            Which one, from 0 to K - 1.

        Returns
        -------
        array, shape (B, J)
            Times the differences of the margins and summed over these, they are the differences of the score.
        """
        place = self.places[score]
        if self.kind == SOFTMAX:
            return _softmax_slopes(margins, known, place)
        link, own, others = POINTWISE[self.kind], margins[place], known[:, place]
        middle, apart = (own + others) / 2, own - others
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found = np.where(
                np.abs(apart) > ALIKE,
                (link(own) - link(others)) / apart,
                (link(middle + STEP) - link(middle - STEP)) / (2 * STEP),
            )
        slopes = np.zeros_like(known)
        slopes[:, place] = found
        return slopes


def link_of(margins: Array, scores: Array, tolerance: float = 1e-4) -> Link | None:
    """The link that makes these scores of these margins; None if there is none that is known.

    Parameters
    ----------
    margins
        Shape (n, J).
    scores
        Shape (n, K).
    tolerance
        Largest difference, relative to 1 + the score: scores may have been added up as float32.

    Examples
    --------
    >>> margins = np.array([[0.0], [1.0], [-2.0]])
    >>> link_of(margins, np.array([[0.5], [0.7310586], [0.1192029]]))
    Link(kind='logistic', places=(0,))
    """
    for kind in (*POINTWISE, SOFTMAX):
        made = Link(kind, tuple(range(margins.shape[1]))).scores(margins)
        places = [_place(made, scores[:, k], k, tolerance) for k in range(scores.shape[1])]
        if None not in places:
            return Link(kind, tuple(place for place in places if place is not None))
    return None


def _place(made: Array, score: Array, first: int, tolerance: float) -> int | None:
    """The column that is a score: the one at its own place, if that is one."""
    order = sorted(range(made.shape[1]), key=lambda place: place != first)
    near = (place for place in order if np.allclose(made[:, place], score, rtol=tolerance, atol=tolerance))
    return next(near, None)


def _softmax_slopes(margins: Array, known: Array, place: int) -> Array:
    apart = margins - known
    steepest = np.ptp(apart, axis=1).max(initial=0)
    pieces = int(np.clip(np.ceil(steepest / STEEP), 1, MOST_PIECES))
    slopes = np.zeros_like(known)
    for piece in range(pieces):
        for node, weight in zip((NODES + 1) / 2, WEIGHTS / (2 * pieces), strict=True):
            shares = softmax(known + (piece + node) / pieces * apart)
            own = shares[:, place]
            slopes -= weight * own[:, None] * shares
            slopes[:, place] += weight * own
    # What the quadrature misses of the difference of the scores is made up for by the smallest change that does it.
    missed = softmax(margins)[place] - softmax(known)[:, place] - (slopes * apart).sum(axis=1)
    size = (apart**2).sum(axis=1)
    return np.asarray(slopes + (missed / np.where(size > 0, size, 1))[:, None] * apart)
