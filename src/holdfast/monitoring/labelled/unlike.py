"""Inputs for whose values labels do not come alike, also where score and answer are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.representative import LEVEL
from holdfast.stats.drawn_alike import drawn_alike_within
from holdfast.stats.multiplicity import holm

Counts: TypeAlias = NDArray[np.int64]


def unlike(columns: Mapping[str, tuple[Counts, Counts]], limit: float) -> dict[str, float]:
    """Columns whose values are labelled otherwise than within strata by chance; of each how many labels would have to move.

    A generalised Mantel-Haenszel test of each column (Landis, Heyman & Koch 1978), all at one level (Holm 1979). The sample
    may have rows that are among the labelled ones, which makes it only slower to warn.

    Parameters
    ----------
    columns
        By name, labelled rows and a sample of all rows, each by group of values and stratum, (groups, strata).
    limit
        The smallest share of the labels that matters, 0 to 1: total variation distance between the groups of the labels and
        those that they would have if they came in each stratum as rows do.

    Examples
    --------
    >>> labelled, sample = np.array([[150], [50]]), np.array([[500], [500]])
    >>> unlike({"age": (labelled, sample)}, 0.05)
    {'age': 0.25}
    """
    if not columns:
        return {}
    certain = holm([drawn_alike_within(some, some + sample) for some, sample in columns.values()], LEVEL).rejected
    found = {}
    for (name, (some, sample)), sure in zip(columns.items(), certain.tolist(), strict=True):
        there = sample.sum(0) > 0
        some, sample = some[:, there], sample[:, there]  # noqa: PLW2901  # of the others nothing is known
        expected = sample @ (some.sum(0) / sample.sum(0))
        distance = float(np.abs(some.sum(1) - expected).sum() / (2 * max(some.sum(), 1)))
        if sure and distance >= limit:
            found[name] = distance
    return dict(sorted(found.items(), key=lambda one: -one[1]))
