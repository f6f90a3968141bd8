"""The commands `monitor`, `incidents`, `annotate` and `rebuild`, as they are typed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.book import incidents as people
from holdfast.book import monitoring as recorded
from holdfast.cli import run
from holdfast.testing.answered import commit, label_rows
from holdfast.testing.planted import unit_change

from .conftest import HISTORY_DAYS, Service, payments


class Done(NamedTuple):
    """What a command printed, and its exit code."""

    out: str
    error: str
    code: int


Holdfast = Callable[..., Done]


@pytest.fixture
def holdfast(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Holdfast:
    """Runs `holdfast` beside the service, on 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("holdfast.releases.environment.author", lambda: "ada")
    releases = Path(str(service.sealed.place)).parents[1]
    Path("site.toml").write_text(f'root = "."\nreleases = "{releases}"\n')

    def typed(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["holdfast", *arguments])
        code = run()
        printed = capsys.readouterr()
        return Done(printed.out, printed.err, code)

    return typed


@pytest.fixture
def changed(service: Service) -> None:
    """A week, in which the unit of a column changes on one day."""
    rows = payments(HISTORY_DAYS, 7, seed=3)
    service.answer(unit_change(rows, "amount", 100.0, "2026-03-09", share=0.5, seed=0).table)


def fits(printed: str) -> bool:
    return max(map(len, printed.splitlines())) <= 80


def listed(done: Done) -> dict[str, list[str]]:
    """Severity, state and day of each incident in a table, by its id."""
    lines = [line.split() for line in done.out.splitlines() if line.startswith("fraud-")]
    return {line[0]: line[1:4] for line in lines}


@pytest.mark.usefixtures("changed")
def test_monitor_finds_what_changed_and_its_exit_code_says_so(holdfast: Holdfast) -> None:
    done = holdfast("monitor")
    assert (done.code, done.error) == (1, "")
    assert fits(done.out)
    assert done.out.splitlines()[0].split() == ["Model", "Windows", "Judged", "now", "Rows", "read", "Until"]
    assert done.out.splitlines()[1].startswith("fraud/1")
    assert listed(done)["fraud-1"] == ["high", "open", "2026-03-09"]
    assert re.search(r"Open: .*\d high.* `holdfast incidents show ID` says more\.", done.out)
    again = holdfast("monitor", "fraud", "--json")
    (model,) = json.loads(again.out)
    assert (again.code, model["model"], model["judged"], model["rows"]) == (1, "fraud", 0, 0)
    assert {(one["id"], one["severity"], one["state"]) for one in model["incidents"]} >= {("fraud-1", "high", "open")}


def test_monitor_over_an_empty_log_says_where_it_looked_and_what_to_do(holdfast: Holdfast, tmp_path: Path) -> None:
    done = holdfast("monitor")
    assert (done.code, done.error) == (0, "")
    assert f"Nothing is logged in {tmp_path} yet" in done.out.replace("\n", " ")
    assert "`holdfast serve`" in done.out
    printed = holdfast("monitor", "--json")
    assert (printed.code, json.loads(printed.out)) == (0, [])
    assert "Nothing is logged in" in printed.error


def test_monitor_over_a_log_without_a_release_names_both(holdfast: Holdfast, service: Service) -> None:
    service.answer(payments(HISTORY_DAYS, 1, seed=1))
    Path("site.toml").write_text('root = "."\nreleases = "elsewhere"\n')
    done = holdfast("monitor")
    assert (done.code, done.error) == (0, "")
    assert "There is nothing to watch: 'fraud' logged in" in done.out
    assert "elsewhere" in done.out


def test_monitor_says_of_rows_that_only_just_came_that_they_wait(holdfast: Holdfast, service: Service) -> None:
    now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "us")
    rows = payments(HISTORY_DAYS, 1, seed=1, rows_a_day=5)
    times = pa.array(np.full(5, now), pa.timestamp("us", "UTC"))
    service.answer(rows.set_column(rows.schema.names.index("time"), "time", times), delay_days=None)
    done = holdfast("monitor")
    assert (done.code, done.error) == (0, "")
    told = done.out.replace("\n", " ")
    assert "5 rows of fraud came within the last 30 seconds: they are read by a run after that." in told
    assert re.search(r"The first window of fraud ends at \d{4}-\d\d-\d\d 00:00 UTC, and is judged then\.", told)
    assert fits(done.out)
    assert json.loads(holdfast("monitor", "--json").out)[0]["waiting"] == 5


