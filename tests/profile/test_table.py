"""The profile of a table: the same for a batch, a stream, and any order of merging."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import ProfileError
from holdfast.profile import distinct, fresh
from holdfast.profile.learn import learn
from holdfast.profile.table import Edges, Profile, conflicts, count, time_covered, windows_like
from holdfast.schema import Column, Kind, Role, Schema
from holdfast.tables import open_table

SCHEMA = Schema(
    columns=tuple(
        Column(name=name, physical=name, kind=kind, type=type_, role=role)
        for name, kind, type_, role in [
            ("at", Kind.TIME, "timestamp[s]", Role.TIME),
            ("key", Kind.CATEGORY, "string", Role.ID),
            ("amount", Kind.NUMBER, "double", Role.FEATURE),
            ("kind", Kind.CATEGORY, "string", Role.FEATURE),
            ("flag", Kind.BOOLEAN, "bool", Role.FEATURE),
            ("note", Kind.TEXT, "string", Role.FEATURE),
            ("label", Kind.BOOLEAN, "bool", Role.TARGET),
        ]
    )
)
ARROW = pa.schema(
    {
        "at": pa.timestamp("s"),
        "key": pa.string(),
        "amount": pa.float64(),
        "kind": pa.string(),
        "flag": pa.bool_(),
        "note": pa.string(),
        "label": pa.bool_(),
    }
)
FEATURES = ["amount", "kind", "flag", "note"]
DAY = 86_400

rows = st.lists(
    st.tuples(
        st.none() | st.integers(-2 * DAY, 3 * DAY),
        st.none() | st.sampled_from("pqrs"),
        st.none() | st.floats(-1e3, 1e3) | st.sampled_from([0.0, -0.0, 1.0, 2.5, np.nan, np.inf, -np.inf]),
        st.none() | st.sampled_from(["a", "b", "new", "newer", "newest", "é"]),
        st.none() | st.booleans(),
        st.none() | st.sampled_from(["", "some words", "Some other words"]),
        st.none() | st.booleans(),
    ),
    max_size=24,
)


def batch_of(table: list[tuple[object, ...]]) -> pa.RecordBatch:
    columns = list(zip(*table, strict=True)) if table else [[]] * len(ARROW)
    arrays = [pa.array(values, field.type, from_pandas=False) for values, field in zip(columns, ARROW, strict=True)]
    return pa.record_batch(arrays, ARROW)


REFERENCE = batch_of(
    [
        (0, "p", 0.0, "a", True, "some words", True),
        (DAY, "q", 1.0, "b", False, "other", False),
        (2 * DAY, "r", 2.5, "a", None, None, None),
    ]
)


def edges_of(batch: pa.RecordBatch = REFERENCE, **options: object) -> Edges:
    return learn(open_table(pa.table(batch)), SCHEMA, **options)[0]


EDGES = edges_of(window_seconds=DAY, sample_rows=5)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples so small that a handful of rows overflows them: what is tested is how they merge."""
    monkeypatch.setattr(distinct, "EXACT", 6)
    monkeypatch.setattr(distinct, "KEPT", 3)
    monkeypatch.setattr(fresh, "FRESH", 2)


def facts(profile: Profile) -> dict[str, object]:
    """All that a profile says but its sums, which differ by rounding, and the sign of a zero at the end of a range."""

    def hashes(sample: distinct.DistinctSample) -> list[object]:
        return [sample.hashes.tolist(), sample.counts.tolist(), sample.level]

    assert profile.sample is not None
    return {
        "rows": profile.rows,
        "types": profile.types,
        "counts": {name: column.counts.tolist() for name, column in profile.columns.items()},
        "range": {name: repr((column.low + 0.0, column.high + 0.0)) for name, column in profile.columns.items()},
        "fresh": {name: column.fresh for name, column in profile.columns.items()},
        "distinct": hashes(profile.distinct),
        "keys": {name: hashes(sample) for name, sample in profile.keys.items()},
        "labelled": hashes(profile.labelled),
        "positions": profile.sample.positions.tolist(),
        "sample": repr(profile.sample.rows.to_pylist()),
        "history": {number: counts.tolist() for number, counts in sorted(profile.history.windows.items())},
    }


