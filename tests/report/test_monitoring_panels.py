"""What is shown of a model in service, as plain numbers."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from msgspec.structs import replace

from holdfast.profile.delays import delays_in
from holdfast.records import Severity, Status
from holdfast.report.evaluation_shapes import Axis
from holdfast.report.monitoring_groups import Group, groups
from holdfast.report.monitoring_heat import heat, ordered, table, windows_of_a_cell
from holdfast.report.monitoring_incidents import cost_text, since_text, told, urgency, verdict, word
from holdfast.report.monitoring_panels import panels
from holdfast.report.monitoring_shapes import Course, Heat
from holdfast.report.monitoring_view import Panel, clock_of, view
from holdfast.report.monitoring_words import Clock, change, signal
from holdfast.testing.monitored import CHANGED, DAY, START, calm, nothing, payments
from holdfast.watched import Known, Shown, Watched


def panel(watched: Watched, anchor: str) -> Panel:
    (found,) = (one for one in panels(watched, "") if one.section.anchor == anchor)
    return found


def course(watched: Watched, anchor: str, title: str) -> Course:
    (found,) = (one for one in panel(watched, anchor).pictures if one.title == title)
    assert isinstance(found, Course)
    return found


def heat_of(watched: Watched) -> Heat:
    (found,) = panel(watched, "columns").pictures
    assert isinstance(found, Heat)
    return found


# --- Time -----------------------------------------------------------------------------------------------------------


def test_hours_are_told_where_windows_do_not_begin_with_the_day() -> None:
    assert clock_of(calm()) == Clock("Europe/Berlin", days=True)
    hourly = dataclasses.replace(calm(), zone="UTC")
    assert clock_of(hourly).told(hourly.windows[0].start) == "31 Mar 2025, 22:00"


def test_places_are_those_of_the_clock_on_both_sides_of_a_change_to_summer_time() -> None:
    berlin = Clock("Europe/Berlin", days=False)
    night = 1_743_292_800.0 - 3_600  # 2025-03-30 00:00 in Berlin
    assert berlin.place(night + 3 * 3_600) - berlin.place(night) == 4 * 3_600


def test_a_moment_that_no_calendar_has_stays_a_number() -> None:
    assert Clock("UTC", days=True).told(1e18) == "1e+18 s"
    assert Clock("UTC", days=True).place(1e18) == 1e18


# --- The objective --------------------------------------------------------------------------------------------------


def test_lines_end_where_windows_have_no_figure() -> None:
    drawn = course(payments(), "objective", "Cost per row")
    assert [len(run) for run in drawn.runs] == [7, 29]  # the eighth has no rows, the last three no truth
    assert [len(run) for run in drawn.expected] == [7, 18, 12]  # two are outside the reference
    assert drawn.level == (0.38, 0.34, 0.43)
    assert drawn.limit == pytest.approx(0.42)
    assert (drawn.runs[0][0].label, drawn.runs[0][0].x) == ("1 Apr 2025, release 3", START + DAY / 2)


def test_releases_and_incidents_are_marked() -> None:
    marks = view(payments()).marks
    assert [(mark.name, mark.kind, (mark.place - START) / DAY) for mark in marks] == [
        ("payments-1", "incident", CHANGED),
        ("payments-3", "incident", CHANGED),
        ("payments-2", "incident", 25),
        ("release 4", "release", 28),
    ]
    assert [mark.until and (mark.until - START) / DAY for mark in marks] == [None, None, 33, None]


@pytest.mark.parametrize(("key", "place"), [("loss", CHANGED), ("column:amount:location", CHANGED + 7)])
def test_what_the_truth_told_is_marked_where_its_rows_were_answered(key: str, place: int) -> None:
    """Labels come a week late: the loss rises in the picture a week before they tell of it."""
    model, since = payments(), START + (CHANGED + 7) * DAY
    late = [(int(step), int(rows)) for step, rows in enumerate(delays_in(np.full(500, 7 * DAY))) if rows]
    windows = tuple(replace(one, truth=Known(delays=tuple(late))) for one in model.windows)
    sign = replace(model.incidents[0].signs[0], key=key, since=since, earliest=since, latest=since)
    subject = "performance" if key == "loss" else "amount"
    incident = replace(model.incidents[0], subject=subject, signs=(sign,), status="resolved", resolved=since + 3 * DAY)
    shown = dataclasses.replace(model, windows=windows, incidents=(incident,))
    (mark,) = (one for one in view(shown).marks if one.kind == "incident")
    assert ((mark.place - START) / DAY, mark.until) == (place, mark.place + 3 * DAY)
    assert since_text(incident, Clock("UTC", True)).endswith(", in labels that came") == (key == "loss")


def test_an_incident_begins_with_what_it_is_of_however_sure_what_follows_from_it_is() -> None:
    """As its story says: a loss that is surer tells of later labels, and of other rows."""
    model, clock = payments(), Clock("UTC", True)
    moved, worse = model.incidents[0].signs
    moved = replace(moved, e_value=5e6)
    incident = replace(model.incidents[0], signs=(moved, replace(worse, e_value=1e15)))
    shown = dataclasses.replace(model, incidents=(incident,))
    (mark,) = (one for one in view(shown).marks if one.kind == "incident")
    assert (mark.place - START) / DAY == CHANGED
    assert since_text(incident, clock) == "21 Apr 2025 (between 20 Apr 2025 and 22 Apr 2025)"
    assert ("How sure", "by chance at most 1 in 5,000,000") in told(incident, clock, "EUR").facts
    assert incident.since == moved.since


def test_where_it_is_unknown_what_to_expect_it_says_why() -> None:
    text = panel(payments(), "objective").section.text
    assert text == (
        "In the reference, it was 0.38 EUR (0.34 to 0.43). Lower is better.",
        "What to expect is unknown in 2 of 40 windows, last on 28 Apr 2025: too few rows are like those of the reference.",
    )


def test_estimates_that_did_not_come_true_of_late_are_named() -> None:
    """As of the newest window that has estimates: who reads the dashed line must know."""
    model = calm(3, labelled=True)
    first, second, third = model.windows
    both = {"loss": (0.1, 0.0, 0.2), "roc_auc": (0.9, 0.8, 1.0), "f1": (0.5, 0.4, 0.6)}
    expected = replace(second, estimates=both, unreliable=("loss", "roc_auc"))
    shown = dataclasses.replace(model, windows=(first, expected, third))
    said = "What was expected did not come true of late, as of 2 Apr 2025: "
    assert panel(shown, "objective").section.text[-1] == f"{said}Loss."
    assert panel(shown, "figures").section.text[-1] == f"{said}ROC AUC."
    believed = dataclasses.replace(model, windows=(first, expected, replace(third, estimates=both)))
    for section in ("objective", "figures"):
        assert said not in " ".join(panel(believed, section).section.text)


def test_a_figure_that_is_no_number_is_no_figure() -> None:
    model = calm(2, labelled=True)
    odd = replace(model.windows[0], figures={"loss": (math.nan, math.nan, math.nan)})
    drawn = course(dataclasses.replace(model, windows=(odd, model.windows[1])), "objective", "Error rate")
    assert [point.value for point in drawn.points] == [0.1]


def test_other_figures_are_measured_or_expected_and_the_loss_is_not_among_them() -> None:
    found = panel(payments(), "figures").pictures
    assert [(one.title, bool(one.runs), bool(one.expected)) for one in found if isinstance(one, Course)] == [
        ("Recall", True, False),
        ("F1", False, True),
    ]


# --- Protected groups -----------------------------------------------------------------------------------------------


def with_gaps(days: int = 3) -> Watched:
    """Of one group the recall falls behind; of another nothing can be said, but of what is answered."""
    model = calm(days, labelled=True)
    few = {"loss": "12 rows whose truth is known, fewer than 100"}
    windows = tuple(
        replace(
            one,
            segments={
                "sex=F": {
                    "rows": 300,
                    "labelled": 300,
                    "figures": {},
                    "gaps": {"yes": (0.01, -0.05, 0.07), "true_positive_rate": (-0.1 * day, -0.1 * day - 0.08, 0.0)},
                    "left_out": {},
                },
                "sex=X": {"rows": 120, "labelled": 12, "figures": {}, "gaps": {"yes": (0, -0.1, 0.1)}, "left_out": few},
            },
        )
        for day, one in enumerate(model.windows)
    )
    return dataclasses.replace(model, windows=windows)


def test_gaps_of_groups_are_drawn_the_surest_first_and_what_is_left_out_says_why() -> None:
    shown = panel(with_gaps(), "gaps")
    assert [one.title for one in shown.pictures] == [
        "True positive rate: sex = F",
        "Share of the answer yes: sex = F",
        "Share of the answer yes: sex = X",
    ]
    drawn = course(with_gaps(), "gaps", "True positive rate: sex = F")
    assert [point.value for point in drawn.points] == pytest.approx([0.0, -10.0, -20.0])
    assert (drawn.level, drawn.y) == ((0.0, None, None), Axis("percentage points"))
    (own,) = shown.section.tables
    assert [row[:3] + row[4:] for row in own.rows] == [
        ("sex = F", "Share of the answer yes", "+1 points\n-5 to +7", "3 of 3", "–"),
        ("sex = F", "True positive rate", "-20 points\n-28 to 0", "3 of 3", "–"),
        ("sex = X", "Share of the answer yes", "0 points\n-10 to +10", "3 of 3", "–"),
        ("sex = X", "Loss", "–", "0 of 3", "12 rows whose truth is known, fewer than 100"),
    ]


def test_without_protected_groups_there_is_no_such_section() -> None:
    assert not [one for one in panels(payments(), "") if one.section.anchor == "gaps"]


def test_gaps_are_told_by_what_they_are_of() -> None:
    assert signal("fairness:sex=F:true_positive_rate") == "True positive rate, gap of sex = F"
    assert signal("group:sex=F:yes") == "Share of the answer yes, gap of sex = F"
    assert change("group:sex=F:yes", 0.031) == change("fairness:sex=F:accuracy", 0.031) == "+3.1 points"
    assert change("fairness:sex=F:loss", 0.5, "EUR") == "+0.5 EUR"


# --- Releases -------------------------------------------------------------------------------------------------------


def test_where_several_releases_answered_tables_and_pictures_say_which() -> None:
    model, clock = payments(), Clock("UTC", True)
    labels = [point.label for point in course(model, "rows", "Rows of each window").points]
    assert [labels[0], labels[7], labels[27], labels[28]] == [
        "1 Apr 2025, release 3",
        "8 Apr 2025",  # nobody answered
        "28 Apr 2025, release 3",
        "29 Apr 2025, release 4",
    ]
    (largest,) = panel(model, "columns").section.tables
    assert {row[-1][-9:] for row in largest.rows} <= {"release 3", "release 4"}
    newest, over = panel(model, "quality").section.tables
    assert newest.head == over.head == ("Column", "State", "What", "When", "Release", "Windows")
    assert [row[4] for row in newest.rows] == ["3, 4"]  # since the 21st of April
    assert [row[4] for row in over.rows] == ["3, 4", "3"]
    assert ("Release", "3") in told(model.incidents[0], clock, "EUR", mixed=True).facts


def test_where_one_release_answered_it_is_not_said_again() -> None:
    one = calm(3, labelled=True)
    assert course(one, "rows", "Rows of each window").points[0].label == "1 Apr 2025"
    assert "Release" not in dict(told(payments().incidents[0], Clock("UTC", True), "EUR").facts)


# --- Inputs ---------------------------------------------------------------------------------------------------------


def two_columns(importance: dict[str, float]) -> Watched:
    """`a` is three times as far away as matters, `b` twice; `b` by what is missing."""
    effects = {"column:a:location": -0.9, "column:a:missing": 0.0, "column:b:missing": 0.1, "column:b:location": 0.3}
    minimum = {"column:a:location": 0.3, "column:a:missing": 0.05, "column:b:missing": 0.05, "column:b:location": 0.3}
    windows = (Shown(start=START, end=START + DAY, rows=9, effects=effects),)
    return dataclasses.replace(calm(), windows=windows, importance=importance, minimum=minimum, zone="UTC")


def test_the_cell_of_a_column_is_its_largest_change() -> None:
    model = two_columns({})
    found = heat_of(model)
    assert [(cell.column, cell.strength, cell.told) for cell in found.cells] == [
        ("a", pytest.approx(3.0), "location -0.9 sd, 3 times what matters"),
        ("b", pytest.approx(2.0), "missing values +10 points, 2 times what matters"),
    ]
    assert table(view(model), ordered(model)).rows == (
        ("a", "–", "location", "-0.9 sd", "3", "1 Apr 2025"),
        ("b", "–", "missing values", "+10 points", "2", "1 Apr 2025"),
    )


@pytest.mark.parametrize(
    ("importance", "order"), [({}, ["a", "b"]), ({"a": 0.5, "b": 1.0}, ["b", "a"]), ({"a": 0.5}, ["b", "a"])]
)
def test_columns_are_ordered_by_importance_times_change(importance: dict[str, float], order: list[str]) -> None:
    assert [one.column for one in ordered(two_columns(importance))] == order


def test_small_changes_have_no_cell_and_windows_without_rows_no_ground() -> None:
    model = payments()
    found = heat_of(model)
    assert found.times == ((START, START + 7 * DAY), (START + 8 * DAY, START + 40 * DAY))
    assert min(cell.strength for cell in found.cells) >= 0.5
    assert {cell.column for cell in found.cells if cell.strength > 2} == {"amount", "age"}


def test_a_cell_of_many_windows_shows_the_largest_of_them() -> None:
    model = payments(400)
    assert windows_of_a_cell(model) == 5
    found = heat_of(model)
    assert len({cell.start for cell in found.cells}) <= 80
    (missing,) = (cell for cell in found.cells if cell.column == "age" and cell.strength > 2)
    assert (missing.start - START) / DAY == 25
    assert panel(model, "columns").section.text[-1] == "Each cell is the largest change of 5 windows."


def test_columns_that_are_not_drawn_are_counted() -> None:
    model = payments(2, 63)
    assert len(heat_of(model).columns) == 60
    assert "3 columns further down are not drawn." in panel(model, "columns").section.text


def test_a_signal_without_a_smallest_effect_is_no_cell() -> None:
    model = dataclasses.replace(two_columns({}), minimum={"column:a:location": 0.0})
    assert ordered(model) == []
    assert heat(view(model), []).cells == ()


# --- Answers, rows, missing values ----------------------------------------------------------------------------------


def test_changes_stand_before_a_band_of_those_too_small_to_matter() -> None:
    titles = [picture.title for picture in panel(payments(), "answers").pictures]
    assert titles == ["Mean score", "Share of the answer yes", "Share sent to review"]
    assert course(payments(), "answers", "Mean score").level == (0.0, -0.3, 0.3)


def test_signals_that_never_differ_are_named_and_not_drawn() -> None:
    """A flat line at 0 is read as a picture of something."""
    window = Shown(start=START, end=START + DAY, rows=9, effects={"score:location": 0.1, "score:missing": 0.0})
    shown = panel(dataclasses.replace(calm(), windows=(window,)), "answers")
    assert [picture.title for picture in shown.pictures] == ["Mean score"]
    assert shown.section.text[-1] == "As in the reference in every window: Rows without a score."


def test_the_usual_number_of_rows_is_drawn() -> None:
    level = course(payments(), "rows", "Rows of each window").level
    assert level is not None
    assert level[0] == pytest.approx(2_000)


def test_the_share_of_known_truths_is_drawn_from_0_to_1() -> None:
    drawn = course(payments(), "rows", "Share whose truth is known")
    assert (drawn.low, drawn.high) == (0.0, 1.0)
    assert [point.value for point in drawn.points[-4:]] == [1.0, 0.0, 0.0, 0.0]
    assert [picture.title for picture in panel(calm(), "rows").pictures] == ["Rows of each window"]


def test_only_columns_whose_missing_values_changed_are_drawn() -> None:
    assert [picture.title for picture in panel(payments(), "missing").pictures] == ["age: missing values"]
    assert panel(calm(), "missing").pictures == ()


def test_changes_of_shares_are_drawn_in_points_as_they_are_told() -> None:
    """A share of 2% that is 12% now is 10 points more, and 500% more."""
    drawn = course(two_columns({}), "missing", "b: missing values")
    assert [(point.value, point.told) for point in drawn.points] == [(10.0, "+10 points")]
    assert (drawn.y, drawn.level) == (Axis("percentage points"), (0.0, -5.0, 5.0))
    assert panel(two_columns({}), "missing").section.text == (
        "Changes of their share from the reference, in percentage points; in the grey band they are too small to matter.",
    )
    assert course(payments(), "answers", "Share of the answer yes").y == Axis("percentage points")
    assert course(payments(), "answers", "Mean score").y == Axis("sd")


def test_small_alarms_are_noted() -> None:
    (own,) = panel(payments(), "noted").section.tables
    assert own.head == ("Signal", "Change", "Times what matters", "Release", "Since")
    assert own.rows == (("age: missing values", "-2 points", "0.4", "3", "13 Apr 2025"),)


def test_a_model_without_windows_has_no_panels() -> None:
    assert panels(nothing(), "") == ()


# --- Groups ---------------------------------------------------------------------------------------------------------


def grouped(rows: list[tuple[list[float], list[float]]]) -> dict[str, Group]:
    """Groups of windows with the losses of two segments, by their values."""
    windows = tuple(
        Shown(
            start=START + DAY * place,
            rows=len(both[0]) + len(both[1]),
            labelled=len(both[0]) + len(both[1]),
            figures={"loss": figure([*both[0], *both[1]])},
            segments={
                f"sex={name}": {"rows": len(part), "labelled": len(part), "figures": {"loss": figure(part)}}
                for name, part in zip("fm", both, strict=True)
            },
        )
        for place, both in enumerate(rows)
    )
    model = dataclasses.replace(calm(), windows=windows, unit="EUR")
    return {one.value: one for one in groups(model)}


def figure(losses: list[float]) -> tuple[float, float, float]:
    mean, error = float(np.mean(losses)), float(np.std(losses, ddof=1) / math.sqrt(len(losses)))
    return mean, mean - 1.959963984540054 * error, mean + 1.959963984540054 * error


def test_a_gap_has_the_standard_error_of_the_difference_to_all_rows() -> None:
    """The oracle: the two segments are independent, and all rows are their weighted mean."""
    draws = np.random.default_rng(1)
    first, second = draws.normal(1.0, 1.0, 60), draws.normal(2.0, 3.0, 140)
    found = grouped([(first.tolist(), second.tolist())])["f"]
    assert found.gap is not None
    assert found.gap.value == pytest.approx(0.7 * (first.mean() - second.mean()))
    # Spread within the segments alone; that of all rows holds the difference of the means, too.
    least = 0.7 * math.hypot(first.std(ddof=1) / math.sqrt(60), second.std(ddof=1) / math.sqrt(140))
    assert found.gap.low is not None
    half = (found.gap.value - found.gap.low) / 1.959963984540054
    assert least <= half < 1.1 * least


def test_windows_are_pooled_by_their_labelled_rows() -> None:
    draws = np.random.default_rng(2)
    parts = [(draws.normal(1.0, 1.0, n).tolist(), draws.normal(1.0, 1.0, n).tolist()) for n in (40, 400)]
    found = grouped(parts)["f"]
    everyone = [value for first, _ in parts for value in first]
    assert found.loss is not None
    assert found.loss.low is not None
    assert found.loss.value == pytest.approx(np.mean(everyone))
    assert found.loss.value - found.loss.low == pytest.approx(1.96 / math.sqrt(440), rel=0.1)


def test_groups_that_are_too_small_have_no_figure() -> None:
    found = grouped([([1.0, 2.0], [float(k % 3) for k in range(50)])])
    assert (found["f"].rows, found["f"].loss, found["f"].gap) == (2, None, None)
    assert found["m"].loss is not None


def test_groups_are_drawn_by_column_and_listed() -> None:
    found = panel(payments(), "groups")
    assert [picture.title for picture in found.pictures] == ["By country"]
    (own,) = found.section.tables
    assert [row[0] for row in own.rows] == ["country = PT", "country = ES", "country = MT"]
    newest = [window for window in payments().windows if window.labelled][-28:]
    assert own.rows[0][1] == own.rows[0][2] == f"{sum(window.segments['country=PT']['rows'] for window in newest):,}"


def test_without_segments_there_is_no_panel_of_groups() -> None:
    assert "groups" not in [one.section.anchor for one in panels(calm(), "")]


# --- Incidents ------------------------------------------------------------------------------------------------------


def test_urgency_is_that_of_the_severity_and_of_what_people_know() -> None:
    moved, announced, over, noted = payments().incidents
    assert moved.severity is Severity.HIGH
    assert [(urgency(one), word(one)) for one in (moved, announced, over, noted)] == [
        (Status.FAIL, "Act"),
        (Status.SKIPPED, "Announced"),
        (Status.PASS, "Resolved"),
        (Status.SKIPPED, "Noted"),
    ]
    mild = replace(moved, cost=1.0)
    assert (mild.severity, urgency(mild), word(mild)) == (Severity.LOW, Status.WARN, "Look")


def test_what_it_costs_may_be_none_or_unknown() -> None:
    moved, announced, over, _ = payments().incidents
    clock = Clock("UTC", days=True)
    assert ("Cost a day", "12 EUR (-4 to 28), may be none") in told(over, clock, "EUR").facts
    assert cost_text(announced) == "only labels can tell"
    assert cost_text(replace(moved, cost=None)) == "not known"
    assert cost_text(replace(moved, unit="share")) == "310 (250 to 370)"


def test_what_shows_it_stands_the_surest_first() -> None:
    moved, *_ = payments().incidents
    assert told(moved, Clock("UTC", days=True), "EUR").signs.rows == (
        ("amount: location", "+1.2 sd", "+1.1 to +1.3", "21 Apr 2025", "by chance less than 1 in a billion"),
        ("Loss", "+0.5 EUR", "+0.3 to +0.7", "22 Apr 2025", "by chance at most 1 in 920"),
    )


@pytest.mark.parametrize(
    ("model", "status", "sentence"),
    [
        (nothing(), Status.SKIPPED, "Nothing was judged yet: no window has ended."),
        (calm(), Status.PASS, "No incident is open; no truth is known yet."),
        (calm(labelled=True), Status.PASS, "No incident is open."),
        (
            dataclasses.replace(calm(labelled=True), incidents=payments().incidents[1:]),
            Status.PASS,
            "No incident is open. Besides: 1 change announced, 1 change noted.",
        ),
        (
            dataclasses.replace(
                calm(), incidents=tuple(replace(payments().incidents[0], id=f"x-{k}", cost=None) for k in range(2))
            ),
            Status.FAIL,
            "2 incidents are open. First: amount moved.",
        ),
    ],
)
def test_verdicts_in_words(model: Watched, status: Status, sentence: str) -> None:
    assert verdict(model) == (status, sentence)


# --- Words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "words", "by"),
    [
        ("column:a:spread", "a: spread", "+0.25 sd"),
        ("column:a:new", "a: new values", "+25 points"),
        ("column:a:value:2", "a: share of a value", "+25 points"),
        ("score:spread", "Spread of the scores", "+0.25 sd"),
        ("review:share", "Share sent to review", "+25 points"),
        ("score:missing", "Rows without a score", "+25 points"),
        ("label:2", "Share of the truth 2", "+25 points"),
        ("calibration", "Truth less score", "+0.25"),
        ("volume", "Rows", "+28.4%"),
        ("loss", "Loss", "+0.25 EUR"),
        ("fairness:sex=F:bias", "Bias, gap of sex = F", "+0.25"),
        ("something", "something", "+0.25"),
    ],
)
def test_signals_and_changes_in_words(key: str, words: str, by: str) -> None:
    assert (signal(key), change(key, 0.25, "EUR")) == (words, by)
