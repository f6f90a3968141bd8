"""The numbers behind every picture and table: exact, whatever the values are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.engines.local import profile_of, reference_profile
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.table import Profile
from holdfast.report.cells import round_borders
from holdfast.report.figures import Figure
from holdfast.report.histograms import histogram
from holdfast.report.panels import column, pair
from holdfast.report.pictures import bars
from holdfast.report.shapes import Bar, Bars, Histogram, Picture
from holdfast.schema import infer
from holdfast.tables import open_table

Columns = Mapping[str, object]


def both(before: Columns, now: Columns) -> tuple[Profile, Profile]:
    """Profiles of the current and of the reference table."""
    table = open_table(pa.table(dict(before)))
    reference = reference_profile(table, infer(table))
    return profile_of(open_table(pa.table(dict(now))), reference.edges), reference


def pictures(before: object, now: object) -> tuple[Picture, ...]:
    return column("x", *both({"x": before}, {"x": now})).pictures


def figures(before: object, now: object) -> dict[str, tuple[object, object]]:
    found = column("x", *both({"x": before}, {"x": now})).figures
    return {figure.label: (figure.reference, figure.current) for figure in found}


def shares(picture: Picture, side: str) -> float:
    drawn = [getattr(bar, side) for bar in picture.bars] if isinstance(picture, Bars) else list(getattr(picture, side))
    return sum(drawn) + sum(getattr(bar, side) for bar in picture.apart)


# --- Histograms -----------------------------------------------------------------------------------------------------


def test_whole_numbers_are_counted_exactly_in_bins_that_cut_through_none() -> None:
    (picture,) = pictures(np.arange(200) % 100, np.arange(50, 250) % 100)
    assert isinstance(picture, Histogram)
    assert picture.whole
    assert picture.borders == tuple(np.arange(-0.5, 100, 5))
    assert picture.reference == pytest.approx([0.05] * 20)
    assert picture.current == pytest.approx([0.05] * 20)
    assert picture.apart == ()


def test_rows_lie_evenly_within_the_bins_of_the_profile() -> None:
    (picture,) = pictures(np.linspace(0, 10, 2001), np.linspace(0, 5, 1001))
    assert isinstance(picture, Histogram)
    assert picture.borders[:3] == (0.0, 0.5, 1.0)
    assert picture.reference[:-1] == pytest.approx([0.05] * (len(picture.reference) - 1), abs=0.001)
    assert picture.current[:10] == pytest.approx([0.1] * 10, abs=0.002)
    assert picture.current[10:] == pytest.approx([0.0] * (len(picture.current) - 10), abs=0.002)


@pytest.mark.parametrize("side", ["reference", "current"])
def test_one_value_of_1e9_moves_no_border(side: str) -> None:
    values = np.random.default_rng(0).normal(size=4000)
    spoiled = np.append(values, 1e9)
    before, now = (spoiled, values) if side == "reference" else (values, spoiled)
    (clean,), (picture,) = pictures(values, values), pictures(before, now)
    assert isinstance(clean, Histogram)
    assert isinstance(picture, Histogram)
    assert picture.borders == clean.borders
    assert picture.current == pytest.approx(clean.current, abs=0.001)


def test_values_that_the_reference_never_had_are_drawn_where_the_sampled_rows_lie() -> None:
    values = np.random.default_rng(0).normal(20, 3, 4000)
    (picture,) = pictures(values, values + 100)
    assert isinstance(picture, Histogram)
    middle = np.add(picture.borders[1:], picture.borders[:-1]) / 2
    current = np.array(picture.current)
    assert float(middle @ current) / current.sum() == pytest.approx(120, abs=0.5)
    assert current[(middle > 110) & (middle < 130)].sum() > 0.98


def test_without_a_sample_a_far_tail_is_only_a_share() -> None:
    """A guess about where it lies would squeeze everything else."""
    rng = np.random.default_rng(0)
    current, reference = both({"x": rng.normal(size=4000)}, {"x": np.append(rng.normal(size=60), [1e6] * 40)})
    picture = histogram(current.columns["x"], reference.columns["x"])
    assert isinstance(picture, Histogram)
    assert picture.borders[-1] < 5
    assert picture.apart[-1].label.startswith("≥")
    assert picture.apart[-1].current == pytest.approx(0.4, abs=0.01)


def test_a_value_that_would_dwarf_all_others_stands_apart() -> None:
    rng = np.random.default_rng(0)
    before = np.where(np.arange(4000) < 3000, 0.0, rng.uniform(1, 2, 4000))
    now = np.where(np.arange(1000) < 400, 0.0, rng.uniform(1, 2, 1000))
    (picture,) = pictures(before, now)
    assert isinstance(picture, Histogram)
    zero = next(bar for bar in picture.apart if bar.label == "= 0")
    assert (zero.reference, zero.current) == (0.75, 0.4)
    assert max(picture.reference) < 0.05


def test_positive_values_over_orders_of_magnitude_get_a_logarithmic_axis() -> None:
    values = np.random.default_rng(0).lognormal(0, 2, 5000)
    (picture,) = pictures(values, values)
    assert isinstance(picture, Histogram)
    assert picture.logarithmic
    ratios = np.divide(picture.borders[1:], picture.borders[:-1])
    assert ratios.min() > 0.98 * ratios.max()
    assert max(picture.reference) < 0.15


def test_numbers_in_steps_make_no_comb() -> None:
    """In round bins of 0.05, steps of 0.02 would lie now two, now three together."""
    steps = np.tile(np.arange(50) * 0.02, 100)
    (picture,) = pictures(steps, steps)
    assert isinstance(picture, Histogram)
    assert picture.reference == pytest.approx([0.04] * 25)


def test_infinities_are_shares_of_their_own() -> None:
    values = np.random.default_rng(0).normal(size=900)
    (picture,) = pictures(np.append(values, [np.inf] * 100), np.append(values, [-np.inf] * 100))
    assert isinstance(picture, Histogram)
    assert picture.apart[-2:] == (Bar("−∞", 0.0, 0.1), Bar("∞", 0.1, 0.0))


def test_few_values_are_drawn_one_by_one() -> None:
    (picture,) = pictures([1, 1, 2, 4] * 25, [1, 2, 3, 9] * 10)
    assert isinstance(picture, Bars)
    assert picture.ordered
    assert [(bar.label, bar.reference, bar.current) for bar in picture.bars] == [
        ("1", 0.5, 0.25),
        ("2", 0.25, 0.25),
        ("3", 0.0, 0.25),
        ("4", 0.25, 0.0),
        ("9", 0.0, 0.25),
    ]


def test_a_constant_is_one_bar() -> None:
    assert pictures([7.5] * 20, [7.5] * 5) == (Bars("Value", (Bar("7.5", 1.0, 1.0),), ordered=True),)


def test_without_values_there_is_no_picture() -> None:
    nothing = pa.nulls(5, pa.float64())
    assert pictures(nothing, nothing) == ()
    assert pictures([np.nan, np.nan], [np.nan]) == ()


def test_a_column_that_became_null_keeps_the_distribution_of_the_reference() -> None:
    (picture,) = pictures(np.arange(1000.0), pa.nulls(10, pa.float64()))
    assert isinstance(picture, Histogram)
    assert shares(picture, "reference") == pytest.approx(1)
    assert shares(picture, "current") == 0


NUMBERS = st.lists(
    st.one_of(
        st.floats(allow_nan=True, allow_infinity=True, width=64),
        st.integers(-50, 50).map(float),
        st.sampled_from([0.0, 0.25, 1e9, -1e-300, 1.7976931348623157e308]),
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=150)
@given(before=NUMBERS, now=NUMBERS)
def test_shares_add_up_to_one_in_at_most_40_increasing_bins(before: list[float], now: list[float]) -> None:
    for picture in pictures(pa.array(before, pa.float64()), pa.array(now, pa.float64())):
        for side, values in (("reference", before), ("current", now)):
            assert shares(picture, side) == pytest.approx(0 if np.isnan(values).all() else 1)
        if isinstance(picture, Histogram):
            assert len(picture.reference) == len(picture.current) == len(picture.borders) - 1 <= 40
            assert np.isfinite(picture.borders).all()
            assert (np.diff(picture.borders) > 0).all()


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12), st.booleans())
def test_round_borders_hold_the_range_in_few_even_bins(low: float, width: float, whole: bool) -> None:
    borders = round_borders(low, low + width, whole=whole)
    nearly = 1e-9 * max(abs(low), width)
    assert borders[0] <= low + nearly
    assert borders[-1] >= low + width - nearly
    assert 2 <= len(borders) <= 41


# --- Categories, times, texts ---------------------------------------------------------------------------------------


def test_the_commonest_categories_are_drawn_and_the_others_summed() -> None:
    before = [f"v{i:02}" for i in range(20) for _ in range(40 - i)]
    (picture,) = pictures(before, ["v19"] * 30 + ["v00"] * 10)
    assert isinstance(picture, Bars)
    assert [bar.label for bar in picture.bars] == [*(f"v{i:02}" for i in range(14)), "v19"]
    assert picture.bars[-1].current == 0.75
    (others,) = picture.apart
    assert others.label == "5 other values"
    assert others.reference == pytest.approx(sum(40 - i for i in range(14, 19)) / len(before))


def test_a_new_value_is_named_from_ten_rows_on() -> None:
    """A rarer one may point at a person."""
    now = ["a"] * 11 + ["often"] * 10 + ["seldom"] * 9
    panel = column("x", *both({"x": ["a", "b"] * 30}, {"x": now}))
    (picture,) = panel.pictures
    assert isinstance(picture, Bars)
    assert [(bar.label, bar.current, bar.new) for bar in picture.bars if bar.new] == [
        ("often", pytest.approx(1 / 3), True),
        ("other new values", pytest.approx(0.3), True),
    ]
    assert panel.new == (("often", 10),)


def test_labels_are_unique_even_if_a_value_is_called_like_a_label() -> None:
    edges = CategoryEdges(("new values", ""))
    before, now = edges.count(pa.array(["new values", ""])), edges.count(pa.array(["new values", "x"]))
    assert [bar.label for bar in bars(now, before).bars] == ["new values", "(empty)", "new values "]


def test_a_time_is_drawn_by_hour_and_weekday() -> None:
    monday = np.datetime64("2024-01-01T06:30:00", "s")
    before = monday + np.arange(7) * np.timedelta64(1, "D")
    by_hour, by_day = pictures(before, before[:2] + np.timedelta64(2, "h"))
    assert isinstance(by_hour, Bars)
    assert isinstance(by_day, Bars)
    assert [bar for bar in by_hour.bars if bar.reference or bar.current] == [Bar("06", 1.0, 0.0), Bar("08", 0.0, 1.0)]
    assert by_day.bars[:3] == (Bar("Mon", 1 / 7, 0.5), Bar("Tue", 1 / 7, 0.5), Bar("Wed", 1 / 7, 0.0))


def test_mere_dates_have_no_hours() -> None:
    days = pa.array(np.arange(19000, 19030), pa.int32()).cast(pa.date32())
    assert [picture.title for picture in pictures(days, days)] == ["Weekday (UTC)"]


def test_a_text_is_drawn_by_characters_and_words() -> None:
    texts = [f"number {'very ' * (i % 30)}long, and said again in row {i}" for i in range(300)]
    characters, words = pictures(texts, texts[:150])
    assert (characters.title, words.title) == ("Characters", "Words")
    for picture in (characters, words):
        assert shares(picture, "reference") == pytest.approx(1)
        assert shares(picture, "current") == pytest.approx(1)


# --- Key figures ----------------------------------------------------------------------------------------------------


def test_key_figures_of_a_number_agree_with_numpy() -> None:
    before, now = np.tile(np.arange(101.0), 2), np.append(np.arange(0, 50, 2.0), [np.nan] * 25)
    found = figures(before, now)
    assert found["Rows"] == (202, 50)
    assert found["Missing"] == (0, 0.5)
    assert found["Minimum"] == (0, 0)
    assert found["Maximum"] == (100, 48)
    assert found["Median"] == (50, 24)
    assert found["25% quantile"] == (25, 12)
    assert found["Mean"] == (50, pytest.approx(np.nanmean(now)))
    assert found["Standard deviation"] == (pytest.approx(before.std(ddof=1)), pytest.approx(np.nanstd(now, ddof=1)))


def test_quantiles_beyond_the_reference_come_from_the_sampled_rows() -> None:
    rng = np.random.default_rng(0)
    now = rng.normal(1000, 10, 3000)
    found = figures(rng.normal(size=3000), np.append(now, 1e9))
    assert found["Median"][1] == pytest.approx(np.median(now), abs=1)
    assert found["95% quantile"][1] == pytest.approx(np.quantile(now, 0.95), abs=2)


def test_key_figures_of_a_category() -> None:
    found = figures(["a", "a", "b"] * 10, ["b", "b", "b", "c", None])
    assert found["Missing"] == (0, 0.2)
    assert found["Distinct values"] == (2, 2)
    assert found["Commonest value"] == ("a", "b")
    assert found["Its share"] == (pytest.approx(2 / 3), 0.75)
    assert found["New values"] == (None, 0.25)


def test_key_figures_of_a_time() -> None:
    found = figures(
        np.array(["2024-01-05T00:00", "2024-01-06T12:00"], "M8[s]"), np.array(["2024-02-01T00:00"], "M8[s]")
    )
    assert found["First"] == (1704412800, 1706745600)
    assert found["Span"] == (1.5, 0)
    assert found["On weekends"] == (0.5, 0)


def test_without_values_there_are_no_figures_but_the_rows() -> None:
    found = figures([1.0, 2.0], pa.nulls(3, pa.float64()))
    assert found.pop("Rows") == (2, 3)
    assert found.pop("Missing") == (0, 1)
    assert {now for _, now in found.values()} == {None}


def test_identifiers_are_counted_and_not_drawn() -> None:
    panel = column("id", *both({"id": [f"c{i}" for i in range(50)]}, {"id": ["c1", "c2", "c2"]}))
    assert (panel.kind, panel.pictures) == ("identifier", ())
    assert panel.figures[-1] == Figure("Distinct values", "rows", 50, 2)


def test_missing_and_extra_columns_are_told() -> None:
    current, reference = both({"x": [1.0, 2.0], "gone": [1.0, 5.0]}, {"x": [1.0], "extra": ["a"]})
    assert column("gone", current, reference).types == ("double", None)
    assert shares(column("gone", current, reference).pictures[0], "current") == 0
    extra = column("extra", current, reference)
    assert (extra.types, extra.kind, extra.pictures) == ((None, "string"), "", ())


# --- Pairs ----------------------------------------------------------------------------------------------------------


def test_a_pair_is_drawn_by_ranks_and_ties_are_spread() -> None:
    before = {"x": [1.0, 20.0, 300.0, 4.5e3], "y": [4.0, 3.0, 2.0, np.nan]}
    current, reference = both(before, {"x": [1.0, 2.0] * 50, "y": [5.0] * 100})
    old, new = pair("x", "y", current, reference)
    assert sorted((int(3 * x), int(3 * y)) for x, y in old.rows) == [(0, 2), (1, 1), (2, 0)]
    assert sorted(int(2 * x) for x, _ in new.rows) == [0] * 50 + [1] * 50
    assert len({y for _, y in new.rows}) > 90
    assert (old.current, new.current) == (False, True)


def test_only_numbers_are_drawn_as_a_pair() -> None:
    current, reference = both({"x": [1.0, 2.0], "y": ["a", "b"]}, {"x": [1.0], "y": ["a"]})
    assert pair("x", "y", current, reference) == ()


def test_panels_are_light_to_import() -> None:
    """A dashboard and a notebook take the numbers without drawing anything."""
    code = "import sys, holdfast.report.panels; print({'jinja2', 'altair', 'pandas', 'scipy.stats'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