def test_monitor_says_of_late_labels_when_they_are_judged(holdfast: Holdfast, service: Service) -> None:
    rows = payments(HISTORY_DAYS, 2, seed=1)
    ids = service.answer(rows, delay_days=None)
    now = datetime.now(UTC).timestamp()
    service.monitor(now - 120)
    came = np.full(len(ids), now - 60)
    label_rows(service.root, service.sealed, ids, rows["fraud"].to_pylist(), came)
    commit(service.root)
    done = holdfast("monitor")
    said = (
        f"{len(ids)} labels of fraud came: what they say is judged with the window in which they came, which ends at "
    )
    assert re.search(said + r"\d{4}-\d\d-\d\d 00:00 UTC\.", done.out.replace("\n", " "))
    assert fits(done.out)


@pytest.mark.usefixtures("changed")
def test_an_erased_row_is_named_by_no_incident_and_by_none_that_is_made_again(
    holdfast: Holdfast, service: Service
) -> None:
    holdfast("monitor")
    first, second, *others = recorded.incidents(service.book, "fraud")["fraud-1"]["rows"]
    assert len(others) == 18
    assert first in holdfast("incidents", "show", "fraud-1").out
    done = holdfast("log", "erase", first, second, "--model", "fraud")
    assert done.code == 0
    assert "1 incident that named such a row does so no longer." in done.out.replace("\n", " ")
    assert json.loads(holdfast("log", "erase", first, "--model", "fraud", "--json").out)["incidents"] == 0
    holdfast("monitor")
    before = recorded.incidents(service.book, "fraud")
    assert before["fraud-1"]["rows"] == others
    assert first not in holdfast("incidents", "show", "fraud-1").out + holdfast("incidents", "--all", "--json").out
    assert holdfast("rebuild", "fraud").code == 0
    assert recorded.incidents(service.book, "fraud") == before
    assert not [path for path in service.root.glob("book.db*") if first.encode() in path.read_bytes()]


@pytest.mark.usefixtures("changed")
def test_monitor_writes_its_report(holdfast: Holdfast, tmp_path: Path) -> None:
    assert holdfast("monitor", "--html", "week.html").code == 1
    assert "fraud-1" in (tmp_path / "week.html").read_text()


def test_monitor_says_when_there_is_nothing_to_watch_and_what_it_does_not_know(
    holdfast: Holdfast, service: Service
) -> None:
    service.answer(payments(HISTORY_DAYS, 1, seed=1))
    unknown = holdfast("monitor", "churn")
    assert (unknown.code, unknown.out) == (2, "")
    assert "Nothing is logged of 'churn'" in unknown.error
    assert "fraud" in unknown.error
    assert holdfast("monitor", "--every", "often").code == 2
    assert holdfast("monitor", "--every", "5m", "--json").code == 2
    assert holdfast("monitor", "--html", "nowhere/week.html").code == 2


@pytest.mark.usefixtures("changed")
def test_people_say_what_they_do_about_incidents(holdfast: Holdfast, service: Service) -> None:
    ids = [f"fraud-{number + 1}" for number in range(len(listed(holdfast("monitor"))))]
    shown = holdfast("incidents", "show", "fraud-1")
    assert shown.code == 0
    assert fits(shown.out)
    assert "amount" in shown.out.splitlines()[0]
    assert re.search(r"^Do next +See whether the unit", shown.out, re.MULTILINE)
    assert "column:amount:location" in shown.out
    assert holdfast("incidents", "ack", "fraud-1", "--reason", "on it") == Done("fraud-1 is acknowledged.\n", "", 0)
    snoozed = holdfast("incidents", "snooze", "fraud-1", "--until", "3d")
    assert re.fullmatch(r"fraud-1 is snoozed to \d{4}-\d\d-\d\d\.\n", snoozed.out)
    assert fits(holdfast("incidents").out)
    for name in ids:
        assert holdfast("incidents", "resolve", name, "--reason", "mended").out == f"{name} is resolved.\n"
    assert holdfast("incidents").out == f"No incidents are open; {len(ids)} are resolved, see --all.\n"
    assert holdfast("monitor").code == 0
    assert {state for _, state, _ in listed(holdfast("incidents", "--all")).values()} == {"resolved"}
    assert holdfast("incidents", "reopen", "fraud-1").out == "fraud-1 is open.\n"
    (one,) = json.loads(holdfast("incidents", "--json").out)
    assert [(act["act"], act["author"], act["reason"]) for act in one["acts"]] == [
        ("acknowledge", "ada", "on it"),
        ("snooze", "ada", ""),
        ("resolve", "ada", "mended"),
        ("reopen", "ada", ""),
    ]
    shown = holdfast("incidents", "show", "fraud-1")
    assert re.search(r"UTC +ada +acknowledge +on it", shown.out)
    assert len(people.acts(service.book)["fraud-1"]) == 4
    audit = holdfast("audit")
    assert re.search(r"ada +snooze incident +fraud-1", audit.out)
    assert holdfast("audit", "verify").code == 0


