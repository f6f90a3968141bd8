"""Specifications that Vega-Lite draws, and small outlines."""

from __future__ import annotations

import altair as alt
import pytest
import vl_convert

from holdfast.report.charts import outlines, rows, spec, template
from holdfast.report.shapes import Bar, Bars, Histogram, Picture, Points

PICTURES: dict[str, Picture | Points] = {
    "histogram": Histogram("Value", (0.0, 1.0, 2.0), (0.75, 0.25), (0.5, 0.5)),
    "logarithmic": Histogram("Value", (1.0, 10.0, 100.0), (0.75, 0.25), (0.5, 0.5), logarithmic=True),
    "bars": Bars("Value", (Bar("a", 1.0, 0.5), Bar("b", 0.0, 0.5, new=True))),
    "columns": Bars("Value", (Bar("1", 1.0, 0.5), Bar("2", 0.0, 0.5)), ordered=True),
    "points": Points(("x", "y"), ((0.25, 0.75), (0.75, 0.25)), current=True),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_every_picture_is_valid_and_drawn(kind: str) -> None:
    """Altair checks it against the schema of Vega-Lite, and Vega-Lite itself makes an SVG of it."""
    drawn = spec(PICTURES[kind])
    alt.Chart.from_dict(drawn)
    svg = vl_convert.vegalite_to_svg(drawn)
    assert svg.startswith("<svg")
    assert svg.count("var(--current") >= 1


def test_a_bin_says_what_it_holds_and_the_line_goes_down_at_both_ends() -> None:
    assert rows(PICTURES["histogram"]) == [
        {"t": "", "a": 0.0, "b": 0.0, "r": 0.0, "c": 0.0},
        {"t": "0 to 1", "a": 0.0, "b": 1.0, "r": 0.75, "c": 0.5},
        {"t": "1 to 2", "a": 1.0, "b": 2.0, "r": 0.25, "c": 0.5},
        {"t": "", "a": 2.0, "b": 2.0, "r": 0.0, "c": 0.0},
    ]


def test_a_bin_of_whole_numbers_names_them() -> None:
    picture = Histogram("Value", (17.5, 19.5, 20.5), (0.5, 0.5), (0.5, 0.5), whole=True)
    assert [row["t"] for row in rows(picture)] == ["", "18 to 19", "20", ""]


def test_new_values_are_marked() -> None:
    assert rows(PICTURES["bars"]) == [{"t": "a", "r": 1.0, "c": 0.5}, {"t": "b", "r": 0.0, "c": 0.5, "n": True}]


def test_names_of_the_tables_are_in_the_tooltips() -> None:
    """Also names that would end a string of an expression."""
    names = ("it's", 'a "quoted" ${name}')
    layer = template("histogram", names)["layer"][2]
    assert [tip["title"] for tip in layer["encoding"]["tooltip"]] == ["from", *names]
    vl_convert.vegalite_to_svg(spec(PICTURES["histogram"], names))


def test_pictures_of_a_kind_share_a_template() -> None:
    """Altair validates slowly: a page of 500 columns must not ask it 500 times."""
    assert template("bars") is template("bars")
    assert "data" not in template("bars")


def test_the_users_own_theme_stays_out() -> None:
    template.cache_clear()
    with alt.theme.enable("dark"):
        assert "config" not in template("bars")


def test_outlines_of_all_kinds() -> None:
    assert outlines(PICTURES["histogram"], 100, 30) == ("M0 30V10H50V10H100V30Z", "M0 30V0H50V20H100V30")  # type: ignore[arg-type]
    assert outlines(PICTURES["bars"], 100, 30) == ("M0 30V15H50V15H100V30Z", "M0 30V0H50V30H100V30")  # type: ignore[arg-type]


def test_an_outline_without_rows_is_flat() -> None:
    assert outlines(Histogram("Value", (0.0, 1.0), (0.0,), (0.0,)), 10, 10) == ("M0 10V10H10V10Z", "M0 10V10H10V10")
