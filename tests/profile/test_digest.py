"""The digest of rows: equal for the same rows in any file, order and cut; different for any other rows."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.profile.digest import RowsDigest, rows_digest
from holdfast.tables import open_table

rows = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.none() | st.floats(), st.text(max_size=3)), max_size=20)


def table(cells: list[tuple[int, float | None, str]]) -> pa.Table:
    columns = list(zip(*cells, strict=True)) or [(), (), ()]
    schema = pa.schema({"a": pa.int64(), "b": pa.float64(), "c": pa.string()})
    return pa.table([pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)], schema=schema)


def digest_of(values: object, kind: pa.DataType | None = None) -> str:
    return rows_digest([pa.record_batch({"x": pa.array(values, kind)})])


@settings(deadline=None)
@given(rows, st.randoms(), st.integers(1, 5))
def test_order_of_rows_and_columns_and_cuts_do_not_count(cells: list, random: object, size: int) -> None:
    whole = table(cells)
    shuffled = list(cells)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = table(shuffled).select(["c", "a", "b"])
    assert rows_digest(whole.to_batches() or [pa.RecordBatch.from_pylist([], whole.schema)]) == rows_digest(
        again.to_batches(max_chunksize=size) or [pa.RecordBatch.from_pylist([], again.schema)]
    )


@settings(deadline=None)
@given(rows, rows)
def test_parts_add_up(first: list, second: list) -> None:
    parts = [RowsDigest.of(table(cells).combine_chunks().to_batches()[0]) for cells in (first, second) if cells]
    whole = [RowsDigest.of(table(first + second).combine_chunks().to_batches()[0])] if first + second else []
    assert not parts or (parts[0] if len(parts) == 1 else parts[0] + parts[1]) == whole[0]


def test_parquet_and_csv_of_the_same_values_have_the_same_digest(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    stamps = pa.array(rng.integers(0, 2**50, 500), pa.int64()).cast(pa.timestamp("us"))
    source = pa.table(
        {
            "amount": pa.array(rng.normal(size=500), mask=rng.random(500) < 0.1),
            "whole": np.floor(rng.normal(100, 30, 500)),
            "id": rng.integers(-(2**63), 2**63 - 1, 500),
            "shop": pa.array(rng.choice(["a", "b", ""], 500)).dictionary_encode(),
            "fraud": rng.random(500) < 0.3,
            "at": stamps,
            "day": stamps.cast(pa.date32(), safe=False),
            "clock": pa.array(rng.integers(0, 86_400, 500)).cast(pa.int32()).view(pa.time32("s")),
        }
    )
    pyarrow.parquet.write_table(source, tmp_path / "t.parquet")
    pyarrow.csv.write_csv(source, tmp_path / "t.csv")
    digests = []
    for name in ("t.parquet", "t.csv"):
        with open_table(str(tmp_path / name)) as opened:
            digests.append(rows_digest(opened.batches()))
    assert digests[0] == digests[1] == rows_digest(source.to_batches())


@pytest.mark.parametrize(
    ("values", "kind", "others"),
    [
        ([1, None], pa.int64(), [(np.array([1.0, np.nan]), None), ([1, None], pa.uint8()), ([True, None], pa.bool_())]),
        ([2**53 + 1], pa.int64(), [([2**53 + 1], pa.uint64())]),
        ([2**62], pa.int64(), [([2.0**62], pa.float64())]),
        ([0.0], pa.float64(), [([-0.0], pa.float64()), ([Decimal("0.00")], pa.decimal128(5, 2))]),
        (
            ["é", None],
            pa.string(),
            [(["é", ""], pa.large_string()), (["é", None], pa.dictionary(pa.int8(), pa.string()))],
        ),
        (
            [date(1969, 7, 20)],
            pa.date32(),
            [([datetime(1969, 7, 20)], pa.timestamp(u)) for u in ("s", "ms", "us", "ns")]
            + [([date(1969, 7, 20)], pa.date64())],
        ),
        ([time(1, 2, 3)], pa.time32("s"), [([time(1, 2, 3)], pa.time64("ns"))]),
        ([None], pa.null(), [([None], pa.float64()), ([None], pa.string()), ([None], pa.timestamp("ns", "UTC"))]),
    ],
)
def test_a_value_is_the_same_in_every_type_that_holds_it(values: list, kind: pa.DataType, others: list) -> None:
    for other, other_kind in others:
        assert digest_of(other, other_kind) == digest_of(values, kind), other_kind


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()])
def test_every_large_integer_is_another_value(kind: pa.DataType) -> None:
    top = 2**63 - 1 if kind == pa.int64() else 2**64 - 1
    values = [*range(2**53 - 3, 2**53 + 40), *range(top - 2_100, top + 1)]
    assert len({digest_of([value], kind) for value in values}) == len(values)


@settings(deadline=None)
@given(rows, st.data())
def test_a_changed_repeated_or_missing_row_changes_it(cells: list, data: st.DataObject) -> None:
    cells = [*cells, (1, 2.0, "x")]
    place = data.draw(st.integers(0, len(cells) - 1))
    a, b, c = cells[place]
    changed = [*cells[:place], (a ^ 1, b, c), *cells[place + 1 :]]
    before = rows_digest(table(cells).to_batches())
    assert before != rows_digest(table(changed).to_batches())
    assert before != rows_digest(table([*cells, cells[place]]).to_batches())
    assert before != rows_digest(table([*cells[:place], *cells[place + 1 :]] or [(9, 9.0, "")]).to_batches())


def test_names_of_columns_and_which_column_a_value_is_in_count() -> None:
    digests = {
        rows_digest([pa.record_batch(columns)])
        for columns in ({"a": [1], "b": [2]}, {"a": [2], "b": [1]}, {"a": [1], "c": [2]}, {"a": [1]})
    }
    assert len(digests) == 4


def test_the_digest_is_fixed() -> None:
    """Counts of uses rest on digests that were stored long ago, so the formula is fixed."""
    batch = pa.record_batch({"x": [1.5, None], "at": pa.array([0, 1], pa.timestamp("ms")), "s": ["a", "b"]})
    assert rows_digest([batch]) == "rows1:f443e633b060ab2acb7813d8c2159e1464e23ec6a0b0d68dfb9a05ef8d3bea24"


def test_no_batch_and_other_columns_are_refused() -> None:
    with pytest.raises(InputError, match="at least one batch"):
        rows_digest([])
    with pytest.raises(InputError, match="columns differ"):
        rows_digest([pa.record_batch({"a": [1]}), pa.record_batch({"b": [1]})])
