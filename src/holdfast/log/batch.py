"""Frames of one table as its rows, with those that cannot be written set apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.decoding import ready
from holdfast.errors import LogError
from holdfast.log.columns import DATE
from holdfast.log.disk import make_folder, write_whole
from holdfast.log.frames import ARROW, Layout, encode, to_arrow, to_arrow_many, to_rows
from holdfast.log.physical import Place
from holdfast.log.spool import Frame

CHUNK_ROWS = 5_000
"""Rows that are Python objects at once: as these they take ten times the memory."""

MICROSECONDS_OF_A_DAY = 86_400 * 1_000_000

ORDER = "order"
"""Position of a row's frame in the batch: a column for the time that the rows are with us."""


class Item(NamedTuple):
    """A frame, and the writer of the spool that it is from."""

    writer: str
    frame: Frame


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that do not get into the lake, as they are kept beside the spool.

    Attributes
    ----------
    writer, seq
        The frame that they are from.
    layout, received
        As the frame says.
    reason
        In words.
    rows
        Their positions in the frame; empty where the frame cannot be told into rows.
    count
        How many there are.
    content
        The frame's bytes, or those of the rows; nothing of rows whose person asked to be forgotten.
    """

    writer: str
    seq: int
    layout: Layout
    received: int
    reason: str
    rows: tuple[int, ...] = ()
    count: int
    content: bytes = b""


Part: TypeAlias = tuple[Layout, pa.Table]
"""Rows of a layout, and with them `hf_writer`, `hf_seq`, `hf_row`, `hf_date`, and their order."""


def read(items: Sequence[Item]) -> tuple[list[Part], list[Refused]]:
    """The rows of one table's frames, and what has to be refused of them."""
    parts: list[Part] = []
    refused: list[Refused] = []
    groups: dict[Layout, list[int]] = {}
    for position, item in enumerate(items):
        groups.setdefault(item.frame.layout, []).append(position)
    for layout, positions in groups.items():
        tables = []
        for some in _chunks(positions, items):
            sound = [p for p in some if items[p].frame.sound]
            refused += [_whole(items[p], "the bytes are not those that were written") for p in some if p not in sound]
            try:
                tables.append(_rows(layout, sound, items))
            except LogError:
                for position in sound:
                    table, failing = _one_by_one(layout, position, items)
                    tables.append(table)
                    refused += failing
        parts.append((layout, pa.concat_tables(tables)))
    return parts, refused


def aligned(parts: Iterable[Part], mapping: dict[Layout, list[Place]], schema: pa.Schema) -> pa.Table:
    """The rows with the columns of the table, in the order of their frames.

    Parameters
    ----------
    parts
        The rows.
    mapping
        Where the columns of each layout lie in the table.
    schema
        The columns of the table; where a layout has none of them the rows have null.
    """
    tables = []
    for layout, part in parts:
        physical = [place.physical for place in mapping[layout]]
        named = part.rename_columns([*physical, *part.column_names[len(physical) :]])
        columns = [
            named.column(field.name) if field.name in named.column_names else pa.nulls(named.num_rows, field.type)
            for field in schema
        ]
        tables.append(pa.table([*columns, part.column(ORDER)], schema=schema.append(pa.field(ORDER, pa.int64()))))
    rows = pa.concat_tables(tables)
    if len(tables) > 1:
        rows = rows.sort_by([(ORDER, "ascending"), ("hf_row", "ascending")])
    return rows.drop_columns([ORDER])


def keep(folder: Path, refused: Iterable[Refused]) -> None:
    """Keep what is refused beside the spool; the disk has it when this returns."""
    frames: dict[tuple[str, int], list[Refused]] = {}
    for one in refused:
        frames.setdefault((one.writer, one.seq), []).append(one)
    if frames:
        make_folder(folder)
    for (writer, seq), reasons in frames.items():
        write_whole(folder / f"{writer}-{seq}.msgpack", msgspec.msgpack.encode(reasons))


def kept(folder: Path) -> Iterator[Refused]:
    """What was refused."""
    for path in sorted(folder.glob("*-*.msgpack")):
        yield from msgspec.msgpack.decode(path.read_bytes(), type=ready(list[Refused]))


