"""The demo: the main job on generated transactions, or on a file of one's own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import holdfast as hf
from holdfast.log.spool import Spool
from holdfast.testing.logged import predictions
from holdfast.testing.servers import serving

START = datetime(2025, 1, 1, tzinfo=UTC)


def demo(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holdfast.demo", *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def demo_output(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a demo, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = demo(cwd=folder)
    assert (done.stderr, done.returncode) == ("", 0)
    return folder / "demo-output", done.stdout


def test_every_planted_change_is_found(demo_output: tuple[Path, str]) -> None:
    """Each by a finding that names the column, and nothing else fails."""
    folder, _ = demo_output
    failed = {
        (f["code"].partition(".")[0], subject)
        for f in json.loads((folder / "findings.json").read_text(encoding="utf-8"))["findings"]
        if f["status"] in {"fail", "error"}
        for subject in f["subject"].split(" × ")
    }
    assert {("drift", "amount"), ("drift", "terminal_risk_7d"), ("drift", "customer_count_1d")} <= failed
    assert ("quality", "merchant_group") in failed
    assert {subject for _, subject in failed} <= {
        "amount",
        "terminal_risk_7d",
        "merchant_group",
        "customer_count_1d",
        "customer_count_7d",
    }


def test_the_monitor_finds_what_matters_and_notes_what_does_not(demo_output: tuple[Path, str]) -> None:
    folder, printed = demo_output
    watched = printed.partition("4. Four more weeks in service")[2].partition("5. The rows that came after")[0]
    found = {title: status for status, title in re.findall(r"^(open|noted) +(.+)$", watched, re.MULTILINE)}
    assert found == {
        "The answers became worse": "open",
        "terminal_risk_7d changed its share of missing values": "open",
        "age moved": "noted",
    }
    assert "2 incidents want somebody" in watched
    for text in ("since 5 May 2025", "since 9 May 2025", "Retrain:", "Fix the pipeline", "No action:"):
        assert text in " ".join(watched.split())
    assert (folder / "weeks" / "week.html").stat().st_size > 10_000


def test_what_it_says_was_planted_is_what_was_planted(demo_output: tuple[Path, str]) -> None:
    folder, printed = demo_output
    before, week = (pq.read_table(folder / f"{name}.parquet") for name in ("reference", "current"))
    since = {
        column: week.filter(pc.greater_equal(week["time"], pa.scalar(datetime(2025, 4, day, tzinfo=UTC))))
        for column, day in re.findall(r"^    (\w+) +from April (\d+) ", printed, re.MULTILINE)
        for day in [int(day)]
    }
    assert sorted(since) == ["amount", "customer_count_1d", "merchant_group", "terminal_risk_7d"]

    groups = since["merchant_group"]["merchant_group"]
    (new,) = set(week["merchant_group"].to_pylist()) - set(before["merchant_group"].to_pylist())
    for column in (groups, week["merchant_group"]):
        assert pc.sum(pc.equal(column, new)).as_py() == round(0.06 * len(groups))

    cents = pc.greater(since["amount"]["amount"], pc.max(before["amount"]))
    assert 0.25 < pc.mean(cents.cast(pa.float64())).as_py() < 0.40
    assert 0.55 < since["terminal_risk_7d"]["terminal_risk_7d"].null_count / since["terminal_risk_7d"].num_rows < 0.75


def test_what_is_printed(demo_output: tuple[Path, str]) -> None:
    folder, printed = demo_output
    lines = printed.splitlines()
    rows = {name: pq.read_metadata(folder / f"{name}.parquet").num_rows for name in ("reference", "current")}
    assert lines[0] == "Two generated months of card transactions:"
    assert f"Reference  {rows['reference']:,} rows of demo-output/reference.parquet" in lines
    assert f"Current    {rows['current']:>7,} rows of demo-output/current.parquet" in lines
    assert "Roles      id: transaction_id, time: time, target: is_fraud" in lines
    assert "FAIL  terminal_risk_7d  drift.missing" in lines
    assert "more than what 8 reference windows vary by themselves" in " ".join(printed.split())
    assert lines[-2:] == [
        f"Report    {(folder / 'report.html').as_uri()}",
        "Findings  demo-output/findings.json",
    ]
    assert max(len(line) for line in lines if not line.startswith(("Report", "Release"))) <= 80
    assert "</html>" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_model_is_released_and_a_leaky_one_refused(demo_output: tuple[Path, str]) -> None:
    folder, printed = demo_output
    honest, leaky = printed.partition("2. A candidate with one more column, known_later,")[::2]
    flat = " ".join(honest.split())
    assert "PASS: nothing refuses a release." in flat
    assert "a random split, which usually flatters" in flat
    assert "FAIL known_later leakage.target" in " ".join(leaky.split())
    assert "Release refused." in " ".join(leaky.split())
    store = hf.open_store(folder / "releases")
    assert store.versions("fraud") == [1]
    assert store.verify("fraud", 1) == ()
    released = hf.load_release(store.get("fraud"))
    assert released.name == "fraud/1"
    assert "known_later" not in released.model.features
    assert "</html>" in (folder / "evaluation.html").read_text(encoding="utf-8")


def test_a_killed_server_loses_nothing(demo_output: tuple[Path, str]) -> None:
    _, printed = demo_output
    assert "with SIGKILL" in printed
    logged, acknowledged = re.search(
        r"Logged +([\d,]+) rows; acknowledged ([\d,]+), missing 0, twice 0", printed
    ).groups()
    assert logged == acknowledged


def test_the_lines_of_the_readme_are_answered_as_printed(demo_output: tuple[Path, str]) -> None:
    folder, _ = demo_output
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\$ (curl .*)\n(\{.*\})$", readme, re.MULTILINE)
    assert len(lines) == 2
    with serving(folder, "fraud") as server:
        for line, shown in lines:
            asked = shlex.split(line.replace("localhost:8080", f"localhost:{server.port}"))
            done = subprocess.run(asked, capture_output=True, text=True, check=True)
            answer, expected = json.loads(done.stdout), json.loads(shown)
            for one, other in zip(answer.get("answers", []), expected.get("answers", []), strict=True):
                # Boosted trees are fitted alike on every machine but for the last digits.
                assert one.pop("score") == pytest.approx(other.pop("score"), abs=0.02)
                assert one.pop("confidence") == pytest.approx(other.pop("confidence"), abs=0.05)
            assert answer == expected


def test_a_model_of_a_file_of_ones_own(tmp_path: Path) -> None:
    """A number that two others make, and some noise."""
    table = own_file(tmp_path / "own.parquet", rows=2_000)
    other = pa.array([float(i * i % 5) for i in range(2_000)])
    noise = pa.array([float(i % 3) for i in range(2_000)])
    wanted = pc.add(pc.add(table["x"], pc.multiply(other, 4.0)), noise)
    pq.write_table(table.append_column("other", other).append_column("wanted", wanted), tmp_path / "own.parquet")
    done = demo("--data", "own.parquet", "--time", "at", "--target", "wanted", cwd=tmp_path)
    honest, leaky = " ".join(done.stdout.split()).split("2. A candidate with one more column, known_later,")
    assert (done.stderr, done.returncode) == ("", 0)
    assert "PASS: nothing refuses a release." in honest
    assert "FAIL known_later leakage.target" in leaky
    assert hf.open_store(tmp_path / "demo-output" / "releases").versions("wanted") == [1]
    with closing(Spool(tmp_path / "demo-output" / ".holdfast" / "spool")) as spool:
        spool.write([predictions(["a"], model="earlier")])
    again = demo("--data", "own.parquet", "--time", "at", "--target", "wanted", cwd=tmp_path)  # over what is there
    assert (again.stderr, again.returncode) == ("", 0)
    assert "Release wanted/2" in " ".join(again.stdout.split())
    assert "missing 0, twice 0" in again.stdout
    assert again.stdout.count("Proof ") == 1  # and not of the model of an earlier demo


def own_file(path: Path, rows: int = 1_000, *, without_time: int = 0) -> pa.Table:
    """A table in no order of time: row `i` happened `7 i mod rows` hours after the start."""
    hours = [7 * i % rows for i in range(rows)]
    times = pa.array([START + timedelta(hours=h) for h in hours] + [None] * without_time, pa.timestamp("ms", "UTC"))
    numbers = pa.array([float(h % 24) for h in hours] + [0.5] * without_time)
    table = pa.table({"at": times, "x": numbers, "name": pa.array(["a", "b"] * ((rows + without_time) // 2))})
    pq.write_table(table, path)
    return table


def test_a_file_of_ones_own_is_cut_in_time(tmp_path: Path) -> None:
    """The last tenth against the rest, rows in their order, and the same result as of a comparison of the two."""
    table = own_file(tmp_path / "own.parquet", without_time=10)
    done = demo("--data", "own.parquet", "--time", "at", "--output", "out", cwd=tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.splitlines()[:4] == [
        "own.parquet, cut in two by at:",
        "  out/reference.parquet  900 rows",
        "  out/current.parquet    100 rows, the last in time",
        "10 rows without a time are in neither.",
    ]
    cut = pa.scalar(START + timedelta(hours=900), table["at"].type)
    reference, current = (pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in ("reference", "current"))
    assert reference.cast(table.schema) == table.filter(pc.less(table["at"], cut))
    assert current.cast(table.schema) == table.filter(pc.greater_equal(table["at"], cut))

    again = hf.compare(reference, current, roles={"at": "time"})
    written = json.loads((tmp_path / "out" / "findings.json").read_text(encoding="utf-8"))
    assert [(f["code"], f["status"], f["subject"], f["message"]) for f in written["findings"]] == [
        (f.code, f.status, f.subject, f.message) for f in again.findings
    ]


def test_times_may_be_text_or_numbers(tmp_path: Path) -> None:
    rows = "".join(f"{i},2025-01-{1 + i // 100:02}T00:00:{i % 60:02},{i % 7}\n" for i in range(1_000))
    (tmp_path / "own.csv").write_text(f"second,when,x\n{rows}")
    for column in ("second", "when"):
        done = demo("--data", "own.csv", "--time", column, cwd=tmp_path)
        assert done.stdout.splitlines()[1:3] == [
            "  demo-output/reference.parquet  900 rows",
            "  demo-output/current.parquet    100 rows, the last in time",
        ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "own.parquet"], "--data needs --time, one of its columns at, x, name."),
        (["--time", "at"], "--time and --target go with --data: the generated tables have their own."),
        (["--data", "own.parquet", "--time", "absent"], "roles: the data table has no column 'absent': .*"),
        (["--data", "own.parquet", "--time", "name"], "roles: the role time needs a column of the kind time or .*"),
        (["--data", "few.parquet", "--time", "at"], "data: expected at least 500 rows with a time in 'at', got 100."),
        (["--data", "same.parquet", "--time", "at"], "data: too many rows have the same time in 'at' to cut them .*"),
        (["--data", "absent.parquet", "--time", "at"], "data: .*absent.parquet does not exist; .*"),
        (["--data", "out/current.parquet", "--time", "at", "--output", "out"], "Cannot write .*: it is the table .*"),
        (["--output", "own.parquet"], "own.parquet: File exists."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    own_file(tmp_path / "own.parquet")
    own_file(tmp_path / "few.parquet", rows=100)
    pq.write_table(pa.table({"at": [START] * 600}), tmp_path / "same.parquet")
    (tmp_path / "out").mkdir()
    own_file(tmp_path / "out" / "current.parquet")
    done = demo(*arguments, cwd=tmp_path)
    assert re.fullmatch(f"holdfast: {message}\n", done.stderr)
    assert (done.stdout, done.returncode) == ("", 2)
