"""How old the times in a row are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.profile.ages import aged, ages_of
from holdfast.schema import Column, Kind, Role, Schema

SCHEMA = Schema(
    columns=(
        Column(name="amount", physical="amount", kind=Kind.NUMBER, type="double"),
        Column(name="made", physical="made", kind=Kind.TIME, type="timestamp[s]"),
        Column(name="time", physical="time", kind=Kind.TIME, type="timestamp[s]", role=Role.TIME),
        Column(name="born", physical="born", kind=Kind.TIME, type="timestamp[s]", personal=True),
        Column(name="paid", physical="paid", kind=Kind.TIME, type="timestamp[s]"),
    )
)


def test_times_are_aged_but_for_that_of_the_row_and_personal_ones() -> None:
    assert aged(SCHEMA) == ("made", "paid")


def test_ages_are_logarithms_of_seconds_with_a_sign() -> None:
    rows = pa.record_batch({"made": pa.array([100, 40, 130, None], pa.timestamp("s")), "amount": [1.0, 2.0, 3.0, 4.0]})
    found = ages_of(SCHEMA, rows, np.full(4, 100.0))
    assert found is not None
    assert found[:, 0].tolist() == pytest.approx([0.0, np.log(61), -np.log(31), np.nan], nan_ok=True)
    assert np.isnan(found[:, 1]).all()


def test_without_times_there_are_no_ages() -> None:
    schema = Schema(columns=SCHEMA.columns[:1])
    assert ages_of(schema, pa.record_batch({"amount": [1.0]}), np.zeros(1)) is None
