"""The reference's labelled rows, weighted until their inputs are as frequent as in the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.causes.alike import Alike, alike
from holdfast.causes.what_if import WhatIf, losses
from holdfast.errors import InputError
from holdfast.stats.calibration import Calibration, apply
from holdfast.stats.decomposition import parts_of_change
from holdfast.stats.density_ratio import KEPT, Ratio, Rows, fit

Array: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]

GROUPS = 10
"""Parts of the rows. The weights of each are learned from the others; and each is left out in turn, for the errors."""
FEWEST_ROWS = 100
FITTED_ROWS = 5_000
"""Rows of each time that weights are learned from, at most."""
FAR, MOST_CATEGORIES = 4.0, 20
"""Numbers count up to so many standard deviations; so many categories of a column have a weight of their own."""


class Tilting:
    """Rows of both times as weights read them.

    Parameters
    ----------
    tried
        The labelled rows of the reference, and a sample of the window.
    columns
        Features whose distribution may have changed.
    proportions
        Of the labels in the window, (K,), where they are known.
    calibration
        What makes a probability of the score of two classes.

    Raises
    ------
    InputError
        Either has fewer than 100 rows.

    Attributes
    ----------
    classes
        How many there are; 0 of predicted numbers.
    group
        Of each row of the reference, (n,), 0 to `GROUPS` - 1.
    """

    def __init__(
        self,
        tried: WhatIf,
        columns: Sequence[str],
        proportions: Sequence[float] | None,
        calibration: Calibration,
        seed: int,
    ) -> None:
        reference, window = tried.reference, tried.window
        if min(len(reference), window.num_rows) < FEWEST_ROWS:
            raise InputError(
                f"expected {FEWEST_ROWS} rows or more of the reference and of the window, to tell what kind of change it is; "
                f"got {len(reference):,} and {window.num_rows:,}"
            )
        numeric = reference.truth.dtype.kind == "f"
        before, now = (
            np.empty((len(score), 0)) if numeric else _probability(score, calibration)
            for score in (tried.score, tried.answer_window()[0])
        )
        pairs = [_regressors(alike(reference.rows[name], window[name])) for name in columns]
        old = np.hstack([np.empty((len(reference), 0)), *(one for one, _ in pairs)])
        new = np.hstack([np.empty((window.num_rows, 0)), *(one for _, one in pairs)])
        self.classes = before.shape[1]
        self._tried, self._columns = tried, len(columns)
        self._owner = np.repeat(np.arange(len(columns)), [one.shape[1] for one, _ in pairs])
        self._before = Rows(inputs=old, weight=reference.weight, probability=before)
        self._now = Rows(inputs=new, weight=np.ones(len(new)), probability=now)
        self._label = np.zeros(len(old), dtype=np.intp) if numeric else reference.truth.astype(np.intp)
        self._known = None if proportions is None or numeric else self._coefficients(proportions)
        rng = np.random.default_rng([seed, 3])
        self.group, self._later = rng.permutation(len(old)) % GROUPS, rng.permutation(len(new)) % GROUPS
        self._fitted = rng.permutation(len(old))[:FITTED_ROWS], rng.permutation(len(new))[:FITTED_ROWS]

    def ratio(self, out: int, kept: float = KEPT) -> Ratio:
        """How much more frequent rows have become, learned without a group of the rows of both times."""
        old, new = self._fitted
        before, now = self._before.take(old[self.group[old] != out]), self._now.take(new[self._later[new] != out])
        return fit(before, now, kept=kept, labels=self._known)

    def explained(self, rows: Places, ratio: Ratio) -> tuple[Array, Array]:
        """What each column, and last the labels, explain of a rise of the loss on these rows; and their weights then."""
        terms = np.zeros((len(rows), self._columns + 1))
        np.add.at(terms.T, self._owner, (self._before.inputs[rows] * ratio.slope).T)
        if self.classes:
            terms[:, -1] = ratio.labels[self._label[rows]]
        weight, judged = self._before.weight[rows], self._tried.judged.take(rows)

        def loss(now: Array) -> Array:
            return losses(self._tried.objective, replace(judged, weight=now))

        log = terms.sum(axis=1)
        after = weight * np.exp(log - log.max(initial=0.0))
        return parts_of_change(loss, weight, terms), after * weight.sum() / after.sum()

    def proportions(self, weight: Array) -> Array:
        """Of the labels, (K,), where the rows of the reference have these weights, (n,)."""
        counted = np.bincount(self._label, weight, self.classes)[: self.classes]
        return np.asarray(counted / weight.sum(), dtype=np.float64)

    def _coefficients(self, proportions: Sequence[float]) -> Array:
        was = self.proportions(self._before.weight)
        ratio = np.log(np.maximum(np.asarray(proportions, dtype=np.float64), 1e-9) / np.maximum(was, 1e-9))
        return np.asarray(ratio - ratio[0])


def _probability(score: Array, calibration: Calibration) -> Array:
    """Of each class, (n, K)."""
    if score.ndim == 2:
        return score
    positive = apply(calibration, score)
    return np.stack([1 - positive, positive], axis=1)


def _regressors(column: Alike) -> tuple[Array, Array]:
    """A number standardised, its square, and whether it is missing; or a category by its name."""
    old, new = column.before, column.now
    if column.numeric:
        known = old[np.isfinite(old)]
        centre, scale = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
        values = np.concatenate([old, new])
        missing = ~np.isfinite(values)
        z = np.clip(np.where(missing, 0.0, (values - centre) / (scale or 1.0)), -FAR, FAR)
        both = np.stack([z, np.where(missing, 0.0, (z**2 - 1) / np.sqrt(2)), missing], axis=1)
    else:
        codes = np.concatenate([old, new]) + 1
        often = np.argsort(-np.bincount(codes))[
            1 : MOST_CATEGORIES + 1
        ]  # the most frequent one is what others differ from
        both = (codes[:, None] == often[None, :]).astype(np.float64)
    both = both[:, (both != both[:1]).any(axis=0)]
    return both[: len(old)], both[len(old) :]
