"""How far estimates are off on windows of the reference, each estimated by members that did not see its rows.

Windows are drawn as they come and tilted: rows with large values of one feature are drawn more often, so that estimates are
tried under shifts, too. What is learned is how many times the spread between members the error of an estimate really is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.estimation.corrected import best
from holdfast.estimation.figure import Figure

Array: TypeAlias = NDArray[np.float64]
Estimator: TypeAlias = Callable[[Array, NDArray[np.intp]], dict[str, Figure]]
"""Figures of rows, by their places, from what is expected of each, (members + 1, ..., rows)."""

WINDOWS, SIZE = 45, 2_000
TILT = 0.5
"""Rows are drawn with weights exp(t z), z the standardised code of a feature, t 0 or this or minus this."""
LEVEL, Z = 0.95, 1.959963984540054
LEAST, MOST = 1.0, 5.0
"""Of what is learned."""
FEWEST = 500
"""Rows of the reference below which nothing is learned."""


def learned_spread(
    each: Array,
    certain: Array,
    fold: NDArray[np.intp],
    codes: NDArray[np.intp],
    estimator: Estimator,
    weight: Array | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """By metric: the factor of the spread with which intervals held what was realised in `LEVEL` of the windows.

    Parameters
    ----------
    each
        What each member expects of the reference's rows, the plain curve last, (members + 1, ..., n).
    certain
        What was realised, in the same form, (..., n): the truth as probabilities, or the errors.
    fold
        The member that did not see the row, (n,).
    codes
        Features, (features, n).
    estimator
        Gives the figures of some rows.
    weight
        How many rows each stands for, (n,).
    """
    rows = codes.shape[1]
    if len(each) == 1 or rows < FEWEST:
        return {}
    random = np.random.default_rng(seed)
    unseen = np.take_along_axis(each[:-1], np.expand_dims(fold, tuple(range(each.ndim - 1))), axis=0)[0]
    # The members keep their distances, around what the one says that did not see the row.
    moved = np.concatenate([each[:-1] + (unseen - best(each)), each[-1:]])
    size = min(SIZE, rows // 2)
    varied = np.flatnonzero(codes.std(axis=1) > 0)
    needed: dict[str, list[float]] = {}
    for number in range(WINDOWS):
        likely = np.ones(rows) if weight is None else weight.copy()
        if number % 3 and len(varied):
            column = codes[random.choice(varied)]
            likely *= np.exp((TILT if number % 3 == 1 else -TILT) * (column - column.mean()) / column.std())
        window = random.choice(rows, size, replace=weight is not None, p=likely / likely.sum())
        realised = estimator(certain[np.newaxis, ..., window], window)
        for key, found in estimator(moved[..., window], window).items():
            difference = (realised[key].value - found.value) / Z
            chance, model = float(np.nanvar(found.drawn)), found.model_error
            if np.isfinite(difference) and model > 0:
                needed.setdefault(key, []).append(np.sqrt(max(difference**2 - chance, 0.0)) / model)
    return {key: float(np.clip(np.quantile(values, LEVEL), LEAST, MOST)) for key, values in needed.items()}
