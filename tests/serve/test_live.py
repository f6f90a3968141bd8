"""How a release answers what waits: what is refused and what is flagged, how much may wait and how long, and what is logged."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfast.column import Column
from holdfast.kinds import Kind
from holdfast.log.reading import open_log
from holdfast.log.spool import Spool, spools
from holdfast.releases.store import open_store
from holdfast.serve import live
from holdfast.serve.engine import hashed
from holdfast.serve.errors import InvalidRowsError, ServeError
from holdfast.serve.fields import INVALID, UNUSUAL, Field
from holdfast.serve.live import Live, Rules
from holdfast.serve.loaded import Loaded, load
from holdfast.serve.metrics import Metrics, exposition
from holdfast.serve.records import Answer, answers
from holdfast.serve.request import Request
from holdfast.serve.rows import Places, Rows
from holdfast.serve.usual import Usual
from holdfast.site import Log, Site
from holdfast.testing.releases import seal_small

ROW: dict[str, Any] = {"amount": 20.5, "items": 3, "country": "FR", "online": True, "age": 40}

Asked = Callable[[Live, Loaded], Awaitable[Any]]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    store = open_store(tmp_path_factory.mktemp("releases"))
    seal_small(store, "binary")
    return load(store, "binary", 1)


def request(loaded: Loaded, *rows: dict[str, Any]) -> Request:
    return loaded.records.read(msgspec.json.encode({"rows": rows}))


def run(loaded: Loaded, act: Asked, rules: Rules, spool: Spool | None = None, metrics: Metrics | None = None) -> Any:
    """What a coroutine gives that is handed the release."""

    async def go() -> Any:
        return await act(Live(loaded, spool, rules, metrics or Metrics()), loaded)

    return asyncio.run(go())


def answered(loaded: Loaded, rows: Sequence[dict[str, Any]], rules: Rules, **more: Any) -> list[Answer]:
    async def ask(live: Live, loaded: Loaded) -> list[Answer]:
        return answers(await live.ask(request(loaded, *rows)))

    found: list[Answer] = run(loaded, ask, rules, **more)
    return found


# What does not fit


def test_what_does_not_fit_is_answered_as_missing_where_it_is_flagged(loaded: Loaded) -> None:
    """Each with a warning, and counted; never changed in silence."""
    metrics = Metrics()
    wrong = [{**ROW, "country": 7}, {key: ROW[key] for key in ("amount", "items", "online")}, {**ROW, "country": None}]
    found = answered(loaded, wrong, Rules(reject=frozenset()), metrics=metrics)
    assert found[0].score == found[1].score == found[2].score
    assert [[(one.field, one.code) for one in answer.warnings] for answer in found] == [
        [("country", "type")],
        [("country", "missing")],
        [],  # null is a value of this column
    ]
    page = exposition([metrics.content()])
    for code in ("type", "missing"):
        assert f'holdfast_schema_violations_total{{code="{code}",field="country",model="binary"}} 1.0' in page


def test_what_the_history_does_not_have_is_refused_where_that_is_asked_for(loaded: Loaded) -> None:
    strange = [ROW, {**ROW, "amount": 1e9, "country": "BR", "colour": 1}]
    assert [len(one.warnings) for one in answered(loaded, strange, Rules())] == [0, 3]
    with pytest.raises(InvalidRowsError) as refused:
        answered(loaded, strange, Rules(reject=INVALID | UNUSUAL))
    assert sorted((one.row, one.field, one.code) for one in refused.value.problems) == [
        (1, "", "unknown"),
        (1, "amount", "range"),
        (1, "country", "category"),
    ]
    amount = next(field.column for field in loaded.engine.fields if field.name == "amount")
    told = [one.message for one in refused.value.problems if one.code == "range"]
    assert told == [f"expected a number from {amount.minimum:.12g} to {amount.maximum:.12g}, as the history has"]


def test_the_range_of_a_column_is_told_as_far_as_it_has_ends_and_is_nobody_s() -> None:
    def told(**given: Any) -> str:
        column = Column(name="n", physical="n", kind=Kind.NUMBER, type="double", **given)
        fields = [Field(column, True, "float64")]
        (problem,) = Usual(fields, [0]).problems(Rows.of(Places(fields), [(-5.0,)]))
        return problem.message

    assert told(minimum=0.0) == "expected a number >= 0, as the history has"
    assert told(maximum=-7.5) == "expected a number <= -7.5, as the history has"
    assert told(minimum=0.0, maximum=1e9, personal=True) == "lies outside the range that the history has"


# How much may wait, and how long


def test_what_waits_is_bounded_and_the_rest_is_told_when_to_come_again(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "QUEUE_ROWS", 5)

    async def ask(live: Live, loaded: Loaded) -> list[Any]:
        three = request(loaded, ROW, ROW, ROW)
        first = live.ask(three)
        with pytest.raises(ServeError, match="binary has too many rows to answer") as refused:
            live.ask(three)
        waiting = live.waiting_rows
        await first
        again = await live.ask(three)  # there is room when what waited is answered
        alone = await live.ask(request(loaded, *[ROW] * 6))  # nobody is refused where nothing waits
        return [refused.value.status, refused.value.retry_after, waiting, again.rows, alone.rows, live.waiting_rows]

    assert run(loaded, ask, Rules()) == [503, 1, 3, 3, 6, 0]


def test_who_waits_too_long_for_the_log_is_refused(loaded: Loaded, tmp_path: Path) -> None:
    """And the row is logged all the same when the log can be written: it is counted, and nobody was told an answer."""
    with closing(Spool(tmp_path / "spool")) as spool:

        async def ask(live: Live, loaded: Loaded) -> tuple[int, float | None]:
            (path,) = spools(tmp_path / "spool")
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")  # nobody else writes meanwhile
                reply = live.ask(request(loaded, ROW))
                await asyncio.sleep(0.3)
                live.sweep()
                with pytest.raises(ServeError, match="log is slow") as refused:
                    await reply
                other.execute("ROLLBACK")
            await live.ask(request(loaded, ROW))
            return refused.value.status, refused.value.retry_after

        assert run(loaded, ask, Rules(deadline=0.2), spool) == (503, 5)
    assert open_log(tmp_path).predictions("binary", columns=["hf_id"]).read_all().num_rows == 2


# What is logged


def test_columns_are_left_out_of_the_log_or_hashed(loaded: Loaded, tmp_path: Path) -> None:
    rules = Rules(left_out=frozenset({"age"}), hashed=frozenset({"country", "items"}))
    with closing(Spool(tmp_path / "spool")) as spool:
        (answer,) = answered(loaded, [{**ROW, "country": "Ruritania"}], rules, spool=spool)  # nothing else spells that
    (logged,) = open_log(tmp_path).predictions("binary").read_all().to_pylist()
    assert (logged["hf_id"], logged["amount"]) == (answer.id, 20.5)
    assert "age" not in logged
    assert (logged["country"], logged["items"]) == (f"{hashed('Ruritania'):016x}", f"{hashed('3'):016x}")
    assert b"Ruritania" not in b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())


def test_with_a_key_nobody_else_can_try_out_values(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASH_KEY", "hush")
    found = []
    for place, log in enumerate([Log(), Log(hash_key="hush"), Log(hash_key="$HASH_KEY"), Log(hash_key="other")]):
        rules = Rules(hashed=frozenset({"country"}), hash_key=Site(log=log).hash_key)
        root = tmp_path / str(place)
        with closing(Spool(root / "spool")) as spool:
            answered(loaded, [ROW, {**ROW, "country": None}], rules, spool=spool)
        found.append(open_log(root).predictions("binary").read_all()["country"].to_pylist())
    plain, key, same_key, other_key = (values[0] for values in found)
    assert plain == f"{hashed('FR'):016x}"
    assert key == same_key
    assert len({plain, key, other_key}) == 3
    assert [values[1] for values in found] == [None] * 4
