"""What the first reading of a reference fixes."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from holdfast.profile import learn as module
from holdfast.profile.calendar import TimeEdges
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.history import Grid
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.learn import learn, time_range
from holdfast.profile.numeric import NumberEdges
from holdfast.profile.table import Edges
from holdfast.profile.text import TextEdges
from holdfast.schema import Role, Schema, infer
from holdfast.tables import Table, open_table

DAY = 86_400


def edges_of(columns: dict[str, object], roles: dict[str, str] | None = None, **options: object) -> Edges:
    table = open_table(pa.table(columns))
    return learn(table, infer(table, roles=roles), **options)[0]


def test_every_kind_of_column_gets_its_edges() -> None:
    edges = edges_of(
        {
            "customer_id": [f"c{i}" for i in range(200)],
            "at": pa.array(np.arange(200) * DAY, pa.timestamp("s")),
            "amount": np.arange(200) / 4,
            "colour": ["red", "blue"] * 100,
            "flag": [True, None] * 100,
            "note": [f"a note of some more words, number {i}" for i in range(200)],
            "nothing": pa.nulls(200),
            "left_out": [1, 2] * 100,
        },
        roles={"at": "time", "left_out": "ignore"},
    )
    assert {name: type(column) for name, column in edges.columns.items()} == {
        "customer_id": IdentifierEdges,
        "at": TimeEdges,
        "amount": NumberEdges,
        "colour": CategoryEdges,
        "flag": CategoryEdges,
        "note": TextEdges,
        "nothing": CategoryEdges,
    }
    assert "left_out" not in edges.schema.names
    assert edges.columns["colour"].values == ("blue", "red")
    assert edges.columns["flag"].values == ("false", "true")
    assert edges.columns["nothing"].values == ()
    assert edges.grid == Grid(7 * DAY, 1, 200 * DAY)  # 200 days are too many for windows of one


def test_a_time_that_is_personal_or_differs_in_every_row_is_still_the_time() -> None:
    """No value of it is kept in the sample of rows; its hours of the week and its windows are."""
    table = open_table(pa.table({"at": pa.array(np.arange(200) * DAY, pa.timestamp("s")), "a": np.arange(200) / 4}))
    schema = infer(table, roles={"at": "time"})
    for marked in ({"personal": True}, {"identifier": True}):
        at, rest = schema.columns
        edges = learn(table, Schema(columns=(msgspec.structs.replace(at, **marked), rest)))[0]
        assert isinstance(edges.columns["at"], TimeEdges)
        assert edges.grid is not None
        assert edges.sampled == ["a"]


def test_times_without_values_have_no_windows() -> None:
    table = open_table(pa.table({"at": pa.array([None, None], pa.timestamp("s")), "a": [1.0, 2.0]}))
    schema = infer(table, roles={"at": "time"})
    assert learn(table, schema)[0].grid is None
    assert np.isnan(time_range(table, "at")).all()


def test_the_time_range_is_that_of_all_batches() -> None:
    stamps = pa.chunked_array([pa.array([5, 9], pa.timestamp("s")), pa.array([None, -3], pa.timestamp("s"))])
    assert time_range(open_table(pa.table({"at": stamps})), "at") == (-3, 9)


def test_a_single_wrong_clock_does_not_widen_the_windows() -> None:
    days = np.append(np.arange(20_000) * 432, 4_000_000_000)  # a hundred days, and the year 2096
    assert edges_of({"at": pa.array(days, pa.timestamp("s"))}, roles={"at": "time"}).grid == Grid(DAY, 1, 100 * DAY)


def test_no_value_of_a_personal_column_is_learned() -> None:
    edges = edges_of({"email": ["ann@example.org", "bob@example.org"] * 20, "a": [1.0] * 40})
    assert isinstance(edges.columns["email"], IdentifierEdges)
    assert edges.sampled == ["a"]


def test_an_empty_table_can_be_learned() -> None:
    table = pa.table({"a": [1.0], "b": ["x"], "c": pa.array([0], pa.timestamp("s"))}).slice(0, 0)
    edges = edges_of({name: table[name] for name in table.column_names})
    assert edges.columns["a"].cuts.tolist() == []
    assert edges.columns["b"].values == ()


def test_chunks_and_encodings_make_no_difference_to_the_edges() -> None:
    rng = np.random.default_rng(0)
    number, words = rng.normal(size=1_000), rng.choice(["a", "b", "c", None], 1_000)
    whole = edges_of({"n": number, "w": pa.array(words, pa.string())})
    chunks = edges_of(
        {
            "n": pa.chunked_array([number[:300], number[300:]]),
            "w": pa.chunked_array(
                [pa.array(words[:10], pa.string()), pa.array(words[10:], pa.string())]
            ).dictionary_encode(),
        }
    )
    assert chunks.digest == whole.digest


def test_small_tables_are_kept_for_the_second_reading_and_large_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    table = open_table(pa.table({"a": np.arange(100.0), "b": np.arange(100.0)}))
    schema = infer(table)
    _, kept = learn(table, schema)
    assert kept is not None
    assert sum(batch.num_rows for batch in kept) == 100
    monkeypatch.setattr(module, "BLOCK_BYTES", 8 * 100)
    assert learn(table, schema)[1] is None


def test_wide_tables_are_read_in_blocks_of_columns_with_the_same_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    columns = {f"c{i}": rng.normal(size=50) for i in range(7)}
    whole = edges_of(columns)
    asked: list[list[str]] = []
    batches = Table.batches

    def noted(self: Table, names: list[str] | None = None, **options: object):
        asked.append(list(names or []))
        return batches(self, names, **options)

    table = open_table(pa.table(columns))
    schema = infer(table)
    monkeypatch.setattr(module, "BLOCK_BYTES", 3 * 8 * 50)
    monkeypatch.setattr(Table, "batches", noted)
    assert learn(table, schema)[0].digest == whole.digest
    assert asked == [["c0", "c1", "c2"], ["c3", "c4", "c5"], ["c6"]]


def test_cuts_of_a_very_long_table_come_from_a_sample_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample depends on positions and seed alone, and its quantiles are near those of all rows."""
    monkeypatch.setattr(module, "EXACT_ROWS", 10_000)
    monkeypatch.setattr(module, "SAMPLED_ROWS", 5_000)
    values = np.arange(100_000.0)
    edges = edges_of({"a": values})
    learned = edges.columns["a"]
    assert 4_700 < learned.learned.sum() < 5_300
    middle = learned.cuts[len(learned.cuts) // 2]
    assert middle == pytest.approx(50_000, abs=4 * 100_000 / np.sqrt(5_000) / 2)
    assert edges_of({"a": pa.chunked_array([values[:777], values[777:]])}).digest == edges.digest
    assert edges_of({"a": values}, seed=1).digest != edges.digest


def test_lengths_are_learned_from_the_first_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEXTS", 3)
    texts = ["one two three four five six", "seven eight", "nine", "the longest of all these many texts by far"]
    schema = infer(open_table(pa.table({"t": texts})))
    assert schema.columns[0].kind == "text"
    edges = learn(open_table(pa.table({"t": texts})), schema)[0]
    assert edges.columns["t"].lengths.cuts.max() < 30


def test_columns_may_be_learned_in_any_manner_of_map() -> None:
    calls = []

    def counted(function, items):
        calls.append(1)
        return [function(item) for item in items]

    columns = {"a": np.arange(10.0), "b": ["x", "y"] * 5}
    assert edges_of(columns, map_columns=counted).digest == edges_of(columns).digest
    assert calls == [1]


def test_roles_decide_before_kinds() -> None:
    """A number with the role time is seconds, and one with the role id is never cut."""
    edges = edges_of({"at": [0.0, 1.0, 2.0], "n": [3, 3, 4]}, roles={"at": Role.TIME, "n": Role.ID})
    assert isinstance(edges.columns["at"], TimeEdges)
    assert isinstance(edges.columns["n"], IdentifierEdges)
