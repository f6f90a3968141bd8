"""What labels show that no input explains: the realised excess, and the column whose effect on the truth has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.causes.alike import Alike, alike
from holdfast.causes.what_if import WhatIf, losses
from holdfast.objective import Judged
from holdfast.stats.weighted_mean import Mean, mean

Array: TypeAlias = NDArray[np.float64]

DECILES = 10
MOST_CATEGORIES = 20
"""Categories of a column whose errors are looked at: the most frequent ones."""
CERTAINTY = 0.01
"""Error rate at which a column is named, over all columns together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Rows of the window whose truth came.

    Attributes
    ----------
    rows
        Features and segments.
    judged
        Truth, score and answer, weighted where the labelled rows are not like the others.
    """

    rows: pa.Table
    judged: Judged

    @property
    def weight(self) -> Array:
        """How many rows each stands for, (n,)."""
        return np.ones(len(self.judged.truth)) if self.judged.weight is None else self.judged.weight


def expected_of_scores(tried: WhatIf) -> Mean:
    """The loss that the window's mix of scores and decisions is expected to have, if they mean what they meant.

    That of the reference, with the rows of each tenth of the score and each decision weighted to their share in the window.

    Source: post-stratification, Holt & Smith (1979), *Journal of the Royal Statistical Society A* 142.
    """
    score, decision = tried.answer_window()
    edges = np.quantile(_ordered(tried.score), np.arange(1, DECILES) / DECILES)
    old, new = (np.searchsorted(edges, _ordered(one), side="right") for one in (tried.score, score))
    if decision.dtype.kind in "biu":
        old, new = old + DECILES * tried.decision.astype(np.intp), new + DECILES * decision.astype(np.intp)
    cells, weight = int(max(old.max(), new.max())) + 1, tried.reference.weight
    total, share = np.bincount(old, weight, cells), np.bincount(new, minlength=cells) / len(new)
    factor = np.divide(share, total, out=np.zeros(cells), where=total > 0)
    weight = weight * factor[old]
    if not weight.sum() > 0:  # the window has only scores that never were
        return Mean(value=mean(tried.base, tried.reference.weight).value, error=float("inf"))
    loss = losses(tried.objective, replace(tried.judged, weight=weight))
    expected = mean(loss, weight)
    means = np.divide(
        np.bincount(old, weight * loss, cells), share, out=np.full(cells, expected.value), where=factor > 0
    )
    return Mean(value=expected.value, error=float(np.hypot(expected.error, mean(means[new]).error)))


def changed_effect(tried: WhatIf, labels: Labels, columns: Sequence[str]) -> str | None:
    """The column with which the model's errors go otherwise than before; None if chance explains all.

    For each number the mean product of residual and standardised value, for each frequent category the mean residual, now
    and before; their difference in standard errors is tested by the normal law, with Bonferroni's correction. If the
    truth depends on a column as the model believes, the products are the same.

    Source: the score test for a further term of a regression, Rao (1948), *Mathematical Proceedings of the Cambridge
    Philosophical Society* 44, here of two samples.
    """
    from scipy.special import ndtr

    reference = tried.reference
    residual = residuals(tried.judged)
    later = residuals(labels.judged)
    best, tests = (0.0, ""), 0
    for name in (one for one in columns if one in labels.rows.column_names):
        for old, new in _regressors(alike(reference.rows[name], labels.rows[name])):
            change = mean(later * new, labels.weight) - mean(residual * old, reference.weight)
            tests += 1
            if change.error > 0:
                best = max(best, (abs(change.value) / change.error, name))
    certain = best[0] > 0 and 2 * ndtr(-best[0]) * tests < CERTAINTY
    return best[1] if certain else None


def residuals(judged: Judged) -> Array:
    """Truth less prediction, (n,); of several classes: whether the most probable is right, less its probability."""
    if judged.score.ndim == 1:
        return np.asarray(judged.truth.astype(np.float64) - judged.score)
    right = judged.score.argmax(axis=1) == judged.truth
    return np.asarray(right - judged.score.max(axis=1))


def _regressors(column: Alike) -> Iterator[tuple[Array, Array]]:
    old, new = column.before, column.now
    if not column.numeric:
        counts = np.bincount(np.concatenate([old, new]) + 1)[1:]
        for code in np.argsort(-counts)[:MOST_CATEGORIES]:
            yield (old == code).astype(np.float64), (new == code).astype(np.float64)
        return
    known = old[np.isfinite(old)]
    if len(known) and known.std() > 0:
        centre, scale = known.mean(), known.std()
        yield (
            np.nan_to_num((old - centre) / scale, posinf=0, neginf=0),
            np.nan_to_num((new - centre) / scale, posinf=0, neginf=0),
        )


def _ordered(score: Array) -> Array:
    return score if score.ndim == 1 else np.asarray(score.max(axis=1))
