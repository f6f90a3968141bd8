"""Runs of the monitor over a real log: what they find, and that each row, label and window counts once."""

from __future__ import annotations

import dataclasses
import multiprocessing
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from holdfast.book import monitoring as recorded
from holdfast.book.opening import open_book
from holdfast.book.stages import promote
from holdfast.errors import ReleaseError, SettingError
from holdfast.log.spool import Spool
from holdfast.monitoring.counts import kept
from holdfast.monitoring.counts.counting import EVERYONE, Tally
from holdfast.monitoring.judging import Remembered
from holdfast.monitoring.monitor import monitor, replay
from holdfast.releases.store import open_store
from holdfast.site import Site
from holdfast.testing.answered import answer_rows, commit, label_rows
from holdfast.testing.logged import predictions
from holdfast.testing.planted import nulls, unit_change
from holdfast.testing.releases import seal_small

from .conftest import BEGIN, DAY, HISTORY_DAYS, Service, day, payments

FIRST = HISTORY_DAYS


def windows(service: Service) -> dict[int, dict]:
    return recorded.windows(service.book, "fraud")


def incidents(service: Service) -> list[dict]:
    return list(recorded.incidents(service.book, "fraud").values())


def state(service: Service) -> Remembered:
    found = recorded.watch_of(service.book, "fraud")
    assert found is not None
    return msgspec.msgpack.decode(found[1], type=Remembered)


def rounded(found: Any) -> Any:
    """Sums of floats differ in the last digits with their order."""
    match found:
        case float():
            return float(f"{found:.9g}")
        case dict():
            return {key: rounded(value) for key, value in found.items()}
        case list():
            return [rounded(value) for value in found]
    return found


def test_weeks_in_which_nothing_changes_open_nothing(service: Service) -> None:
    rows = payments(FIRST, 21, seed=1)
    service.answer(rows)
    done = service.monitor(day(FIRST + 21))
    assert done.rows == len(rows)
    assert done.judged == [day(FIRST + i) for i in range(21)]
    assert incidents(service) == []
    assert sum(one["rows"] for one in windows(service).values()) == len(rows)


def test_a_second_run_reads_and_judges_nothing_again(service: Service) -> None:
    service.answer(payments(FIRST, 5, seed=1))
    service.monitor(day(FIRST + 5))
    before = windows(service)
    done = service.monitor(day(FIRST + 5))
    assert (done.rows, done.labels, done.judged) == (0, 0, [])
    assert windows(service) == before


def test_runs_day_by_day_find_what_one_run_finds(service: Service, tmp_path_factory: pytest.TempPathFactory) -> None:
    rows = unit_change(payments(FIRST, 12, seed=2), "amount", 10.0, "2026-03-14", share=0.5, seed=0).table
    service.answer(rows)
    for number in range(1, 14):
        service.monitor(day(FIRST + number))
    other = Service(
        service.root, service.sealed, service.reference, open_book(tmp_path_factory.mktemp("b") / "book.db")
    )
    other.monitor(day(FIRST + 13))
    daily, once = windows(service), windows(other)
    assert daily.keys() == once.keys()
    for place in once:
        for name in ("rows", "labelled", "figures", "effects", "alarms"):
            assert rounded(daily[place].get(name)) == rounded(once[place].get(name)), (place, name)
    told = ("id", "title", "subject", "opened", "status")
    assert [[one[name] for name in told] for one in incidents(service)] == [
        [one[name] for name in told] for one in incidents(other)
    ]
    other.book.close()


def test_a_planted_change_opens_one_incident_on_its_day(service: Service) -> None:
    rows = unit_change(payments(FIRST, 14, seed=3), "amount", 100.0, "2026-03-14", share=0.5, seed=0).table
    service.answer(rows)
    done = service.monitor(day(FIRST + 14))
    changed = np.datetime64("2026-03-14").astype("datetime64[s]").astype(float)
    (one,) = done.opened
    assert (one.subject, one.kind, one.release) == ("amount", "input", 1)
    assert one.opened == changed + DAY
    assert one.since == changed
    assert one.cost is not None
    assert one.cost > 0
    assert one.unit == "EUR"
    assert "unit of this column" in one.advice
    assert {sign.key.partition(":")[0] for sign in one.signs} >= {"column", "score"}
    assert 0 < len(one.rows) <= 20
    found = windows(service)[round((changed + 2 * DAY) * 1e6)]
    assert found["effects"]["column:amount:location"] > 0.3
    assert "unlike any that the model knows" in found["unknown"]["loss"]


def test_missing_values_are_an_incident_that_says_to_fix_the_pipeline(service: Service) -> None:
    rows = nulls(payments(FIRST, 10, seed=4), "age", 0.6, "2026-03-12", seed=0).table
    service.answer(rows)
    done = service.monitor(day(FIRST + 10))
    assert [(one.subject, one.title) for one in done.opened] == [("age", "age changed its share of missing values")]
    assert done.opened[0].advice.startswith("Fix the pipeline")


