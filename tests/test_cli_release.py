"""The command line from a fitted model to a sealed release, as processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 6_000

CONFIG = """\
name = "fraud"
[data]
path = "payments.parquet"
target = "fraud"
time = "time"
[model]
path = "model.joblib"
trained_until = "2025-01-31"
[objective]
kind = "cost"
false_positive = 5
false_negative = "amount"
currency = "EUR"
[slices]
search = false
[explain]
rows = 20
background = 10
[gate]
warnings = ["drift", "explain", "leakage"]
[[gate.limits]]
metric = "roc_auc"
at_least = 0.5
[[gate.limits]]
metric = "objective"
against = "champion"
margin = 0.5
"""


def holdfast(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `holdfast` with pipes, 80 columns wide."""
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Payments, and a pipeline that was fitted on a data frame of their first weeks."""
    pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")
    pytest.importorskip("onnxruntime", reason="needs the extra `serve`")
    import joblib
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(0)
    amount, abroad = rng.lognormal(3, 1, ROWS), rng.random(ROWS) < 0.2
    odds = -5.5 + 1.2 * np.log(amount / 20) + 2.0 * abroad
    seconds = np.sort(rng.integers(0, 90 * 86_400, ROWS)).astype("timedelta64[s]")
    rows = pa.table(
        {
            "time": pa.array(np.datetime64("2025-01-01T00:00:00", "us") + seconds, pa.timestamp("us", "UTC")),
            "amount": np.round(amount, 2),
            "country": np.where(abroad, "FR", "AT"),
            "fraud": rng.random(ROWS) < 1 / (1 + np.exp(-odds)),
        }
    )
    pq.write_table(rows, folder / "payments.parquet")
    weeks = rows.slice(0, ROWS // 3).to_pandas()
    encode = make_column_transformer((StandardScaler(), ["amount"]), (OneHotEncoder(), ["country"]))
    model = make_pipeline(encode, LogisticRegression()).fit(weeks[["amount", "country"]], weeks["fraud"])
    joblib.dump(model, folder / "model.joblib")
    (folder / "holdfast.toml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def released(
    made: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[subprocess.CompletedProcess[str]]]:
    """A folder with two releases, of which the second was promoted, and what was printed when they were made."""
    folder = tmp_path_factory.mktemp("released") / "project"
    shutil.copytree(made, folder)
    return folder, [holdfast("release", "--trust", *promote, cwd=folder) for promote in ([], ["--promote"])]


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / "project"))


def narrow(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether all lines but the address of the report fit on a terminal of 80 columns."""
    lines = [line for line in done.stdout.splitlines() if not line.startswith("Report  file:")]
    return max(map(len, lines)) <= 80 and not re.search(r" $", done.stdout, re.MULTILINE)


# init


def test_init_writes_what_evaluate_reads(made: Path, tmp_path: Path) -> None:
    for name in ("payments.parquet", "model.joblib"):
        shutil.copy(made / name, tmp_path)
    arguments = ["init", "payments.parquet", "--model", "model.joblib", "--trust"]
    done = holdfast(*arguments, cwd=tmp_path)
    assert done.stdout == (
        "Data    4 columns, target fraud, time time\n"
        "Model   sklearn, two classes, 2 features\n"
        "Wrote holdfast.toml. Look through it, above all at the objective, then: holdfast evaluate --trust\n"
    )
    assert (done.stderr, done.returncode) == ("", 0)
    text = (tmp_path / "holdfast.toml").read_text()
    assert 'name = "payments"' in text
    assert re.search("^positive = (1|true) ", text, re.MULTILINE)
    again = holdfast(*arguments, cwd=tmp_path)
    assert again.stderr == ("holdfast: holdfast.toml is there already: change it, or write over it with --force.\n")
    assert again.returncode == 2
    forced = holdfast(*arguments, "--force", "--name", "cards", cwd=tmp_path)
    assert forced.returncode == 0
    assert 'name = "cards"' in (tmp_path / "holdfast.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["payments.parquet", "--model", "model.joblib"], "is a pickle, .* say so with --trust"),
        (["payments.parquet", "--model", "absent.txt"], "there is no model at absent.txt"),
        (["absent.parquet", "--model", "model.joblib"], "data: .*absent.parquet does not exist"),
        (["payments.parquet", "--model", "model.joblib", "--target", "absent"], "no column 'absent'"),
        (["payments.parquet", "--model", "model.joblib", "--trust", "--name", "a/b"], r"`\$\.name`"),
        (["payments.parquet"], "Missing option '--model'. See `holdfast init --help`."),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, list) else "",
)
def test_init_refuses_in_one_line(made: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    for name in ("payments.parquet", "model.joblib"):
        shutil.copy(made / name, tmp_path)
    done = holdfast("init", *arguments, cwd=tmp_path)
    assert re.search(message, done.stderr)
    assert done.stderr.count("\n") == 1
    assert done.returncode == 2
    assert not (tmp_path / "holdfast.toml").exists()


# evaluate


def test_an_evaluation_that_passes(made: Path, tmp_path: Path) -> None:
    folder = copied(made, tmp_path)
    done = holdfast("evaluate", "--trust", "--junit", "junit.xml", cwd=folder)
    assert (done.stderr, done.returncode) == ("", 0)
    assert narrow(done)
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"Model +fraud: sklearn, two classes \(positive: (1|true)\), 2 features", lines[0])
    assert re.search(r"^Cost per row +0\.\d+ EUR \(0\.\d+ to \d\.\d+\)$", done.stdout, re.MULTILINE)
    assert ": never" in done.stdout
    assert "PASS: nothing refuses a release." in done.stdout
    assert lines[-1] == f"Report  {(folder / 'evaluation.html').as_uri()}"
    assert (folder / "evaluation.html").stat().st_size > 10_000
    suite = ET.parse(folder / "junit.xml").getroot()[0]
    assert suite.get("failures") == "0"
    listed = json.loads(holdfast("evaluations", "--json", cwd=folder).stdout)
    assert [line["verdict"] for line in listed] == ["pass"]


