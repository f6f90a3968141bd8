"""Which rows show a finding: positions, identifiers, values, and what never leaves the machine."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import holdfast as hf
from holdfast.rows import MOST, ResponsibleRows

RNG = np.random.default_rng(0)
BEFORE = {"x": RNG.normal(size=2_000), "k": RNG.choice(["a", "b"], 2_000), "id": [f"r{i}" for i in range(2_000)]}


def after(**columns: object) -> dict[str, object]:
    """400 rows like the reference's, but for the given columns."""
    rng = np.random.default_rng(1)
    rows = {
        "x": rng.normal(size=400).clip(-3, 3),
        "k": rng.choice(["a", "b"], 400),
        "id": [f"s{i}" for i in range(400)],
    }
    return rows | columns


def rows_of(current: object, column: str, reference: object = BEFORE, **options: object) -> ResponsibleRows:
    return hf.compare(reference, current, **options).rows[column]


def replaced(column: str, at: dict[int, object]) -> dict[str, object]:
    values = list(after()[column])
    for position, value in at.items():
        values[position] = value
    return after(**{column: values})


def test_missing_rows_are_named_by_position_and_identifier() -> None:
    places = [7, 50, *range(100, 160)]
    found = rows_of(replaced("x", dict.fromkeys(places)), "x")
    assert found.code in {"drift.missing", "quality.new_nulls"}
    assert found.positions == tuple(places[:MOST])
    assert found.ids == tuple(f"s{i}" for i in places[:MOST])
    assert set(found.values) == {""}
    assert found.reason == "the value is missing, or cannot be read as before"


def test_nan_and_numbers_that_cannot_be_read_are_missing_too() -> None:
    values = [str(x) for x in after()["x"]]
    values[100:160] = ["n/a"] * 60
    found = rows_of(after(x=values), "x")
    assert found.positions == tuple(range(100, 120))
    assert set(found.values) == {"n/a"}
    assert rows_of(replaced("x", dict.fromkeys(range(100, 160), np.nan)), "x").positions == tuple(range(100, 120))


def test_unseen_rows_are_those_of_new_values_alone() -> None:
    places = [3, 4, 90, 200, 201, 202, 399]
    found = rows_of(replaced("k", dict.fromkeys(places, "new")), "k", settings={"skip": ["drift"]})
    assert (found.code, found.positions) == ("quality.unseen_category", tuple(places))
    assert found.values == ("new",) * 7
    assert found.reason == "the reference does not have the value"


def test_rows_out_of_range_come_farthest_first_and_none_within_it_is_named() -> None:
    found = rows_of(replaced("x", {10: 50.0, 20: -90.0, 30: 70.0, 40: 50.5, 50: 1e9}), "x")
    assert (found.code, found.positions) == ("quality.range", (50, 20, 30, 40, 10))
    assert found.values == ("1000000000", "-90", "70", "50.5", "50")
    assert found.reason == "the value lies farthest out"


def test_one_huge_value_of_the_reference_hides_no_row_out_of_its_range() -> None:
    spoiled = BEFORE | {"x": np.append(BEFORE["x"][:-1], 1e9)}
    found = rows_of(replaced("x", dict.fromkeys(range(5, 25), -60.0)), "x", spoiled, settings={"skip": ["drift"]})
    assert found.positions == tuple(range(5, 25))


def test_outliers_are_those_beyond_the_fences() -> None:
    """Where the range of the reference is wide they lie within it."""
    wide = BEFORE | {"x": np.append(BEFORE["x"][:-2], [-500.0, 500.0])}
    now = replaced("x", dict.fromkeys(range(60, 75), 40.0) | {300: 60.0})
    found = rows_of(now, "x", wide, settings={"skip": ["drift", "quality.range"]})
    assert (found.code, found.positions) == ("quality.outliers", (300, *range(60, 75)))


def test_infinite_rows_are_the_infinite_ones() -> None:
    found = rows_of(replaced("x", {5: np.inf, 6: -np.inf, 7: 1e12}), "x")
    assert (found.code, found.positions, found.values) == ("quality.infinite", (5, 6), ("inf", "-inf"))


def test_shifted_rows_are_those_of_the_cells_that_grew() -> None:
    shifted = after()["x"].copy()
    shifted[100:250] += 2.5
    found = rows_of(after(x=shifted), "x", settings={"skip": ["quality"]})
    assert found.code == "drift.numeric"
    assert len(found.positions) == MOST
    assert min(float(value) for value in found.values) > 1.5
    assert found.reason == "the value is more frequent than in the reference"


def test_rows_of_a_category_that_grew_have_that_value() -> None:
    found = rows_of(after(k=["a"] * 360 + ["b"] * 40), "k")
    assert (found.code, found.positions, set(found.values)) == ("drift.categories", tuple(range(MOST)), {"a"})


