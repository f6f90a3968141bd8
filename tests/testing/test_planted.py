"""Changes planted in tables: what they touch, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdfast.errors import SettingError
from holdfast.testing.planted import change_dependence, duplicate_rows, new_category, nulls, shift, unit_change

CENTRE = datetime(2025, 1, 6, tzinfo=UTC)


def small_table(days: int = 10) -> pa.Table:
    """Ten rows a day, from 2025-01-01 on, with numbers, strings, a dictionary and missing values."""
    rows = 10 * days
    number = np.arange(rows, dtype=float)
    number[::10] = np.nan
    return pa.table(
        {
            "time": pa.array(
                [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=i / 10) for i in range(rows)],
                pa.timestamp("us", "UTC"),
            ),
            "number": number,
            "count": pa.array([None if i % 20 == 3 else i % 7 for i in range(rows)], pa.int32()),
            "city": [None if i % 10 == 5 else "abc"[i % 3] for i in range(rows)],
            "code": pa.array(["uvwx"[i % 4] for i in range(rows)]).dictionary_encode(),
        }
    )


CHANGES = {
    "nulls": lambda table, since: nulls(table, "number", 0.5, since),
    "nulls of a dictionary": lambda table, since: nulls(table, "code", 0.5, since),
    "unit change": lambda table, since: unit_change(table, "number", 100, since, share=0.5),
    "shift": lambda table, since: shift(table, "count", 1.0, since),
    "new category": lambda table, since: new_category(table, "city", "new", 0.5, since),
    "new category of a dictionary": lambda table, since: new_category(table, "code", "new", 0.5, since),
    "dependence": lambda table, since: change_dependence(table, "number", "count", 0.5, since),
}
COLUMNS = {"nulls": "number", "unit change": "number", "shift": "count", "new category": "city", "dependence": "number"}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("since", [None, CENTRE])
def test_a_change_touches_its_column_in_the_reported_rows_and_nothing_else(name, since):
    before = small_table()
    after, rows = CHANGES[name](before, since)
    column = COLUMNS.get(name, "code")
    assert after.schema == before.schema
    assert after.drop_columns(column).to_pandas().equals(before.drop_columns(column).to_pandas())
    untouched = np.delete(np.arange(before.num_rows), rows)
    pd.testing.assert_series_equal(
        after[column].take(pa.array(untouched)).to_pandas().astype(object),
        before[column].take(pa.array(untouched)).to_pandas().astype(object),
    )
    assert len(rows) > 0
    assert (np.diff(rows) > 0).all()
    assert rows.min() >= (50 if since else 0)
    again, rows_again = CHANGES[name](before, since)
    assert again.to_pandas().equals(after.to_pandas())
    np.testing.assert_array_equal(rows_again, rows)


def test_nulls_are_a_share_of_the_rows_with_a_value():
    after, rows = nulls(small_table(), "city", 0.4, CENTRE)
    assert len(rows) == 18  # 45 of the last 50 rows have a city
    assert after["city"].null_count == 10 + 18
    assert after["city"].take(pa.array(rows)).null_count == 18


@given(share=st.floats(0, 1), seed=st.integers(0, 1_000))
def test_the_share_is_exact_up_to_rounding(share, seed):
    after, rows = nulls(pa.table({"x": np.arange(57)}), "x", share, seed=seed)
    assert after["x"].null_count == len(rows) == round(share * 57)


def test_other_seeds_choose_other_rows():
    assert nulls(small_table(), "code", 0.5, seed=1).rows.tolist() != nulls(small_table(), "code", 0.5).rows.tolist()


def test_a_unit_change_multiplies_and_keeps_integers_whole():
    table = pa.table({"euros": [1.5, None, 2.0], "seconds": pa.array([90, 149, None], pa.int64())})
    assert unit_change(table, "euros", 100).table["euros"].to_pylist() == [150.0, None, 200.0]
    minutes, rows = unit_change(table, "seconds", 1 / 60)
    assert minutes["seconds"].to_pylist() == [2, 2, None]
    assert rows.tolist() == [0, 1]


def test_a_shift_is_measured_in_standard_deviations_of_the_finite_values():
    table = pa.table({"x": [1.0, 3.0, None, float("nan"), float("inf")]})
    values = shift(table, "x", 0.5).table["x"].to_pylist()
    assert values[:3] == [1.5, 3.5, None]
    assert np.isnan(values[3])
    assert values[4] == float("inf")


def test_a_new_category_is_written_into_its_share():
    after, rows = new_category(small_table(), "code", "new", 0.3)
    assert pc.sum(pc.equal(after["code"], "new")).as_py() == len(rows) == 30


def test_duplicates_stand_after_their_originals():
    before = small_table()
    after, copies = duplicate_rows(before, 0.2, CENTRE)
    assert len(copies) == 10
    assert copies.min() > 50
    originals = np.delete(np.arange(after.num_rows), copies)
    assert after.take(pa.array(originals)).to_pandas().equals(before.to_pandas())
    twins = (after.take(pa.array(copies + step)).to_pandas() for step in (0, -1))
    assert next(twins).equals(next(twins))


@pytest.mark.parametrize("correlation", [0.0, 0.5, -0.8])
def test_a_pair_gets_the_dependence_asked_for_and_keeps_its_values(correlation):
    """The correlation of normal scores, within 4 standard errors of (1 - r^2) / sqrt(n)."""
    rng = np.random.default_rng(0)
    x = rng.lognormal(size=4_000)
    before = pa.table({"x": x, "y": x + rng.standard_normal(4_000)})
    after = change_dependence(before, "x", "y", correlation).table
    np.testing.assert_array_equal(np.sort(after["x"].to_numpy()), np.sort(x))
    scores = [stats.norm.ppf((stats.rankdata(after[name].to_numpy()) - 0.5) / 4_000) for name in ("x", "y")]
    assert abs(np.corrcoef(scores)[0, 1] - correlation) < 4 * (1 - correlation**2) / np.sqrt(4_000)


def test_the_dependence_of_strings_changes_too():
    before = small_table(days=200)
    after = change_dependence(before, "code", "number", 0.9).table
    letter = after["code"].to_pandas().map(ord).astype(int)
    assert letter.corr(after["number"].to_pandas(), method="spearman") > 0.8
    assert after["code"].to_pandas().value_counts().to_dict() == before["code"].to_pandas().value_counts().to_dict()


@pytest.mark.parametrize("since", ["2025-01-06", "2025-01-06T01:00+01:00", datetime(2025, 1, 6), CENTRE])
def test_since_is_a_moment_in_utc_unless_it_says_otherwise(since):
    aware = small_table()
    naive = aware.set_column(0, "time", aware["time"].cast(pa.timestamp("us")))
    for table in (aware, naive):
        assert nulls(table, "code", 1.0, since).rows.tolist() == list(range(50, 100))


def test_the_time_column_can_have_another_name():
    table = small_table().rename_columns(["moment", "number", "count", "city", "code"])
    assert nulls(table, "code", 1.0, CENTRE, time="moment").rows.tolist() == list(range(50, 100))


def test_shares_and_correlations_out_of_range_are_refused():
    with pytest.raises(SettingError, match="share from 0 to 1"):
        nulls(small_table(), "code", 1.1)
    with pytest.raises(SettingError, match="correlation from -1 to 1"):
        change_dependence(small_table(), "number", "count", 2.0)
