"""Frames as rows, and what is refused of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import LogError
from holdfast.log import batch
from holdfast.log.batch import Item, aligned, keep, kept, read
from holdfast.log.frames import Layout, Type, encode, to_arrow, to_rows
from holdfast.log.physical import Place
from holdfast.log.spool import Frame, Group
from holdfast.testing.logged import MORNING, labels, predictions

DAY = 86_400_000_000


def item(seq: int, group: Group, *, writer: str = "w", received: int = MORNING // 1000, crc: int | None = None) -> Item:
    import zlib

    right = zlib.crc32(group.content)
    return Item(writer, Frame(seq, group.layout, group.rows, received, right if crc is None else crc, group.content))


def whole(items: list[Item]) -> pa.Table:
    parts, refused = read(items)
    assert refused == []
    names = {name: kind for layout, _ in parts for name, kind in layout.columns}
    schema = pa.schema([*parts[0][1].schema][:-1]) if len(parts) == 1 else None
    mapping = {layout: [Place(name, kind, name) for name, kind in layout.columns] for layout, _ in parts}
    if schema is None:
        arrow = Layout(model="m", kind="labels", columns=tuple(names.items())).arrow
        own = [("hf_writer", pa.string()), ("hf_seq", pa.int64()), ("hf_row", pa.int64()), ("hf_date", pa.string())]
        schema = pa.schema([*arrow, *(pa.field(*field) for field in own)])
    return aligned(parts, mapping, schema)


def test_rows_know_where_they_are_from() -> None:
    rows = whole([item(4, labels(["a", "b"])), item(6, labels(["c"]), writer="v")])
    columns = ["hf_id", "hf_writer", "hf_seq", "hf_row"]
    assert [tuple(row.values()) for row in rows.select(columns).to_pylist()] == [
        ("a", "w", 4, 0),
        ("b", "w", 4, 1),
        ("c", "v", 6, 0),
    ]


def test_the_day_is_that_of_receipt_in_utc() -> None:
    late = MORNING - MORNING % DAY + DAY - 1
    rows = whole([item(1, labels(["a"], time=late)), item(2, labels(["b"], time=late + 1))])
    assert rows.column("hf_date").to_pylist() == ["2026-01-01", "2026-01-02"]


def test_rows_without_a_time_have_the_day_of_their_frame() -> None:
    layout = Layout(model="fraud", kind="labels", columns=(("hf_id", "string"), ("hf_time", "timestamp")))
    some = Group(layout, 2, encode([["a", "b"], [None, -DAY]]))
    assert whole([item(1, some)]).column("hf_date").to_pylist() == ["2026-01-01", "1969-12-31"]
    bare = Group(msgspec.structs.replace(layout, columns=layout.columns[:1]), 1, encode([["a"]]))
    assert whole([item(1, bare)]).column("hf_date").to_pylist() == ["2026-01-01"]


def test_frames_of_several_layouts_keep_their_order() -> None:
    items = [
        item(1, predictions(["a"], columns=[("x", "float64")])),
        item(2, predictions(["b"], columns=[("y", "int64")], values=[[3]])),
        item(3, predictions(["c"], columns=[("x", "float64")])),
    ]
    rows = whole(items)
    assert rows.column("hf_id").to_pylist() == ["a", "b", "c"]
    assert rows.column("x").to_pylist() == [1.5, None, 1.5]
    assert rows.column("y").to_pylist() == [None, 3, None]


def test_large_batches_are_read_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CHUNK_ROWS", 3)
    items = [item(seq, labels([f"{seq}-{k}" for k in range(2)])) for seq in range(1, 8)]
    assert whole(items).column("hf_id").to_pylist() == [f"{seq}-{k}" for seq in range(1, 8) for k in range(2)]


def test_a_damaged_frame_is_refused_with_its_bytes() -> None:
    group = labels(["a", "b"])
    (_, rows), *_ = parts = read([item(1, group), item(2, group, crc=0), item(3, group)])[0]
    assert len(parts) == 1
    assert rows.column("hf_seq").to_pylist() == [1, 1, 3, 3]
    (refused,) = read([item(2, group, crc=0)])[1]
    assert (refused.seq, refused.count, refused.rows, refused.content) == (2, 2, (), group.content)


def test_a_value_that_does_not_fit_costs_its_row_alone() -> None:
    values = [[1, 2**64 - 1, 3, 4]]
    group = predictions(["a", "b", "c", "d"], columns=[("n", "int64")], values=values)
    parts, refused = read([item(1, predictions(["z"], columns=[("n", "int64")], values=[[0]])), item(2, group)])
    ((_, rows),) = parts
    assert rows.column("hf_id").to_pylist() == ["z", "a", "c", "d"]
    assert rows.column("hf_row").to_pylist() == [0, 0, 2, 3]
    (one,) = refused
    assert (one.seq, one.rows, one.count, one.reason) == (2, (1,), 1, "a value does not fit its column")
    assert b"b" in one.content
    assert b"\xa1c" not in one.content


def test_of_a_packed_frame_only_the_row_that_cannot_be_written_is_set_apart() -> None:
    columns: tuple[tuple[str, Type], ...] = (("hf_id", "string"), ("n", "int64"), ("x", "float64"))
    layout = Layout(model="fraud", kind="predictions", columns=columns, packed=("x",))
    group = Group(layout, 2, encode([["a", "b"], [1, 2.5], np.array([0.5, np.nan]).tobytes()]))
    ((_, rows),), (refused,) = read([item(1, group)])
    assert rows.select(["hf_id", "n", "x"]).to_pylist() == [{"hf_id": "a", "n": 1, "x": 0.5}]
    assert refused.rows == (1,)
    with pytest.raises(LogError):
        to_arrow(refused.layout, 1, refused.content)
    assert to_rows(refused.layout, 1, refused.content) == [("b", 2.5, None)]


@pytest.mark.parametrize("content", [b"", b"\xc1", encode([["a"]]), encode([["a", "b"], [True, True, True]]), b"\x01"])
def test_bytes_that_are_no_rows_are_refused_whole(content: bytes) -> None:
    group = Group(labels(["a", "b"]).layout, 2, content)
    ((_, rows),), (refused,) = read([item(1, group)])
    assert rows.num_rows == 0
    assert (refused.count, refused.content) == (2, content)


def test_what_is_refused_is_kept(tmp_path: Path) -> None:
    group = labels(["a", "b"])
    _, refused = read([item(2, group, crc=0), item(3, group, crc=0)])
    keep(tmp_path / "refused", refused)
    keep(tmp_path / "refused", refused)
    assert list(kept(tmp_path / "refused")) == refused
    keep(tmp_path / "nothing", [])
    assert not (tmp_path / "nothing").exists()