def test_other_truths_for_the_same_rows_are_a_loss_of_performance(service: Service) -> None:
    rows = payments(FIRST, 20, seed=5)
    late = pc.greater_equal(rows["time"], datetime(2026, 3, 14, tzinfo=UTC))

    def truth(rows: pa.Table) -> list[bool]:
        cheap = pc.less(rows["amount"], 20.0)
        return pc.if_else(late, cheap, rows["fraud"]).to_pylist()

    service.answer(rows, truth=truth)
    done = service.monitor(day(FIRST + 21))
    (one,) = [one for one in done.opened if one.kind != "volume"]
    assert (one.subject, one.kind) == ("performance", "performance")
    assert one.advice.startswith("Retrain")
    # Labels come a day later, and are evidence when the day has ended on which they came.
    assert one.opened - np.datetime64("2026-03-14").astype("datetime64[s]").astype(float) <= 3 * DAY


def test_other_truths_are_not_hidden_behind_a_harmless_input_that_moves_at_the_same_time(service: Service) -> None:
    """Whether all came to be known in one run, or day by day."""
    rows = payments(FIRST, 20, seed=5)
    late = pc.greater_equal(rows["time"], datetime(2026, 3, 14, tzinfo=UTC))
    older = pc.if_else(late, pc.add(rows["age"], 12.0), rows["age"])
    rows = rows.set_column(rows.column_names.index("age"), "age", older)
    cheap = pc.less(rows["amount"], 20.0)
    service.answer(rows, truth=lambda rows: pc.if_else(late, cheap, rows["fraud"]).to_pylist())
    done = service.monitor(day(FIRST + 21))
    found = {one.subject: one for one in done.opened}
    assert found["age"].status == "noted"
    assert (found["performance"].status, found["performance"].kind) == ("open", "performance")
    assert not any(sign.key == "loss" for sign in found["age"].signs)


def test_figures_are_those_of_the_rows(service: Service) -> None:
    rows = payments(FIRST, 3, seed=6)
    service.answer(rows)
    service.monitor(day(FIRST + 5))
    from holdfast.log.reading import open_log

    logged = open_log(service.root).predictions("fraud", with_labels=True).read_all().sort_by("hf_event_time")
    some = logged.slice(
        0, int(np.searchsorted(np.sort(logged["hf_event_time"].cast(pa.int64()).to_numpy()), (day(FIRST + 1)) * 1e6))
    )
    truth, decision = (np.array(some[name].to_pylist()) for name in ("hf_label", "hf_decision"))
    amount = np.array(some["amount"].to_pylist())
    cost = np.where(decision & ~truth, 5.0, np.where(truth & ~decision, amount, 0.0))
    found = windows(service)[round(day(FIRST) * 1e6)]
    assert found["labelled"] == len(truth)
    assert found["figures"]["loss"][0] == pytest.approx(cost.mean())
    assert found["figures"]["accuracy"][0] == pytest.approx((truth == decision).mean())
    assert found["figures"]["precision"][0] == pytest.approx(truth[decision].mean())
    assert found["figures"]["recall"][0] == pytest.approx(decision[truth].mean())
    assert found["figures"]["f1"][0] == pytest.approx(f1_score(truth, decision))
    score = np.array(some["hf_score"].to_pylist())
    assert found["figures"]["roc_auc"][0] == pytest.approx(roc_auc_score(truth, score), abs=0.005)
    assert {*found["estimates"], *found["unknown"]} >= {"f1", "roc_auc", "pr_auc", "loss"}
    north = np.array(some["region"].to_pylist()) == "north"
    segment = found["segments"]["region=north"]
    assert (segment["rows"], segment["figures"]["loss"][0]) == (north.sum(), pytest.approx(cost[north].mean()))


def test_each_label_is_evidence_once_and_late_ones_revise_what_is_shown(service: Service) -> None:
    rows = payments(FIRST, 4, seed=7)
    service.answer(rows, delay_days=2.5)
    consumed, shown = 0, []
    for number in range(1, 9):
        consumed += service.monitor(day(FIRST + number)).labels
        shown.append(windows(service)[round(day(FIRST) * 1e6)]["labelled"])
    assert consumed == len(rows)
    assert shown[0] == shown[1] == 0
    assert 0 < shown[2] < shown[3]
    assert state(service).waiting == {}


