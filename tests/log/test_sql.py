"""SQL over the log."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import InputError, LogError, MissingExtraError
from holdfast.log.committer import Committer
from holdfast.log.lake import folder
from holdfast.log.reading import open_log
from holdfast.log.spool import Group, Spool
from holdfast.testing.logged import MORNING, labels, predictions

DAY = 86_400_000_000


def spooled(root: Path, *groups: Group) -> None:
    with closing(Spool(root / "spool")) as spool:
        for group in groups:
            spool.write([group])


def committed(root: Path, *groups: Group) -> None:
    spooled(root, *groups)
    with Committer(root) as committer:
        assert committer.round(flush=True).problems == []


def asked(root: Path, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in open_log(root).query(query).read_all().to_pylist()]


def test_the_lake_and_the_spools_are_one_table(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b"]))
    spooled(tmp_path, predictions(["c"], time=MORNING + DAY))
    assert asked(tmp_path, "SELECT hf_id, amount, hf_date FROM predictions_fraud ORDER BY 1") == [
        ("a", 1.5, "2026-01-01"),
        ("b", 1.5, "2026-01-01"),
        ("c", 1.5, "2026-01-02"),
    ]


def test_the_truth_stands_beside_the_prediction(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a", "b", "c"]), labels(["a", "b"], truths=[True, True]))
    spooled(tmp_path, labels(["b", "never"], truths=[False, True], time=MORNING + DAY))
    assert asked(tmp_path, "SELECT hf_id, hf_label, hf_label_source FROM labelled_fraud ORDER BY 1") == [
        ("a", True, "outcome"),
        ("b", False, "outcome"),
        ("c", None, None),
    ]
    assert asked(tmp_path, "SELECT count(*) FROM labels_fraud") == [(4,)]


def test_predictions_without_labels_can_be_asked_for_them(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a"]))
    assert asked(tmp_path, "SELECT hf_id, hf_label FROM LABELLED_FRAUD") == [("a", None)]


def test_a_column_whose_type_has_changed_is_one(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"], columns=[("items", "int64")], values=[[3]]))
    committed(tmp_path, predictions(["b"], columns=[("items", "float64")], values=[[2.5]]))
    assert asked(tmp_path, "SELECT items FROM predictions_fraud ORDER BY hf_id") == [(3.0,), (2.5,)]


def test_files_of_other_days_are_not_opened(tmp_path: Path) -> None:
    committed(tmp_path, *(predictions([f"day {i}"], time=MORNING + i * DAY) for i in range(3)))
    for file in (folder(tmp_path, "fraud", "predictions") / "hf_date=2026-01-01").iterdir():
        file.unlink()
    query = "SELECT hf_id FROM predictions_fraud"
    assert asked(tmp_path, f"{query} WHERE hf_date = '2026-01-02'") == [("day 1",)]
    with pytest.raises((LogError, InputError)):
        asked(tmp_path, query)


def test_models_whose_names_are_no_words_are_quoted(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a"], model="card-fraud"))
    assert asked(tmp_path, 'SELECT hf_id FROM "predictions_card-fraud"') == [("a",)]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT * FROM predictions_frod", "Table with name predictions_frod does not exist"),
        ("SELEC 1", 'The query is refused: Parser Error.* near "SELEC"\\. Mend the query\\.$'),
        ("SELECT nothing FROM predictions_fraud", "The query is refused: Binder Error"),
        ("SELECT 1 FROM predictions_frud", "predictions_frud does not exist! Did you mean 'predictions_fraud'\\?"),
        ("SELECT 1 FROM nope", "There are 'predictions_fraud', 'labels_fraud', 'labelled_fraud'"),
        ("SELECT amont FROM predictions_fraud", 'Candidate bindings: "amount"'),
        ("", "The query gives no rows"),
        ("SELECT * FROM groups", "does not exist"),
        ("SELECT 1 FROM Labels_fraud", "^The query is refused: there are no rows of Labels_fraud yet\\.$"),
    ],
)
def test_a_query_that_cannot_run_is_refused_with_the_reason(tmp_path: Path, query: str, told: str) -> None:
    spooled(tmp_path, predictions(["a"]))
    with pytest.raises(InputError, match=told):
        asked(tmp_path, query)


def test_an_empty_log_says_which_tables_there_will_be(tmp_path: Path) -> None:
    told = "yet, so there are no tables. Of each MODEL that answers there will be 'predictions_MODEL', 'labels_MODEL', "
    with pytest.raises(InputError, match=f"^Nothing is logged in .* {told}'labelled_MODEL'\\.$"):
        asked(tmp_path, "SELECT 1 FROM predictions_fraud")
    assert asked(tmp_path, "SELECT 1") == [(1,)]


def test_no_error_holds_a_value(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["secret-17"]))
    with pytest.raises(InputError) as caught:
        asked(tmp_path, "SELECT hf_id::INTEGER FROM predictions_fraud")
    assert "ConversionException" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_error_in_the_middle_of_a_stream_is_told_alike(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a"]))
    late = "SELECT CASE WHEN i > 900000 THEN i::VARCHAR || 'x' ELSE '1' END::INTEGER FROM range(1000000) AS t(i)"
    with pytest.raises(InputError, match=r"The query failed \(ConversionException\)"):
        asked(tmp_path, late)


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtraError, match=r"holdfast\[sql\]"):
        asked(tmp_path, "SELECT 1")
