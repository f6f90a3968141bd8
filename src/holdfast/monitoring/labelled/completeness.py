"""How many truths of a window are known, and how many usually are when windows are as old."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.profile.delays import STEPS
from holdfast.watched import Shown

Array = NDArray[np.float64]

FEWEST, MOST = 5, 28
"""Older windows by which it is told what is usual: at least, and the newest of them at most."""

PARTS = 16
"""Parts of a window whose rows are taken to be equally old."""


def with_usual(windows: Sequence[Shown], now: float) -> tuple[Shown, ...]:
    """Windows, each with the share of truths that was known of older ones when they were as old.

    Only windows count that were seen at that age, so that those whose labels are still to come do not pull it down.

    Parameters
    ----------
    windows
        In the order of time.
    now
        The moment as of which truths are known, in seconds since 1970.
    """
    known = {window.start: _known_by(window) for window in windows if window.truth.observable}
    found = []
    for place, window in enumerate(windows):
        age, width = now - window.end, window.end - window.start
        if age < 0 or not window.truth.observable:
            found.append(window)
            continue
        ages = age + width * (np.arange(PARTS) + 0.5) / PARTS
        older = [one for one in windows[:place] if one.truth.observable and now - one.end >= ages[-1]][-MOST:]
        if len(older) >= FEWEST:
            shares = [float(_share(known[one.start], ages).mean()) for one in older]
            low, median, high = np.quantile(shares, [0.1, 0.5, 0.9]).tolist()
            window = msgspec.structs.replace(  # noqa: PLW2901  # the same window, with more told of it
                window, truth=msgspec.structs.replace(window.truth, usual=(median, low, high))
            )
        found.append(window)
    return tuple(found)


def _known_by(window: Shown) -> Array:
    """Share of the truths that was known at each step after its row."""
    rows = np.zeros(len(STEPS) + 1)
    for step, count in window.truth.delays:
        rows[step] = count
    return np.asarray(np.cumsum(rows)[:-1] / window.truth.observable)


def _share(known: Array, ages: Array) -> Array:
    return np.asarray(np.interp(np.log(np.maximum(ages, STEPS[0])), np.log(STEPS), known))
