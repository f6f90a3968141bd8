"""What is drawn of an evaluation, as numbers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from holdfast.evidence import Baseline, Curve, Dependence, Estimate, Evidence, Goal, Group, Importance, Period, Versus
from holdfast.report import evaluation_panels as panels
from holdfast.report.evaluation_shapes import Axis, Intervals, Lines
from holdfast.testing.evaluations import bare, fraud

COST = Goal(title="Cost per row", direction="lower", unit="EUR")


def estimate(value: float | None, reach: float = 0.1, unit: str = "EUR") -> Estimate:
    if value is None:
        return Estimate(value=None, unit=unit)
    return Estimate(value=value, low=value - reach, high=value + reach, unit=unit)


def evidence(**known: object) -> Evidence:
    return replace(bare(), goal=COST, objective=estimate(0.5), **known)


def test_the_model_stands_above_the_rules_and_the_random_split() -> None:
    rules = (
        Baseline(key="never", title="Never", objective=estimate(1.5)),
        Baseline(key="always", title="Always", objective=estimate(None)),
    )
    found = panels.earnings(evidence(baselines=rules, inflated=estimate(0.25)))
    assert found is not None
    assert [(p.label, p.value, p.low, p.high) for p in found.points] == [
        ("this model", 0.5, 0.4, 0.6),
        ("Never", 1.5, 1.4, 1.6),
        ("a random split would say", 0.25, 0.15, 0.35),
    ]
    assert found.x == Axis("Cost per row, EUR")
    assert found.points[0].told == "0.50 EUR (0.40 to 0.60)"


def test_a_model_by_itself_is_not_drawn() -> None:
    assert panels.earnings(evidence()) is None
    assert panels.earnings(bare()) is None


def test_a_curve_keeps_its_interval_and_marks_and_leaves_out_what_is_unknown() -> None:
    curve = Curve(
        key="threshold",
        title="Cost by threshold",
        x_title="Threshold",
        y_title="Cost",
        x=(0.0, 0.5, 1.0),
        y=(2.0, None, 1.0),
        low=(1.9, None, 0.9),
        high=(2.1, None, 1.1),
        marks={"chosen": 0.42},
    )
    found = panels.drawn(curve, COST)
    assert [(p.x, p.value, p.low, p.high, p.told) for p in found.points] == [
        (0.0, 2.0, 1.9, 2.1, "2.00 EUR (1.90 to 2.10)"),
        (1.0, 1.0, 0.9, 1.1, "1.00 EUR (0.90 to 1.10)"),
    ]
    assert found.marks == (("chosen: 0.42", 0.42),)
    assert found.joined
    assert not found.diagonal
    assert panels.is_by_threshold(curve)


def test_a_figure_by_threshold_goes_in_steps() -> None:
    curves = {curve.key: curve for curve in fraud().curves}
    steps = {key: panels.drawn(curve, fraud().goal).steps for key, curve in curves.items()}
    assert steps == {key: "threshold" in key for key in curves}
    assert any(steps.values())
    assert not all(steps.values())


def test_shares_are_told_as_percents_and_reliability_stands_apart() -> None:
    curve = Curve(key="reliability", title="R", x_title="p", y_title="q", x=(0.1, 0.9), y=(0.2, 0.8))
    found = panels.drawn(curve, COST)
    assert (found.x.scale, found.y.scale, found.joined, found.diagonal) == ("share", "share", False, True)
    assert [(p.label, p.told) for p in found.points] == [("10%", "20%"), ("90%", "80%")]
    assert not panels.is_by_threshold(curve)


def test_a_period_stands_in_its_middle() -> None:
    periods = [
        Period(start=0, end=86_400, rows=100, figures={"objective": estimate(1.0)}),
        Period(start=86_400, end=172_800, rows=3),
        Period(start=172_800, end=259_200, rows=100, figures={"objective": estimate(2.0)}),
    ]
    found = panels.over_time("Test", periods, "objective", Axis("Cost"))
    assert found is not None
    assert [(p.x, p.value, p.label) for p in found.points] == [
        (43_200.0, 1.0, "1970-01-01 to 1970-01-02"),
        (216_000.0, 2.0, "1970-01-03 to 1970-01-04"),
    ]
    assert panels.over_time("Test", periods[:2], "objective", Axis("Cost")) is None


def test_groups_stand_beside_all_rows() -> None:
    groups = [
        Group(columns=("sex", "age"), values=("f", "old"), rows=9, figures={"objective": estimate(1.0)}),
        Group(columns=("sex", "age"), values=("m", "old"), rows=9, figures={"objective": estimate(2.0)}),
        Group(columns=("sex", "age"), values=("x", "old"), rows=1, enough=False),
    ]
    found = panels.by_group("By sex", groups, "objective", Axis("Cost"), estimate(1.2))
    assert found is not None
    assert [p.label for p in found.points] == ["f, old", "m, old"]
    assert found.reference == 1.2
    assert panels.by_group("By sex", groups[1:], "objective", Axis("Cost")) is None


def test_the_largest_importances_are_drawn_first() -> None:
    some = tuple(Importance(feature=str(i), permutation=estimate(float(i))) for i in range(30))
    found = panels.importances(evidence(importances=some))
    assert found is not None
    assert [p.label for p in found.points] == [str(i) for i in range(29, 9, -1)]
    assert found.reference == 0.0


def test_shapley_shares_are_drawn_where_nothing_was_shuffled() -> None:
    found = panels.importances(evidence(importances=(Importance(feature="a", shapley=0.75),)))
    assert found is not None
    assert [(p.label, p.told) for p in found.points] == [("a", "75%")]
    assert panels.importances(evidence()) is None


def test_a_dependence_is_a_line_of_a_number_and_points_of_a_category() -> None:
    line = panels.dependence(Dependence(feature="age", x=(1.0, 2.0), mean=(0.1, 0.2), single=((0.0, 0.5),)), "share")
    assert isinstance(line, Lines)
    assert [(p.x, p.value, p.told) for p in line.points] == [(1.0, 0.1, "10%"), (2.0, 0.2, "20%")]
    assert line.thin == ((0.0, 0.5),)
    points = panels.dependence(Dependence(feature="sex", output="b", labels=("f", "m"), mean=(1.5, 2.5)), "number")
    assert isinstance(points, Intervals)
    assert points.title == "sex (b)"
    assert [(p.label, p.value, p.told) for p in points.points] == [("f", 1.5, "1.5"), ("m", 2.5, "2.5")]


def test_differences_from_the_champion_stand_around_zero() -> None:
    versus = [
        Versus(
            release="2", metric="objective", candidate=estimate(1.0), champion=estimate(2.0), difference=estimate(1.0)
        ),
        Versus(
            release="2",
            metric="objective",
            candidate=estimate(1.0),
            champion=estimate(1.0),
            difference=estimate(0.0),
            slice="country = DE",
        ),
    ]
    found = panels.differences("Better by", versus)
    assert found is not None
    assert [(p.label, p.value) for p in found.points] == [("all rows", 1.0), ("country = DE", 0.0)]
    assert (found.reference, found.x) == (0.0, Axis("EUR"))


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (0.0, 86_400.0, "1970-01-01 to 1970-01-02"),
        (0.0, 3_600.0, "1970-01-01 00:00 to 01:00"),
        (82_800.0, 90_000.0, "1970-01-01 23:00 to 1970-01-02 01:00"),
    ],
)
def test_spans_are_told_as_shortly_as_they_can_be(start: float, end: float, told: str) -> None:
    assert panels.span(start, end) == told


def test_every_picture_of_a_rich_evaluation_has_points() -> None:
    found = [panels.earnings(fraud()), panels.importances(fraud())]
    found += [panels.drawn(curve, fraud().goal) for curve in fraud().curves]
    assert all(picture is not None and picture.points for picture in found)
