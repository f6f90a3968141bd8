"""What an incident says, in words and units that a reader can use."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from holdfast.evidence import Estimate
from holdfast.incident import Incident, Sign
from holdfast.monitoring.incidents.story import advice, story
from holdfast.monitoring.reference import Reference

from ..conftest import day


def sign(key: str, effect: float, e_value: float = 1_000.0) -> Sign:
    began = day(70)
    low, high = effect - 0.01, effect + 0.01
    return Sign(key=key, effect=effect, low=low, high=high, e_value=e_value, since=began, earliest=began, latest=began)


def incident(kind: Any, subject: str, title: str, *signs: Sign) -> Incident:
    began = day(71)
    return Incident(
        id="fraud-1",
        model="fraud",
        release=1,
        subject=subject,
        kind=kind,
        title=title,
        signs=signs,
        opened=began,
        updated=began,
    )


def test_worse_answers_are_told_by_the_loss_in_its_unit_whatever_showed_first(reference: Reference) -> None:
    one = incident(
        "performance",
        "performance",
        "The answers became worse",
        sign("calibration", 0.02),
        sign("loss", 0.3, e_value=50.0),
    )
    assert story(one, None, reference) == (
        "The answers became worse in labels that came since 16 March 2026: by +0.3 EUR a row (+0.29 to +0.31)."
    )


def test_scores_that_are_off_are_told_in_points(reference: Reference) -> None:
    one = incident("performance", "performance", "Scores no longer say how often it happens", sign("calibration", 0.02))
    assert story(one, None, reference).endswith("since 16 March 2026: by +2.0 points (+1.0 to +3.0).")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (91.384, "It is expected to cost 91 EUR a day (81 to 101)."),
        (-44.2, "It is expected to cost nothing: -44 EUR a day (-54 to -34)."),
    ],
)
def test_what_costs_nothing_says_so(reference: Reference, value: float, said: str) -> None:
    one = incident("input", "age", "age moved", sign("column:age:location", 0.5))
    assert story(one, Estimate(value=value, low=value - 10, high=value + 10), reference).endswith(said)


@pytest.mark.parametrize(
    ("location", "spread", "said"),
    [
        (1.42, 1.36, "Retrain with rows of this time"),  # it moved, and no more
        (1.2, 1.9, "See whether the unit of this column has changed"),
        (-2.5, 4.4, "See whether the unit of this column has changed"),  # below nearly all that there was
    ],
)
def test_a_shift_alone_is_no_other_unit_unless_it_is_far(location: float, spread: float, said: str) -> None:
    signs = (sign("column:age:location", location), replace(sign("column:age:spread", spread), minimum=0.3))
    assert advice(incident("input", "age", "age moved", *signs), material=True, known=True).startswith(said)


def test_wider_intervals_follow_from_worse_answers() -> None:
    one = incident("answers", "answers", "The intervals changed their width", sign("interval:width", 8.0))
    assert advice(one, material=False, known=False).startswith("See whether the answers became worse, which intervals")


def test_silence_is_told_as_silence(reference: Reference) -> None:
    one = incident("volume", "volume", "Fewer rows than usual", sign("volume", -7.5))
    assert story(one, None, reference, silent=True).endswith("since 16 March 2026: none came.")
    assert "times as many" in story(one, None, reference)
