"""Columns that are crossed are watched as a column of their pairs would be: from the history, the log and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from holdfast.book.opening import open_book
from holdfast.config import project_of
from holdfast.errors import SettingError
from holdfast.kinds import Role
from holdfast.monitoring.counts.counting import count_rows
from holdfast.monitoring.reference import Reference, protected_of, reference_of, segments_of
from holdfast.profile.groups import MOST_VALUES, from_bytes
from holdfast.profile.window import AnsweredRows
from holdfast.releases.folder import SealedFolder
from holdfast.seal.windows import GROUPS, counted_windows

from .conftest import HISTORY_DAYS, Service, day, payments, released
from .counts.test_counting import logged
from .sources.test_files import loans, watched, write
from .test_run import incidents, windows

CROSSING = "country × region"
ENDS = ("north", "south")

SMALL: dict[str, Any] = {
    "name": "fraud",
    "data": {"path": "rows.parquet", "target": "fraud", "id": "payment", "roles": {"region": "segment"}},
    "objective": {"kind": "cost", "false_positive": 1, "false_negative": 4},
}


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> SealedFolder:
    """A release that is watched by country and region together."""
    return released(tmp_path_factory, monitor={"smallest": 50, "crossings": [["country", "region"]]})


@pytest.fixture
def watching(tmp_path: Path, crossed: SealedFolder) -> Iterator[Service]:
    book = open_book(tmp_path / "book.db")
    yield Service(tmp_path, crossed, reference_of(crossed), book)
    book.close()


def pairs(rows: pa.Table) -> Counter[str]:
    countries, regions = rows["country"].to_pylist(), rows["region"].to_pylist()
    return Counter(f"{CROSSING}={one} × {other}" for one, other in zip(countries, regions, strict=True))


def test_the_history_says_which_pairs_there_are_and_how_many(crossed: SealedFolder) -> None:
    reference = reference_of(crossed)
    assert segments_of(reference) == ("region", CROSSING)
    found: Counter[str] = Counter()
    for groups in reference.groups.values():
        found.update({name: one.size for name, one in groups.items() if name.startswith(CROSSING)})
    expected = pairs(payments(0, HISTORY_DAYS, seed=0))
    # The days around a split of the history are cut, and belong to neither part.
    assert found.keys() == expected.keys()
    assert all(0.9 * expected[name] < rows <= expected[name] for name, rows in found.items())
    assert [f"{CROSSING}={one}" for one in reference.values[CROSSING]] == [name for name, _ in found.most_common()]


def test_a_crossing_with_a_column_of_one_value_has_the_figures_of_the_other(watching: Service) -> None:
    rows = payments(HISTORY_DAYS, 3, seed=5)
    rows = rows.set_column(rows.column_names.index("country"), "country", pa.array(["AT"] * len(rows)))
    watching.answer(rows)
    watching.monitor(day(HISTORY_DAYS + 5))
    for one in windows(watching).values():
        if one["rows"]:
            segments = one["segments"]
            assert segments.keys() == {f"{group}{end}" for group in ("region=", f"{CROSSING}=AT × ") for end in ENDS}
            for end in ENDS:
                own, alone = segments[f"{CROSSING}=AT × {end}"], segments[f"region={end}"]
                assert own == alone
                assert own["labelled"] == own["rows"] > 50
                assert {"loss", "accuracy"} <= own["figures"].keys()


def test_what_is_counted_of_rows_does_not_depend_on_their_batches(crossed: SealedFolder) -> None:
    reference, batch = reference_of(crossed), logged()
    segments = segments_of(reference)
    once = count_rows(reference, [batch], segments)
    twice = count_rows(reference, [batch.slice(0, 77), batch.slice(77)], segments)
    own = {place: one.size for place, one in once.counts.items() if place[1].startswith(CROSSING)}
    assert own == {place: one.size for place, one in twice.counts.items() if place[1].startswith(CROSSING)}
    known = [(a, b) for a, b in zip(*(batch.column(name).to_pylist() for name in ("country", "region")), strict=True)]
    expected = Counter(f"{CROSSING}={a} × {b}" for a, b in known if a is not None and b is not None)
    found: Counter[str] = Counter()
    for (_, segment), size in own.items():
        found[segment] += size
    assert found == expected
    # What a table has of columns is looked at by the checks: crossings are no columns of it.
    assert all(CROSSING not in one.types for one in once.profiles.values())


def test_an_incident_names_the_crossing_that_carries_the_loss(watching: Service) -> None:
    """In one region of one country all becomes fraud; neither the country nor the region says it as well."""
    rows = payments(HISTORY_DAYS, 12, seed=8)
    hit = pc.and_(pc.equal(rows["country"], "AT"), pc.equal(rows["region"], "south")).to_numpy()
    hit &= rows["time"].to_numpy() >= np.datetime64("2026-03-11")
    watching.answer(rows, truth=lambda rows: (hit | rows["fraud"].to_numpy(zero_copy_only=False)).tolist())
    watching.monitor(day(HISTORY_DAYS + 12))
    (found,) = (one for one in incidents(watching) if one["kind"] == "performance")
    assert found["where"] == [f"{CROSSING} = AT × south"]


def test_tables_are_watched_by_crossings_too(tmp_path: Path) -> None:
    def branched(rows: pa.Table) -> pa.Table:
        branch = pa.array(np.where(np.arange(len(rows)) % 3 == 0, "north", "south"))
        return rows.append_column("branch", branch)

    roles = {"level": "segment", "branch": "segment"}
    project = write(tmp_path, monitor={"smallest": 50, "crossings": [["level", "branch"]]}, data={"roles": roles})
    history = pq.read_table(tmp_path / "history.parquet")
    pq.write_table(branched(history), tmp_path / "history.parquet")
    rows = branched(loans(HISTORY_DAYS - 20, 3))
    found = watched(
        project, rows.select(["loan", "time", "income", "level", "branch", "score"]), rows.select(["loan", "bad"])
    )
    expected = Counter(
        f"level × branch={a} × {b}" for a, b in zip(rows["level"].to_pylist(), rows["branch"].to_pylist(), strict=True)
    )
    assert len(expected) == 6
    for size in ("rows", "labelled"):
        own: Counter[str] = Counter()
        for window in found.windows:
            own.update({name: one[size] for name, one in window.segments.items() if name.startswith("level × branch=")})
        assert own == expected


def test_of_many_pairs_the_commonest_of_the_whole_history_are_counted(reference: Reference) -> None:
    """One that is common in a window alone is none of them, and one that is counted is counted in each window."""
    which = np.concatenate([np.repeat(np.arange(60), np.arange(60) + 3), np.full(40, 5)])
    first = np.arange(len(which)) % 2 == 0
    first[-40:] = True  # in the first window the pair of 5 is as common as any
    many = {f"c{k} × north": int(np.count_nonzero(which == k)) for k in range(60)}
    project = project_of({**SMALL, "monitor": {"crossings": [["country", "region"]]}})
    rows = answered_rows([f"c{k}" for k in which], np.where(first, day(0), day(1)))
    files = counted_windows(project, reference.schema, reference.profile, reference.answers, [rows])
    groups = from_bytes(reference.answers, files[GROUPS])
    commonest = sorted(many, key=lambda name: (-many[name], name))[:MOST_VALUES]
    for start, here in ((day(0), first), (day(1), ~first)):
        sizes = Counter(f"c{k} × north" for k in which[here])
        own = {name.partition("=")[2]: one.size for name, one in groups[start].items() if name.startswith(CROSSING)}
        assert own == {name: sizes[name] for name in commonest if sizes[name]}
    settings = msgspec.structs.replace(reference.settings, crossings=(("country", "region"),))
    assert replace(reference, groups=groups, settings=settings).values[CROSSING] == tuple(commonest)


def answered_rows(countries: list[str], when: np.ndarray) -> AnsweredRows:
    """Rows of one region, all answered alike."""
    n = len(countries)
    return AnsweredRows(
        inputs=pa.record_batch({"country": countries, "region": ["north"] * n}),
        time=when,
        score=np.full(n, 0.5),
        decision=np.zeros(n, np.int64),
        review=np.zeros(n, bool),
        truth=np.full(n, np.nan),
        loss=np.full(n, np.nan),
    )


def test_a_crossing_of_protected_columns_is_a_protected_group(reference: Reference) -> None:
    columns = tuple(
        msgspec.structs.replace(column, role=Role.PROTECTED) if column.name in {"region", "country"} else column
        for column in reference.schema.columns
    )
    settings = msgspec.structs.replace(reference.settings, crossings=(("region", "country"), ("region", "payment")))
    found = replace(reference, schema=msgspec.structs.replace(reference.schema, columns=columns), settings=settings)
    assert protected_of(found) == {"region", "country", "region × country"}
    assert protected_of(replace(reference, settings=settings)) == frozenset()


@pytest.mark.parametrize(
    ("crossings", "told"),
    [
        ([["country", "regon"]], r"monitor\.crossings: the data has no column 'regon': did you mean 'region'\?"),
        ([["country", "amount"]], r"monitor\.crossings: expected categories or booleans .* 'amount' is none"),
        ([["country", "payment"]], r"'payment' is none"),
    ],
)
def test_a_column_that_cannot_be_crossed_is_named(reference: Reference, crossings: list[list[str]], told: str) -> None:
    project = project_of({**SMALL, "monitor": {"crossings": crossings}})
    with pytest.raises(SettingError, match=told):
        counted_windows(project, reference.schema, reference.profile, reference.answers, [])


@pytest.mark.parametrize(
    ("crossings", "told"),
    [([["country"]], "length >= 2"), ([["country", "region", "country"]], "are not all different columns")],
)
def test_a_crossing_is_of_different_columns(crossings: list[list[str]], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        project_of({**SMALL, "monitor": {"crossings": crossings}})