@pytest.mark.usefixtures("changed")
def test_what_somebody_knows_of_is_explained(holdfast: Holdfast) -> None:
    done = holdfast("annotate", "fraud", "price rise", "--since", "2026-03-09", "--column", "amount")
    assert done == Done(
        "Known of fraud: price rise, from 2026-03-09 00:00 UTC to 2026-03-10 00:00 UTC, in amount.\n", "", 0
    )
    assert listed(holdfast("monitor"))["fraud-1"][1] == "known"
    mistyped = holdfast("annotate", "fruad", "sale", "--since", "2026-03-09")
    assert mistyped.error == ("holdfast: Nothing is announced: there is no model 'fruad' here: did you mean 'fraud'?\n")
    strange = holdfast("annotate", "fraud", "sale", "--since", "2026-03-09", "--column", "amout")
    assert strange.error == (
        "holdfast: Nothing is announced: no release of fraud has a column 'amout': did you mean 'amount'?\n"
    )
    assert (mistyped.code, strange.code) == (2, 2)
    shown = holdfast("incidents", "show", "fraud-1")
    assert re.search(r"^Known +price rise$", shown.out, re.MULTILINE)
    assert re.search(r"annotate +fraud: price rise", holdfast("audit").out)
    ends = json.loads(
        holdfast(
            "annotate", "fraud", "sale", "--since", "2026-04-01T10:00+02:00", "--until", "2026-04-03", "--json"
        ).out
    )
    assert (ends["since"], ends["until"]) == ("2026-04-01T08:00:00Z", "2026-04-04T00:00:00Z")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("incidents", "show", "fraud-9"), "There is no incident 'fraud-9'"),
        (("incidents", "resolve", "fraud-9"), "There is no incident 'fraud-9'"),
        (("incidents", "show"), "`show` takes 1 name; got 0"),
        (("incidents", "snooze", "fraud-1"), "`snooze` needs `--until`: a date, a time, or a length such as 3d."),
        (("incidents", "ack", "fraud-1", "--until", "3d"), "`--until` belongs to"),
        (("incidents", "snooze", "fraud-1", "--until", "soon"), "--until takes a date, a time or a length"),
        (("incidents", "snooze", "fraud-1", "--until", "2020-01-01"), "--until is over: 2020-01-01 00:00 UTC."),
        (("incidents", "snooze", "fraud-1", "--until", "9999999w"), "--until is too far ahead"),
        (("incidents", "ack", "fraud-1", "--all"), "belong to `holdfast incidents list`"),
        (("annotate", "fraud", "sale", "--since", "May"), "--since takes a date or time"),
        (("rebuild", "churn"), "No run over the log of 'churn' is recorded"),
        (("monitor", "--labels", "x.parquet"), "`--labels` belongs to `--data`"),
        (("monitor", "--config", "x.toml"), "`--config` belongs to `--data`"),
        (("monitor", "fraud", "--data", "x.parquet"), "`--data` takes no MODEL"),
        (("monitor", "--data", "x.parquet", "--release", "1"), "`--release` is of one model that is logged"),
        (("monitor", "--backfill", "ages"), "--backfill takes a length such as"),
        (("rebuild", "--labels", "x.parquet"), "`--labels` belongs to `--data`"),
        (("rebuild", "fraud", "--data", "x.parquet"), "`--data` takes no MODEL"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    holdfast: Holdfast, service: Service, arguments: tuple[str, ...], said: str
) -> None:
    service.answer(payments(HISTORY_DAYS, 1, seed=1))
    done = holdfast(*arguments)
    assert (done.out, done.code) == ("", 2)
    assert said in done.error
    assert done.error.count("\n") == 1


