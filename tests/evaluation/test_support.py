"""The background that is sealed, and how far rows are from it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from holdfast.evaluation.support import background_of, impersonal, support
from holdfast.schema import infer
from holdfast.tables import open_table


def test_the_background_is_a_seeded_sample() -> None:
    rows = pa.table({"x": np.arange(5000.0)})
    schema = infer(open_table(rows))
    first, again, other = (background_of(rows, schema, seed) for seed in (0, 0, 1))
    assert first.num_rows == 1000
    assert first == again
    assert first != other
    assert len(set(first["x"].to_pylist())) == 1000


def test_identifiers_and_personal_texts_are_not_kept() -> None:
    rows = pa.table({"order": [f"A{i}" for i in range(600)], "email": ["a@x", "b@x"] * 300, "count": list(range(600))})
    kept = impersonal(rows, infer(open_table(rows)))
    assert kept.schema == rows.schema
    assert {name: kept[name].null_count for name in kept.column_names} == {"order": 600, "email": 600, "count": 0}


def test_rows_of_the_background_have_no_distance_whatever_their_types() -> None:
    known = pa.table(
        {"a": pa.array([1, 2, None]), "b": pa.array(["x", None, "y"]).dictionary_encode(), "c": [None] * 3}
    )
    rows = pa.table({"b": ["x", None, "y", "z"], "a": [1.0, 2.0, None, 1.0], "c": ["new", None, None, None]})
    distance = support(known).distance(rows)
    assert distance[:3].tolist() == [0.0, 0.0, 0.0]
    assert distance[3] > 0.5


def test_chunks_with_dictionaries_of_their_own() -> None:
    one, other = (pa.table({"b": pa.array([value]).dictionary_encode()}) for value in ("x", "y"))
    found = support(pa.concat_tables([one, other]))
    assert found.distance(pa.concat_tables([other, one])).tolist() == [0.0, 0.0]


def test_no_rows_have_no_distance() -> None:
    found = support(pa.table({"a": [1.0, 2.0]}))
    assert found.distance(pa.table({"a": pa.array([], pa.float64())})).tolist() == []
