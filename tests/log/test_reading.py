"""Reading the log: what is asked for, the truth beside it, and the last second too."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError, LogError, SettingError
from holdfast.log.columns import label_layout, prediction_layout
from holdfast.log.committer import Committer
from holdfast.log.following import match
from holdfast.log.frames import encode
from holdfast.log.lake import folder
from holdfast.log.reading import open_log
from holdfast.log.recent import waiting
from holdfast.log.snapshot import snapshot
from holdfast.log.spool import Group, Spool
from holdfast.log.state import deny
from holdfast.testing.logged import MORNING, labels, predictions

HOUR = 3_600_000_000
DAY = 24 * HOUR


def spooled(root: Path, *groups: Group) -> None:
    with closing(Spool(root / "spool")) as spool:
        for group in groups:
            spool.write([group])


def committed(root: Path, *groups: Group) -> None:
    spooled(root, *groups)
    with Committer(root) as committer:
        assert committer.round(flush=True).problems == []


def rows(reader: pa.RecordBatchReader) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reader.read_all().to_pylist()
    return found


def values(reader: pa.RecordBatchReader, column: str) -> list[Any]:
    return [row[column] for row in rows(reader)]


def truths(root: Path, **asked: Any) -> dict[str, Any]:
    found = rows(open_log(root).predictions("fraud", with_labels=True, **asked))
    return {row["hf_id"]: row["hf_label"] for row in found}


# Which rows


def test_the_last_second_is_read_too(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b"]))
    spooled(tmp_path, predictions(["c"], time=MORNING + 1))
    log = open_log(tmp_path)
    assert values(log.predictions("fraud"), "hf_id") == ["a", "b", "c"]
    assert log.models == ("fraud",)


def test_a_log_that_was_never_committed_is_read(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a"]), labels(["a"]))
    assert truths(tmp_path) == {"a": True}
    assert not (tmp_path / "lake").exists()


def test_frames_that_the_lake_has_already_are_read_once(tmp_path: Path) -> None:
    """As between a commit and the removal from the spool."""
    spooled(tmp_path, predictions(["a", "b"]))
    before = waiting(tmp_path)
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    assert waiting(tmp_path) == {}
    taken = snapshot(tmp_path, ("fraud", "predictions"), before["fraud", "predictions"])
    assert taken.recent.num_rows == 0


def test_a_window_has_its_beginning_and_not_its_end(tmp_path: Path) -> None:
    days = [predictions([f"day {i}"], time=MORNING - MORNING % DAY + i * DAY) for i in range(4)]
    committed(tmp_path, *days[:3])
    spooled(tmp_path, days[3])
    log = open_log(tmp_path)
    assert values(log.predictions("fraud", since="2026-01-02", until="2026-01-04"), "hf_id") == ["day 1", "day 2"]
    assert values(log.predictions("fraud", since="2026-01-03"), "hf_id") == ["day 2", "day 3"]
    assert values(log.predictions("fraud", until="2026-01-01T00:00:00.000001Z"), "hf_id") == ["day 0"]


def test_files_outside_a_window_are_not_opened(tmp_path: Path) -> None:
    committed(tmp_path, *(predictions([f"day {i}"], time=MORNING + i * DAY) for i in range(3)))
    table = folder(tmp_path, "fraud", "predictions")
    for file in (table / "hf_date=2026-01-01").iterdir():
        file.unlink()
    assert values(open_log(tmp_path).predictions("fraud", since="2026-01-02"), "hf_id") == ["day 1", "day 2"]
    with pytest.raises(LogError, match="were removed while it was read"):
        open_log(tmp_path).predictions("fraud").read_all()


def test_one_release_is_read(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"], release=1), predictions(["b"], release=2))
    spooled(tmp_path, predictions(["c"], release=2))
    assert values(open_log(tmp_path).predictions("fraud", release=2), "hf_id") == ["b", "c"]


def test_rows_of_persons_who_asked_to_be_forgotten_are_not_read(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a", "b"]))
    deny(tmp_path, "fraud", ["a"])
    assert values(open_log(tmp_path).predictions("fraud"), "hf_id") == ["b"]


def test_a_damaged_spool_is_not_passed_over(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    (tmp_path / "spool" / "7.db").write_bytes(b"no database" * 500)
    with pytest.raises(LogError, match=r"7\.db cannot be read"):
        open_log(tmp_path).predictions("fraud")


def test_a_spool_that_is_just_being_made_is_empty(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    (tmp_path / "spool" / "7.db").touch()
    assert values(open_log(tmp_path).predictions("fraud"), "hf_id") == ["a"]


def test_a_damaged_index_of_labels_can_be_removed(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]), labels(["a"]))
    index = tmp_path / "matching" / "fraud" / "matching.db"
    index.parent.mkdir(parents=True)
    index.write_bytes(b"no database" * 500)
    with pytest.raises(LogError, match=r"matching\.db cannot be read: .* It can be removed"):
        truths(tmp_path)
    index.unlink()
    assert truths(tmp_path) == {"a": True}


def test_an_index_of_labels_that_is_made_anew_is_not_trusted(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]), labels(["a"]))
    match(tmp_path, "fraud")
    read = open_log(tmp_path).predictions("fraud", with_labels=True)
    with sqlite3.connect(tmp_path / "matching" / "fraud" / "matching.db") as connection:
        connection.execute("UPDATE versions SET version = -1")
    connection.close()
    with pytest.raises(LogError, match="is being made anew: read again"):
        read.read_all()


# Which columns


def test_columns_are_read_in_the_order_in_which_they_are_asked_for(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    read = open_log(tmp_path).predictions("fraud", columns=["amount", "hf_date", "hf_id"])
    assert rows(read) == [{"amount": 1.5, "hf_date": "2026-01-01", "hf_id": "a"}]


def test_where_a_row_lies_is_given_to_who_asks(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    names = open_log(tmp_path).predictions("fraud").schema.names
    assert {"hf_writer", "hf_seq", "hf_row", "hf_date"}.isdisjoint(names)
    assert {"hf_id", "hf_score", "hf_conflict", "amount"} < set(names)


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    with pytest.raises(SettingError, match="no column 'amont': did you mean 'amount'"):
        open_log(tmp_path).predictions("fraud", columns=["amont"])


def test_a_model_that_is_not_logged_is_refused_with_those_that_are(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    with pytest.raises(InputError, match=r"no predictions of 'frod': models: 'fraud'\."):
        open_log(tmp_path).predictions("frod")
    with pytest.raises(InputError, match="the log is empty"):
        open_log(tmp_path / "nowhere").predictions("fraud")


def test_a_column_whose_type_has_changed_is_one(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"], columns=[("items", "int64")], values=[[3]]))
    committed(tmp_path, predictions(["b"], columns=[("items", "float64")], values=[[2.5]]))
    log = open_log(tmp_path)
    assert values(log.predictions("fraud", columns=["items"]), "items") == [3.0, 2.5]
    spooled(tmp_path, predictions(["c"], columns=[("items", "string")], values=[["many"]]))
    assert values(log.predictions("fraud", columns=["items"]), "items") == ["3", "2.5", "many"]


def test_a_column_that_a_later_release_has_is_null_before(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"], columns=()))
    spooled(tmp_path, predictions(["b"]))
    assert values(open_log(tmp_path).predictions("fraud"), "amount") == [None, 1.5]


# The truth


def test_the_label_that_arrived_last_counts(tmp_path: Path) -> None:
    """Late, repeated, corrected; in the lake or not yet; and labels that nobody was served for do no harm."""
    committed(tmp_path, predictions(["a", "b", "c", "d"]))
    committed(tmp_path, labels(["a", "b", "never"], time=MORNING + HOUR))
    committed(tmp_path, labels(["b"], truths=[False], time=MORNING + 3 * HOUR))
    spooled(tmp_path, labels(["b", "c"], time=MORNING + 2 * HOUR))
    assert truths(tmp_path) == {"a": True, "b": False, "c": True, "d": None}


def test_of_labels_that_arrive_together_the_last_one_counts(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    spooled(tmp_path, labels(["a", "a"], truths=[True, False]))
    assert truths(tmp_path) == {"a": False}
    spooled(tmp_path, labels(["a"], truths=[True]))
    assert truths(tmp_path) == {"a": True}
    committed(tmp_path)
    assert truths(tmp_path) == {"a": True}


def test_the_truth_as_it_was_known_at_a_moment(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b"]), predictions(["later"], time=MORNING + 2 * HOUR))
    committed(tmp_path, labels(["a"], time=MORNING + HOUR), labels(["a"], truths=[False], time=MORNING + 2 * HOUR))
    assert truths(tmp_path, as_known_at="2026-01-01T08:59:59Z") == {"a": None, "b": None}
    assert truths(tmp_path, as_known_at="2026-01-01T09:00Z") == {"a": True, "b": None}
    assert truths(tmp_path, as_known_at="2026-01-01T10:00Z") == {"a": False, "b": None, "later": None}


def test_rows_without_a_label_are_left_out_where_only_others_are_asked_for(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b"]), labels(["b"]))
    spooled(tmp_path, predictions(["c", "d"], time=MORNING + 1), labels(["d", "nobody"]))
    assert truths(tmp_path, unlabelled=False) == {"b": True, "d": True}
    assert truths(tmp_path, unlabelled=False, as_known_at="2025-12-31T00:00Z") == {}


def test_what_is_read_is_the_same_ahead_or_not(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b"]))
    spooled(tmp_path, predictions(["c"], time=MORNING + 1))
    log = open_log(tmp_path)
    assert rows(log.predictions("fraud", ahead=False)) == rows(log.predictions("fraud"))


def test_what_is_known_of_a_label_stands_beside_the_row(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    committed(tmp_path, labels(["a"], source="review", time=MORNING + HOUR))
    read = open_log(tmp_path).predictions("fraud", columns=["hf_score"], with_labels=True)
    (row,) = rows(read)
    arrival = row.pop("hf_label_time")
    assert arrival.isoformat() == "2026-01-01T09:00:00+00:00"
    assert row == {
        "hf_score": 0.5,
        "hf_label": True,
        "hf_label_source": "review",
        "hf_label_giver": "someone",
        "hf_outcome_time": None,
    }


def test_the_label_that_arrived_first_stands_beside_the_one_that_corrects_it(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b", "c", "d"]))
    committed(tmp_path, labels(["b"], truths=[False], time=MORNING + 3 * HOUR))
    committed(tmp_path, labels(["a", "b"], time=MORNING + 2 * HOUR))
    spooled(tmp_path, labels(["a", "c"], truths=[False, True], time=MORNING + HOUR))
    read = open_log(tmp_path).predictions("fraud", columns=["hf_id"], with_labels=True, first_labels=True)
    found = {
        one["hf_id"]: (one["hf_label"], one["hf_first_label"], one["hf_first_label_time"] == one["hf_label_time"])
        for one in rows(read)
    }
    assert found == {
        "a": (True, False, False),
        "b": (False, True, False),
        "c": (True, True, True),
        "d": (None, None, True),
    }
    known = open_log(tmp_path).predictions(
        "fraud", columns=["hf_id"], with_labels=True, first_labels=True, as_known_at="2026-01-01T10:00Z"
    )
    assert {one["hf_id"]: one["hf_first_label"] for one in rows(known)} == {
        "a": False,
        "b": True,
        "c": True,
        "d": None,
    }


def test_the_truth_of_ids_alone(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]), labels(["a"]))
    (row,) = rows(open_log(tmp_path).predictions("fraud", columns=["hf_id"], with_labels=True))
    assert list(row)[:2] == ["hf_id", "hf_label"]


def test_predictions_without_any_label_have_null_beside_them(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    read = open_log(tmp_path).predictions("fraud", with_labels=True)
    assert read.schema.field("hf_label").type == pa.bool_()
    assert values(read, "hf_label") == [None]


def test_more_predictions_than_are_looked_up_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.log.reading.TOGETHER_ROWS", 5)
    monkeypatch.setattr("holdfast.log.joining.TOGETHER_ROWS", 4)
    for day in range(5):
        committed(tmp_path, predictions([f"{day}-{i}" for i in range(3)], time=MORNING + day * DAY))
        committed(tmp_path, labels([f"{day}-{i}" for i in range(2)], truths=[True, False], time=MORNING + day * DAY))
    expected = {f"{day}-{i}": (True, False, None)[i] for day in range(5) for i in range(3)}
    assert truths(tmp_path) == expected


def test_all_labels_are_read_as_they_arrived(tmp_path: Path) -> None:
    committed(tmp_path, labels(["a"], time=MORNING), labels(["a"], truths=[False], time=MORNING + HOUR))
    spooled(tmp_path, labels(["b"], time=MORNING + 2 * HOUR))
    log = open_log(tmp_path)
    assert [(row["hf_id"], row["hf_label"]) for row in rows(log.labels("fraud"))] == [
        ("a", True),
        ("a", False),
        ("b", True),
    ]
    assert values(log.labels("fraud", since="2026-01-01T09:00Z"), "hf_id") == ["a", "b"]
    assert values(log.labels("fraud", as_known_at="2026-01-01T08:00Z"), "hf_id") == ["a"]


# Whoever reads


def test_polars_reads_the_stream(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b"]))
    frame = pl.DataFrame(open_log(tmp_path).predictions("fraud"))
    assert frame["hf_id"].to_list() == ["a", "b"]


def test_pandas_reads_the_stream(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b"]))
    assert open_log(tmp_path).predictions("fraud").read_pandas()["amount"].tolist() == [1.5, 1.5]


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"], given=True), labels(["a"]))
    spooled(tmp_path, predictions(["b"], given=True))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    truths(tmp_path)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert {path: when for path, when in after.items() if path.suffix not in {".db-shm", ".db-wal"}} == before


@settings(max_examples=15)
@given(
    asked=st.lists(
        st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 2), st.integers(0, 30), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_rows_are_read_from_the_spool_as_they_are_read_from_the_lake(
    tmp_path_factory: pytest.TempPathFactory, asked: Sequence[tuple[str, bool, int, int, bool]]
) -> None:
    """Retries, and ids that are used again with other inputs, with commits in between."""
    root = tmp_path_factory.mktemp("log")
    for name, own, inputs, hours, commit in asked:
        spooled(root, predictions([name], given=own, inputs=[inputs], time=MORNING + hours * HOUR))
        if commit:
            committed(root)
    names = ["hf_id", "hf_given", "hf_inputs", "hf_time", "hf_conflict", "hf_writer", "hf_seq", "hf_row"]
    order = [(name, "ascending") for name in ("hf_writer", "hf_seq", "hf_row")]
    before = open_log(root).predictions("fraud", columns=names).read_all().sort_by(order)
    committed(root)
    assert open_log(root).predictions("fraud", columns=names).read_all().sort_by(order) == before


def test_labels_of_another_type_than_before_are_text(tmp_path: Path) -> None:
    """A model that told two classes apart, and now three."""
    committed(tmp_path, predictions(["a"]), labels(["a"]))
    layout = prediction_layout("fraud", "classes", ("x", "y", "z"), ())
    nulls: list[list[Any]] = [[None] for _ in layout.columns[1:]]
    spooled(
        tmp_path,
        Group(layout, 1, encode([["b"], *nulls])),
        Group(label_layout("fraud", "classes"), 1, encode([["b"], ["y"], ["outcome"], [""], [MORNING], [None]])),
    )
    assert truths(tmp_path) == {"a": "true", "b": "y"}
