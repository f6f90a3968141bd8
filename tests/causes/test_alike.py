"""A column at two times, read alike whatever types it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.causes.alike import alike


def test_numbers_are_numbers_although_they_come_as_other_types() -> None:
    found = alike(pa.chunked_array([[1, None, 3]]), pa.chunked_array([[1.5, float("nan")]]))
    assert found.numeric
    np.testing.assert_array_equal(found.before, [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(found.now, [1.5, np.nan])


def test_numbers_that_became_texts_are_read() -> None:
    found = alike(pa.chunked_array([[1.0, 2.0]]), pa.chunked_array([["2", "none"]]))
    np.testing.assert_array_equal(found.now, [2.0, np.nan])


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["a", "b", None], ["b", "c"]),
        (pa.array(["a", "b", None]).dictionary_encode(), ["b", "c"]),
        (["a", "b", None], pa.array(["b", "c"]).dictionary_encode()),
    ],
)
def test_categories_have_one_code_each(before: Any, now: Any) -> None:
    found = alike(pa.chunked_array([before]), pa.chunked_array([now]))
    assert (found.before.tolist(), found.now.tolist(), found.numeric) == ([0, 1, -1], [1, 2], False)


def test_flags_are_categories() -> None:
    found = alike(pa.chunked_array([[True, False]]), pa.chunked_array([[False]]))
    assert (found.before.tolist(), found.now.tolist()) == ([1, 0], [0])
