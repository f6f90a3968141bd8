"""Score tables by segment."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.score_segments import count_segments
from holdfast.profile.scores import ScoreTable

EDGES = ScoreEdges.standard(steps=4)


@pytest.mark.parametrize("weighted", [False, True])
def test_segments_are_the_tables_of_their_rows(weighted: bool) -> None:
    rng = np.random.default_rng(1)
    scores, truth, amount = rng.random(200), rng.random(200) < 0.3, rng.lognormal(size=200)
    weight = rng.random(200) if weighted else None
    segments = rng.integers(-1, 3, 200)
    tables = count_segments(EDGES, segments, ["a", "b", "c", "none"], scores, truth, weight, {"amount": amount})
    for place, name in enumerate(tables):
        rows = segments == place
        some = None if weight is None else weight[rows]
        assert tables[name] == ScoreTable.count(EDGES, scores[rows], truth[rows], some, {"amount": amount[rows]})
    assert (tables["none"].rows, tables["none"].columns) == (0, ("amount",))
