"""Precision, recall and F1 of several classes and their averages, from confusion matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from holdfast.stats.confusion import Confusion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def one_against_rest(matrix: Floats) -> Confusion:
    """Outcomes of each class against all others: weights by truth and answer (..., K, K) become (..., K).

    Examples
    --------
    >>> one_against_rest(np.array([[5.0, 1.0], [2.0, 4.0]])).fp.tolist()
    [2.0, 1.0]
    """
    tp = np.diagonal(matrix, axis1=-2, axis2=-1)
    fn, fp = matrix.sum(axis=-1) - tp, matrix.sum(axis=-2) - tp
    return Confusion(tp=tp, fp=fp, fn=fn, tn=matrix.sum(axis=(-2, -1))[..., np.newaxis] - tp - fn - fp)


def class_figures(matrix: Floats) -> dict[str, Floats]:
    """Precision, recall and F1 of each class, (..., K).

    A class that was never answered, or never true, counts 0 where scikit-learn would warn, so that averages exist; one
    that is neither has no figure.
    """
    cells = one_against_rest(matrix)
    seen = cells.tp + cells.fp + cells.fn > 0
    figures = {"precision": cells.precision, "recall": cells.recall, "f1": cells.f_beta(1)}
    return {key: np.where(seen, np.nan_to_num(values), np.nan) for key, values in figures.items()}


def averages(matrix: Floats) -> dict[str, Floats]:
    """Accuracy, and macro and weighted averages of precision, recall and F1, (...).

    Macro counts each class alike that occurs among truths or answers, weighted by its share of the truth.

    Source: Sokolova & Lapalme, *A systematic analysis of performance measures for classification tasks*, Information
    Processing & Management 45 (2009).

    Examples
    --------
    >>> print(averages(np.array([[5.0, 1.0], [2.0, 4.0]]))["macro_recall"].round(4))
    0.75
    """
    total = matrix.sum(axis=(-2, -1))
    truth = matrix.sum(axis=-1)
    found = {"accuracy": _over(np.trace(matrix, axis1=-2, axis2=-1), total)}
    for key, values in class_figures(matrix).items():
        known = np.isfinite(values)
        filled = np.where(known, values, 0.0)
        found[f"macro_{key}"] = _over(filled.sum(axis=-1), known.sum(axis=-1))
        found[f"weighted_{key}"] = _over((filled * truth).sum(axis=-1), total)
    return found


def _over(top: Floats, bottom: Floats) -> Floats:
    ratio: Floats = np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)
    return ratio
