"""A score table for each segment of the rows, in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.scores import ScoreTable

Floats = NDArray[np.float64]


def count_segments(
    edges: ScoreEdges,
    segments: NDArray[np.integer],
    names: Sequence[str],
    scores: Floats,
    truth: NDArray[np.generic] | None = None,
    weight: Floats | None = None,
    columns: Mapping[str, Floats] | None = None,
) -> dict[str, ScoreTable]:
    """A table for each segment: `segments` are places in `names`, shape (n,), -1 for rows in none.

    Examples
    --------
    >>> segments, scores = np.array([0, 1, 0, -1]), np.array([0.1, 0.2, 0.3, 0.4])
    >>> tables = count_segments(ScoreEdges.standard(), segments, ["north", "south"], scores)
    >>> {name: table.unknown for name, table in tables.items()}
    {'north': 2, 'south': 1}
    """
    order = np.argsort(segments, kind="stable")
    ends = np.searchsorted(segments[order], np.arange(len(names) + 1))
    return {
        name: ScoreTable.count(
            edges,
            scores[rows],
            None if truth is None else truth[rows],
            None if weight is None else weight[rows],
            {column: values[rows] for column, values in (columns or {}).items()},
        )
        for name, rows in zip(names, np.split(order, ends)[1:-1], strict=True)
    }
