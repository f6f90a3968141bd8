"""One table of the log at one moment: the files of the lake, and what the spools hold beyond them, read as one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import LogError
from holdfast.log import batch
from holdfast.log.batch import Item
from holdfast.log.columns import COMMITTED, CONFLICT, DATE
from holdfast.log.destination import without_denied
from holdfast.log.frames import ARROW, Layout, Type
from holdfast.log.lake import Key, folder
from holdfast.log.physical import Place, placed, together
from holdfast.log.pieces import Between, Piece
from holdfast.log.seen import FOLDER as SEEN
from holdfast.log.seen import Seen, uses_of
from holdfast.log.state import denied
from holdfast.log.table import Table
from holdfast.log.tail import has_log

BATCH_ROWS = 131_072
"""As many as a row group has, which is decoded as a whole."""

BATCHES_AHEAD, FILES_AHEAD = 4, 2
"""What is read before it is asked for: it bounds the memory."""

ENCODED = pa.dictionary(pa.int32(), pa.string())
"""Text of which each distinct value stands once."""

RELEASED_ROWS = 4 * BATCH_ROWS
"""After so many free memory is given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A table of the log.

    Attributes
    ----------
    path
        Of the table in the lake.
    table
        The table in the lake; None where nothing was committed yet.
    places
        Columns of the lake, and those that only rows in the spools have.
    recent
        Rows in the spools that the lake does not have, with all columns.
    """

    path: Path
    table: Table | None
    places: tuple[Place, ...]
    recent: pa.Table

    @property
    def schema(self) -> pa.Schema:
        """All columns, as they are stored."""
        return _schema(self.places)

    @property
    def columns(self) -> dict[str, tuple[Type, Any]]:
        """Each column that was logged: its type, and the expression that puts its places together."""
        return {name: _merged(places) for name, places in together(self.places).items()}

    def pieces(self, between: Between) -> list[Piece]:
        """The files that may have such rows, by day and time."""
        if self.table is None:
            return []
        statistics = self.table.statistics
        without = between.outside(statistics)
        if without is not None:
            statistics = statistics.filter(pc.invert(without))
        order = [(name, "ascending") for name in (f"partition.{DATE}", "min.hf_time", "modification_time", "path")]
        statistics = statistics.sort_by([key for key in order if key[0] in statistics.column_names])
        found = statistics.select(["path", "num_records", f"partition.{DATE}"]).to_pydict()
        return list(map(Piece, *found.values(), between.inside(statistics).to_pylist()))

    def scan(
        self,
        pieces: Sequence[Piece],
        columns: Mapping[str, Any],
        between: Between,
        *,
        ahead: bool = True,
        encoded: Collection[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        """Rows of files, in their order.

        Parameters
        ----------
        pieces
            The files.
        columns
            Names, and the expressions that they stand for.
        between
            Which rows; of whole files all.
        ahead
            Whether Arrow's threads read what is asked for next.
        encoded
            Columns of text that come as dictionaries where they always were text.
        """
        for whole, some in groupby(pieces, lambda piece: piece.whole):
            dataset = self.dataset(list(some), encoded)
            # Arrow copies all that it has held against a condition, even if nothing is left out.
            yield from _scanned(dataset, columns, Between() if whole else between, ahead=ahead)

    def scan_recent(self, columns: Mapping[str, Any], between: Between) -> Iterator[pa.RecordBatch]:
        """The rows in the spools."""
        import pyarrow.dataset as ds

        yield from _scanned(ds.dataset(self.recent), columns, between) if self.recent.num_rows else ()

    def dataset(self, pieces: Sequence[Piece], encoded: Collection[str] = ()) -> Any:
        """Files as Arrow and DuckDB scan them, with the columns as they are stored, or some texts as dictionaries."""
        import pyarrow.dataset as ds
        from pyarrow.fs import LocalFileSystem

        alone = [places[0] for name, places in together(self.places).items() if name in encoded and len(places) == 1]
        texts = {place.physical for place in alone if place.type == "string"}
        schema = pa.schema([field.with_type(ENCODED) if field.name in texts else field for field in self.schema])
        system, reader = LocalFileSystem(), ds.ParquetFileFormat(dictionary_columns=texts)
        fragments = [
            reader.make_fragment(str(self.path / piece.path), system, partition_expression=ds.field(DATE) == piece.date)
            for piece in pieces
        ]
        return ds.FileSystemDataset(fragments, schema, reader, system)


def snapshot(root: Path, key: Key, items: Sequence[Item]) -> Snapshot:
    """A table as it is now.

    Parameters
    ----------
    root
        The folder of spools and lake.
    key
        The table.
    items
        What waited for it in the spools *before* this is called, as `recent.waiting` gives it.

    Raises
    ------
    LogError
        The lake cannot be read.
    """
    path = folder(root, *key)
    # Before the table is opened: what it says must not be ahead of it.
    seen = Seen(root / SEEN / key[0], keep=False) if key[1] == "predictions" and items else None
    table = Table(path) if has_log(path) else None
    ends = {writer: table.transaction(writer) if table else 0 for writer in {item.writer for item in items}}
    fresh = [item for item in items if item.frame.seq > ends[item.writer]]
    parts, _ = batch.read(fresh)  # what is refused will be refused
    places, mapping = _placed(table, key, [layout for layout, _ in parts])
    schema = _schema(places)
    rows = batch.aligned(parts, mapping, schema) if parts else schema.empty_table()
    if rows.num_rows:
        rows, _ = without_denied(rows, denied(root, key[0]), fresh)
    if seen is not None and rows.num_rows:
        rows = _judged(rows, seen, table)
    return Snapshot(path=path, table=table, places=tuple(places), recent=rows)


def common_type(types: Iterable[Type]) -> Type:
    """The type in which values of these types can be put together: numbers as floats, all else as text.

    >>> common_type(["int64", "float64"]), common_type(["bool", "float64"]), common_type(["bool"])
    ('float64', 'string', 'bool')
    """
    found = set(types)
    if len(found) == 1:
        return found.pop()
    return "float64" if found == {"int64", "float64"} else "string"


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in a person's words why a file of the lake cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise LogError(
            f"Files of {path} were removed while it was read, by erasing or by age: read it again."
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise LogError(
            f"{path} cannot be read ({type(error).__name__}): holdfast log verify says which files are damaged."
        ) from error


def with_dictionaries(rows: pa.RecordBatch, names: Collection[str]) -> pa.RecordBatch:
    """Rows in which the texts of some columns are dictionaries; columns of other types stay as they are."""
    columns = [
        column.dictionary_encode() if name in names and pa.types.is_string(column.type) else column
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)


def _placed(table: Table | None, key: Key, layouts: Iterable[Layout]) -> tuple[list[Place], dict[Layout, list[Place]]]:
    """The columns of a table with those that layouts add, and where the columns of each layout lie."""
    known = list(table.places) if table else []
    mapping = {}
    for layout in layouts:
        mapping[layout], missing = placed(known, layout.columns)
        known += missing
    if table is None:
        flag: tuple[tuple[str, Type], ...] = ((CONFLICT, "bool"),) if key[1] == "predictions" else ()
        known += [Place(name, type_, name) for name, type_ in (*COMMITTED[:-1], *flag, COMMITTED[-1])]
    return known, mapping


def _judged(rows: pa.Table, seen: Seen, table: Table | None) -> pa.Table:
    """Rows without retries, as they are going to be committed."""
    uses, positions = uses_of(rows)
    retries, conflicts = np.zeros((2, rows.num_rows), dtype=bool)
    if uses.rows:
        if table is not None:
            seen.follow(table)
        retry, conflict = seen.judge(uses)
        retries[positions[retry]], conflicts[positions[conflict]] = True, True
    rows = rows.set_column(rows.column_names.index(CONFLICT), CONFLICT, pa.array(conflicts))
    return rows.filter(pa.array(~retries)) if retries.any() else rows


def _merged(places: Sequence[Place]) -> tuple[Type, Any]:
    kind = common_type(place.type for place in places)
    fields = [pc.field(place.physical) for place in places]
    if len(places) == 1:
        return kind, fields[0]
    return kind, pc.coalesce(*(field.cast(ARROW[kind]) for field in fields))


def _schema(places: Iterable[Place]) -> pa.Schema:
    return pa.schema([pa.field(place.physical, ARROW[place.type]) for place in places])


def _scanned(
    dataset: Any, columns: Mapping[str, Any], between: Between, *, ahead: bool = True
) -> Iterator[pa.RecordBatch]:
    import pyarrow.dataset as ds

    def scanned(scanner_of: Any) -> Iterator[pa.RecordBatch]:
        scanner = scanner_of(
            columns=dict(columns),
            filter=between.expression(),
            batch_size=BATCH_ROWS,
            batch_readahead=BATCHES_AHEAD,
            fragment_readahead=FILES_AHEAD,
            use_threads=ahead,
            fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=ahead),
        )
        yield from scanner.to_batches()

    # A scanner reads several row groups ahead, whatever it is told: who wants none of that asks for one after the other.
    parts = [dataset.scanner] if ahead else _row_groups(dataset, between)
    read = 0
    for rows in chain.from_iterable(map(scanned, parts)):
        if rows.num_rows:
            yield rows
        read += rows.num_rows
        if read >= RELEASED_ROWS:
            # Otherwise the peak grows with what is read.
            pa.default_memory_pool().release_unused()
            read = 0


def _row_groups(dataset: Any, between: Between) -> Iterator[Any]:
    for fragment in dataset.get_fragments(between.expression()):
        for group in fragment.split_by_row_group(between.expression(), schema=dataset.schema):
            yield partial(group.scanner, schema=dataset.schema)