def test_rows_of_a_text_whose_words_are_others_have_those_words() -> None:
    """Texts of the same lengths: the rows with what is new come first."""
    rng = np.random.default_rng(0)
    before = {"note": [f"the parcel number {i} was late again" for i in rng.integers(10_000, 99_999, 2_000)]}
    numbers = rng.integers(10_000, 99_999, 400)
    now = {"note": [f"the parcel number {i} was late again" for i in numbers[:200]]}
    now["note"] += [f"the sleeve letter {i} new late again" for i in numbers[200:]]
    found = hf.compare(before, now).rows["note"]
    assert (found.code, len(found.positions)) == ("drift.text", MOST)
    assert min(found.positions) >= 200
    assert found.reason == "its words are more frequent than in the reference"


def test_nothing_is_responsible_for_what_has_gone() -> None:
    result = hf.compare({"x": [None, 1.0, 2.0] * 300}, {"x": [1.0, 2.0] * 300})
    assert [f.code for f in result.failed] == ["drift.missing"]
    assert result.rows == {}


def test_a_comparison_that_passes_names_no_rows() -> None:
    assert hf.compare(BEFORE, after()).rows == {}


def test_without_identifiers_there_are_positions_alone() -> None:
    found = rows_of({"x": [99.0] * 50}, "x", {"x": BEFORE["x"]})
    assert (found.ids, found.positions) == ((), tuple(range(MOST)))


def test_a_column_that_is_itself_the_identifier_and_missing_is_named() -> None:
    found = rows_of(after(id=[None] * 200 + [f"s{i}" for i in range(200)]), "id")
    assert found.positions == tuple(range(MOST))
    assert set(found.ids) == {""}


def test_positions_count_over_all_batches() -> None:
    """200,000 rows come in several batches; the rows are near the end."""
    values = np.tile(BEFORE["x"], 100)
    values[-600:] = np.arange(600) + 30.0
    found = rows_of({"x": values}, "x", {"x": BEFORE["x"]})
    assert (found.code, found.positions) == ("quality.range", tuple(range(199_999, 199_979, -1)))


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([b"caf\xe9"] * 100).view(pa.string()), "caf\ufffd"),
        (pa.array([b"\xff\x00"] * 100), "\ufffd\x00"),
        (pa.array(["tea"] * 100).dictionary_encode(), "tea"),
        (pa.array([7] * 100, pa.uint64()), "7"),
    ],
)
def test_any_value_has_a_text(column: pa.Array, text: str) -> None:
    """Python itself has none for bytes that are not UTF-8."""
    found = rows_of(pa.table({"k": column}), "k", {"k": ["a", "b"] * 100})
    assert found.values == (text,) * MOST


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_any_moment_has_a_text_without_pandas(unit: str) -> None:
    """Python has no nanoseconds, and no year beyond 9999."""
    ticks = {"s": 10**12, "us": 10**18, "ns": 10**18 + 1}[unit]
    hours = pa.array(np.arange(2_000) * 3_600 % (5 * 86_400), pa.timestamp("s"))
    now = pa.table({"seen": pa.array([ticks] * 300, pa.timestamp(unit))})
    found = rows_of(now, "seen", pa.table({"seen": hours}), roles={"seen": "feature"})
    assert found.code == "drift.time"
    assert len(set(found.values)) == 1
    assert found.values[0]


def test_values_stay_out_of_every_export() -> None:
    result = hf.compare(BEFORE, replaced("k", dict.fromkeys(range(60), "Ada Lovelace")))
    assert set(result.rows["k"].values) == {"Ada Lovelace"}
    exported = json.loads(result.to_json())["rows"]["k"]
    assert set(exported) == {"code", "positions", "ids"}
    assert exported["positions"] == list(range(MOST))
    assert "values" not in json.dumps(exported)


def test_rare_values_are_in_no_export_at_all() -> None:
    """Nine rows: too few for the name of a value to leave the machine."""
    result = hf.compare(BEFORE, replaced("k", dict.fromkeys(range(9), "Ada Lovelace")), settings={"new_values": 0.001})
    assert result.rows["k"].values == ("Ada Lovelace",) * 9
    for export in (result.to_json(), result.to_junit(), str(result.to_dicts()), str(result.to_arrow().to_pydict())):
        assert "Lovelace" not in export


def test_a_pandas_frame_is_counted_by_position_and_not_by_its_index() -> None:
    frame = pd.DataFrame({"x": [0.0] * 90 + [99.0] * 10}, index=range(1_000, 1_100))
    assert rows_of(frame, "x", {"x": BEFORE["x"]}, settings={"skip": ["drift"]}).positions == tuple(range(90, 100))
