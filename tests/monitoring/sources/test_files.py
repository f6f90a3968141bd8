"""Tables of predictions and labels are watched as a log is: each row and label once, whatever the tables are called."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import Derived
from holdfast.book.opening import open_book
from holdfast.errors import InputError, SettingError
from holdfast.monitoring.monitor import monitor, replay
from holdfast.site import Site
from holdfast.watched import Watched

BEGIN = np.datetime64("2026-01-05", "us")
"""A Monday."""

HISTORY_DAYS, ROWS_A_DAY = 40, 120


def loans(first: int, days: int, seed: int = 0) -> pa.Table:
    """Loans of some days in the order of time, with what was predicted and what came to be."""
    rng = np.random.default_rng([seed, first])
    n = days * ROWS_A_DAY
    income, level = rng.normal(size=n), rng.choice(["low", "middle", "high"], n)
    odds = np.exp(-1.0 + 1.2 * income)
    seconds = np.repeat(np.arange(first, first + days) * 86_400, ROWS_A_DAY) + np.tile(
        np.arange(ROWS_A_DAY) * 700, days
    )
    spread = np.full((n, 3), 0.2)
    spread[np.arange(n), rng.integers(0, 3, n)] = 0.6
    truth = [rng.choice(["high", "low", "middle"], p=row) for row in spread]
    return pa.table(
        {
            "loan": [f"L{first}-{i}" for i in range(n)],
            "time": pa.array(BEGIN + seconds.astype("timedelta64[s]"), pa.timestamp("us", "UTC")),
            "income": income,
            "level": level,
            "score": odds / (1 + odds),
            "bad": rng.random(n) < odds / (1 + odds),
            "guess": 3.0 + income,
            "loss": 3.0 + income + rng.normal(size=n),
            **{f"score_{name}": spread[:, k] for k, name in enumerate(["high", "low", "middle"])},
            "risk": truth,
        }
    )


TASKS: dict[str, dict[str, Any]] = {
    "binary": {
        "target": "bad",
        "objective": {"kind": "cost", "false_positive": 1, "false_negative": 4},
        "columns": ["score"],
    },
    "classes": {
        "target": "risk",
        "objective": {"kind": "f_beta", "average": "macro"},
        "columns": ["score_high", "score_low", "score_middle"],
    },
    "regression": {"target": "loss", "objective": {"kind": "mae"}, "columns": ["guess"]},
}


def write(folder: Path, task: str = "binary", **changes: Any) -> dict[str, Any]:
    """A history, and the configuration over it."""
    asked = TASKS[task]
    columns = ["loan", "time", "income", "level", *asked["columns"], asked["target"]]
    pq.write_table(loans(0, HISTORY_DAYS).select(columns), folder / "history.parquet")
    data = {"path": "history.parquet", "target": asked["target"], "time": "time", "id": "loan"}
    if task == "regression":
        data["roles"] = {"guess": "prediction"}
    return {
        "name": "loans",
        "data": data | changes.pop("data", {}),
        "objective": asked["objective"],
        "monitor": {"smallest": 50},
        "folder": str(folder),
        **changes,
    }


def watched(project: Mapping[str, Any], data: Any, labels: Any = None, now: datetime | None = None) -> Watched:
    (found,) = monitor(data=data, labels=labels, project=project, now=now).models
    return found


def split(rows: pa.Table, task: str = "binary") -> tuple[pa.Table, pa.Table]:
    """Predictions, and labels."""
    asked = TASKS[task]
    return (
        rows.select(["loan", "time", "income", "level", *asked["columns"]]),
        rows.select(["loan", asked["target"]]),
    )


@pytest.mark.parametrize("task", TASKS)
def test_each_kind_of_task_is_watched(tmp_path: Path, task: str) -> None:
    found = watched(write(tmp_path, task), *split(loans(HISTORY_DAYS, 10), task))
    assert (found.judged, found.rows, found.labels, found.unmatched) == (10, 1_200, 1_200, 0)
    assert found.incidents == ()
    assert found.release == -1
    figures = {"loss"} | ({"bias"} if task != "classes" else set()) | ({"accuracy"} if task != "regression" else set())
    assert all(figures <= one.figures.keys() for one in found.windows)


def test_the_loss_is_that_of_the_rows(tmp_path: Path) -> None:
    rows = loans(HISTORY_DAYS, 1)
    found = watched(write(tmp_path, policy={"threshold": 0.2}), *split(rows))
    yes, bad = rows["score"].to_numpy() >= 0.2, rows["bad"].to_numpy(zero_copy_only=False)
    assert found.windows[0].figures["loss"][0] == pytest.approx(
        np.where(yes & ~bad, 1, np.where(~yes & bad, 4, 0)).mean()
    )


def test_decisions_that_are_there_are_taken(tmp_path: Path) -> None:
    rows = loans(HISTORY_DAYS, 1)
    predictions, labels = split(rows)
    found = watched(write(tmp_path), predictions.append_column("decision", rows["bad"]), labels)
    assert found.windows[0].figures["loss"][0] == 0


def test_a_second_call_reads_nothing_again(tmp_path: Path) -> None:
    project, rows = write(tmp_path), loans(HISTORY_DAYS, 5)
    first = watched(project, *split(rows))
    again = watched(project, *split(rows))
    assert (again.judged, again.rows, again.labels) == (0, 0, 0)
    assert again.windows == first.windows


def test_night_by_night_finds_what_one_call_finds(tmp_path: Path) -> None:
    rows = loans(HISTORY_DAYS, 6)
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    at_once = watched(write(tmp_path / "one"), *split(rows))
    project, total = write(tmp_path / "many"), 0
    for night in range(1, 7):
        found = watched(project, *split(rows.slice(0, night * ROWS_A_DAY)))
        total += found.labels
    assert total == at_once.labels
    assert [(one.start, one.rows, one.labelled) for one in found.windows] == [
        (one.start, one.rows, one.labelled) for one in at_once.windows
    ]


def test_rows_of_the_same_day_that_come_in_the_next_table_are_read(tmp_path: Path) -> None:
    project, rows = write(tmp_path), loans(HISTORY_DAYS, 3)
    watched(project, split(rows.slice(0, 2 * ROWS_A_DAY + 40))[0])
    found = watched(project, split(rows)[0])
    assert sum(one.rows for one in found.windows) == len(rows)


def test_rows_of_days_long_judged_are_shown_and_judged_no_more(tmp_path: Path) -> None:
    """A table is given again with more rows of older days, and other ones that came before are not in it any more."""
    project, rows = write(tmp_path), loans(HISTORY_DAYS, 5)
    predictions = split(rows)[0]
    missing = (np.arange(len(rows)) % 3 == 0) & (np.arange(len(rows)) < 3 * ROWS_A_DAY)
    first = watched(project, predictions.filter(pa.array(~missing)))
    late = watched(project, predictions.filter(pa.array(missing)))
    assert (first.rows, late.rows, late.judged) == (int((~missing).sum()), int(missing.sum()), 0)
    assert [one.rows for one in late.windows] == [ROWS_A_DAY] * 5
    assert [one.alarms for one in late.windows] == [one.alarms for one in first.windows]
    for again in (predictions, predictions.filter(pa.array(missing))):
        assert watched(project, again).rows == 0
    (tmp_path / "other").mkdir()
    whole = watched(write(tmp_path / "other"), predictions)
    for one, other in zip(late.windows, whole.windows, strict=True):
        assert one.effects == pytest.approx(other.effects)


def test_what_follows_from_runs_over_tables_is_made_again(tmp_path: Path) -> None:
    project, rows = write(tmp_path), loans(HISTORY_DAYS, 8)
    moved = np.where(np.arange(len(rows)) >= 5 * ROWS_A_DAY, 3.0, 0.0)
    rows = rows.set_column(2, "income", pa.array(rows["income"].to_numpy() + moved))
    predictions, labels = split(rows)
    watched(project, predictions.slice(0, 3 * ROWS_A_DAY))
    watched(project, predictions.slice(0, 6 * ROWS_A_DAY), labels.slice(0, 5 * ROWS_A_DAY))
    assert watched(project, predictions, labels).incidents
    book = open_book(str(tmp_path / ".holdfast" / "book.db"))
    before = recorded.derived(book, "loans")
    recorded.record_again(book, "loans", Derived(), after=recorded.runs(book, "loans")[-1].number)
    site = Site(folder=str(tmp_path))
    with pytest.raises(SettingError, match="watched by tables: give them"):
        replay(["loans"], site=site)
    assert replay(site=site) == {}
    assert replay(site=site, data=predictions, labels=labels, project=project) == {"loans": 3}
    assert recorded.derived(book, "loans") == before
    book.close()


def test_without_ids_rows_are_known_by_their_times(tmp_path: Path) -> None:
    project, rows = write(tmp_path), loans(HISTORY_DAYS, 3)
    predictions = split(rows)[0].drop_columns(["loan"])
    same = predictions.set_column(
        predictions.schema.get_field_index("time"),
        "time",
        predictions["time"].cast(pa.timestamp("s")).cast(pa.timestamp("us", "UTC")),
    )
    assert watched(project, same.slice(0, 2 * ROWS_A_DAY + 7)).rows == 2 * ROWS_A_DAY + 7
    assert watched(project, same).rows == ROWS_A_DAY - 7
    assert watched(project, same).rows == 0


def test_labels_that_come_weeks_later_are_evidence_once(tmp_path: Path) -> None:
    project, (predictions, labels) = write(tmp_path), split(loans(HISTORY_DAYS, 14))
    none = watched(project, predictions)
    some = watched(project, predictions, labels.slice(0, 700))
    rest = watched(project, predictions, labels)
    assert (none.labels, some.labels, rest.labels) == (0, 700, len(labels) - 700)
    assert all(one.labelled == one.rows for one in rest.windows)


def test_a_corrected_label_changes_what_is_shown_and_is_no_new_evidence(tmp_path: Path) -> None:
    project, (predictions, labels) = write(tmp_path), split(loans(HISTORY_DAYS, 3))
    first = watched(project, predictions, labels)
    bad = pc.invert(labels["bad"])
    other = watched(project, predictions, labels.set_column(labels.schema.get_field_index("bad"), "bad", bad))
    assert (first.labels, other.labels) == (len(labels), 0)
    for one, two in zip(first.windows, other.windows, strict=True):
        assert two.figures["accuracy"][0] == pytest.approx(1 - one.figures["accuracy"][0])
        assert two.alarms == one.alarms
    assert watched(project, predictions, labels).labels == 0, "and back again"


def test_labels_stand_in_the_predictions_too(tmp_path: Path) -> None:
    rows = loans(HISTORY_DAYS, 3)
    found = watched(write(tmp_path), rows.select(["loan", "time", "income", "level", "score", "bad"]))
    assert found.labels == len(rows)


def test_labels_that_arrived_later_than_a_moment_are_not_known_then(tmp_path: Path) -> None:
    rows = loans(HISTORY_DAYS, 4)
    predictions, labels = split(rows)
    later = pa.array(rows["time"].to_numpy() + np.timedelta64(2, "D"), pa.timestamp("us", "UTC"))
    now = datetime.fromtimestamp(float((BEGIN + np.timedelta64(HISTORY_DAYS + 4, "D")).astype(np.int64)) / 1e6, UTC)
    found = watched(write(tmp_path), predictions, labels.append_column("arrived", later), now)
    assert [one.labelled for one in found.windows] == [ROWS_A_DAY, ROWS_A_DAY, 0, 0]


def test_of_several_labels_the_last_one_counts_and_unknown_ids_are_counted(tmp_path: Path) -> None:
    rows = loans(HISTORY_DAYS, 1)
    predictions, labels = split(rows)
    wrong = labels.set_column(1, "bad", pa.array([True] * len(labels)))
    strange = pa.table({"loan": ["nobody", "no one"], "bad": [True, False]})
    found = watched(write(tmp_path), predictions, pa.concat_tables([wrong, strange, labels]))
    assert (found.labels, found.unmatched) == (len(rows), 2)
    assert found.windows[0].figures["bias"][0] == pytest.approx(
        np.mean(rows["bad"].to_numpy(zero_copy_only=False) - rows["score"].to_numpy())
    )


def test_ids_may_be_numbers_in_one_table_and_texts_in_the_other(tmp_path: Path) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 1))
    number = np.arange(len(labels))
    found = watched(
        write(tmp_path),
        predictions.set_column(0, "loan", pa.array(number)),
        labels.set_column(0, "loan", pa.array(number.astype(str).tolist())),
    )
    assert found.labels == len(labels)


def test_the_reference_stays_when_the_history_grows_and_is_new_when_the_configuration_is(tmp_path: Path) -> None:
    project, (predictions, labels) = write(tmp_path), split(loans(HISTORY_DAYS, 2))
    watched(project, predictions, labels)
    short = pq.read_table(tmp_path / "history.parquet").slice(0, 20 * ROWS_A_DAY)
    pq.write_table(short, tmp_path / "history.parquet")
    assert watched(project, predictions, labels).release == -1
    later, their = split(loans(HISTORY_DAYS + 2, 1))
    assert watched(project | {"policy": {"threshold": 0.3}}, later, their).release == -2


def test_a_change_of_an_input_says_what_is_missing_without_a_model(tmp_path: Path) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 6))
    late = np.arange(len(predictions)) >= 3 * ROWS_A_DAY
    income = np.where(late, 10.0, 1.0) * predictions["income"].to_numpy()
    (incident,) = watched(write(tmp_path), predictions.set_column(2, "income", pa.array(income)), labels).incidents
    assert incident.subject == "income"
    assert incident.cost is None
    assert "Without a release" in incident.story


def test_rows_that_the_model_was_fitted_on_say_nothing_of_its_answers(tmp_path: Path) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 2))
    found = watched(write(tmp_path, model={"trained_until": "2026-01-20"}), predictions, labels)
    assert found.judged == 2
    with pytest.raises(InputError, match=r"lies after model\.trained_until"):
        watched(write(tmp_path, model={"trained_until": "2027-01-20"}), predictions, labels)


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        ("score", "There is no score in the table of predictions: name its column, in data.roles"),
        ("income", "The table of predictions has no column 'income'"),
        ("time", "The table of predictions has no column 'time'"),
        ("loan", "Labels are joined by id, and the table of predictions has no column 'loan'"),
    ],
)
def test_columns_that_are_needed_are_named(tmp_path: Path, drop: str, message: str) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 1))
    with pytest.raises((SettingError, InputError), match=message):
        watched(write(tmp_path), predictions.drop_columns([drop]), labels)


def test_segments_that_are_not_there_are_named(tmp_path: Path) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 1))
    with pytest.raises(SettingError, match=r"monitor\.segments: the data has no column 'levl': did you mean 'level'\?"):
        watched(write(tmp_path, monitor={"segments": ["levl"]}), predictions, labels)


def test_a_table_of_labels_without_a_label_names_the_target(tmp_path: Path) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 1))
    with pytest.raises(SettingError, match="The table of labels has no column 'bad'"):
        watched(write(tmp_path), predictions, labels.drop_columns(["bad"]))


@pytest.mark.parametrize("words", [("yes", "no"), ("2", "3")])
def test_truths_that_are_none_of_the_classes_are_refused(tmp_path: Path, words: tuple[str, str]) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 2))
    strange = pa.array([words[0] if one else words[1] for one in labels["bad"].to_pylist()])
    with pytest.raises(InputError) as caught:
        watched(write(tmp_path), predictions, labels.set_column(1, "bad", strange))
    assert str(caught.value) == (
        "The column 'bad' of the table of labels: expected 'false' or 'true', or true or false; got something else in "
        "240 rows. Write the classes as the history does, and leave it empty where nothing is known."
    )


def test_truths_may_be_words_of_any_case_and_are_empty_where_nothing_is_known(tmp_path: Path) -> None:
    rows = loans(HISTORY_DAYS, 10)
    predictions, labels = split(rows)
    texts = [None if i < 120 else str(one) for i, one in enumerate(labels["bad"].to_pylist())]
    project = write(tmp_path)
    told = watched(project, predictions, labels.set_column(1, "bad", pa.array(texts)))
    assert told.labels == 1_080
    plain = watched(project | {"name": "plain"}, predictions, labels)
    assert [one.figures for one in told.windows[1:]] == [one.figures for one in plain.windows[1:]]


def test_classes_are_called_as_the_history_calls_them_or_true_and_false(tmp_path: Path) -> None:
    def named(rows: pa.Table) -> pa.Table:
        words = ["lost" if one else "paid" for one in rows["bad"].to_pylist()]
        return rows.set_column(rows.column_names.index("bad"), "bad", pa.array(words))

    project = write(tmp_path, data={"positive": "lost"})
    pq.write_table(named(pq.read_table(tmp_path / "history.parquet")), tmp_path / "history.parquet")
    rows = loans(HISTORY_DAYS, 2)
    predictions, labels = split(rows)
    told = [
        watched(project | {"name": name}, predictions, one) for name, one in {"a": labels, "b": named(labels)}.items()
    ]
    assert told[0].labels == told[1].labels == 240
    assert [one.figures for one in told[0].windows] == [one.figures for one in told[1].windows]
    with pytest.raises(InputError, match="expected 'paid' or 'lost', or true or false; got something else in 240 rows"):
        watched(project, predictions, labels.set_column(1, "bad", pa.array(["settled"] * 240)))


def test_an_id_counts_once_in_a_table_and_what_is_passed_over_is_said(tmp_path: Path) -> None:
    rows = loans(HISTORY_DAYS, 3)
    times = rows["time"].to_pylist()
    times[5], times[7] = None, datetime(2999, 1, 1, tzinfo=UTC)
    rows = rows.set_column(1, "time", pa.array(times, pa.timestamp("us", "UTC")))
    predictions, labels = split(pa.concat_tables([rows, rows.slice(10, 40)]))
    found = watched(write(tmp_path), predictions, labels)
    assert [(one.rows, one.labelled) for one in found.windows] == [(118, 118), (120, 120), (120, 120)]
    assert found.warnings == (
        "40 rows of ids that came before in the table: passed over.",
        "1 row without a time: passed over.",
        "1 row of the future: passed over.",
    )


def test_scores_that_are_no_probabilities_are_counted_and_said(tmp_path: Path) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 3))
    scores = predictions["score"].to_pylist()
    scores[5:8] = [1.7, -3.0, None]
    found = watched(write(tmp_path), predictions.set_column(4, "score", pa.array(scores, pa.float64())), labels)
    (warning,) = found.warnings
    assert warning == (
        "2 rows of the table of predictions have a score outside 0 to 1 in 'score': a score is the probability of a class. "
        "They are judged as they stand: see what writes this column."
    )


def test_a_handful_of_rows_whose_labels_are_alike_says_nothing_of_the_answers(tmp_path: Path) -> None:
    predictions, _ = split(loans(HISTORY_DAYS, 1))
    rows = pc.and_(pc.greater(predictions["score"], 0.3), pc.less(predictions["score"], 0.5))
    few = predictions.filter(rows).slice(0, 3)
    good = pa.table({"loan": few["loan"], "bad": [False] * 3})
    found = watched(write(tmp_path), few, good)
    assert found.labels == 3
    assert [one.subject for one in found.incidents] == ["volume"]


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_rows_without_a_score_are_an_incident(tmp_path: Path, missing: float | None) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 10))
    scores = predictions["score"].to_pylist()
    scores[4 * ROWS_A_DAY :] = [missing] * (6 * ROWS_A_DAY)
    predictions = predictions.set_column(4, "score", pa.array(scores, pa.float64()))
    [incident] = watched(write(tmp_path), predictions, labels).incidents
    assert (incident.title, incident.subject) == ("Rows are answered without a score", "answers")
    assert incident.story.startswith("Rows are answered without a score since 18 February 2026: by +99.4 points (+")
    assert incident.advice == "See why the model gives these rows no score, and score them again."


def test_two_that_watch_for_the_first_time_at_once_seal_one_history_and_count_once(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "holdfast.toml").write_text(
        'name = "loans"\n[data]\npath = "history.parquet"\ntarget = "bad"\ntime = "time"\nid = "loan"\n'
        '[objective]\nkind = "f_beta"\n'
    )
    for name, table in zip(("predictions", "labels"), split(loans(HISTORY_DAYS, 4)), strict=True):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    asked = [
        "monitor",
        "--data",
        "predictions.parquet",
        "--labels",
        "labels.parquet",
        "--config",
        "holdfast.toml",
        "--json",
    ]
    both = [
        subprocess.Popen([sys.executable, "-m", "holdfast", *asked], cwd=tmp_path, stdout=subprocess.PIPE) for _ in "ab"
    ]
    found = [json.loads(one.communicate()[0])[0] for one in both]
    assert [(one["release"], one["incidents"]) for one in found] == [(-1, []), (-1, [])]
    assert sorted(one["rows"] for one in found) == [0, 480]
    assert sorted(one["judged"] for one in found) == [0, 4]


def test_a_history_without_a_score_cannot_be_held_against(tmp_path: Path) -> None:
    project = write(tmp_path)
    pq.write_table(loans(0, 5).drop_columns(["score"]), tmp_path / "history.parquet")
    with pytest.raises(SettingError, match="There is no score in the history"):
        watched(project, *split(loans(HISTORY_DAYS, 1)))


def test_a_table_without_rows_is_nothing_found(tmp_path: Path) -> None:
    predictions, labels = split(loans(HISTORY_DAYS, 1))
    found = watched(write(tmp_path), predictions.slice(0, 0), labels)
    assert (found.judged, found.rows, found.windows, found.unmatched) == (0, 0, (), len(labels))


def test_models_and_tables_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="models and data exclude each other"):
        monitor("loans", data=loans(0, 1), project=write(tmp_path))
    with pytest.raises(SettingError, match="labels and project belong to data"):
        monitor(labels=loans(0, 1))


def test_tables_of_which_some_answers_keep_the_truth_from_coming(tmp_path: Path) -> None:
    """Loans that are refused are never paid back or not; every fourth of them is granted at random, and says so."""
    rng = np.random.default_rng(0)

    def decided(rows: pa.Table) -> pa.Table:
        refused = np.asarray(rows["score"]) >= 0.6
        turned = refused & (rng.random(len(refused)) < 0.25)
        return rows.append_column("decision", pa.array(refused & ~turned)).append_column(
            "propensity", pa.array(np.where(refused, np.where(turned, 0.25, 0.75), 1.0))
        )

    asked = write(tmp_path, monitor={"smallest": 50, "observed": ["no"], "window": "1w"})
    columns = ["loan", "time", "income", "level", "score", "decision", "propensity"]
    pq.write_table(decided(loans(0, HISTORY_DAYS)).select([*columns, "bad"]), tmp_path / "history.parquet")
    rows = decided(loans(HISTORY_DAYS, 14))
    truth = rows.filter(pc.invert(rows["decision"])).select(["loan", "bad"])
    (found,) = monitor(data=rows.select(columns), labels=truth, project=asked, site=Site(folder=str(tmp_path))).models
    whole = [window for window in found.windows if window.rows == 7 * ROWS_A_DAY]
    assert whole
    for window in whole:
        assert window.labelled == window.truth.observable < window.rows == window.truth.spoken
        assert window.truth.explored > 10
        outcomes = {"accuracy", "precision", "recall", "specificity", "f1", "balanced_accuracy", "prevalence"}
        assert set(window.figures) == {"loss", "bias", *outcomes}
        assert found.usual is not None
        assert abs(window.figures["loss"][0] - found.usual[0]) < 0.5


@pytest.mark.parametrize("window", ["1d", "1w"])
def test_worse_answers_cost_what_the_labels_say_also_after_an_earlier_change(tmp_path: Path, window: str) -> None:
    """Errors of one day are enormous, weeks before they grow for good; the last week is not over."""
    rows = loans(HISTORY_DAYS, 41)  # until a Thursday
    day = np.arange(len(rows)) // ROWS_A_DAY
    loss = rows["loss"].to_numpy() + np.where(day == 1, 30.0, 0.0) + np.where(day >= 28, 2.0, 0.0)
    rows = rows.set_column(rows.schema.names.index("loss"), "loss", pa.array(loss))
    project = write(tmp_path, "regression", monitor={"smallest": 50, "window": window})
    now = datetime.fromtimestamp(float(pc.max(rows["time"]).cast(pa.int64()).as_py() / 1e6) + 5 * 86_400, UTC)
    found = watched(project, *split(rows, "regression"), now=now)
    open_ones = [one for one in found.incidents if one.kind == "performance" and one.status == "open"]
    history = loans(0, HISTORY_DAYS)
    usual = np.abs(history["loss"].to_numpy() - history["guess"].to_numpy()).mean()
    newest = day >= (36 if window == "1d" else 37)  # five days, or what there is of the week
    now_lost = np.abs(loss - rows["guess"].to_numpy())[newest].mean()
    expected = (now_lost - usual) * ROWS_A_DAY
    assert open_ones
    assert max(one.cost or 0.0 for one in open_ones) == pytest.approx(expected, rel=0.02)
