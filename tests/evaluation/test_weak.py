"""Weak segments: luck is not reported, weakness is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.evaluation.weak import weak_segments


def table(n: int, rng: np.random.Generator) -> pa.Table:
    return pa.table(
        {
            "amount": rng.lognormal(3, 1, n),
            "age": rng.integers(18, 90, n),
            "country": pa.array(rng.choice(["AT", "CH", "DE", "FR"], n)).dictionary_encode(),
            "member": rng.random(n) < 0.5,
            "constant": np.zeros(n),
        }
    )


def test_a_weak_value_is_found_and_confirmed() -> None:
    rng = np.random.default_rng(1)
    rows = table(8_000, rng)
    loss = rng.exponential(1.0, 8_000) * np.where(np.array(rows["country"].to_pylist()) == "FR", 1.6, 1.0)
    found = weak_segments(rows, loss, "lower", minimum_rows=100, seed=0, unit="EUR")
    first = found[0]
    assert (first.columns, first.values, first.confirmed) == (("country",), ("FR",), True)
    assert first.figures["worse_by"].value == pytest.approx(0.6, abs=0.15)
    assert first.figures["worse_by"].unit == "EUR"


def test_a_weak_crossing_is_named_by_both_columns() -> None:
    rng = np.random.default_rng(2)
    rows = table(20_000, rng)
    hit = (np.array(rows["country"].to_pylist()) == "CH") & rows["member"].to_numpy()
    gain = rng.normal(0, 1, 20_000) - 0.8 * hit
    found = weak_segments(rows, gain, "higher", minimum_rows=100, seed=0)
    assert (set(found[0].columns), set(found[0].values)) == ({"country", "member"}, {"CH", "true"})


def test_missing_numbers_are_in_no_segment() -> None:
    rng = np.random.default_rng(3)
    x = np.where(rng.random(4_000) < 0.3, np.nan, rng.normal(size=4_000))
    found = weak_segments(pa.table({"x": x}), np.isnan(x) * 1.0, "lower", minimum_rows=50, seed=0)
    assert not any(group.confirmed for group in found)


@pytest.mark.parametrize("n", [0, 1, 150])
def test_too_few_rows_have_no_segments(n: int) -> None:
    rng = np.random.default_rng(4)
    assert weak_segments(table(n, rng), rng.random(n), "lower", minimum_rows=100, seed=0) == ()


@pytest.mark.simulation
def test_luck_is_not_confirmed() -> None:
    """Any confirmed segment in at most 5% of 200 runs without one, plus three standard errors."""
    confirmed = 0
    for seed in range(200):
        rng = np.random.default_rng(seed + 50)
        found = weak_segments(table(2_000, rng), rng.exponential(1.0, 2_000), "lower", minimum_rows=50, seed=seed)
        assert len(found) > 0
        confirmed += any(group.confirmed for group in found)
    assert confirmed <= 200 * 0.05 + 3 * np.sqrt(200 * 0.05 * 0.95)
