"""How values made again differ from those that were served."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.monitoring.skew.differing import Tolerance, differing


def test_numbers_differ_beyond_the_tolerance() -> None:
    served = pa.array([100.0, 100.0, 0.0, 0.0, -5.0])
    found = differing(served, pa.array([100.00005, 100.1, 1e-12, 0.1, 5.0]), Tolerance(relative=1e-6, absolute=1e-9))
    assert found.values.tolist() == [False, True, False, True, True]
    assert found.difference[[1, 3, 4]].tolist() == pytest.approx([-0.1, -0.1, -10.0])
    assert np.isnan(found.difference[[0, 2]]).all()


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_what_only_one_side_has_is_told_apart(missing: float | None) -> None:
    found = differing(pa.array([1.0, missing, missing]), pa.array([missing, 2.0, missing]), Tolerance())
    assert found.only_served.tolist() == [True, False, False]
    assert found.only_recomputed.tolist() == [False, True, False]
    assert not found.values.any()


def test_infinite_numbers_are_the_same_only_as_themselves() -> None:
    inf = float("inf")
    found = differing(pa.array([inf, inf, inf, 1.0]), pa.array([inf, -inf, 1.0, inf]), Tolerance())
    assert found.values.tolist() == [False, True, True, True]
    assert np.isnan(found.difference).all()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2], pa.int16()),
        pa.array([1.0, 2.0], pa.float32()),
        pa.array([Decimal("1.0"), Decimal("2.0")]),
        pa.array(["1", " 2e0 "]),
        pa.array(["1", "2"]).dictionary_encode(),
    ],
)
def test_numbers_are_the_same_whatever_type_they_have(column: pa.Array) -> None:
    assert not differing(pa.array([1.0, 2.0]), column, Tolerance()).any.any()


def test_times_are_the_same_whatever_unit_they_have() -> None:
    served = pa.array(
        [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")
    )
    found = differing(served, pa.array([date(2026, 1, 1), date(2026, 1, 2)]), Tolerance())
    assert found.values.tolist() == [False, True]
    assert found.difference[1] == 3_600.0
    texts = pa.array(["2026-01-01T00:00:00Z", "2026-01-02T02:00:00+01:00"])
    assert not differing(served, texts, Tolerance()).any.any()


@pytest.mark.parametrize(
    ("served", "recomputed"),
    [
        (pa.array(["1", "2", None]), pa.array([1, 2, None])),
        (pa.array(["1", "2", None]), pa.array([1.0, 2.0, float("nan")])),
        (pa.array(["a", "b", None]), pa.array(["a", "b", None]).dictionary_encode()),
        (pa.array([True, False, None]), pa.array(["true", "False", None])),
        (pa.array([True, False, None]), pa.array([1, 0, None])),
        (pa.array(["true", "false", None]), pa.array([True, False, None])),
    ],
)
def test_categories_are_the_same_by_their_texts(served: pa.Array, recomputed: pa.Array) -> None:
    assert not differing(served, recomputed, Tolerance()).any.any()
    assert differing(served, recomputed.take(pa.array([1, 0, 2])), Tolerance()).values.tolist() == [True, True, False]


def test_a_column_that_cannot_be_read_so_is_refused_without_a_value() -> None:
    with pytest.raises(InputError, match="expected values that can be read as time, got bool"):
        differing(pa.array([datetime(2026, 1, 1)]), pa.array([True]), Tolerance())