def assert_same(left: Profile, right: Profile) -> None:
    assert facts(left) == facts(right)
    for name, column in left.columns.items():
        np.testing.assert_allclose(column.sums, right.columns[name].sums, rtol=1e-9, atol=1e-6)


def cut(batch: pa.RecordBatch, bounds: list[int]) -> list[Profile]:
    """The profiles of the parts of a table."""
    starts = [0, *sorted(min(b, batch.num_rows) for b in bounds)]
    stops = [*starts[1:], batch.num_rows]
    return [count(EDGES, batch.slice(i, j - i), i) for i, j in zip(starts, stops, strict=True)]


@settings(deadline=None, max_examples=40)
@given(rows, st.lists(st.integers(0, 24), max_size=4), st.randoms(use_true_random=False))
def test_a_batch_a_stream_and_any_order_of_merging_give_the_same_profile(table, bounds: list[int], random) -> None:
    batch = batch_of(table)
    whole = count(EDGES, batch)
    parts = cut(batch, bounds)
    stream = count(EDGES, batch.slice(0, 0))
    for start, stop in zip([0, *sorted(bounds)], [*sorted(bounds), 24], strict=True):
        stream = stream.update(batch.slice(min(start, len(table)), max(0, min(stop, len(table)) - start)))
    while len(parts) > 1:
        left, right = (parts.pop(random.randrange(len(parts))) for _ in range(2))
        parts.append(left + right)
    assert_same(parts[0], whole)
    assert_same(stream, whole)


@settings(deadline=None, max_examples=40)
@given(rows, rows)
def test_subtracting_undoes_merging_for_counts_and_sums(first, second) -> None:
    left, right = count(EDGES, batch_of(first)), count(EDGES, batch_of(second), len(first))
    back = left + right - right
    assert back.rows == left.rows
    for name, column in left.columns.items():
        assert back.columns[name].counts.tolist() == column.counts.tolist()
        np.testing.assert_allclose(back.columns[name].sums, column.sums, rtol=1e-9, atol=1e-6)
    assert {k: v.tolist() for k, v in back.history.windows.items()} == {
        k: v.tolist() for k, v in left.history.windows.items()
    }
    sampled = left.distinct.hashes <= 2**64 - 1 >> back.distinct.level
    assert back.distinct.hashes.tolist() == left.distinct.hashes[sampled].tolist()
    assert back.distinct.counts.tolist() == left.distinct.counts[sampled].tolist()