def test_an_evaluation_that_fails(made: Path, tmp_path: Path) -> None:
    """As JSON, without being kept; then a release is refused, and nothing is sealed."""
    folder = copied(made, tmp_path)
    strict = CONFIG + '[[gate.limits]]\nmetric = "roc_auc"\nat_least = 0.999\n'
    (folder / "holdfast.toml").write_text(strict)
    done = holdfast("evaluate", "--trust", "--json", "--no-keep", cwd=folder)
    assert json.loads(done.stdout)["verdict"] == "fail"
    assert (done.stderr, done.returncode) == ("", 1)
    assert not (folder / ".holdfast").exists()
    refused = holdfast("release", "--trust", cwd=folder)
    assert refused.returncode == 1
    assert "FAIL  roc_auc  gate.limit" in refused.stdout
    assert "FAIL: 1 finding refuses a release." in refused.stdout
    assert not (folder / "releases").exists()
    (kept,) = json.loads(holdfast("evaluations", "--json", cwd=folder).stdout)
    assert kept["verdict"] == "fail"


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (("", ""), ["--config", "absent.toml"], "absent.toml: No such file or directory; `holdfast init` writes one."),
        (("", ""), [], "model.joblib is a pickle"),
        (
            ("[slices]", "[slices]\nnonsense = 1"),
            ["--trust"],
            r"unknown field `nonsense` - at `\$\.slices`: there are 'columns',",
        ),
        (("[slices]", "[split]\ntest = 2.0\n[slices]"), ["--trust"], r"`\$\.split\.test`"),
        (('target = "fraud"', 'target = "absent"'), ["--trust"], "no column 'absent'"),
        (('"amount"', '"absent"'), ["--trust"], "no column 'absent'"),
        (("", ""), ["--trust", "--html", "payments.parquet"], "Cannot write payments.parquet: it is the table itself."),
        (("", ""), ["--trust", "--html", "absent/report.html"], "the folder absent does not exist"),
    ],
    ids=["config", "trust", "unknown key", "wrong value", "target", "cost column", "html over data", "html nowhere"],
)
def test_what_cannot_be_evaluated_is_one_line(
    made: Path, tmp_path: Path, change: tuple[str, str], arguments: list[str], message: str
) -> None:
    folder = copied(made, tmp_path)
    (folder / "holdfast.toml").write_text(CONFIG.replace(*change))
    done = holdfast("evaluate", *arguments, cwd=folder)
    assert re.search(message, done.stderr)
    assert done.stderr.startswith("holdfast: ")
    assert done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)


# release and releases


def test_releases_are_sealed_and_the_second_meets_the_first(
    released: tuple[Path, list[subprocess.CompletedProcess[str]]],
) -> None:
    folder, (first, second) = released
    for version, done in enumerate((first, second), start=1):
        assert (done.stderr, done.returncode) == ("", 0)
        assert narrow(done)
        assert f"Released fraud/{version}\nIdentity sha256:" in done.stdout
        assert (folder / "releases" / "fraud" / str(version) / "manifest.json").exists()
    assert "fraud/1, on the same rows" not in first.stdout
    assert "fraud/1, on the same rows" in second.stdout
    assert second.stdout.endswith("Champion fraud/2 answers for fraud from now on\n")
    (stage,) = json.loads(holdfast("stages", "--json", cwd=folder).stdout)
    assert (stage["version"], stage["reason"]) == (2, "when it was released")


