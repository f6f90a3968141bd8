"""Splits of rows that have no time: drawn at random, by rows or by whole groups. They say what that may hide."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import SettingError
from holdfast.evaluation.splits import Size, Split, filled
from holdfast.evidence import Task


def by_group(group: NDArray[Any], *, validation: Size, test: Size, seed: int = 0) -> Split:
    """Whole groups (customers) drawn at random, until a part has its share of the rows; where there is no time.

    Examples
    --------
    >>> split = by_group(np.repeat(np.arange(5), 2), validation=0.2, test=0.2)
    >>> len(split.train), len(split.validation), len(split.test)
    (6, 2, 2)
    """
    _, code, size = np.unique(group, return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(size))
    middle = np.empty(len(size))
    middle[drawn] = (np.cumsum(size[drawn]) - size[drawn] / 2) / len(group)
    warning = (
        "There is no time: whole groups were drawn at random, as if all rows had come at once. That hides whatever "
        "changes over time; expect less in production."
    )
    return _drawn(middle[code], validation, test, "group", warning)


def at_random(truth: NDArray[Any], *, validation: Size, test: Size, task: Task, seed: int = 0) -> Split:
    """Rows drawn at random, each class in proportion; for numbers, each part alike over their range.

    Where there is a time this is the split that flatters: it is only computed to show by how much.

    Examples
    --------
    >>> truth = np.arange(100) % 10 == 0
    >>> split = at_random(truth, validation=0.2, test=0.2, task="binary")
    >>> int(truth[split.train].sum()), int(truth[split.validation].sum()), int(truth[split.test].sum())
    (6, 2, 2)
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(truth))
    ranked = shuffled[np.argsort(truth[shuffled], kind="stable")]
    if task == "regression":
        # Neighbours of the ranking, ten at a time, are dealt out to all parts.
        stratum = np.arange(len(truth)) // 10
        ranked = ranked[np.lexsort((rng.random(len(truth)), stratum))]
    else:
        stratum = np.unique(truth[ranked], return_inverse=True)[1]
    first = np.searchsorted(stratum, stratum)
    size = np.bincount(stratum)[stratum]
    place = np.empty(len(truth))
    place[ranked] = (np.arange(len(truth)) - first + 0.5) / size
    warning = (
        "There is no time: rows were drawn at random, as if all had come at once. That hides whatever changes over "
        "time, and rows that belong together (a customer's, near-duplicates) may be in two parts; expect less in "
        "production. Name a time column, or a group."
    )
    return _drawn(place, validation, test, "random", warning)


def _drawn(
    place: NDArray[np.float64], validation: Size, test: Size, kind: Literal["group", "random"], warning: str
) -> Split:
    """Rows by their place, 0 to 1, in a random order: first test, then validation, then train."""
    if isinstance(test, str) or isinstance(validation, str) or min(test, validation) <= 0 or test + validation >= 1:
        raise SettingError(
            "Without a time split.test and split.validation are shares of the rows, above 0 and together below 1."
        )
    split = Split(
        train=np.flatnonzero(place >= test + validation),
        validation=np.flatnonzero((place >= test) & (place < test + validation)),
        test=np.flatnonzero(place < test),
        kind=kind,
        left_out={},
        warnings=(warning,),
    )
    return filled(split)
