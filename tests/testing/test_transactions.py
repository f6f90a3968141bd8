from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from scipy import stats

from holdfast.errors import SettingError
from holdfast.testing.payments import COUNTRIES, MERCHANT_GROUPS
from holdfast.testing.transactions import SCHEMA, demo_tables, transactions


@pytest.fixture(scope="module")
def payments() -> pd.DataFrame:
    """The default 60 days, with the scenario of each fraud and the day since the start."""
    frame = transactions(scenario=True).to_pandas()
    return frame.assign(day=(frame["time"] - pd.Timestamp("2025-01-01", tz="UTC")).dt.days)


def test_equal_arguments_give_equal_tables():
    arguments = {"customers": 50, "terminals": 30, "days": 10}
    assert transactions(**arguments, seed=3).equals(transactions(**arguments, seed=3))
    assert not transactions(**arguments, seed=3).equals(transactions(**arguments, seed=4))


def test_schema_order_and_period():
    table = transactions(customers=100, terminals=40, start="2024-02-28", days=3)
    assert table.schema.equals(SCHEMA)
    times = table["time"].to_pylist()
    assert times == sorted(times)
    assert {time.date() for time in times} == {date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)}
    assert table["transaction_id"].to_pylist() == [f"X{i:09d}" for i in range(1, table.num_rows + 1)]


def test_the_scenario_is_an_extra_column_that_says_why_it_is_fraud():
    arguments = {"customers": 300, "terminals": 200, "days": 20}
    table = transactions(**arguments, scenario=True)
    assert table.drop_columns("fraud_scenario").equals(transactions(**arguments))
    assert pc.greater(table["fraud_scenario"], 0).equals(table["is_fraud"])


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"terminals": 1}, {"days": 0}])
def test_a_simulation_without_anything_in_it_is_refused(wrong):
    with pytest.raises(SettingError, match="customers >= 1, terminals >= 2 and days >= 1"):
        transactions(**wrong)


def test_the_smallest_simulation_runs():
    assert transactions(customers=1, terminals=2, days=1).schema.equals(SCHEMA)


def test_values_lie_where_the_docstring_says(payments):
    assert set(payments["merchant_group"]) == set(MERCHANT_GROUPS)
    assert set(payments["country"]) == set(COUNTRIES)
    assert payments["amount"].min() > 0
    assert payments["age"].between(18, 90).all()
    online = payments["channel"].isin(["online", "recurring"])
    assert (payments["distance_km"].isna() == online).all()
    assert (payments["device_os"].notna() == payments["channel"].isin(["online", "wallet"])).all()
    nullable = {"distance_km", "device_os", "customer_mean_amount_30d", "terminal_risk_7d"}
    assert set(payments.columns[payments.isna().any()]) <= nullable


def test_customers_pay_near_home_at_noon_and_less_on_sundays(payments):
    kilometres = payments["distance_km"].dropna()
    assert kilometres.median() < 15  # on a map 2,000 km across
    assert 0.02 < (kilometres > 200).mean() < 0.06
    hours = payments["time"].dt.hour.value_counts(normalize=True)
    assert hours[[10, 11, 12, 13]].min() > 2 * hours[[0, 1, 2, 3, 21, 22, 23]].max()
    volume = payments["day"].value_counts().groupby(lambda day: (day + 2) % 7).mean()  # 2025-01-01 was a Wednesday
    assert volume.idxmin() == 6
    assert volume.idxmax() == 5


def test_volume_varies_between_equal_weekdays_more_than_counting_explains(payments):
    """Nine Wednesdays: Poisson counts alone would have an index of dispersion of one."""
    counts = payments["day"].value_counts().sort_index()[::7]
    assert stats.chi2(len(counts) - 1).sf(((counts - counts.mean()) ** 2 / counts.mean()).sum()) < 0.001
    assert counts.std() / counts.mean() < 0.15


@pytest.mark.parametrize("seed", range(3))
def test_about_one_transaction_in_a_hundred_is_fraud(seed):
    table = transactions(customers=500, seed=seed)
    assert 0.004 < pc.mean(table["is_fraud"]).as_py() < 0.02


def test_large_amounts_come_in_waves(payments):
    """Some eight frauds a day while a wave lasts, so that a day without one is a day outside."""
    large = payments[payments["fraud_scenario"] == 1]
    assert large["amount"].min() >= 220
    is_wave = np.isin(np.arange(60), large["day"])
    edges = np.flatnonzero(np.diff(is_wave)) + 1
    lengths = np.diff(edges)  # of the waves and pauses that begin and end inside the 60 days
    assert len(lengths) >= 3
    assert lengths.min() >= 7
    assert lengths.max() <= 14


def test_a_compromised_terminal_sends_only_frauds_and_recovers(payments):
    """Campaigns of 28 days; two may overlap, so a few last longer."""
    compromised = payments[payments["fraud_scenario"] == 2].groupby("terminal_id")["day"].agg(["min", "max"])
    assert len(compromised) > 10
    length = compromised["max"] - compromised["min"] + 1
    assert (length <= 28).mean() > 0.9
    inside = payments.join(compromised[length <= 28], on="terminal_id", how="inner")
    assert inside.loc[inside["day"].between(inside["min"], inside["max"]), "is_fraud"].all()
    outside = inside[~inside["day"].between(inside["min"], inside["max"])]
    assert (outside["fraud_scenario"] != 2).all()
    assert outside["is_fraud"].mean() < 0.05
    assert (outside["day"] < outside["min"]).any()
    assert (outside["day"] > outside["max"]).any()


