"""An incident of worse performance says what it costs, and what kind of change it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from holdfast.book import monitoring as recorded
from holdfast.monitoring.incidents.costs import split_columns

from ..conftest import HISTORY_DAYS, ROWS_A_DAY, Service, day, payments


def test_other_truths_of_the_same_rows_are_told_in_money(service: Service) -> None:
    rows = payments(HISTORY_DAYS, 20, seed=4)
    fraud = rows["fraud"].to_numpy(zero_copy_only=False)
    turned = (np.arange(len(rows)) >= 10 * ROWS_A_DAY) & (np.random.default_rng(0).random(len(rows)) < 0.8)
    service.answer(rows, truth=lambda _: (fraud ^ turned).tolist())
    service.monitor(day(HISTORY_DAYS + 21))
    (one,) = [one for one in recorded.incidents(service.book, "fraud").values() if one["kind"] == "performance"]
    assert 1_000 < one["cost"] < 2_000
    assert "Against the history it costs about 1," in one["story"]
    assert one["story"].endswith("because the same rows have other truths.")


def test_all_features_may_explain_it_those_of_incidents_first(service: Service) -> None:
    """Else several small changes, none of which opens an incident, would be taken for a change of the world."""
    reference = replace(service.reference, importance={"amount": 0.5, "age": 0.1, "country": 2.0})
    there = ["amount", "age", "country", "region", "time"]
    assert split_columns(reference, [], there) == ["country", "amount", "age"]
    assert split_columns(reference, ["age"], there) == ["age", "country", "amount"]
    assert split_columns(reference, ["age"], ["age", "amount"]) == ["age", "amount"]


def test_a_small_shift_of_an_input_is_not_told_as_other_truths(service: Service) -> None:
    """Amounts rise by a quarter of a deviation, which opens no incident, while truths are turned: both have their part."""
    rows = payments(HISTORY_DAYS, 20, seed=4)
    rng, late = np.random.default_rng(1), np.arange(len(rows)) >= 10 * ROWS_A_DAY
    amount = rows["amount"].to_numpy() * np.where(late, np.exp(0.25), 1.0)
    odds = -3.0 + 1.5 * np.log(amount / 20) + 2.0 * (np.array(rows["country"].to_pylist()) == "FR")
    fraud = rng.random(len(rows)) < 1 / (1 + np.exp(-odds))
    turned = late & (rng.random(len(rows)) < 0.3)
    rows = rows.set_column(rows.schema.names.index("amount"), "amount", pa.array(amount))
    service.answer(rows, truth=lambda _: (fraud ^ turned).tolist())
    service.monitor(day(HISTORY_DAYS + 21))
    found = recorded.incidents(service.book, "fraud").values()
    assert not [one for one in found if one["kind"] == "input" and one["status"] == "open"]
    (one,) = [one for one in found if one["kind"] == "performance"]
    assert "'amount' above all" in one["story"]
    assert "because the same rows have other truths" in one["story"]


def test_rows_of_which_the_model_can_score_none_have_a_cost(service: Service) -> None:
    """The logistic regression cannot bear a missing value: each row is answered as if its score were 0."""
    rows = payments(HISTORY_DAYS, 2, seed=3)
    nothing = pa.nulls(len(rows), rows.schema.field("amount").type)
    service.answer(rows.set_column(rows.schema.names.index("amount"), "amount", nothing), delay_days=None)
    service.monitor(day(HISTORY_DAYS + 2))
    found = recorded.incidents(service.book, "fraud").values()
    (cost,) = [one["cost"] for one in found if one["subject"] == "amount"]
    assert cost > 0
