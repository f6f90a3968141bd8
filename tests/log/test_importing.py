"""Labels from tables."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import InputError, SettingError
from holdfast.log import importing
from holdfast.log.committer import Committer
from holdfast.log.importing import Columns, Imported, add_labels
from holdfast.log.labels import Source, Task
from holdfast.log.reading import open_log
from holdfast.log.spool import Spool
from holdfast.tables import open_table
from holdfast.testing.logged import MORNING, labels, predictions

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TASKS = {
    "fraud": Task("binary", ("no", "yes")),
    "risk": Task("classes", ("high", "low", "middle")),
    "loss": Task("regression", ()),
    "grade": Task("classes", ("1", "2", "3")),
    "kind": Task("binary", ("1", "2")),
}


def added(
    root: Path,
    table: Mapping[str, Any],
    *,
    model: str | None = "fraud",
    columns: Columns | None = None,
    source: Source = "import",
) -> Imported:
    with open_table(table) as opened:
        return add_labels(
            root,
            opened,
            TASKS.__getitem__,
            columns=columns or Columns(),
            model=model,
            source=source,
            giver="ada",
        )


def read(root: Path, model: str = "fraud") -> list[tuple[Any, ...]]:
    names = ["hf_id", "hf_label", "hf_source", "hf_giver", "hf_outcome_time"]
    return [tuple(row.values()) for row in open_log(root).labels(model, columns=names).read_all().to_pylist()]


def committed(root: Path) -> None:
    with Committer(root) as committer:
        assert committer.round(flush=True).problems == []


def test_labels_of_a_table_are_in_the_log(tmp_path: Path) -> None:
    assert added(tmp_path, {"id": ["a", "b"], "label": [1, 0]}) == Imported(added=2)
    assert read(tmp_path) == [("a", True, "import", "ada", None), ("b", False, "import", "ada", None)]


def test_the_same_table_twice_adds_nothing(tmp_path: Path) -> None:
    table = {"id": ["a", "b", "a"], "label": [True, False, False]}
    assert added(tmp_path, table) == Imported(added=2)
    assert added(tmp_path, table) == Imported(known=2)
    committed(tmp_path)
    assert added(tmp_path, table) == Imported(known=2)
    assert sorted(row[:2] for row in read(tmp_path)) == [("a", False), ("b", False)]


def test_what_says_something_else_than_before_is_added(tmp_path: Path) -> None:
    added(tmp_path, {"id": ["a", "b", "c"], "label": [1, 1, 1]})
    assert added(tmp_path, {"id": ["a", "b", "c"], "label": [1, 0, 1]}) == Imported(added=1, known=2)
    times = Columns(time="when")
    assert added(tmp_path, {"id": ["a"], "label": [1], "when": [NOON]}, columns=times) == Imported(added=1)
    assert added(tmp_path, {"id": ["a"], "label": [1], "when": [NOON]}, columns=times) == Imported(known=1)
    assert added(tmp_path, {"id": ["c"], "label": [1]}, source="outcome") == Imported(added=1)


def test_labels_that_came_over_http_are_known_too(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([predictions(["a"]), labels(["a"], time=MORNING)])
    assert added(tmp_path, {"id": ["a"], "label": [1]}, source="outcome") == Imported(known=1)


def test_rows_tell_their_model_source_and_time(tmp_path: Path) -> None:
    table = {
        "payment": [17, 18, 19],
        "truth": [None, "high", "low"],
        "model": ["risk"] * 3,
        "source": ["outcome", None, "review"],
        "when": [NOON.isoformat(), None, "2026-01-01T12:00:00+00:00"],
    }
    columns = Columns(id="payment", label="truth", time="when", model="model", source="source")
    assert added(tmp_path, table, model=None, columns=columns) == Imported(added=2, unlabelled=1)
    assert read(tmp_path, "risk") == [("18", "high", "import", "ada", None), ("19", "low", "review", "ada", NOON)]


def test_whole_numbers_that_were_written_as_floats_are_ids_all_the_same(tmp_path: Path) -> None:
    assert added(tmp_path, {"id": [17.0, None], "label": [0.5, 2.5]}, model="loss") == Imported(added=1, unlabelled=1)
    assert read(tmp_path, "loss")[0][:2] == ("17", 0.5)


def test_not_a_number_is_no_label(tmp_path: Path) -> None:
    assert added(tmp_path, {"id": ["a"], "label": [float("nan")]}, model="loss") == Imported(unlabelled=1)


@pytest.mark.parametrize(
    ("table", "columns", "told"),
    [
        ({"id": ["a", "b"], "label": [1, 2]}, Columns(), "row 2: expected true or false"),
        ({"id": ["a"], "label": [1], "t": ["noon"]}, Columns(time="t"), "row 1: expected a time with its zone"),
        (
            {"id": ["a"], "label": [1], "t": ["2026-01-01T12:00"]},
            Columns(time="t"),
            "row 1: expected a time with its zone",
        ),
        ({"id": ["a"], "label": [1], "s": ["rumour"]}, Columns(source="s"), "row 1: expected a source, one of outcome"),
    ],
)
def test_if_one_row_is_wrong_nothing_is_added(
    tmp_path: Path, table: Mapping[str, Any], columns: Columns, told: str
) -> None:
    with pytest.raises(InputError, match=f"Nothing is added: {told}"):
        added(tmp_path, table, columns=columns)
    assert not (tmp_path / "spool").exists()


def test_many_wrong_rows_are_told_by_the_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 20: expected true or false; and 10 more"):
        added(tmp_path, {"id": list(range(30)), "label": [7] * 30})


def test_a_row_without_a_model_is_wrong(tmp_path: Path) -> None:
    table = {"id": ["a", "b"], "label": [1, 1], "model": ["fraud", None]}
    with pytest.raises(InputError, match="row 2: expected the name of a model"):
        added(tmp_path, table, model=None, columns=Columns(model="model"))


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no column 'label': did you mean 'labels'"):
        added(tmp_path, {"id": ["a"], "labels": [1]})
    with pytest.raises(SettingError, match="Name the model"):
        added(tmp_path, {"id": ["a"], "label": [1]}, model=None)


def test_a_large_table_is_added_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS", 7)
    monkeypatch.setattr(importing, "GROUP_ROWS", 3)
    table = {"id": list(range(20)), "label": [True, False] * 10}
    assert added(tmp_path, table) == Imported(added=20)
    assert added(tmp_path, table) == Imported(known=20)
    assert [row[:2] for row in read(tmp_path)] == [(str(i), i % 2 == 0) for i in range(20)]


@pytest.mark.parametrize(
    ("model", "cells", "wrong", "expected"),
    [
        ("fraud", ["True", "False", "true", "FALSE", "1", "0", "yes", "no"], "perhaps", "true or false"),
        ("loss", ["0.5", "1e3", "-7"], "1_000", "a number"),
        ("grade", ["1", "2", "3"], "4", "one of the classes 1, 2, 3"),
    ],
)
def test_only_the_row_is_told_that_is_wrong(
    tmp_path: Path, model: str, cells: list[str], wrong: str, expected: str
) -> None:
    """One word in a column of a CSV file makes text of all its cells."""
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["id,label", *(f"{k},{cell}" for k, cell in enumerate([*cells, wrong, *cells]))]))
    place = len(cells) + 1
    with (
        open_table(path) as opened,
        pytest.raises(InputError, match=f"^Nothing is added: row {place}: expected {expected}\\.$"),
    ):
        add_labels(tmp_path, opened, TASKS.__getitem__, columns=Columns(), model=model, giver="ada")


def test_numbers_that_name_classes_are_read_as_such(tmp_path: Path) -> None:
    assert added(tmp_path, {"id": ["a", "b"], "label": [1, 3]}, model="grade") == Imported(added=2)
    assert [row[:2] for row in read(tmp_path, "grade")] == [("a", "1"), ("b", "3")]
    assert added(tmp_path, {"id": ["a", "b"], "label": [1.0, 2.0]}, model="kind") == Imported(added=2)
    assert [row[:2] for row in read(tmp_path, "kind")] == [("a", False), ("b", True)]