def test_a_compromised_customer_loses_a_third_of_the_payments_at_five_times_the_amount(payments):
    frauds = payments[payments["fraud_scenario"] == 3]
    stolen = frauds.groupby("customer_id")["day"].agg(["min", "max"])
    length = stolen["max"] - stolen["min"] + 1
    assert len(stolen) > 20
    assert (length <= 14).mean() > 0.9
    # Strictly between the first and the last fraud nothing selects the rows.
    inside = payments.join(stolen[length <= 14], on="customer_id", how="inner")
    inside = inside[(inside["day"] > inside["min"]) & (inside["day"] < inside["max"])]
    assert stats.binomtest(int((inside["fraud_scenario"] == 3).sum()), len(inside), 1 / 3).pvalue > 0.001
    honest = payments[~payments["is_fraud"] & payments["customer_id"].isin(frauds["customer_id"])]
    ratio = frauds["amount"].median() / honest["amount"].median()
    assert 4 < ratio < 6


def test_features_see_only_the_past_and_labels_a_week_late():
    """Recomputed row by row for all rows whose whole history lies in the table."""
    frame = transactions(customers=25, terminals=12, days=45, seed=5).to_pandas()
    # Frauds are rare in so small a table; the labels of the recomputation are those of the table all the same.
    assert frame["is_fraud"].any()
    time, day = frame["time"], pd.Timedelta(days=1)
    late = frame[time >= time.min().normalize() + 30 * day]
    assert len(late) > 500
    for row in late.itertuples():
        own = frame[(frame["customer_id"] == row.customer_id) & (time < row.time)]
        month = own.loc[own["time"] >= row.time - 30 * day, "amount"]
        assert row.customer_mean_amount_30d == pytest.approx(month.mean(), rel=1e-12, nan_ok=True)
        assert row.customer_count_1d == (own["time"] >= row.time - day).sum()
        assert row.customer_count_7d == (own["time"] >= row.time - 7 * day).sum()
        known = frame.loc[
            (frame["terminal_id"] == row.terminal_id) & (time >= row.time - 14 * day) & (time < row.time - 7 * day),
            "is_fraud",
        ]
        assert row.terminal_count_7d == len(known)
        assert row.terminal_risk_7d == pytest.approx(known.mean(), rel=1e-12, nan_ok=True)


def test_the_first_day_already_has_a_history(payments):
    first = payments[payments["day"] == 0]
    assert first["customer_mean_amount_30d"].notna().mean() > 0.95
    assert first["customer_count_7d"].mean() > 0.8 * payments["customer_count_7d"].mean()


def test_the_demo_plants_what_its_docstring_says_and_nothing_else():
    reference, current = demo_tables(seed=1)
    plain = transactions(start="2025-02-24", days=63, seed=1)
    assert reference.equals(plain.slice(0, reference.num_rows))
    assert reference["time"][-1].as_py().date() == date(2025, 4, 20)
    before, after = plain.slice(reference.num_rows).to_pandas(), current.to_pandas()
    assert len(before) == len(after)
    planted = {
        "customer_count_1d": "2025-04-22",
        "merchant_group": "2025-04-22",
        "terminal_risk_7d": "2025-04-23",
        "amount": "2025-04-24",
    }
    assert after.drop(columns=list(planted)).equals(before.drop(columns=list(planted)))
    since = {column: after["time"] >= pd.Timestamp(moment, tz="UTC") for column, moment in planted.items()}
    for column, is_late in since.items():
        assert after.loc[~is_late, column].equals(before.loc[~is_late, column])
    old = {column: before.loc[is_late, column] for column, is_late in since.items()}
    new = {column: after.loc[is_late, column] for column, is_late in since.items()}

    counts = "customer_count_1d"
    assert sorted(new[counts]) == sorted(old[counts])
    week = after.loc[since[counts], "customer_count_7d"]
    assert old[counts].corr(week, method="spearman") > 0.6
    assert abs(new[counts].corr(week, method="spearman")) < 0.03

    is_crypto = new["merchant_group"] == "crypto"
    assert is_crypto.sum() == round(0.06 * len(is_crypto))
    assert new["merchant_group"][~is_crypto].equals(old["merchant_group"][~is_crypto])

    risk_before, risk_after = old["terminal_risk_7d"].notna(), new["terminal_risk_7d"].notna()
    assert risk_before.sum() - risk_after.sum() == round(0.60 * risk_before.sum())
    assert new["terminal_risk_7d"][risk_after].equals(old["terminal_risk_7d"][risk_after])

    in_cents = new["amount"] != old["amount"]
    assert in_cents.sum() == round(0.40 * len(in_cents))
    assert new["amount"][in_cents].equals(old["amount"][in_cents] * 100)