def test_a_corrected_label_revises_what_is_shown_and_is_no_new_evidence(
    service: Service, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = payments(FIRST, 6, seed=15)
    ids = service.answer(rows)
    other = Service(
        service.root, service.sealed, service.reference, open_book(tmp_path_factory.mktemp("b") / "book.db")
    )
    for number in range(1, 8):
        service.monitor(day(FIRST + number))
    before, consumed = windows(service), state(service)
    # All of the first three days were wrong, and some labels come again as they were.
    first, last = np.searchsorted(
        rows["time"].to_numpy(), np.array([day(FIRST + 3), day(FIRST + 4)]).astype("datetime64[s]")
    )
    wrong, same = ids[:first], ids[first:last]
    fraud = rows["fraud"].to_pylist()
    truths = [*(not one for one in fraud[: len(wrong)]), *fraud[len(wrong) : len(wrong) + len(same)]]
    moment = np.full(len(truths), day(FIRST + 7.5))
    label_rows(service.root, service.sealed, [*wrong, *same], truths, moment)
    commit(service.root)
    done = service.monitor(day(FIRST + 8))
    assert (done.labels, done.opened) == (0, [])
    after = windows(service)
    for number in range(4):
        old, new = (one[round(day(FIRST + number) * 1e6)] for one in (before, after))
        accuracy = old["figures"]["accuracy"][0]
        assert new["figures"]["accuracy"][0] == pytest.approx(1 - accuracy if number < 3 else accuracy)
        assert new.get("alarms") == old.get("alarms")
    assert state(service).consumed == consumed.consumed
    loss, loss_before = state(service).watch.signals["loss"], consumed.watch.signals["loss"]
    assert loss == loss_before, "no e-value changes"
    # Who comes later takes in each label as it came first, too.
    other.monitor(day(FIRST + 8))
    late = state(other).watch.signals["loss"]
    assert rounded(msgspec.to_builtins(late)) == rounded(msgspec.to_builtins(loss))
    other.book.close()


def test_what_a_run_counted_that_ended_midway_is_passed_over(service: Service) -> None:
    service.answer(payments(FIRST, 2, seed=8))
    service.monitor(day(FIRST + 1))
    orphan = Tally(counts={(day(FIRST), EVERYONE): service.reference.history[-1][1]})
    kept.keep(service.root, service.reference, 2**51, orphan, {})
    service.monitor(day(FIRST + 2))
    own = sum(1 for _ in payments(FIRST, 2, seed=8)["payment"])
    assert sum(one["rows"] for one in windows(service).values()) == own


def test_silence_is_told(service: Service) -> None:
    service.answer(payments(FIRST, 5, seed=9))
    done = service.monitor(day(FIRST + 7))
    assert [(one.kind, one.advice[:22]) for one in done.opened] == [("volume", "See whether requests r")]
    assert [one["rows"] for one in windows(service).values()][-2:] == [0, 0]


def test_a_window_of_few_rows_is_shown_and_not_judged(service: Service) -> None:
    strange = payments(FIRST, 1, seed=10, rows_a_day=20)
    service.answer(strange.set_column(2, "amount", pa.array(np.full(20, 1e6))), delay_days=None)
    done = service.monitor(day(FIRST + 1))
    assert done.judged == [day(FIRST)]
    assert [one.kind for one in done.opened] in ([], ["volume"])
    assert windows(service)[round(day(FIRST) * 1e6)]["effects"]["column:amount:location"] > 1


def _monitor(root, sealed, place: str, now: float) -> None:
    from holdfast.book.opening import open_book
    from holdfast.monitoring.reference import reference_of

    book = open_book(place)
    Service(root, sealed, reference_of(sealed), book).monitor(now)
    book.close()


def test_two_at_once_take_turns(service: Service) -> None:
    rows = payments(FIRST, 4, seed=11)
    service.answer(rows)
    start = multiprocessing.get_context("spawn")
    place = str(service.root / "book.db")
    both = [
        start.Process(target=_monitor, args=(service.root, service.sealed, place, day(FIRST + 4))) for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join(120)
    assert [one.exitcode for one in both] == [0, 0]
    assert sum(one["rows"] for one in windows(service).values()) == len(rows)
    assert len(recorded.runs(service.book, "fraud")) == 2


def test_estimates_are_held_against_the_truth_when_it_comes(service: Service) -> None:
    rows = payments(FIRST, 12, seed=12)

    def truth(rows: pa.Table) -> list[bool]:
        late = pc.greater_equal(rows["time"], datetime(2026, 3, 11, tzinfo=UTC))
        return pc.if_else(late, pc.invert(rows["fraud"]), rows["fraud"]).to_pylist()

    service.answer(rows, truth=truth)
    service.monitor(day(FIRST + 6))
    before = state(service).reliability
    assert before["accuracy"].status == "reliable"
    assert before["accuracy"].windows == 5, "of the sixth the labels are still to come"
    service.monitor(day(FIRST + 9))
    assert state(service).reliability["accuracy"].status == "unreliable"
    service.monitor(day(FIRST + 12))
    newest = windows(service)[round(day(FIRST + 11) * 1e6)]
    assert "accuracy" in newest["unreliable"]
    assert service.monitor(day(FIRST + 12)).judged == []
    assert state(service).reliability["accuracy"].windows == 11, "each window is scored once"


def test_the_quality_checks_are_asked_of_each_window(service: Service) -> None:
    service.answer(nulls(payments(FIRST, 3, seed=13), "age", 0.6, "2026-03-08", seed=0).table)
    service.monitor(day(FIRST + 3))
    found = [
        [(one["code"], one["status"], one["subject"]) for one in content["findings"] if one["subject"] == "age"]
        for content in windows(service).values()
    ]
    assert found == [[], [], [("quality.new_nulls", "fail", "age"), ("quality.missing_rate", "warn", "age")]]


def test_what_is_wrong_with_the_rows_is_told_once_and_not_each_day(service: Service) -> None:
    service.answer(nulls(payments(FIRST, 9, seed=13), "age", 0.6, "2026-03-08", seed=0).table)
    for number in range(3, 10):
        service.monitor(day(FIRST + number))
    [one] = [one for one in recorded.incidents(service.book, "fraud").values() if one["subject"] == "age"]
    told = [text.partition(":")[0] if ":" in text else text for text in one["upstream"]]
    assert len(told) == len(set(told)) <= 3, one["upstream"]


def test_rows_of_a_window_are_as_fresh_as_they_were_when_it_ended(service: Service) -> None:
    """No row came after noon of the second day: twelve hours, where six are tolerable."""
    checks = msgspec.structs.replace(service.reference.checks, stale_after_seconds=6 * 3600.0)
    rows = payments(HISTORY_DAYS, 2, seed=1)
    noon = BEGIN + np.timedelta64((HISTORY_DAYS + 1) * 24 + 12, "h")
    service.answer(rows.filter(pa.array(rows["time"].to_numpy() < noon)))
    service.monitor(day(HISTORY_DAYS + 2), dataclasses.replace(service.reference, checks=checks))
    found = [one["findings"] for one in recorded.windows(service.book, "fraud").values()]
    stale = [[one["subject"] for one in some if one["code"] == "quality.freshness"] for some in found]
    assert stale == [[], ["time"]]


def test_a_model_that_cannot_be_watched_stops_no_other(
    service: Service, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = open_store(tmp_path_factory.mktemp("releases"))
    shutil.copytree(str(service.sealed.place), Path(str(store.root)) / "fraud" / "1")
    seal_small(store, "older")
    service.answer(payments(FIRST, 2, seed=14))
    spool = Spool(service.root / "spool")
    spool.write([predictions(["a"], model="older")])
    spool.close()
    site = Site(root=str(service.root), releases=str(store.root))
    found = monitor(site=site, now=datetime(2026, 3, 9, tzinfo=UTC))
    assert [one.model for one in found.models] == ["fraud"]
    assert list(found.failed) == ["older"]
    assert "release it again" in found.failed["older"]
    with pytest.raises(ReleaseError, match="no windows of its history"):
        monitor("older", site=site)


def test_a_release_beside_the_one_in_force_is_watched_by_itself(service: Service) -> None:
    content = {name: service.sealed.read(name) for name in service.sealed.manifest.files}
    store = open_store(service.root / "releases")
    first, second = (store.add("fraud", content, service.sealed.manifest.origin) for _ in range(2))
    site = Site(root=str(service.root), releases=str(store.root))
    book = open_book(site.book_location)
    promote(book, "fraud", 1, first.identity, author="ada")
    rows = payments(FIRST, 6, seed=18)
    beside = unit_change(rows, "amount", 100.0, "2026-03-08", share=0.5, seed=0).table
    dataclasses.replace(service, sealed=first).answer(rows)
    answer_rows(service.root, second, beside, "time", route="version")
    commit(service.root)
    now = datetime.fromtimestamp(day(FIRST + 6.5), UTC)
    (champion,) = monitor("fraud", site=site, now=now).models
    (shadow,) = monitor("fraud", release=2, site=site, now=now).models
    (same,) = monitor("fraud", release=1, site=site, now=now).models
    assert (champion.model, champion.rows, champion.incidents) == ("fraud", len(rows), ())
    assert (shadow.model, shadow.release, shadow.rows) == ("fraud@2", 2, len(rows))
    assert [one.subject for one in shadow.incidents] == ["amount"]
    assert shadow.incidents[0].id == "fraud@2-1"
    assert (same.model, same.rows, same.judged) == ("fraud", 0, 0)
    before = recorded.derived(book, "fraud@2")
    assert replay(site=site) == {"fraud": 2, "fraud@2": 1}
    assert recorded.derived(book, "fraud@2") == before
    with pytest.raises(SettingError, match="of one model"):
        monitor(release=2, site=site)
    book.close()
