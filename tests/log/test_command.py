"""The command `holdfast log`."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holdfast.cli import app
from holdfast.log.committer import Committer
from holdfast.log.lake import folder
from holdfast.log.spool import Spool
from holdfast.log.table import Table
from holdfast.testing.logged import predictions


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An installation with three rows in its spool."""
    (tmp_path / "site.toml").write_text('root = "here"\n')
    with closing(Spool(tmp_path / "here" / "spool")) as spool:
        spool.write([predictions(["a", "b", "c"])])
    return tmp_path / "site.toml"


def log(site: Path, action: str, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["log", action, "--site", str(site), *options])
    return result.exit_code, result.output


def test_what_waits_is_committed(site: Path) -> None:
    code, told = log(site, "commit")
    assert (code, told) == (0, "3 rows committed, 0 retries left out, 0 refused, 0 with an id that was used before.\n")
    assert json.loads(log(site, "commit", "--json")[1])["rows"] == 0


def test_problems_are_said(site: Path) -> None:
    (site.parent / "here" / "spool" / "7.db").write_bytes(b"no database" * 100)
    code, told = log(site, "commit")
    assert code == 1
    assert "7.db was damaged" in told
    assert "3 rows committed" in told


def test_a_second_committer_says_so(site: Path) -> None:
    with Committer(site.parent / "here"):
        result = CliRunner().invoke(app, ["log", "commit", "--site", str(site)])
    assert "Another committer works on" in str(result.exception)


def test_the_proof_is_shown(site: Path) -> None:
    code, told = log(site, "verify")
    assert code == 0
    assert told.splitlines()[1].split() == ["fraud/predictions", "3", "0", "3", "0", "0"]
    assert told.endswith("Every accepted row is accounted for, and none is in the lake twice.\n")


def test_the_exit_code_says_when_it_does_not_hold(site: Path) -> None:
    log(site, "commit")
    table = Table(folder(site.parent / "here", "fraud", "predictions"))
    table.commit(remove=table.files)
    code, told = log(site, "verify")
    assert code == 1
    assert "0 rows of writer" in told
    assert told.endswith("Problems: 1.\n")
    code, told = log(site, "verify", "--json")
    assert (code, len(json.loads(told)["problems"])) == (1, 1)


def test_an_installation_without_a_log_holds(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('root = "here"\n')
    told = f"Nothing is logged in {tmp_path / 'here'} yet: there is nothing to verify.\n"
    assert log(tmp_path / "site.toml", "verify") == (0, told)


def test_the_lake_is_tidied(site: Path) -> None:
    log(site, "commit")
    assert log(site, "compact") == (0, "0 files became 0; 0 rows expired; 0 files deleted.\n")
    table = Table(folder(site.parent / "here", "fraud", "predictions"))
    with closing(Spool(site.parent / "here" / "spool")) as spool:
        spool.write([predictions(["d"])])
    log(site, "commit")
    assert json.loads(log(site, "compact", "--json")[1])["compacted"] == 2
    for file in table.files:
        (table.path / file.path).unlink()
    table.refresh()
    for file in table.files:
        (table.path / file.path).unlink()
    (site.parent / "site.toml").write_text('root = "here"\n[log]\nkeep_days = 1\n')
    code, told = log(site, "compact")
    assert code == 1
    assert "rows expired" in told
