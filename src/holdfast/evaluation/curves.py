"""Lines to draw: reliability, gain, ROC, precision and recall; each from sorted rows, thinned to what a reader can see."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.evidence import Curve
from holdfast.stats.reliability import reliability

Array: TypeAlias = NDArray[np.float64]

MOST_POINTS = 200
"""Points that a drawn line has at most."""


def reliability_curve(probability: Array, truth: NDArray[np.bool_], weight: Array | None = None) -> Curve:
    """Observed share of positives against the stated probability, with Wilson intervals."""
    found = reliability(probability, truth, weight)
    return Curve(
        key="reliability",
        title="Reliability",
        x_title="Calibrated probability",
        y_title="Share that is positive",
        x=_plain(found.score),
        y=_plain(found.share),
        low=_plain(found.low),
        high=_plain(found.high),
    )


def ranking_curves(score: Array, truth: NDArray[np.bool_], weight: Array | None = None) -> tuple[Curve, ...]:
    """ROC, precision against recall, and gain; rows of equal score are one step.

    Parameters
    ----------
    score, truth, weight
        (n,) of two classes, both of which occur.

    Examples
    --------
    >>> found = ranking_curves(np.array([0.9, 0.8, 0.1]), np.array([True, False, False]))
    >>> [curve.key for curve in found], found[0].y
    (['roc', 'precision_recall', 'gain'], (0.0, 1.0, 1.0, 1.0))
    """
    w = np.ones(len(truth)) if weight is None else weight
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])
    hits = np.r_[0.0, np.cumsum(np.where(truth, w, 0.0)[order])[ends]]
    all_rows = np.r_[0.0, np.cumsum(w[order])[ends]]
    misses = all_rows - hits
    recall, fall_out = hits / hits[-1], misses / misses[-1]
    with np.errstate(invalid="ignore"):
        precision = hits / all_rows
    selected = all_rows / all_rows[-1]
    return (
        _line("roc", "ROC", "False positive rate", "Recall", fall_out, recall),
        _line("precision_recall", "Precision and recall", "Recall", "Precision", recall[1:], precision[1:]),
        _line("gain", "Gain", "Share of rows, highest scores first", "Share of positives found", selected, recall),
    )


def thinned(x: Array, *lines: Array) -> tuple[Array, ...]:
    """At most `MOST_POINTS` points of lines over the same x, evenly along x; the first and the last one stay."""
    if len(x) <= MOST_POINTS:
        return (x, *lines)
    at = np.unique(np.searchsorted(x, np.linspace(x[0], x[-1], MOST_POINTS)).clip(0, len(x) - 1))
    at = np.unique(np.r_[0, at, len(x) - 1])
    return tuple(line[at] for line in (x, *lines))


def _line(key: str, title: str, x_title: str, y_title: str, x: Array, y: Array) -> Curve:
    x, y = thinned(x, y)
    return Curve(key=key, title=title, x_title=x_title, y_title=y_title, x=_plain(x), y=_plain(y))


def _plain(values: Array) -> tuple[Any, ...]:
    return tuple(None if np.isnan(v) else float(v) for v in values)