@settings(deadline=None, max_examples=40)
@given(rows)
def test_windows_add_up_to_the_counts_of_the_rows_with_a_time(table) -> None:
    timed = [row for row in table if row[0] is not None]
    profile = count(EDGES, batch_of(table))
    entries = sum(profile.history.windows.values(), np.zeros(EDGES.places["label"].stop, dtype=np.int64))
    expected = count(replace(EDGES, grid=None), batch_of(timed))
    for name, place in EDGES.places.items():
        column = expected.columns[name]
        assert entries[place].tolist() == [column.missing, *column.grouped]
    assert set(profile.history.windows) == {row[0] // DAY - 3 for row in timed}  # the reference has three days


@settings(deadline=None, max_examples=40)
@given(rows)
def test_encodings_make_no_difference(table) -> None:
    plain = batch_of(table)
    coded = pa.record_batch(
        {
            name: plain[name].dictionary_encode() if ARROW.field(name).type == pa.string() else plain[name]
            for name in ARROW.names
        }
    )
    assert_same(count(EDGES, coded), count(EDGES, plain))


def test_profiles_over_other_edges_neither_merge_nor_subtract() -> None:
    same = count(EDGES, REFERENCE)
    for other in (
        edges_of(REFERENCE.slice(0, 2), window_seconds=DAY, sample_rows=5),
        edges_of(window_seconds=2 * DAY, sample_rows=5),
        edges_of(window_seconds=DAY, sample_rows=6),
        edges_of(window_seconds=DAY, sample_rows=5, seed=1),
    ):
        with pytest.raises(ProfileError, match="different edges"):
            same + count(other, REFERENCE)
        with pytest.raises(ProfileError, match="same edges"):
            same - count(other, REFERENCE)


def test_edges_learned_twice_from_the_same_rows_are_the_same() -> None:
    again = edges_of(window_seconds=DAY, sample_rows=5)
    assert (count(EDGES, REFERENCE) + count(again, REFERENCE)).rows == 6
    assert EDGES.digest.startswith("sha256:")
    assert len(EDGES.digest) == 71


def test_the_digest_depends_on_everything_that_gives_counts_their_meaning() -> None:
    batches = [
        REFERENCE,
        batch_of([(0, "p", 0.5, "a", True, "some words", True)]),
        batch_of([(0, "p", 0.0, "b", True, "some words", True)]),
        batch_of([(0, "p", 0.0, "a", True, "longer words here", True)]),
        batch_of([(0, "p", 0.0, "", True, "some words", True)]),
        batch_of([(0, "p", 0.0, None, True, "some words", True)]),
        batch_of([(0, "p", 0.0, "a\0b", True, "some words", True)]),
        batch_of([(0, "p", 0.0, "a", True, "some words", True), (0, "p", 0.0, "b", True, "some words", True)]),
    ]
    untimed = Schema(columns=(msgspec.structs.replace(SCHEMA.columns[0], role=Role.FEATURE), *SCHEMA.columns[1:]))
    digests = {edges_of(batch).digest for batch in batches} | {
        learn(open_table(pa.table(REFERENCE)), untimed)[0].digest
    }
    assert len(digests) == len(batches) + 1


def test_columns_that_are_missing_or_unknown_are_noted_and_do_not_stop_the_rest() -> None:
    part = count(EDGES, REFERENCE.select(["amount", "kind"]))
    assert set(part.columns) == {"amount", "kind"}
    assert part.history.windows == {}
    more = pa.record_batch({"amount": [1.0], "extra": [3]})
    extra = count(EDGES, more)
    assert extra.types == {"amount": "double", "extra": "int64"}
    both = count(EDGES, REFERENCE) + part
    assert (both.rows, both.columns["amount"].rows, both.columns["note"].rows) == (6, 6, 3)
    assert both.sample is not None
    assert "label" in both.sample.rows.schema.names


def test_a_batch_without_known_columns_still_has_rows() -> None:
    profile = count(EDGES, pa.record_batch({"other": [1, 2]}))
    assert (profile.rows, profile.columns, profile.distinct.distinct) == (2, {}, 1)


@pytest.mark.parametrize("rows", [0, 1])
def test_an_empty_table_and_a_single_row(rows: int) -> None:
    profile = count(EDGES, REFERENCE.slice(0, rows))
    assert profile.rows == rows
    assert [column.rows for column in profile.columns.values()] == [rows] * 7
    assert profile.distinct.distinct == rows
    assert (profile + profile).rows == 2 * rows


def test_the_types_are_those_of_the_values() -> None:
    coded = pa.record_batch({"kind": REFERENCE["kind"].dictionary_encode(), "amount": pa.array([1, 2, 3], pa.uint8())})
    assert count(EDGES, coded).types == {"kind": "string", "amount": "uint8"}


def test_the_sample_holds_neither_identifiers_nor_text() -> None:
    profile = count(EDGES, REFERENCE)
    assert profile.sample is not None
    assert profile.sample.rows.schema.names == ["at", "amount", "kind", "flag", "label"]
    assert EDGES.keys == ["key"]
    assert profile.keys["key"].distinct == 3


def test_repeated_rows_and_keys_are_counted_and_nulls_are_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "EXACT", 100)
    row = (0, "p", 0.0, "a", True, "x", True)
    profile = count(
        EDGES, batch_of([row, row, (0, None, 0.0, "a", True, "x", True), (0, None, 0.0, "a", True, "x", True)])
    )
    assert (profile.distinct.distinct, profile.distinct.repeats) == (2, 2)
    assert (profile.keys["key"].distinct, profile.keys["key"].repeats) == (1, 1)
    hidden = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1]), pa.array(["p", None]))
    keys = count(EDGES, pa.record_batch({"key": hidden})).keys["key"]
    assert (keys.distinct, keys.repeats) == (1, 0)


def test_rows_with_equal_features_and_other_labels_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "EXACT", 100)
    assert EDGES.labelled == (FEATURES, "label")
    profile = count(
        EDGES,
        batch_of(
            [
                (0, "p", 0.0, "a", True, "x", True),
                (1, "q", -0.0, "a", True, "x", False),
                (2, "r", 0.0, "a", True, "x", None),  # no label, no conflict
                (3, "s", 1.0, "a", True, "x", True),
                (4, "s", 1.0, "a", True, "x", True),
            ]
        ),
    )
    assert conflicts(profile.labelled) == (2, 4)
    assert conflicts(distinct.DistinctSample.empty()) == (0, 0)


