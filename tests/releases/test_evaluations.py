"""Every evaluation is kept, and the uses of a test period are counted from what is kept."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import ReleaseError
from holdfast.evidence import Estimate, Metric
from holdfast.releases.differences import Change
from holdfast.releases.evaluation import RECORD, Kept
from holdfast.releases.evaluations import Evaluations, open_evaluations
from holdfast.releases.manifest import digest
from holdfast.releases.places import Place

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
KEEPS = """
import sys
from holdfast.releases.evaluations import open_evaluations

kept = open_evaluations(sys.argv[1])
print("ready", flush=True)
number = 0
while number < int(sys.argv[2]):
    number += 1
    kept.keep("fraud", configuration={"n": number}, metrics={}, verdict="fail", test_rows="rows1:a",
              files={"report.html": b"x" * 100_000})
"""


def keep(store: Evaluations, **fields: Any) -> Kept:
    given = {
        "configuration": {},
        "metrics": {},
        "verdict": "pass",
        "test_rows": "rows1:a",
        "created": NOON,
        "by": "ada",
    }
    return store.keep("fraud", **(given | fields))  # type: ignore[arg-type]


def test_what_is_kept_is_read_again(root: Place) -> None:
    store = Evaluations(root)
    made = keep(
        store,
        configuration={"threshold": 0.5, "split": {"test": "7d"}},
        metrics={"recall": 0.7},
        verdict="fail",
        files={"findings.json": b"[]", "report.html": b"<html>"},
    )
    again = store.load("fraud", made.identity)
    assert again == made
    assert again.evaluation.configuration == {"threshold": 0.5, "split": {"test": "7d"}}
    assert (again.evaluation.verdict, again.evaluation.created, again.evaluation.author) == ("fail", NOON, "ada")
    assert (again.read("findings.json"), again.read("report.html")) == (b"[]", b"<html>")
    folder = root.child("fraud").child(made.identity.removeprefix("sha256:"))
    assert folder.files() == {RECORD, "findings.json", "report.html"}
    assert digest(folder.read(RECORD)) == made.identity.removeprefix("sha256:")
    with pytest.raises(ReleaseError, match=r"has no file 'x'; it has findings\.json, report\.html"):
        again.read("x")


def test_records_are_kept_as_json_and_what_is_not_finite_as_null(root: Place) -> None:
    metric = Metric(key="auc", title="ROC AUC", estimate=Estimate(value=0.9))
    made = keep(Evaluations(root), metrics={"all": [metric], "loss": math.nan})
    assert made.evaluation.metrics == {
        "all": [{"key": "auc", "title": "ROC AUC", "estimate": {"value": 0.9}}],
        "loss": None,
    }


def test_the_uses_of_a_test_period_are_counted(root: Place) -> None:
    store = Evaluations(root)
    assert store.uses("fraud", "rows1:a") == 0
    for minute, rows in enumerate(["rows1:a", "rows1:b", "rows1:a"]):
        keep(store, test_rows=rows, created=NOON + timedelta(minutes=minute))
    store.keep("churn", configuration={}, metrics={}, verdict="pass", test_rows="rows1:a")
    assert [store.uses("fraud", f"rows1:{rows}") for rows in "abc"] == [2, 1, 0]
    assert store.models() == ["churn", "fraud"]


def test_the_same_evaluation_is_kept_once_and_another_of_the_same_thing_again(root: Place) -> None:
    store = Evaluations(root)
    assert keep(store) == keep(store)
    assert keep(store, created=NOON + timedelta(microseconds=1)) != keep(store)
    assert store.uses("fraud", "rows1:a") == 2


def test_the_list_is_in_the_order_of_time(root: Place) -> None:
    store = Evaluations(root)
    made = {hours: keep(store, created=NOON + timedelta(hours=hours)).identity for hours in (2, 0, 1)}
    assert [line.identity for line in store.listed()] == [made[0], made[1], made[2]]
    assert store.listed("fraud") == store.listed()
    assert store.listed("churn") == []


def test_writers_at_once_and_killed_are_counted_whole(tmp_path: Path) -> None:
    """Every evaluation that a writer has come back from is counted; one that it was killed in is there whole or not."""
    command = [sys.executable, "-c", KEEPS, str(tmp_path)]
    whole = [subprocess.Popen([*command, "8"], stdout=subprocess.DEVNULL) for _ in range(2)]
    killed = subprocess.Popen([*command, "100000"], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    killed.stdout.readline()
    assert [writer.wait() for writer in whole] == [0, 0]
    killed.kill()
    killed.communicate()
    store = open_evaluations(tmp_path)
    lines = store.listed("fraud")
    assert [line.problem for line in lines] == [""] * len(lines)
    assert store.uses("fraud", "rows1:a") == len(lines) >= 16
    numbers = [store.load("fraud", line.identity).evaluation.configuration["n"] for line in lines]
    assert all(numbers.count(n) >= 2 for n in range(1, 9))
    assert [store.load("fraud", line.identity).read("report.html") for line in lines[:3]] == [b"x" * 100_000] * 3


def test_two_are_compared_in_configuration_and_metrics(root: Place) -> None:
    store = Evaluations(root)
    first = keep(store, configuration={"threshold": 0.5, "seed": 1}, metrics={"recall": 0.7, "f1": 0.6, "note": "x"})
    second = keep(
        store,
        configuration={"threshold": 0.4, "seed": 1},
        metrics={"recall": 0.8, "f1": 0.6, "ks": 0.3},
        verdict="fail",
        test_rows="rows1:b",
    )
    found = store.compare("fraud", first.identity, second.identity.removeprefix("sha256:")[:12])
    assert (found.before, found.after) == (first.identity, second.identity)
    assert (found.same_rows, found.verdict) == (False, ("pass", "fail"))
    assert found.configuration == (Change(name="threshold", before=0.5, after=0.4),)
    assert found.metrics == (
        Change(name="f1", before=0.6, after=0.6),
        Change(name="ks", before=None, after=0.3),
        Change(name="recall", before=0.7, after=0.8),
    )


@pytest.mark.parametrize("change", [b'"fail"', b"not json", b""])
def test_a_changed_evaluation_is_named_and_stops_the_count(tmp_path: Path, change: bytes) -> None:
    store = open_evaluations(tmp_path)
    made = keep(store)
    path = tmp_path / "fraud" / made.identity.removeprefix("sha256:") / RECORD
    path.write_bytes(path.read_bytes().replace(b'"pass"', change) if change.startswith(b'"') else change)
    [line] = store.listed("fraud")
    assert line.identity == made.identity
    assert "is not what was kept" in line.problem
    for read in (lambda: store.uses("fraud", "rows1:a"), lambda: store.load("fraud", made.identity)):
        with pytest.raises(ReleaseError, match=RECORD):
            read()


def test_a_changed_file_is_not_read(tmp_path: Path) -> None:
    made = keep(open_evaluations(tmp_path), files={"findings.json": b"[]"})
    made.place.replace("findings.json", b"{}")
    with pytest.raises(ReleaseError, match="is not what was sealed"):
        made.read("findings.json")


def test_a_record_of_a_newer_format_is_said_to_be(tmp_path: Path) -> None:
    made = keep(open_evaluations(tmp_path))
    record = json.loads(made.place.read(RECORD)) | {"format": 2, "new": 1}
    data = json.dumps(record).encode()
    (tmp_path / "fraud" / digest(data)).mkdir()
    (tmp_path / "fraud" / digest(data) / RECORD).write_bytes(data)
    with pytest.raises(ReleaseError, match="Update Holdfast"):
        open_evaluations(tmp_path).load("fraud", digest(data))


@pytest.mark.parametrize("name", ["", "abc", "0123", "sha256:"])
def test_names_of_none_or_several_are_refused(tmp_path: Path, name: str) -> None:
    store = open_evaluations(tmp_path)
    keep(store)
    with pytest.raises(ReleaseError, match="Expected the digest of one evaluation of 'fraud'"):
        store.load("fraud", name)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"files": {"../x": b""}}, "is refused"),
        ({"files": {RECORD: b""}}, "Holdfast's own"),
        ({"files": {"model.bin": pickle.dumps(1)}}, "is a pickle"),
        ({"metrics": {"x": object()}}, "that are JSON"),
    ],
)
def test_what_cannot_be_kept_leaves_nothing(root: Place, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ReleaseError, match=message):
        keep(Evaluations(root), **fields)
    assert root.folders() == []


def test_a_model_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    store = open_evaluations(tmp_path)
    with pytest.raises(ReleaseError, match="Expected a model"):
        store.uses("../x", "rows1:a")


def test_a_place_that_cannot_be_written_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "fraud").write_bytes(b"")
    with pytest.raises(ReleaseError, match="could not be kept"):
        keep(open_evaluations(tmp_path))