def test_releases_are_listed_shown_and_compared(
    released: tuple[Path, list[subprocess.CompletedProcess[str]]],
) -> None:
    folder, _ = released
    listed = holdfast("releases", cwd=folder)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["Release", "fraud/1", "fraud/2"]
    one, two = json.loads(holdfast("releases", "list", "--json", cwd=folder).stdout)
    shown = json.loads(holdfast("releases", "show", "fraud", "--json", cwd=folder).stdout)
    assert (shown["name"], shown["identity"]) == ("fraud/2", two["identity"])
    assert shown["manifest"]["parent"] == one["identity"]
    told = holdfast("releases", "show", "1", cwd=folder)
    assert "golden.arrow" in told.stdout
    assert narrow(told)
    compared = holdfast("releases", "compare", "1", "2", cwd=folder)
    assert compared.stdout.startswith("fraud/1 against fraud/2\n\nMetrics on the test part: no difference\n")
    assert "Configuration: no difference" in compared.stdout
    assert "evidence.json" in compared.stdout
    assert all(done.returncode == 0 for done in (listed, told, compared))


def test_a_changed_byte_is_refused_and_its_file_named(
    released: tuple[Path, list[subprocess.CompletedProcess[str]]], tmp_path: Path
) -> None:
    folder = copied(released[0], tmp_path)
    good = holdfast("releases", "verify", "1", cwd=folder)
    assert good.stdout == "fraud/1 is as it was sealed, and answers its golden rows as it did.\n"
    assert good.returncode == 0
    model = folder / "releases" / "fraud" / "1" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[100] ^= 1
    model.chmod(0o644)
    model.write_bytes(content)
    bad = holdfast("releases", "verify", "fraud/1", cwd=folder)
    assert bad.stdout.startswith(
        "model.onnx  is not what was sealed: its SHA-256 differs from the manifest's. Do not use"
    )
    assert bad.stdout.endswith("fraud/1 is not as it was sealed.\n")
    assert (bad.stderr, bad.returncode) == ("", 1)


def test_releases_are_read_where_there_is_a_site_and_no_project(
    released: tuple[Path, list[subprocess.CompletedProcess[str]]], tmp_path: Path
) -> None:
    """As on a server."""
    folder = copied(released[0], tmp_path)
    (folder / "releases").rename(folder / "sealed")
    (folder / "holdfast.toml").unlink()
    (folder / "site.toml").write_text('releases = "sealed"\n')
    listed = holdfast("releases", cwd=folder)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["Release", "fraud/1", "fraud/2"]
    assert holdfast("releases", "verify", "fraud/1", cwd=folder).returncode == 0
    (folder / "site.toml").unlink()
    assert "`holdfast init` writes one" in holdfast("releases", cwd=folder).stderr
    # There they are found by themselves, as `holdfast promote` finds them.
    (folder / "sealed").rename(folder / "releases")
    assert holdfast("releases", cwd=folder).stdout == listed.stdout


def test_evaluations_are_listed_shown_and_compared(
    released: tuple[Path, list[subprocess.CompletedProcess[str]]],
) -> None:
    folder, _ = released
    first, second = (
        line["identity"].removeprefix("sha256:")
        for line in json.loads(holdfast("evaluations", "--json", cwd=folder).stdout)
    )
    shown = holdfast("evaluations", "show", first[:8], cwd=folder)
    assert "used 2 times" in shown.stdout
    assert narrow(shown)
    compared = holdfast("evaluations", "compare", first[:8], second[:8], cwd=folder)
    assert "verdict pass, then pass" in compared.stdout
    assert "Configuration: no difference" in compared.stdout
    assert (shown.returncode, compared.returncode) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["releases", "show", "9"], "There is no version 9 of 'fraud' in .*; versions: 1, 2."),
        (["releases", "show", "fraud/x"], "Expected a release as model/version, such as fraud/3"),
        (["releases", "verify", "other"], "There is no release of 'other' in .*; models with one: fraud."),
        (["releases", "compare", "1"], "`compare` takes 2 names; got 1."),
        (["releases", "list", "frau"], "There is no release of 'frau' in .*; models with one: fraud."),
        (
            ["releases", "nonsense"],
            "Invalid value for 'action': 'nonsense' is not one of 'list', 'show', 'compare', 'verify'",
        ),
        (["evaluations", "show", "ff"], "at least 4 of its first digits"),
        (["evaluations", "list", "fraud"], "`list` takes 0 names; got 1."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_kept_is_said_in_one_line(
    released: tuple[Path, list[subprocess.CompletedProcess[str]]], arguments: list[str], message: str
) -> None:
    done = holdfast(*arguments, cwd=released[0])
    assert re.search(message, done.stderr)
    assert done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)


@pytest.mark.parametrize("command", ["init", "evaluate", "release", "releases", "evaluations"])
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    done = holdfast(command, "--help", cwd=tmp_path)
    assert f"Usage: holdfast {command}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (done.stderr, done.returncode) == ("", 0)