def test_mixed_types_add_up() -> None:
    left = Profile(edges=EDGES, mixed={"kind": {"int": 1, "str": 2}})
    right = Profile(edges=EDGES, mixed={"kind": {"int": 3}, "note": {"float": 1}})
    assert (left + right).mixed == {"kind": {"int": 4, "str": 2}, "note": {"float": 1}}


def test_the_time_that_is_covered() -> None:
    profile = count(EDGES, REFERENCE)
    assert time_covered(profile) == (0, 3 * DAY)  # dates: the last one is a day
    assert time_covered(replace(profile, sample=None)) == (0, 2 * DAY)
    assert np.isnan(time_covered(count(EDGES, REFERENCE.select(["amount"])))).all()
    assert np.isnan(time_covered(count(EDGES, REFERENCE.slice(0, 0)))).all()


def moments_of(first: float, end: float, step: float = 600) -> pa.RecordBatch:
    """A row every so many seconds."""
    when = np.arange(first, end, step)
    at = pa.array(when.astype(np.int64), pa.timestamp("s"))
    return batch_of([(None, "p", 1.0, "a", True, "x", True)] * len(when)).set_column(0, "at", at)


@pytest.mark.parametrize(
    ("days", "now", "windows"),
    [
        ((0, 31), (31, 61), 1),  # a month against a month
        ((0, 31), (31, 38), 4),  # a week: three days at the beginning are left out
        ((0.5, 31), (31, 32), 30),
        ((0, 30.75), (30.75, 31.75), 30),
        ((0, 5), (5, 15), 0),
        ((-40, -5), (-5, 2), 5),
    ],
)
@pytest.mark.parametrize("width", [None, DAY])
def test_windows_are_as_long_as_the_current_table_and_lie_whole_in_the_reference(
    days: tuple[float, float], now: tuple[float, float], windows: int, width: float | None
) -> None:
    batch = moments_of(days[0] * DAY, days[1] * DAY)
    edges = edges_of(batch, window_seconds=width or (now[1] - now[0]) * DAY)
    current = count(edges, moments_of(now[0] * DAY, now[1] * DAY))
    reference = count(edges, batch)
    for profile in (reference, replace(reference, sample=None)):
        found = windows_like(current, profile)
        assert len(found) == windows
        assert (found[:, edges.places["at"]].sum(1) >= 0.9 * current.rows).all()


def test_the_windows_of_dates_are_whole_days() -> None:
    """The dates of a week cover seven days, and five weeks of dates have five such windows."""
    batch = moments_of(0, 35 * DAY, DAY)
    edges = edges_of(batch, window_seconds=7 * DAY)
    current = count(edges, moments_of(35 * DAY, 42 * DAY, DAY))
    for profile in (count(edges, batch), replace(count(edges, batch), sample=None)):
        assert windows_like(current, profile)[:, edges.places["at"]].sum(1).tolist() == [7] * 5


def test_a_reference_that_was_continued_has_the_windows_of_its_continuation() -> None:
    first, then = moments_of(0, 10 * DAY), moments_of(10 * DAY, 13.5 * DAY)
    edges = edges_of(first, window_seconds=DAY)
    both = count(edges, first) + count(edges, then, first.num_rows)
    assert len(windows_like(count(edges, moments_of(14 * DAY, 15 * DAY)), both)) == 13


def test_without_a_time_column_there_is_no_history() -> None:
    untimed = Schema(columns=SCHEMA.columns[1:])
    edges = learn(open_table(pa.table(REFERENCE)), untimed)[0]
    assert (edges.time, edges.grid) == (None, None)
    assert count(edges, REFERENCE).history.windows == {}


def test_a_time_that_is_text_cuts_the_same_windows() -> None:
    text = REFERENCE["at"].cast(pa.string())
    written = REFERENCE.set_column(0, "at", text)
    assert facts(count(EDGES, written))["history"] == facts(count(EDGES, REFERENCE))["history"]
    assert dt.datetime.fromisoformat(text[1].as_py()) == dt.datetime(1970, 1, 2)  # naive on purpose
