"""Rows are counted batch by batch, in threads and by segment: however they are cut, the counts are the same."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.monitoring.counts.counting import EVERYONE, count_rows
from holdfast.monitoring.counts.reading import answered
from holdfast.monitoring.reference import Reference
from holdfast.profile import table, window
from holdfast.profile.window import Counted

from ..conftest import DAY, day, payments

ROWS, DAYS = 400, 3
SUMS = {"widths", "losses", "residuals", "slopes", "known_strata"}
"""What is added up as floats: to the last digits it depends on the order."""


def logged(seed: int = 0) -> pa.RecordBatch:
    """Rows of some days as they are logged, with gaps, new values and labels here and there."""
    rng = np.random.default_rng(seed)
    rows = payments(60, DAYS, seed, ROWS // DAYS + 1).slice(0, ROWS)
    own = {name: rows[name].to_numpy(zero_copy_only=False).copy() for name in ("amount", "age")}
    texts = {name: rows[name].to_pylist() for name in ("country", "region")}
    texts["country"][:7] = ["XX", None, "YY", None, "", "XX", "FR"]
    texts["region"][3::17] = [None] * len(texts["region"][3::17])
    own["age"][5:40] = np.nan
    own["amount"][::50] = np.inf
    score = rng.random(ROWS)
    return pa.RecordBatch.from_pydict(
        {
            "hf_time": rows["time"].combine_chunks(),
            "hf_release": np.where(rng.random(ROWS) < 0.9, 1, 2),
            "hf_score": score,
            "hf_decision": score > 0.6,
            "hf_review": score > 0.9,
            **own,
            **{name: pa.array(values, pa.string()) for name, values in texts.items()},
            "hf_label": pa.array(rows["fraud"].to_pylist(), mask=rng.random(ROWS) < 0.5),
        }
    )


def assert_same(found: Counted, expected: Counted) -> None:
    for name in (name for name in found.__dataclass_fields__):
        one, other = getattr(found, name), getattr(expected, name)
        if name in SUMS:
            np.testing.assert_allclose(one, other, rtol=1e-12)
        else:
            np.testing.assert_array_equal(one, other, err_msg=name)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1_000), cuts=st.lists(st.integers(0, ROWS), max_size=4))
def test_batches_and_segments_in_one_pass_count_as_each_by_itself(
    reference: Reference, seed: int, cuts: list[int]
) -> None:
    batch = logged(seed)
    ends = [0, *sorted(cuts), ROWS]
    parts = [batch.slice(a, b - a) for a, b in itertools.pairwise(ends)]
    tally = count_rows(reference, parts, ("region", "country"))
    rows, edges = answered(reference, batch), reference.profile.edges
    expected: dict[tuple[float, str], Counted] = {}
    starts = np.floor((rows.time - day(0)) / DAY) * DAY + day(0)
    columns = {name: np.array(batch.column(name).to_pylist(), dtype=object) for name in ("region", "country")}
    for start in np.unique(starts).tolist():
        here = starts == start
        every = rows.take(np.flatnonzero(here))
        expected[start, EVERYONE] = window.with_ranks(
            window.count(edges, reference.answers, every), reference.answers, every
        )
        for name, values in columns.items():
            for value in {one for one in values[here].tolist() if one is not None}:
                own = rows.take(np.flatnonzero(here & (values == value)))
                expected[start, f"{name}={value}"] = window.count(edges, reference.answers, own)
    assert tally.counts.keys() == expected.keys()
    for place, one in expected.items():
        assert_same(tally.counts[place], one)
    assert tally.rows == ROWS


@pytest.mark.parametrize("pieces", [1, 5])
def test_a_window_has_the_profile_of_its_rows(reference: Reference, pieces: int) -> None:
    batch = logged()
    size = -(-ROWS // pieces)
    tally = count_rows(reference, [batch.slice(a, size) for a in range(0, ROWS, size)], ())
    rows = answered(reference, batch)
    for start, found in tally.profiles.items():
        some = rows.take(np.flatnonzero((rows.time >= start) & (rows.time < start + DAY)))
        expected = table.count(replace(found.edges, grid=None), some.inputs)
        assert found.rows == expected.rows
        assert found.types == expected.types
        for name, column in expected.columns.items():
            np.testing.assert_array_equal(found.columns[name].counts, column.counts)
            assert found.columns[name].fresh == column.fresh
        np.testing.assert_array_equal(found.distinct.hashes, expected.distinct.hashes)
        assert found.sample is not None
        assert found.sample.rows.num_rows == len(some)


def test_nothing_is_counted_of_no_rows(reference: Reference) -> None:
    tally = count_rows(reference, [logged().slice(0, 0)], ("region",))
    assert (tally.rows, tally.counts, tally.received) == (0, {}, -np.inf)


def test_of_rows_whose_cost_is_not_known_nothing_is_expected(reference: Reference) -> None:
    batch = logged()
    amount = batch.schema.get_field_index("amount")
    without = batch.set_column(amount, "amount", pa.array(np.full(ROWS, np.inf)))
    tally = count_rows(reference, [batch, without], ())
    priced = np.isfinite(batch.column("amount").to_numpy()) & (batch.column("hf_release").to_numpy() == 1)
    assert sum(one.rows for one in tally.expected.values()) == priced.sum()
    assert sum(one.missing for one in tally.expected.values()) == 2 * ROWS - priced.sum()
