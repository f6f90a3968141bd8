from __future__ import annotations

import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.models.cost import cost
from holdfast.models.protocol import FittedModel

HALF = FittedModel("callable", "binary", ("0", "1"), ("x",), None, lambda rows: [0.5] * rows.num_rows)


def test_times_are_of_a_row_and_of_a_batch() -> None:
    found = cost(HALF, pa.table({"x": [1.0, 2.0, 3.0]}))
    assert found.batch_rows == 3
    assert 0 < found.single_row_ms < 1000
    assert found.batch_us_per_row > 0
    assert found.model_bytes == 0


def test_no_rows_are_refused() -> None:
    with pytest.raises(InputError, match="there are none"):
        cost(HALF, pa.table({"x": pa.array([], pa.float64())}))
