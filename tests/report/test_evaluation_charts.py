"""Pictures as specifications: axes whose labels differ where their figures do."""

from __future__ import annotations

import pytest

from holdfast.report.evaluation_charts import charts, spec
from holdfast.report.evaluation_shapes import Axis, Intervals, Lines, Point


def line(*values: float, steps: bool = False) -> Lines:
    points = tuple(Point(label=str(x), value=value, told=f"{value:g}", x=float(x)) for x, value in enumerate(values))
    return Lines(title="F1", x=Axis("Threshold"), y=Axis("F1"), points=points, steps=steps)


def label_form(picture: Lines) -> str:
    """How the labels of the y axis are written (d3): `,.4~g` has four significant digits."""
    [form] = {
        layer["encoding"]["y"]["axis"]["format"]
        for layer in spec(picture)["layer"]
        if layer["encoding"].get("y", {}).get("field") == "b"
    }
    return str(form)


def test_what_only_rounding_tells_apart_is_drawn_as_one() -> None:
    """Ticks from 0.9999999999999999 to 1 would all be called 1."""
    drawn = spec(line(1.0, 1 - 2**-53, 1 - 2**-52, 1.0))
    assert {row["b"] for row in drawn["data"]["values"]} == {1.0}
    [picture] = charts([line(1.0, 1 - 2**-53)])["pictures"]
    assert {row["b"] for row in picture["rows"]} == {1.0}
    band = Intervals(title="", x=Axis(""), points=(Point(label="a", value=1.0, told="1", low=1 - 2**-53, high=1.0),))
    assert spec(band)["data"]["values"] == [{"t": "a", "v": "1", "a": 1.0, "l": 1.0, "h": 1.0}]


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ((0.2, 0.9), ",.4~g"),
        ((1.0, 1.0001), ",.6~g"),
        ((1.0, 1.0000001), ",.9~g"),
        ((5e-17, 3e-17), ",.4~g"),
        ((12_000.0, 90_000.0), ".3~s"),
        ((12_000.0, 12_001.0), ".6~s"),
        ((1.0, 1.0), ",.4~g"),
        ((0.0, 0.0), ",.4~g"),
    ],
)
def test_labels_have_the_digits_that_tell_ticks_apart(values: tuple[float, ...], form: str) -> None:
    assert label_form(line(*values)) == form


def test_small_figures_keep_their_digits() -> None:
    assert [row["b"] for row in spec(line(3e-17, 5e-17))["data"]["values"]] == pytest.approx([3e-17, 5e-17])


def test_a_line_in_steps_is_flat_back_to_the_place_before() -> None:
    marks = [layer["mark"] for layer in spec(line(0.1, 0.4, steps=True))["layer"]]
    assert [mark.get("interpolate") for mark in marks if mark["type"] == "line"] == ["step-before"]
    assert "interpolate" not in str(spec(line(0.1, 0.4)))
