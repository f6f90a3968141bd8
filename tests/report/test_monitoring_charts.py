"""Pictures of a model in service as specifications."""

from __future__ import annotations

from typing import Any

from holdfast.report.evaluation_shapes import Axis, Intervals, Point
from holdfast.report.monitoring_charts import charts, height, template
from holdfast.report.monitoring_rows import rows
from holdfast.report.monitoring_shapes import Cell, Course, Heat, Mark


def point(x: float, value: float, *, interval: bool = True) -> Point:
    low, high = (value - 1, value + 1) if interval else (None, None)
    return Point(label=f"day {x:g}", value=value, told=f"{value:g}", x=x, low=low, high=high)


def course(**changed: Any) -> Course:
    first = {"title": "Cost", "y": Axis("EUR"), "span": (0.0, 3.0), "runs": ((point(0.5, 2.0),),)}
    return Course(**(first | changed))


def marks_of(spec: dict[str, Any]) -> list[str]:
    return [layer["mark"]["type"] for layer in spec["layer"]]


def test_data_of_a_figure_over_time() -> None:
    drawn = course(
        expected=((point(0.5, 3.0, interval=False),),),
        level=(1.0, 0.5, 1.5),
        limit=1.6,
        marks=(Mark("release 2", 1.0, "release"), Mark("m-1", 2.0, "incident")),
        tall=True,
    )
    assert rows(drawn) == [
        {"x": 0},
        {"x": 3000},
        {"B": 2000, "E": 3000},
        {"a": 500, "b": 2.0, "g": 0, "t": "day 0.5", "v": "2", "l": 1.0, "h": 3.0, "p": True},
        {"a": 500, "e": 3.0, "g": 1, "t": "day 0.5", "v": "3", "p": True},
        {"c": 1.0, "d": 0.5, "i": 1.5},
        {"q": 1.6},
        {"k": 1000, "N": "release 2", "j": 6},
        {"m": 2000, "r": "m-1", "j": 20, "z": 3000},
    ]


def test_small_pictures_have_marks_without_names() -> None:
    assert rows(course(marks=(Mark("m-1", 2.0, "incident"),)))[-1] == {"m": 2000}


def test_times_with_an_incident_are_shaded_once_and_each_named_incident_has_its_own_end() -> None:
    """Where two overlap, the shade is no darker."""
    lasting = [("m-1", 0.5, 1.0), ("m-2", 0.75, 1.5), ("m-3", 2.0, None), ("m-4", 2.5, 9.0)]
    drawn = course(marks=tuple(Mark(name, since, "incident", until) for name, since, until in lasting), tall=True)
    found = rows(drawn)
    assert [row for row in found if "B" in row] == [{"B": 500, "E": 1500}, {"B": 2000, "E": 3000}]
    assert [row["z"] for row in found if "z" in row] == [1000, 1500, 3000, 3000]
    assert marks_of(template(drawn))[:2] == ["tick", "rect"]


def test_many_figures_are_a_line_without_points() -> None:
    run = tuple(point(x / 10, 1.0) for x in range(40))
    drawn = course(runs=(run[:39], run[39:]))
    assert [row.get("p", False) for row in rows(drawn)[2:]] == [False] * 39 + [True]  # one by itself would not be seen


def test_layers_without_data_are_left_out() -> None:
    """Their scales would have no end, of which Vega complains."""
    assert marks_of(template(course())) == ["tick", "area", "rule", "line", "rule", "point"]
    assert marks_of(template(course(level=(1.0, None, None), runs=()))) == ["tick", "rule"]


def test_ends_of_an_axis_may_be_given() -> None:
    (scale,) = {
        str(layer["encoding"]["y"]["scale"])
        for layer in template(course(low=0.0, high=1.0))["layer"]
        if layer["encoding"].get("y", {}).get("field") == "b"
    }
    assert scale == "{'domainMax': 1.0, 'domainMin': 0.0, 'zero': False}"


def test_hours_are_told_of_a_few_days_only() -> None:
    """Else neighbouring ticks had the same name."""

    def axis(days: float) -> dict[str, Any]:
        layer, *_ = template(course(span=(0.0, days * 86_400)))["layer"]
        return dict(layer["encoding"]["x"]["axis"])

    assert "%H:%M" in axis(3)["labelExpr"]
    assert ("labelExpr" in axis(7), axis(7)["format"], axis(400)["format"]) == (False, "%-d %b", "%b %Y")


def test_data_of_a_heat_map() -> None:
    drawn = Heat(
        title="Inputs",
        span=(0.0, 2.0),
        columns=("a", "b"),
        times=((0.0, 2.0),),
        cells=(Cell("b", 1.0, 2.0, 1.23456, "b, day 1", "location +1 sd"),),
    )
    assert rows(drawn) == [
        {"x": 0},
        {"x": 2000},
        {"o": "a"},
        {"o": "b"},
        {"w": True, "a": 0, "z": 2000},
        {"y": "b", "a": 1000, "z": 2000, "s": 1.23, "t": "b, day 1", "v": "location +1 sd"},
    ]
    assert marks_of(template(drawn)) == ["tick", "tick", "rect", "rect"]
    assert height(drawn) == 36


def test_pictures_of_a_kind_share_a_specification() -> None:
    bars = Intervals(title="By sex", x=Axis("EUR"), points=(Point(label="f", value=1.0, told="1"),))
    made = charts([course(), course(title="Recall"), course(level=(1.0, None, None)), bars])
    assert [one["kind"] for one in made["pictures"]] == ["0", "0", "1", "2"]
    assert len(made["templates"]) == 3


def test_groups_that_differ_by_rounding_alone_are_drawn_as_one() -> None:
    points = tuple(Point(label=name, value=value, told="1") for name, value in (("f", 1.0), ("m", 1 - 2**-53)))
    (drawn,) = charts([Intervals(title="By sex", x=Axis(""), points=points)])["pictures"]
    assert [row["a"] for row in drawn["rows"]] == [1.0, 1.0]
