"""The commands `holdfast log tail`, `holdfast log query` and `holdfast labels`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holdfast.cli import app
from holdfast.commands import log_reading
from holdfast.errors import InputError, SettingError
from holdfast.log.spool import Group, Spool
from holdfast.releases.store import open_store
from holdfast.testing.logged import MORNING, labels, predictions
from holdfast.testing.releases import seal_small

HOUR = 3_600_000_000


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of an installation in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path / ".holdfast"


def spooled(root: Path, *groups: Group) -> None:
    with closing(Spool(root / "spool")) as spool:
        for group in groups:
            spool.write([group])


def typed(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


# tail


def test_the_last_predictions_of_all_models_are_printed(root: Path) -> None:
    spooled(root, predictions(["a", "b"]), predictions(["c"], model="churn", time=MORNING + HOUR))
    assert typed("log", "tail") == (
        "2026-01-01 08:00:00  fraud/1  a  0.5  no\n"
        "2026-01-01 08:00:00  fraud/1  b  0.5  no\n"
        "2026-01-01 09:00:00  churn/1  c  0.5  no\n"
    )
    assert typed("log", "tail", "fraud", "-n", "1") == "2026-01-01 08:00:00  fraud/1  b  0.5  no\n"


def test_predictions_are_printed_for_programs(root: Path) -> None:
    spooled(root, predictions(["a"]))
    row = json.loads(typed("log", "tail", "--json"))
    assert (row["model"], row["hf_id"], row["amount"]) == ("fraud", "a", 1.5)


def test_an_empty_log_says_so(root: Path) -> None:
    with pytest.raises(InputError, match=r"Nothing is logged in \.holdfast yet"):
        typed("log", "tail")
    assert not root.exists()


def test_tail_goes_on_with_what_comes(root: Path) -> None:
    spooled(root, predictions(["old"]))
    command = [sys.executable, "-m", "holdfast", "log", "tail", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().split()[3] == "old"
        for name in ("first", "second"):
            spooled(root, predictions([name], time=time.time_ns() // 1000))
            assert process.stdout.readline().split()[3] == name
        process.terminate()


# query


def test_a_query_is_printed(root: Path) -> None:
    spooled(root, predictions(["a", "b"]), labels(["a"]))
    text = "SELECT hf_id, hf_score, hf_label, hf_time FROM labelled_fraud ORDER BY hf_id"
    lines = [line.split() for line in typed("log", "query", text).splitlines()]
    assert lines[0] == ["hf_id", "hf_score", "hf_label", "hf_time"]
    assert lines[1] == ["a", "0.5", "yes", "2026-01-01", "08:00:00.000+00:00"]
    assert lines[2][:3] == ["b", "0.5", "–"]
    rows = [json.loads(line) for line in typed("log", "query", text, "--json").splitlines()]
    assert [row["hf_label"] for row in rows] == [True, None]


def test_of_many_rows_the_first_are_printed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reading, "MOST_ROWS", 2)
    spooled(root, predictions(["a", "b", "c"]))
    told = typed("log", "query", "SELECT hf_id FROM predictions_fraud ORDER BY 1").splitlines()
    assert told == ["hf_id", "a", "b", "These are the first 2 rows; --json prints all of them."]


def test_names_of_columns_are_printed_as_they_are(root: Path) -> None:
    """No colour, and no picture, is made of them."""
    spooled(root, predictions(["a"]))
    assert typed("log", "query", 'SELECT 1 AS "a:x:b", 2 AS "[red]"').splitlines()[0] == "a:x:b  [red]"


def test_rows_that_are_wider_than_the_terminal_are_printed_value_by_value(root: Path) -> None:
    spooled(root, predictions(["a", "b"]))
    names = [f"column_{k}[x]" for k in range(9)]
    columns = ", ".join(f'{k} AS "{name}"' for k, name in enumerate(names))
    query = f"SELECT hf_id, {columns} FROM predictions_fraud ORDER BY 1"
    one, two = ([f"hf_id        {row}", *(f"{name}  {k}" for k, name in enumerate(names))] for row in ("a", "b"))
    assert typed("log", "query", query).splitlines() == [*one, "", *two]


def test_a_query_is_one_text(root: Path) -> None:
    spooled(root, predictions(["a"]))
    with pytest.raises(SettingError, match="`query` takes 1 text of SQL in quotes; got 2"):
        typed("log", "query", "SELECT", "1")


# labels


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "releases"
    seal_small(open_store(folder), "fraud")
    return folder


def test_labels_are_added_and_listed(root: Path, releases: Path) -> None:
    Path("releases").symlink_to(releases)
    spooled(root, predictions(["a", "b", "c"]))
    Path("truth.csv").write_text("order,chargeback\na,1\nb,0\nnever,1\nc,\n")
    told = typed("labels", "add", "truth.csv", "--model", "fraud", "--id", "order", "--label", "chargeback")
    assert told == (
        "3 labels added, 0 known already, 1 row without a label.\n"
        "They are read at once; a server, or `holdfast log commit`, brings them into the lake.\n"
    )
    again = typed("labels", "add", "truth.csv", "--model", "fraud", "--id", "order", "--label", "chargeback", "--json")
    assert json.loads(again) == {"added": 0, "known": 3, "unlabelled": 1}
    typed("log", "commit")
    title, line = typed("labels").splitlines()
    assert title.split() == ["Model", "Answered", "With", "a", "label", "Share", "Median", "delay", "Not", "matched"]
    assert line.split()[:4] == ["fraud", "3", "2", "66.7%"]
    assert line.split()[-1] == "1"
    assert json.loads(typed("labels", "--json"))["fraud"]["unmatched"] == 1


def test_columns_are_found_by_their_names(root: Path, releases: Path) -> None:
    Path("releases").symlink_to(releases)
    Path("truth.csv").write_text("id,label,model,source,time\na,true,fraud,outcome,2026-01-01T12:00:00Z\n")
    assert typed("labels", "add", "truth.csv").startswith("1 label added")
    assert root.exists()
    (row,) = [json.loads(line) for line in typed("log", "query", "FROM labels_fraud", "--json").splitlines()]
    assert (row["hf_label"], row["hf_source"], row["hf_outcome_time"]) == (True, "outcome", "2026-01-01T12:00:00Z")


def test_labels_of_which_nothing_is_known(root: Path) -> None:
    with pytest.raises(SettingError, match="Nothing is known of labels"):
        typed("labels")
    assert not root.exists()
