"""The command line, as processes and on a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.gate.catalogue import TITLES

ROWS = 600
ODD = {
    "[red]markup[/red]": "[red]markup[/red]",
    "new\nline": "new\\nline",
    "\x1b[31mescape": "\\x1b[31mescape",
    "emoji 🐙": "emoji 🐙",
    "long" * 75: "longlonglonglonglonglonglonglo…onglonglonglong",
    "  ": "'  '",
}
"""Names of columns, and how they are shown."""


def table(seed: int = 0, mean: float = 0.0) -> pa.Table:
    """A number, a category and an identifier, whose values must never be seen."""
    rng = np.random.default_rng(seed)
    columns = {
        "amount": rng.normal(mean, 1.0, ROWS),
        "kind": rng.choice(["SECRET-a", "SECRET-b", "SECRET-c"], ROWS),
        "key": [f"SECRET-{seed}-{i}" for i in range(ROWS)],
    }
    return pa.table(columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good tables and bad files."""
    path = tmp_path_factory.mktemp("tables")
    pq.write_table(table(2), path / "reference.parquet")
    pq.write_table(table(2).take(np.random.default_rng(0).permutation(ROWS)), path / "same.parquet")
    pq.write_table(table(5, mean=3.0), path / "moved.parquet")
    pq.write_table(table().slice(0, 0), path / "empty.parquet")
    pq.write_table(table().append_column("pairs", pa.array([[1, 2]] * ROWS)), path / "nested.parquet")
    pq.write_table(pa.table({"other": [1.0] * 20}), path / "other.parquet")
    for name, mean in (("odd", 0.0), ("odd_moved", 3.0)):
        column = np.random.default_rng(int(mean)).normal(mean, 1.0, ROWS)
        pq.write_table(pa.table(dict.fromkeys(ODD, column)), path / f"{name}.parquet")
    whole = (path / "reference.parquet").read_bytes()
    (path / "truncated.parquet").write_bytes(whole[: len(whole) // 2])
    (path / "ragged.csv").write_text("amount,kind\n1,SECRET\n2\n")
    (path / "latin.csv").write_bytes("amount,kind\n1,SECRET\xe9\n".encode("latin-1"))
    (path / "twice.csv").write_text("kind,kind\nSECRET,SECRET\n")
    (path / "reference.schema").write_text('{"version": 1, "columns": [{"name": 3}]}')
    return path


def holdfast(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `holdfast` as a program runs it: with pipes, not on a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


def on_a_terminal(*arguments: str, cwd: Path, **environment: str) -> tuple[str, str, int]:
    """What is written to a terminal of 80 columns as output and as errors, and the exit code."""
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    import termios

    settings = {"TERM": "xterm-256color", **environment}
    inherited = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}}
    ends = [pty.openpty(), pty.openpty()]
    for _, inner in ends:
        termios.tcsetwinsize(inner, (40, 80))
    command = [sys.executable, "-m", "holdfast", *arguments]
    (out, out_inner), (err, err_inner) = ends
    process = subprocess.Popen(
        command, cwd=cwd, env={**inherited, **settings}, stdin=out_inner, stdout=out_inner, stderr=err_inner
    )
    os.close(out_inner)
    os.close(err_inner)
    written = {out: b"", err: b""}
    import select

    while waiting := [end for end in written if end >= 0]:
        for end in select.select(waiting, [], [], 60)[0]:
            try:
                chunk = os.read(end, 65_536)
            except OSError:  # Linux says so when the other end is closed
                chunk = b""
            if not chunk:
                os.close(end)
                written[-1 - end] = written.pop(end)
            else:
                written[end] += chunk
    texts = [written[-1 - end].decode().replace("\r\n", "\n") for end in (out, err)]
    return texts[0], texts[1], process.wait()


def findings(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["findings"]
    return found


# What it says


def test_nothing_failed(folder: Path) -> None:
    done = holdfast("compare", "reference.parquet", "same.parquet", cwd=folder)
    assert re.fullmatch(
        "Reference  600 rows of reference.parquet\n"
        "Current    600 rows of same.parquet\n"
        "Roles      id: key\n"
        "\n"
        r"Nothing failed: (\d+ inconclusive, )?\d+ passed, \d+ not applicable\.\n",
        done.stdout,
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_something_failed(folder: Path) -> None:
    done = holdfast("compare", "reference.parquet", "moved.parquet", cwd=folder)
    lines = done.stdout.splitlines()
    assert "FAIL  amount  drift.numeric" in lines
    assert re.fullmatch(r"\d+ failed, (\d+ warned, )?(\d+ inconclusive, )?\d+ passed, \d+ not applicable\.", lines[-1])
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line != line.rstrip()]
    assert "kind" not in done.stdout
    assert "SECRET" not in done.stdout
    assert (done.stderr, done.returncode) == ("", 1)


def test_verbose_shows_what_passes(folder: Path) -> None:
    done = holdfast("compare", "reference.parquet", "same.parquet", "-v", cwd=folder)
    assert "PASS  kind  drift.categories" in done.stdout.splitlines()
    assert "NOT APPLICABLE  the table  quality.freshness" in done.stdout.splitlines()


def test_names_of_columns_do_no_harm(folder: Path) -> None:
    """Markup is no markup, and nothing moves the cursor, colours the terminal or needs more than a line."""
    done = holdfast("compare", "odd.parquet", "odd_moved.parquet", cwd=folder)
    lines = done.stdout.splitlines()
    for shown in ODD.values():
        assert f"FAIL  {shown}  drift.numeric" in lines
    assert "\x1b" not in done.stdout
    assert max(map(len, lines)) <= 80
    assert done.returncode == 1


def test_an_empty_window_fails(folder: Path) -> None:
    done = holdfast("compare", "reference.parquet", "empty.parquet", cwd=folder)
    assert "FAIL  the table  quality.row_count" in done.stdout.splitlines()
    assert (done.stderr, done.returncode) == ("", 1)


def test_what_cannot_be_read_is_said(folder: Path) -> None:
    done = holdfast("compare", "reference.parquet", "nested.parquet", cwd=folder)
    assert "NOT APPLICABLE  pairs  quality.type\n      Left out: values of type list are not read" in done.stdout


def test_json(folder: Path) -> None:
    done = holdfast("compare", "reference.parquet", "moved.parquet", "--json", cwd=folder)
    result = json.loads(done.stdout)
    assert result["passed"] is False
    assert result["reference"] == {"name": "reference.parquet", "rows": ROWS}
    assert ("drift.numeric", "amount", "fail") in {(f["code"], f["subject"], f["status"]) for f in result["findings"]}
    assert (done.stderr, done.returncode) == ("", 1)


def test_report_and_junit(folder: Path, tmp_path: Path) -> None:
    html, junit = tmp_path / "report.html", tmp_path / "junit.xml"
    done = holdfast("compare", "reference.parquet", "moved.parquet", f"--html={html}", f"--junit={junit}", cwd=folder)
    assert done.stdout.splitlines()[-1] == f"Report  {html.as_uri()}"
    assert "moved.parquet against reference.parquet" in html.read_text(encoding="utf-8")
    suite = ET.parse(junit).getroot()[0]
    failed = {(case.get("classname"), case.get("name")) for case in suite if case.find("failure") is not None}
    assert ("drift.numeric", "amount") in failed
    assert int(suite.get("failures", 0)) == len(failed)


def test_a_profile_serves_instead_of_the_data(folder: Path, tmp_path: Path) -> None:
    stored = str(tmp_path / "reference.profile")
    made = holdfast("profile", "reference.parquet", "-o", stored, cwd=folder)
    assert re.fullmatch(rf"Profile of 600 rows and 3 columns: {re.escape(stored)} \(\d+ kB\)\n", made.stdout)
    from_profile, from_data = (
        holdfast("compare", reference, "moved.parquet", "--json", cwd=folder)
        for reference in (stored, "reference.parquet")
    )
    assert findings(from_profile.stdout) == findings(from_data.stdout)


def test_schema(folder: Path, tmp_path: Path) -> None:
    """Printed and written alike, and it is what `--schema` reads."""
    printed = holdfast("schema", "reference.parquet", "--role", "kind=ignore", cwd=folder)
    path = tmp_path / "schema.json"
    written = holdfast("schema", "reference.parquet", "--role", "kind=ignore", "-o", str(path), cwd=folder)
    assert printed.stdout == path.read_text(encoding="utf-8")
    assert {c["name"]: c.get("role", "feature") for c in json.loads(printed.stdout)["columns"]} == {
        "amount": "feature",
        "kind": "ignore",
        "key": "id",
    }
    assert written.stdout == f"Schema of 3 columns: {path}\n"
    done = holdfast("compare", "reference.parquet", "same.parquet", "--schema", str(path), "-v", cwd=folder)
    assert "amount" in done.stdout
    assert "kind" not in done.stdout


def test_checks_are_listed(folder: Path) -> None:
    lines = holdfast("checks", cwd=folder).stdout.splitlines()
    assert [tuple(re.split(" {2,}", line)) for line in lines] == list(TITLES.items())


def test_a_family_can_be_skipped(folder: Path) -> None:
    done = holdfast("compare", "reference.parquet", "moved.parquet", "--skip", "drift", "--json", cwd=folder)
    assert {f["status"] for f in findings(done.stdout) if f["code"].startswith("drift.")} == {"skipped"}


def test_settings_are_read(folder: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('skip = ["quality"]\nlocation = 9.0\nvariation = 0.9999\n')
    done = holdfast("compare", "reference.parquet", "moved.parquet", "--settings", str(settings), cwd=folder)
    assert done.returncode == 0


def test_without_a_command_there_is_help(folder: Path) -> None:
    done = holdfast(cwd=folder)
    assert "Usage: holdfast" in done.stdout
    assert (done.stderr, done.returncode) == ("", 2)


@pytest.mark.parametrize("command", ["compare", "profile", "schema", "checks"])
def test_every_command_has_help(folder: Path, command: str) -> None:
    done = holdfast(command, "--help", cwd=folder)
    assert f"Usage: holdfast {command}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (done.stderr, done.returncode) == ("", 0)


# What it refuses

AGAINST_ITSELF = ["compare", "reference.parquet", "reference.parquet"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["compare", "reference.parquet", "absent.parquet"],
            "current: .*absent.parquet does not exist; check the path",
        ),
        (["compare", "absent*.csv", "reference.parquet"], r"reference: no table matches .*absent\*.csv"),
        (["compare", "reference.parquet", "truncated.parquet"], "current: .*truncated.parquet cannot be read: it is"),
        (["compare", "reference.parquet", "ragged.csv"], r"ragged.csv, row 3 .*: expected 2 columns, got 1"),
        (["compare", "reference.parquet", "latin.csv"], "latin.csv is not UTF-8"),
        (["compare", "reference.parquet", "twice.csv"], "twice.csv has several columns named 'kind'"),
        (["compare", "reference.parquet", "other.parquet"], "share no column"),
        (["compare", "reference.parquet", "a\x1b\n.parquet"], r"a\\x1b\\n.parquet does not exist"),
        (["compare", "reference.parquet"], "Missing argument 'CURRENT'. See `holdfast compare --help`."),
        ([*AGAINST_ITSELF, "--nonsense"], "No such option: --nonsense.* See `holdfast compare --help`."),
        (["nonsense"], "No such command 'nonsense'. See `holdfast --help`."),
        (["compar"], r"No such command 'compar'\. Did you mean 'compare'\? See `holdfast --help`\."),
        ([*AGAINST_ITSELF, "--html", "absent/report.html"], "absent/report.html: the folder absent does not exist."),
        ([*AGAINST_ITSELF, "--junit", "."], r"Cannot write \.: it is a folder."),
        ([*AGAINST_ITSELF, "--html", "reference.parquet"], "Cannot write reference.parquet: it is the table itself."),
        (["profile", "reference.parquet", "-o", "./reference.parquet"], "it is the table itself."),
        (["schema", "reference.parquet", "-o", "reference.parquet"], "it is the table itself."),
        ([*AGAINST_ITSELF, "--role", "amount"], "--role takes COLUMN=ROLE, such as note=ignore; got 'amount'."),
        ([*AGAINST_ITSELF, "--role", "amount=fun"], "one of the roles .*, got 'fun'"),
        ([*AGAINST_ITSELF, "--time", "absent"], "no column 'absent': it has 'amount', 'kind', 'key'"),
        ([*AGAINST_ITSELF, "--time", "kind"], "the role time needs a column of the kind time or number"),
        ([*AGAINST_ITSELF, "--id", "key", "--target", "key"], "'key' is given two roles, id and target: keep one."),
        ([*AGAINST_ITSELF, "--schema", "absent.json"], "cannot read the schema 'absent.json': No such file"),
        ([*AGAINST_ITSELF, "--schema", "reference.schema"], r"reference.schema.*\$\.columns\[0\]"),
        ([*AGAINST_ITSELF, "--window", "3"], "--window takes a length such as 1d, 6h, 15m or 30s; got '3'."),
        ([*AGAINST_ITSELF, "--window", "0d"], "--window takes a length"),
        ([*AGAINST_ITSELF, "--window", "1d"], "the reference has no column of the role time to cut windows by"),
        (
            [*AGAINST_ITSELF, "--skip", "drift.nonsense"],
            "skip: there is no check 'drift.nonsense'; `holdfast checks` lists them.",
        ),
        ([*AGAINST_ITSELF, "--settings", "absent.toml"], "Cannot read the settings in absent.toml: No such file"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_errors_are_one_line(folder: Path, arguments: list[str], message: str) -> None:
    """With exit code 2, on standard error, without a value of the data."""
    done = holdfast(*arguments, cwd=folder)
    assert re.search(message, done.stderr)
    assert done.stderr.startswith("holdfast: ")
    assert done.stderr.count("\n") == 1
    assert "SECRET" not in done.stderr
    assert (done.stdout, done.returncode) == ("", 2)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("location = ", "Invalid value"),
        ('location = "near"', r"Expected `float`, got `str` - at `\$\.location`\."),
        ("error_budget = 1.5", r"`\$\.error_budget`\."),
        ("nonsense = 1", "unknown field `nonsense`"),
        ('skip = "drift"', r"Expected `array`, got `str` - at `\$\.skip`\."),
        ('skip = ["nonsense"]', "skip: there is no check 'nonsense'"),
        ("columns = 3", r"Expected `object`, got `int` - at `\$\.columns`\."),
        ("[columns.kind]\nignore = true\n[columns.amount]\nmissing = -1", r"`\$\.columns\.amount\.missing`\."),
        (
            "[columns.amount]\nnonsense = 1",
            r"unknown field `nonsense` - at `\$\.columns\.amount`: there are 'minimum_effect',",
        ),
        ("[columns.absent]\nignore = true", "'absent', which neither table has"),
    ],
)
def test_wrong_settings_are_named_by_their_path(folder: Path, tmp_path: Path, toml: str, message: str) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(toml)
    done = holdfast(*AGAINST_ITSELF, "--settings", str(settings), cwd=folder)
    assert re.search(message, done.stderr)
    assert done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)


def test_roles_and_a_schema_exclude_each_other(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    holdfast("schema", "reference.parquet", "-o", str(path), cwd=folder)
    done = holdfast(*AGAINST_ITSELF, "--schema", str(path), "--id", "key", cwd=folder)
    assert done.stderr == "holdfast: --schema has the roles of all columns: change them there, or leave --schema out.\n"
    assert done.returncode == 2


def test_an_unreadable_file(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.parquet"
    secret.write_bytes((folder / "reference.parquet").read_bytes())
    secret.chmod(0)
    if os.access(secret, os.R_OK):
        pytest.skip("this user may read everything")
    done = holdfast("compare", "reference.parquet", str(secret), cwd=folder)
    assert done.stderr == f"holdfast: current: {secret} cannot be read: Permission denied\n"
    assert done.returncode == 2


def test_a_defect_is_one_line_without_values(tmp_path: Path) -> None:
    """The traceback, which may hold values, comes only when it is asked for."""
    code = (
        "import sys, typer; from holdfast.cli import run\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def broken(): raise ZeroDivisionError('SECRET')\n"
        "sys.exit(run(app))"
    )
    quiet, loud = (
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "HOLDFAST_DEBUG": debug},
            capture_output=True,
            text=True,
            check=False,
        )
        for debug in ("", "1")
    )
    assert quiet.stderr == (
        "holdfast: This is a defect of Holdfast (ZeroDivisionError): please report it. "
        "HOLDFAST_DEBUG=1 shows where it arose.\n"
    )
    assert quiet.returncode == 2
    assert "Traceback" in loud.stderr


# Terminals, pipes and signals


def test_a_terminal_gets_colours_and_progress(folder: Path) -> None:
    out, err, code = on_a_terminal("compare", "reference.parquet", "moved.parquet", cwd=folder)
    assert "\x1b[1;31mFAIL" in out
    assert "Reading the current table, 600 rows" in err
    assert err.endswith("\x1b[2K")  # the line of the progress is wiped
    assert code == 1


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_none_are_wanted(folder: Path, environment: dict[str, str]) -> None:
    out, _, code = on_a_terminal("compare", "reference.parquet", "moved.parquet", cwd=folder, **environment)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", out)
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in out.splitlines()) <= 80
    assert code == 1