def test_without_incidents_the_list_says_so(holdfast: Holdfast) -> None:
    assert holdfast("incidents") == Done("No incidents are open.\n", "", 0)
    assert holdfast("incidents", "--json").out == "[]\n"


def test_rules_are_printed_for_prometheus(holdfast: Holdfast) -> None:
    done = holdfast("incidents", "rules")
    assert done.out.startswith("groups:\n  - name: holdfast\n")
    assert "holdfast_incidents_open" in done.out


@pytest.mark.usefixtures("changed")
def test_rebuild_gives_the_same(holdfast: Holdfast, service: Service) -> None:
    holdfast("monitor")
    holdfast("incidents", "ack", "fraud-1")
    before, shown = recorded.derived(service.book, "fraud"), holdfast("incidents")
    assert holdfast("rebuild") == Done("fraud: what follows from 1 run was made again.\n", "", 0)
    assert recorded.derived(service.book, "fraud") == before
    assert holdfast("incidents") == shown
    assert json.loads(holdfast("rebuild", "fraud", "--json").out) == {"fraud": 1}


@pytest.mark.usefixtures("changed")
def test_alerts_go_where_site_toml_says_and_what_could_not_is_said(
    holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Path("site.toml")
    site.write_text(f'{site.read_text()}\n[[alerts]]\nurl = "stdout"\n[[alerts]]\nurl = "$PAGER"\nname = "pager"\n')
    unset = holdfast("monitor")
    assert (unset.code, unset.out) == (2, "")
    assert "names the variable PAGER" in unset.error
    monkeypatch.setenv("PAGER", "http://ada:hush@127.0.0.1:1/")
    done = holdfast("monitor")
    assert done.out.startswith("[high] fraud: amount ")
    assert re.search(r"could not be delivered to 'pager': connection refused\.", done.error)
    assert "hush" not in done.out + done.error
    assert 'holdfast_alerts_waiting{route="pager"}' in Path("monitored/metrics.prom").read_text()
    # A second run tells the one nothing again, and still says what waits for the other.
    again = holdfast("monitor", "--json")
    assert json.loads(again.out)
    assert "connection refused" in again.error
    assert "[high]" not in again.error


def test_predictions_that_were_made_elsewhere_are_watched(holdfast: Holdfast, tmp_path: Path) -> None:
    """The rows have the scores that somebody else gave them."""

    def scored(rows: pa.Table) -> pa.Table:
        amount = rows["amount"].to_numpy()
        return rows.append_column("risk", pa.array(1 / (1 + np.exp(3.0 - 1.5 * np.log(amount / 20)))))

    Path("site.toml").unlink()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    rows = unit_change(payments(HISTORY_DAYS, 7, seed=3), "amount", 100.0, "2026-03-09", share=0.5, seed=0).table
    pq.write_table(scored(payments(0, HISTORY_DAYS, seed=0)), folder / "history.parquet")
    pq.write_table(scored(rows).drop(["fraud"]), folder / "made.parquet")
    truth = rows.select(["payment", "fraud"])
    strange = pa.table({"payment": ["P-1", "P-2"], "fraud": [True, False]})
    pq.write_table(pa.concat_tables([truth, strange]), folder / "truth.parquet")
    config = folder / "holdfast.toml"
    config.write_text(
        'name = "elsewhere"\n[data]\npath = "history.parquet"\ntarget = "fraud"\nid = "payment"\n'
        'roles = {risk = "score", region = "segment"}\n'
        '[objective]\nkind = "cost"\nfalse_positive = 5\nfalse_negative = "amount"\n[monitor]\nsmallest = 50\n'
    )
    asked = ("--data", str(folder / "made.parquet"), "--labels", str(folder / "truth.parquet"), "--config", str(config))
    done = holdfast("monitor", *asked)
    assert (done.code, done.error) == (1, "")
    assert "elsewhere-1" in done.out
    assert "2 labels of elsewhere without a prediction." in done.out
    again = json.loads(holdfast("monitor", *asked, "--json").out)
    assert [(one["judged"], one["rows"]) for one in again] == [(0, 0)]
    (folder / "site.toml").write_text("")
    own = ("--site", str(folder / "site.toml"))
    assert "elsewhere-1" in holdfast("incidents", *own).out
    change = ("annotate", "elsewhere", "price rise", "--since", "2026-03-09", *own)
    assert holdfast(*change, "--column", "amount").code == 0
    assert "no release of elsewhere has a column 'amout'" in holdfast(*change, "--column", "amout").error
    unsaid = holdfast("rebuild", "--site", str(folder / "site.toml"))
    assert unsaid.out.endswith("watched by tables, give them: `--data`, `--labels` and `--config`.\n")
    assert "elsewhere: what follows from 2 runs was made again." in holdfast("rebuild", *asked).out


def test_skew_tells_which_columns_differ_and_its_exit_code_says_so(
    service: Service, holdfast: Holdfast, tmp_path: Path
) -> None:
    rows = payments(HISTORY_DAYS, 6, seed=1)
    table = rows.append_column("hf_id", pa.array(service.answer(rows, delay_days=None)))
    pq.write_table(table, tmp_path / "same.parquet")
    done = holdfast("skew", "fraud", "same.parquet")
    assert (done.code, done.error) == (0, "")
    assert done.out == "1,200 rows and 5 columns were compared: none differs in more rows than may.\n"
    amount = table["amount"].to_numpy().copy()
    amount[600:900] *= 100
    wrong = table.set_column(table.schema.names.index("amount"), "amount", pa.array(amount)).drop_columns(["age"])
    pq.write_table(pa.concat_tables([wrong, wrong.slice(0, 1)]), tmp_path / "other.parquet")
    done = holdfast("skew", "fraud", "other.parquet", "--html", "skew.html")
    assert (done.code, done.error) == (1, "")
    assert fits(done.out)
    assert done.out.splitlines()[1].split() == ["amount", "25.00%", "300", "0", "0"]
    assert "FAIL  amount  skew.serving" in done.out
    assert "age is not compared: the table does not have it." in done.out
    assert "1 row of the table without an id, or with one that had come before." in done.out
    assert done.out.splitlines()[-1] == "1,200 rows and 4 columns were compared: 1 differs in more rows than may."
    page = (tmp_path / "skew.html").read_text(encoding="utf-8")
    assert "<h1>Training/serving skew: fraud</h1>" in page
    assert "1 differs in more rows than may" in page
    assert str(table["hf_id"][600 + int(amount[600:900].argmax())]) in page
    plain = json.loads(holdfast("skew", "fraud", "other.parquet", "--json").out)
    assert (plain["passed"], plain["repeated"], plain["left_out"]["age"]) == (False, 1, "the table does not have it")
    watched = holdfast("monitor", "fraud", "--recomputed", "other.parquet")
    assert "fraud, served and made again: 1,200 rows and 4 columns were compared:" in watched.out
    assert json.loads(holdfast("monitor", "--recomputed", "other.parquet", "--json").out)[0]["skew"]["passed"] is False
    missing = holdfast("skew", "fraud", "same.parquet", "--id", "key")
    assert (missing.code, missing.out) == (2, "")
    assert "no column 'key'" in missing.error
    assert (
        holdfast("skew", "other", "same.parquet").error
        == "holdfast: Nothing is logged of other in .; logged: 'fraud'.\n"
    )


@pytest.mark.usefixtures("changed")
def test_monitor_says_how_many_findings_the_quality_checks_have(service: Service, holdfast: Holdfast) -> None:
    rows = payments(HISTORY_DAYS + 7, 1, seed=3)
    service.answer(rows.set_column(rows.schema.names.index("country"), "country", pa.array(["XX"] * len(rows))))
    done = holdfast("monitor", "--html", "week.html")
    told = done.out[done.out.index("fraud: ") :].partition("\n\n")[0]
    assert fits(told)
    line = "fraud: 2 findings of the quality checks in the newest window; failed: 2 (country)."
    assert told.replace("\n", " ") == line
    assert "quality.unseen_category" in Path("week.html").read_text(encoding="utf-8")
    (plain,) = json.loads(holdfast("monitor", "--json").out)
    assert {"quality.unseen_category"} <= {finding["code"] for finding in plain["findings"]}


def test_monitor_names_three_columns_that_fail_and_counts_the_others(holdfast: Holdfast, service: Service) -> None:
    rows = payments(HISTORY_DAYS, 1, seed=3)
    for name in ("amount", "age", "country", "region"):
        nothing = pa.nulls(len(rows), rows.schema.field(name).type)
        rows = rows.set_column(rows.schema.names.index(name), name, nothing)
    service.answer(rows, delay_days=None)
    told = holdfast("monitor").out.replace("\n", " ")
    assert "; failed: 8 (country, amount, region and 1 more)." in told
