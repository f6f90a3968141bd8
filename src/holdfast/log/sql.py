"""SQL over the log, with DuckDB: views over the files of the lake and what the spools hold, of which it reads what it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa

from holdfast.errors import InputError, MissingExtraError
from holdfast.log.batch import Item
from holdfast.log.frames import Kind, Type
from holdfast.log.joining import JOINED
from holdfast.log.lake import Key, tables
from holdfast.log.matched import ORDER
from holdfast.log.physical import together
from holdfast.log.pieces import Between
from holdfast.log.recent import waiting
from holdfast.log.snapshot import Snapshot, readable, snapshot
from holdfast.names import ended, listed, meant

LABELLED = "labelled"

_TYPES: dict[Type, str] = {
    "timestamp": "TIMESTAMPTZ",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "string": "VARCHAR",
    "bool": "BOOLEAN",
}


_SETTINGS: dict[str, Any] = {
    # Nothing is fetched from anywhere because a query names it, and no variable of this program is a table.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}


def run(root: Path, query: str) -> pa.RecordBatchReader:
    """What a query gives.

    Parameters
    ----------
    root
        The folder of spools and lake.
    query
        SQL, as DuckDB has it, over `predictions_<model>`, `labels_<model>` and `labelled_<model>`.

    Raises
    ------
    MissingExtraError
        DuckDB is not installed.
    InputError
        The query failed.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise MissingExtraError("duckdb", "sql", "SQL over the log") from None
    connection = duckdb.connect(config=_SETTINGS)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        _add_views(connection, root, query)
        found = connection.sql(query)
        reader = None if found is None else pa.RecordBatchReader.from_stream(found)
    except duckdb.Error as error:
        raise InputError(_failure(error, root)) from None
    if reader is None or not reader.schema.names:
        raise InputError("The query gives no rows: expected one that begins with SELECT.")
    return pa.RecordBatchReader.from_batches(reader.schema, _read(connection, reader, root))


def _read(connection: Any, reader: pa.RecordBatchReader, root: Path) -> Iterator[pa.RecordBatch]:
    with readable(root), connection:
        try:
            yield from reader
        except (OSError, pa.ArrowException) as error:
            # DuckDB's own errors come through the stream as text.
            if told := re.match(r"(\w+) Error:", str(error)):
                raise InputError(_failed(f"{told[1]}Exception")) from None
            raise


def _views(root: Path) -> list[str]:
    """Names of all views that there may be."""
    models = sorted({model for model, _ in {*tables(root), *waiting(root)}})
    return [f"{kind}_{model}" for model in models for kind in (*get_args(Kind), LABELLED)]


def _add_views(connection: Any, root: Path, query: str) -> None:
    """The views that a query names."""
    text = query.casefold()
    groups = waiting(root)
    kinds: Sequence[Kind] = get_args(Kind)
    for model in sorted({model for model, _ in {*tables(root), *groups}}):
        labelled = f"{LABELLED}_{model}".casefold() in text
        there = [kind for kind in kinds if _add(connection, root, (model, kind), groups, text, anyway=labelled)]
        if labelled and "predictions" in there:
            connection.execute(_labelled(model, with_labels="labels" in there))


def _add(
    connection: Any, root: Path, key: Key, groups: Mapping[Key, Sequence[Item]], text: str, *, anyway: bool
) -> bool:
    """The view of one table, if a query names it and it has rows."""
    model, kind = key
    if not anyway and f"{kind}_{model}".casefold() not in text:
        return False
    taken = snapshot(root, key, groups.get(key, []))
    if taken.table is None and not taken.recent.num_rows:
        return False
    sources = [*([taken.dataset(pieces)] if (pieces := taken.pieces(Between())) else []), taken.recent]
    parts = []
    for place, source in enumerate(sources):
        connection.register(f"{kind}_{place}_of_{model}", source)
        parts.append(f"FROM {_quoted(f'{kind}_{place}_of_{model}')}")
    view = f"CREATE VIEW {_quoted(f'{kind}_{model}')}"
    connection.execute(f"{view} AS FROM ({' UNION ALL '.join(parts)}) SELECT {_columns(taken)}")
    return True


def _columns(taken: Snapshot) -> str:
    terms = []
    for name, places in together(taken.places).items():
        kind = taken.columns[name][0]
        fields = [_quoted(place.physical) for place in places]
        if len(fields) > 1:
            fields = [f"CAST({field} AS {_TYPES[kind]})" for field in fields]
        merged = fields[0] if len(fields) == 1 else f"COALESCE({', '.join(fields)})"
        terms.append(f"{merged} AS {_quoted(name)}")
    return ", ".join(terms)


def _labelled(model: str, *, with_labels: bool) -> str:
    """The view of predictions with the label of each that arrived last."""
    predictions, labels = _quoted(f"predictions_{model}"), _quoted(f"labels_{model}")
    view = f"CREATE VIEW {_quoted(f'{LABELLED}_{model}')} AS SELECT"
    if not with_labels:
        return f"{view} *, {', '.join(f'NULL AS {name}' for name in JOINED)} FROM {predictions}"
    latest = (
        f"FROM {labels} SELECT hf_id, {', '.join(f'{of} AS {name}' for name, of in JOINED.items())} "
        f"QUALIFY row_number() OVER (PARTITION BY hf_id ORDER BY {', '.join(f'{name} DESC' for name in ORDER)}) = 1"
    )
    joined = ", ".join(f"latest.{name}" for name in JOINED)
    return f"{view} {predictions}.*, {joined} FROM {predictions} LEFT JOIN ({latest}) AS latest USING (hf_id)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _failure(error: Exception, root: Path) -> str:
    """Why a query failed. Of DuckDB's texts those about the query itself hold no values of the data."""
    kind = type(error).__name__
    if kind in {"ParserException", "CatalogException", "BinderException"}:
        told, *more = str(error).strip().splitlines()
        if unknown := re.search(r"Table with name (\S+) does not exist", told):
            return _no_such_table(told, unknown[1], root)
        hints = [f"{line.strip()}." for line in more if line.startswith("Candidate bindings")]
        return f"The query is refused: {ended(told)} {hints[0] if hints else 'Mend the query.'}"
    return _failed(kind)


def _no_such_table(told: str, name: str, root: Path) -> str:
    """Why there is no such table, and which there are: DuckDB knows of those alone that a query names."""
    views = _views(root)
    if not views:
        named = listed([f"{kind}_MODEL" for kind in (*get_args(Kind), LABELLED)])
        return f"Nothing is logged in {root} yet, so there are no tables. Of each MODEL that answers there will be {named}."
    if name.casefold() in map(str.casefold, views):
        return f"The query is refused: there are no rows of {name} yet."
    likely = meant(name, views)
    return f"The query is refused: {told} {likely[:1].upper()}{ended(likely[1:])}"


def _failed(kind: str) -> str:
    return f"The query failed ({kind}): check its casts and functions against the values that the columns have."