def _chunks(positions: Sequence[int], items: Sequence[Item]) -> Iterator[list[int]]:
    chunk: list[int] = []
    rows = 0
    for position in positions:
        chunk.append(position)
        rows += items[position].frame.rows
        if rows >= CHUNK_ROWS:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk


def _rows(layout: Layout, positions: Sequence[int], items: Sequence[Item]) -> pa.Table:
    """The rows of some frames, with where they are from."""
    some = [items[position] for position in positions]
    batch = to_arrow_many(layout, ((item.frame.rows, item.frame.content) for item in some))
    return _placed(
        pa.Table.from_batches([batch]),
        positions,
        some,
        np.array([item.frame.rows for item in some], dtype=np.int64),
    )


def _placed(rows: pa.Table, positions: Sequence[int], items: Sequence[Item], counts: NDArray[np.int64]) -> pa.Table:
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    received = np.repeat(np.array([item.frame.received * 1000 for item in items], dtype=np.int64), counts)
    added = {
        "hf_writer": np.repeat(np.array([item.writer for item in items], dtype=object), counts),
        "hf_seq": np.repeat(np.array([item.frame.seq for item in items], dtype=np.int64), counts),
        "hf_row": np.arange(counts.sum()) - starts,
        DATE: _days(rows, received),
        ORDER: np.repeat(np.array(positions, dtype=np.int64), counts),
    }
    types = {"hf_writer": pa.string(), DATE: pa.string()}
    for name, values in added.items():
        rows = rows.append_column(name, pa.array(values, type=types.get(name, ARROW["int64"])))
    return rows


def _days(rows: pa.Table, received: NDArray[np.int64]) -> NDArray[np.object_]:
    """UTC days of receipt; those of the frames where a row does not tell its own."""
    if "hf_time" in rows.column_names and rows.num_rows:
        times = rows.column("hf_time").cast(pa.int64())
        moments = times.fill_null(0).to_numpy()
        missing = times.is_null().to_numpy()
        received = np.where(missing, received, moments)
    days, inverse = np.unique(received // MICROSECONDS_OF_A_DAY, return_inverse=True)
    named: NDArray[np.object_] = days.astype("datetime64[D]").astype(str).astype(object)[inverse]
    return named


def _one_by_one(layout: Layout, position: int, items: Sequence[Item]) -> tuple[pa.Table, list[Refused]]:
    """The rows of a frame that can be written, and those that cannot."""
    item = items[position]
    frame = item.frame
    try:
        return _rows(layout, [position], items), []
    except LogError:
        pass
    try:
        rows = to_rows(layout, frame.rows, frame.content)
    except LogError:
        return _none(layout), [_whole(item, "the bytes are no rows of the layout")]
    plain = msgspec.structs.replace(layout, packed=())
    tables, refused = [_none(layout)], []
    for number, row in enumerate(rows):
        content = encode([[value] for value in row])
        one = np.ones(1, dtype=np.int64)
        try:
            table = _placed(pa.Table.from_batches([to_arrow(plain, 1, content)]), [position], [item], one)
        except LogError:
            reason = "a value does not fit its column"
            some = item._replace(frame=frame._replace(layout=plain))
            refused.append(_whole(some, reason, rows=(number,), count=1, content=content))
        else:
            at = table.column_names.index("hf_row")
            tables.append(table.set_column(at, "hf_row", pa.array([number], type=pa.int64())))
    return pa.concat_tables(tables), refused


def _none(layout: Layout) -> pa.Table:
    return _placed(layout.arrow.empty_table(), [], [], np.zeros(0, dtype=np.int64))


def _whole(
    item: Item, reason: str, *, rows: tuple[int, ...] = (), count: int | None = None, content: bytes | None = None
) -> Refused:
    frame = item.frame
    return Refused(
        writer=item.writer,
        seq=frame.seq,
        layout=frame.layout,
        received=frame.received,
        reason=reason,
        rows=rows,
        count=frame.rows if count is None else count,
        content=frame.content if content is None else content,
    )
