"""Categories to codes, for the library itself."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.models.encoding import code_matrix


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
def test_texts_of_every_type(kind: pa.DataType) -> None:
    values = pa.chunked_array([pa.array(["b", None]), pa.array(["z", "a"])]).cast(kind)
    found = code_matrix(pa.table({"x": values}), ["x"], {0: ["a", 7, "b"]})
    np.testing.assert_array_equal(found[:, 0], [2, np.nan, np.nan, 0])


def test_numbers_equal_their_category_whatever_their_type() -> None:
    rows = pa.table({"x": pa.array([3.0, -0.0, None, 2.5, np.nan, 1e300])})
    np.testing.assert_array_equal(code_matrix(rows, ["x"], {0: [0, 3, "3"]})[:, 0], [1, 0, *[np.nan] * 4])
    whole = pa.table({"x": pa.array([3, None, 0], pa.int8())})
    np.testing.assert_array_equal(code_matrix(whole, ["x"], {0: [0, 3]})[:, 0], [1, np.nan, 0])
    truths = pa.table({"x": [True, False, None]})
    np.testing.assert_array_equal(code_matrix(truths, ["x"], {0: [False, True]})[:, 0], [1, 0, np.nan])


def test_columns_that_are_no_category_are_numbers() -> None:
    rows = pa.table({"x": [1, None], "y": ["a", "b"]})
    np.testing.assert_array_equal(code_matrix(rows, ["y", "x"], {0: ["b"]}), [[np.nan, 1], [0, np.nan]])
    with pytest.raises(InputError, match="wants numbers in 'y'"):
        code_matrix(rows, ["y", "x"], {})


def test_no_rows() -> None:
    assert code_matrix(pa.table({"x": pa.array([], pa.string())}), ["x"], {0: ["a"]}).shape == (0, 1)
