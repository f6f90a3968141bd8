"""What the report says of truths: how many are known, how soon they came, and of which rows figures speak."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from holdfast.profile.delays import delays_in
from holdfast.report.monitoring import page
from holdfast.report.monitoring_panels import panels
from holdfast.report.monitoring_truth import in_short, is_late, spoken_of, truth_panel
from holdfast.report.monitoring_view import view
from holdfast.testing.monitored import calm
from holdfast.watched import Known, Over, Shown, Watched


def watched(*known: Known, **changes: Any) -> Watched:
    """A model whose windows have 1,000 rows, 500 of them labelled."""
    import dataclasses

    found = calm(len(known), labelled=True)
    windows = tuple(replace(one, truth=truth, **changes) for one, truth in zip(found.windows, known, strict=True))
    return dataclasses.replace(found, windows=windows)


def texts(model: Watched) -> tuple[str, ...]:
    return truth_panel(view(model), "x").section.text


def test_how_many_are_known_and_how_soon() -> None:
    counts = delays_in(np.repeat([3_600.0, 5 * 86_400.0], [300, 200]))
    delays = tuple((int(k), int(counts[k])) for k in np.flatnonzero(counts))
    known = Known(observable=1_000, delays=delays)
    assert texts(watched(known, known)) == (
        "The truth is known of 1,000 of 2,000 rows (50%).",
        "Of the truths that came, half came within 59 minutes, nine tenths within 5.2 days.",
    )


def test_of_rows_whose_truth_cannot_come_nothing_is_asked() -> None:
    found = watched(Known(observable=800, silent=200, strays=3))
    assert texts(found) == (
        "The truth is known of 500 of 800 rows whose truth can come (62.5%).",
        "3 truths came of rows whose truth cannot come by itself; no figure has them.",
    )
    (point,) = truth_panel(view(found), "x").pictures[1].runs[0]
    assert (point.value, point.told) == (0.625, "62.5%: 500 of 800 rows")


def test_a_late_window_is_named_and_what_is_usual_is_drawn() -> None:
    usual = Known(observable=1_000, usual=(0.52, 0.45, 0.6))
    late = Known(observable=1_000, usual=(0.9, 0.88, 0.92))
    found = watched(usual, late)
    assert [is_late(one) for one in found.windows] == [False, True]
    assert texts(found)[1] == (
        "Of 1 window fewer truths are known than is usual at that age, last of 2 Apr 2025: 50%,"
        " and usually 90% (88% to 92%)."
    )
    expected = truth_panel(view(found), "x").pictures[1].expected
    assert [point.value for point in expected[0]] == [0.52, 0.9]
    assert expected[0][1].told == "usually 90% (88% to 92%)"


@pytest.mark.parametrize(("labelled", "late"), [(1_000, False), (999, False), (990, True), (0, True)])
def test_where_everything_usually_comes_a_few_missing_are_late(labelled: int, late: bool) -> None:
    one = Shown(start=0.0, end=1.0, rows=1_000, labelled=labelled, truth=Known(observable=1_000, usual=(1.0, 1.0, 1.0)))
    assert is_late(one) is late


def test_of_which_rows_figures_speak() -> None:
    why = "the truth of the 40 rows answered yes cannot come to be known"
    found = watched(
        Known(observable=1_000),
        Known(observable=960, silent=40, unmeasured={"precision": why, "recall": why}),
    )
    assert spoken_of(view(found)) == (
        "Measured figures are of rows whose truth can come to be known: of 40 of 2,000 rows (2%) it cannot.",
        f"Unknown in 1 of 2 windows, last on 2 Apr 2025: Precision, Recall, because {why}.",
    )
    assert any(text.startswith("Measured figures are of") for text in panels(found, "")[0].section.text)


def test_in_short_only_what_has_to_be_known_is_told() -> None:
    assert in_short(calm(0)) == ()
    assert in_short(watched(Known(observable=1_000, plain=(0.2, 0.1, 0.3), unmeasured={"recall": "why"}))) == ()
    late = Known(observable=900, silent=100, strays=1, usual=(0.9, 0.88, 0.92))
    assert [text.split()[0] for text in in_short(watched(late))] == ["Measured", "Of", "1"]


def test_rows_that_stand_for_others_are_told() -> None:
    known = Known(observable=1_000, explored=12, effective=321.4, plain=(0.2, 0.15, 0.25))
    first, second = spoken_of(view(watched(known)))
    assert first == "12 rows that were answered otherwise at random stand for those like them whose truth cannot come."
    assert second == (
        "Labelled rows stand for those like them, by score and answer, that are not labelled: on 1 Apr 2025 the loss is"
        " 0.100 (0.080 to 0.120), and 0.20 (0.15 to 0.25) of the labelled rows alone; 500 of them tell as much as 321 of equal"
        " weight."
    )


def test_figures_of_a_longer_time_say_of_which_rows_they_speak() -> None:
    over = Over(start=0.0, end=1.0, windows=7, labelled=500, truth=Known(observable=900, unmeasured={"recall": "why"}))
    (text,) = spoken_of(view(watched(Known(observable=1_000), rolling=over)))
    assert text == "Unknown in 1 of 1 window, last on 1 Apr 2025: Recall, because why."


def test_windows_from_before_this_was_counted_say_what_is_known() -> None:
    assert texts(watched(Known())) == ("The truth is known of 500 of 1,000 rows (50%).",)
    assert spoken_of(view(watched(Known()))) == ()


def test_the_page_says_all_of_it() -> None:
    found = watched(
        Known(observable=960, silent=40, strays=2, unmeasured={"recall": "nothing is known"}, usual=(0.9, 0.88, 0.92))
    )
    text = page([found])
    for words in (
        "Measured figures are of rows",
        "Recall, because nothing is known",
        "2 truths came of",
        "usually 90%",
    ):
        assert words in text
