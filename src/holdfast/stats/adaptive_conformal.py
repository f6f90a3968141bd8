"""A conformal offset that follows the truths as they come: the stated share is covered although the world changes.

The offset is a quantile of the most recent nonconformity scores. Which quantile follows the misses: after too many a higher
one is asked for, after too few a lower one. So a change is answered at once by the level, and then by the scores themselves.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta

from holdfast.errors import InputError
from holdfast.stats.conformal import conformal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

WINDOW = 500
"""Scores that the offset is a quantile of, by default."""

REACH = 5.0
"""Step of the level, times the window: 0.01 a row for 500 rows. A level that lags by x is made good in a fifth of a window."""

PIECES = 20
"""The level is looked at so many times a window."""

FEWEST = 0.2
"""Part of a window that must be there before the offset moves."""

LEAST_SHARE, MOST_SHARE = 0.1, 3.0
"""Limits of the share outside that is asked for, as multiples of the stated one: 0.01 and 0.3 at level 0.9."""


class Following(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an offset that follows stands.

    Attributes
    ----------
    level
        Share of truths to cover, 0 to 1.
    offset
        The quantile to be used now; always finite.
    asked
        The level of that quantile among the recent scores; as `level` at first.
    scores
        The most recent ones, the newest last.
    rows, covered
        Truths that came, and how many of them the offset of their time held.
    """

    level: Annotated[float, Meta(gt=0, lt=1)]
    offset: float
    asked: float
    scores: tuple[float, ...] = ()
    rows: int = 0
    covered: int = 0


def start(level: float, offset: float) -> Following:
    """Start from a calibrated offset.

    Raises
    ------
    InputError
        The offset is not finite.

    Examples
    --------
    >>> start(0.9, 2.0).offset
    2.0
    """
    if not math.isfinite(offset):
        raise InputError("expected a finite offset to start from: calibrate on more rows")
    return Following(level=level, offset=offset, asked=level)


def follow(state: Following, scores: ArrayLike, *, window: int = WINDOW, most: float | None = None) -> Following:
    """Follow the scores of further rows, in the order in which their truths came.

    After each piece of rows the level that is asked for moves by `step x (stated share outside - share outside)` a row, and
    the offset becomes that quantile of the last `window` scores. A row counts as missed if the offset that is being followed
    misses it, not that of the time when it was answered: a late truth would tell of errors that are already mended.

    Until a fifth of `window` scores have come, the offset stays as it was started.

    Parameters
    ----------
    state
        What `start` or `follow` gave.
    scores
        Nonconformity of each row, (n,).
    window
        Scores that are kept, at least 20.
    most
        Largest offset. Besides, it never exceeds the largest of the recent scores.

    Raises
    ------
    InputError
        A score is NaN or infinite.

    Source: the level that follows is adaptive conformal inference (Gibbs & Candes 2021, *Adaptive conformal inference under
    distribution shift*, NeurIPS, equation 2); a rolling window of scores and a step that suits it as in Gibbs & Candes (2024),
    *Conformal inference for online prediction with arbitrary distribution shifts*, JMLR 25. Here the level stays within
    `LEAST_SHARE` and `MOST_SHARE`, which keeps every interval finite; their bound on the long-run coverage then holds as
    long as the limits are not met.

    Examples
    --------
    >>> state = follow(start(0.9, 1.0), np.full(2_000, 3.0))
    >>> state.offset
    3.0
    """
    added = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(added).all():
        raise InputError("expected a truth and a prediction in every row; got NaN or infinite ones")
    outside = 1 - state.level
    step, piece = REACH / window, max(1, window // PIECES)
    offset, asked, covered = state.offset, 1 - state.asked, state.covered
    recent = np.asarray(state.scores, dtype=np.float64)
    for begin in range(0, len(added), piece):
        part = added[begin : begin + piece]
        missed = int(np.count_nonzero(part > offset))
        covered += len(part) - missed
        recent = np.concatenate([recent, part])[-window:]
        if len(recent) < window * FEWEST:
            continue
        asked += step * (outside * len(part) - missed)
        asked = min(max(asked, LEAST_SHARE * outside), MOST_SHARE * outside, 0.5)
        offset = min(_quantile(recent, 1 - asked), math.inf if most is None else most)
    return Following(
        level=state.level,
        offset=offset,
        asked=1 - asked,
        scores=tuple(recent.tolist()),
        rows=state.rows + len(added),
        covered=covered,
    )


def _quantile(scores: NDArray[np.float64], level: float) -> float:
    """That of split conformal; the largest score where there are too few for the level."""
    quantile = conformal_quantile(scores, level)
    return quantile if math.isfinite(quantile) else float(scores.max())