def test_a_terminal_that_lacks_characters(folder: Path) -> None:
    """Shows others; JSON is UTF-8 always."""
    shown = holdfast("compare", "odd.parquet", "odd_moved.parquet", cwd=folder, PYTHONIOENCODING="ascii")
    assert "FAIL  emoji ?  drift.numeric" in shown.stdout.splitlines()
    printed = holdfast("compare", "odd.parquet", "odd_moved.parquet", "--json", cwd=folder, PYTHONIOENCODING="ascii")
    assert "emoji 🐙" in {f["subject"] for f in findings(printed.stdout)}


@pytest.mark.parametrize(("current", "code"), [("same.parquet", 0), ("moved.parquet", 1)])
def test_a_reader_that_has_gone_changes_nothing(folder: Path, current: str, code: int) -> None:
    """As of `holdfast compare ... | head`: no complaint, and the exit code still tells the verdict."""
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast", "compare", "reference.parquet", current, "-v"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "holdfast", "checks"], cwd=folder, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.stderr == b"holdfast: standard output: No space left on device.\n"
    assert done.returncode == 2


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A CSV file whose reading takes a while."""
    path = tmp_path_factory.mktemp("large") / "large.csv"
    with path.open("w") as file:
        file.write("a,b,c\n")
        block = "".join(f"{i},{i / 7},{i % 11}\n" for i in range(100_000))
        for _ in range(30):
            file.write(block)
    yield path
    path.unlink()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_stopped_reading_leaves_nothing_behind(large: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, and the stop of a job: one line, exit code 130, no temporary file."""
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast", "compare", str(large), str(large)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(file.stat().st_size for file in tmp_path.glob("holdfast-*")):
        assert process.poll() is None, "it ended before it could be stopped"
        time.sleep(0.002)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("", "holdfast: Stopped.\n", 130)
    assert list(tmp_path.iterdir()) == []
