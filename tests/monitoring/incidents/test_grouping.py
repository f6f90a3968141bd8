"""One incident for each cause; when it is over; how bad it is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from holdfast.incident import Incident, Sign
from holdfast.monitoring.incidents.grouping import QUIET_WINDOWS, calmed, parted, ranked, taken_in
from holdfast.monitoring.incidents.story import advice, story
from holdfast.monitoring.reference import Reference
from holdfast.profile.group_names import group_name

DAY = 86_400.0
MINIMUM = {"column:amount:location": 0.3, "column:age:location": 0.3, "loss": 0.1, "score:location": 0.3}
GAPS = [f"fairness:{group}:true_positive_rate" for group in ("sex=F", "sex=X", "region=north")]
MINIMUM |= dict.fromkeys([*GAPS, "group:sex=F:yes"], 0.05)


def sign(key: str, since: float = 10.0, *, effect: float = 0.6, e_value: float = 1e6) -> Sign:
    at = since * DAY
    return Sign(
        key=key, effect=effect, low=0, high=1, e_value=e_value, since=at, earliest=at, latest=at, minimum=MINIMUM[key]
    )


def opened(*signs: Sign, before: dict[str, Incident] | None = None, end: float = 11.0) -> dict[str, Incident]:
    return taken_in(before or {}, signs, model="m", release=1, end=end * DAY, width=DAY)


def after(incidents: dict[str, Incident], *windows: dict[str, float]) -> dict[str, Incident]:
    for place, effects in enumerate(windows):
        incidents = calmed(incidents, effects, MINIMUM, (12 + place) * DAY)
    return incidents


def test_what_follows_from_a_changed_input_belongs_to_it() -> None:
    found = opened(sign("loss"), sign("score:location"), sign("column:amount:location"))
    assert list(found) == ["m-1"]
    assert found["m-1"].subject == "amount"
    assert {one.key for one in found["m-1"].signs} == {"loss", "score:location", "column:amount:location"}


def test_a_title_says_what_changed() -> None:
    assert [one.title for one in opened(sign("score:location")).values()] == ["The scores moved"]
    assert [one.title for one in opened(sign("column:amount:location")).values()] == ["amount moved"]


def test_a_column_that_moved_is_told_by_its_location_though_its_spread_was_surer() -> None:
    """The spread is measured about the centre that the reference had: 1.4 standard deviations of shift add 1.39 to it."""
    MINIMUM.update({"column:amount:spread": 0.3, "score:spread": 0.3})
    first = opened(sign("column:amount:spread", effect=1.36, e_value=2e6))
    assert first["m-1"].title == "amount changed its spread"
    both = opened(sign("column:amount:location", effect=1.4), before=first)
    assert (both["m-1"].title, both["m-1"].told.effect) == ("amount moved", 1.4)
    wider = opened(sign("column:amount:spread", effect=1.36, e_value=2e6), sign("column:amount:location", effect=-0.4))
    assert (wider["m-1"].title, wider["m-1"].told.effect) == ("amount changed its spread", 1.36)
    scores = opened(sign("score:spread", effect=0.9, e_value=2e6), sign("score:location", effect=-1.1))
    assert scores["m-1"].title == "The scores moved"
    assert opened(sign("score:spread"))["m-1"].title == "The scores changed their spread"


@pytest.mark.parametrize(("effect", "title"), [(-2.0, "Fewer rows than usual"), (0.8, "More rows than usual")])
def test_a_volume_says_in_which_direction(effect: float, title: str) -> None:
    MINIMUM["volume"] = 0.7
    assert opened(sign("volume", effect=effect))["m-1"].title == title


def test_worse_answers_do_not_follow_from_an_input_that_costs_nothing() -> None:
    found = opened(
        sign("column:amount:location"), sign("score:location"), sign("loss"), sign("column:age:location", 30.0)
    )
    noted = {name: msgspec.structs.replace(one, status="noted") for name, one in found.items()}
    apart = parted(noted)
    assert {one.subject: {each.key for each in one.signs} for one in apart.values()} == {
        "amount": {"column:amount:location", "score:location"},
        "age": {"column:age:location"},
        "performance": {"loss"},
    }
    worse = next(one for one in apart.values() if one.subject == "performance")
    assert (worse.status, worse.opened, worse.title) == ("open", 11.0 * DAY, "The answers became worse")
    assert parted(found) == found  # of inputs that cost something they are a consequence
    assert parted(apart) == apart


def test_groups_of_one_column_are_one_incident_and_those_of_another_another() -> None:
    found = opened(*(sign(key, effect=-0.1) for key in (*GAPS, "group:sex=F:yes")))
    assert {one.subject: {sign.key for sign in one.signs} for one in found.values()} == {
        "sex=F": {GAPS[0], GAPS[1], "group:sex=F:yes"},
        "region=north": {GAPS[2]},
    }
    assert found["m-1"].title == "The true positive rate of sex = F fell beside that of others"
    assert advice(found["m-1"], material=False, known=False).startswith("See whether rows of this group have other")


def test_a_group_and_the_crossings_that_have_its_column_are_one_incident() -> None:
    keys = [f"fairness:{group}:true_positive_rate" for group in ("region=north", "age × sex=old × F", "sex=X")]
    found = opened(*(msgspec.structs.replace(sign(GAPS[0]), key=key) for key in keys))
    assert {one.subject: {each.key for each in one.signs} for one in found.values()} == {
        "region=north": {keys[0]},
        "age × sex=old × F": {keys[1], keys[2]},
    }


def test_a_story_has_the_amount_of_its_own_subject_and_names_the_group(reference: Reference) -> None:
    found = opened(sign("loss", effect=0.5, e_value=1e3), sign(GAPS[0], effect=-0.2, e_value=1e9))
    assert story(found["m-1"], None, reference) == (
        "The answers became worse in labels that came since 11 January 1970: by +0.5 EUR a row (+0 to +1). "
        "Beside others, it is the group sex = F that fares otherwise than before."
    )


@pytest.mark.parametrize(
    ("width", "later", "incidents"),
    [(1, 3, 1), (1, 4, 2), (2, 2, 1), (2, 4, 2), (7, 7, 1), (7, 7 + 1 / 24, 1), (7, 14, 2)],
)
def test_worse_answers_follow_from_an_input_that_changed_shortly_before(
    width: float, later: float, incidents: int
) -> None:
    """Three days, or windows of a day; of longer ones the next, which begins an hour late where the clock changed."""
    found = taken_in({}, [sign("column:amount:location")], model="m", release=1, end=17 * DAY, width=width * DAY)
    found = taken_in(found, [sign("loss", 10 + later)], model="m", release=1, end=31 * DAY, width=width * DAY)
    assert len(found) == incidents


def test_two_inputs_are_two_incidents_with_numbers_that_go_on() -> None:
    found = opened(sign("column:amount:location"))
    found = opened(sign("column:age:location"), before=found)
    assert {name: one.subject for name, one in found.items()} == {"m-1": "amount", "m-2": "age"}


def test_a_later_change_of_the_same_column_is_another_incident() -> None:
    found = opened(sign("column:amount:location"))
    assert len(opened(sign("column:amount:location", 12.0), before=found)) == 1
    assert len(opened(sign("column:amount:location", 20.0), before=found)) == 2


def test_what_another_release_finds_anew_of_an_open_incident_is_the_same_one() -> None:
    """Its evidence begins again, against its own reference, and finds what has not been mended."""
    key = "column:amount:location"
    found = opened(sign(key))
    again = taken_in(found, [sign(key, 40.0, effect=0.7)], model="m", release=2, end=41 * DAY, width=DAY)
    assert [(one.release, one.since, one.signs[0].effect) for one in again.values()] == [(2, 10 * DAY, 0.7)]
    over = after(again, *[{key: 0.0}] * QUIET_WINDOWS)
    later = taken_in(over, [sign(key, 60.0)], model="m", release=3, end=61 * DAY, width=DAY)
    assert [one.status for one in later.values()] == ["resolved", "open"]


def test_an_incident_is_over_when_its_signal_was_back_for_three_windows_running() -> None:
    key = "column:amount:location"
    found = opened(sign(key))
    quiet = [{key: 0.1}] * (QUIET_WINDOWS - 1)
    assert after(found, *quiet)["m-1"].status == "open"
    assert after(found, *quiet, {key: 0.5}, *quiet)["m-1"].status == "open"
    over = after(found, *quiet, {key: -0.3})["m-1"]
    assert (over.status, over.resolved) == ("resolved", (11 + QUIET_WINDOWS) * DAY)


def test_inputs_and_truths_are_counted_apart() -> None:
    """They are judged one after the other: each window would else count twice, or a bad loss be forgotten."""
    found = opened(sign("column:amount:location"), sign("loss"))
    back, bad, good = {"column:amount:location": 0.0}, {"loss": 0.4}, {"loss": 0.0}
    assert after(found, back, good, back, good)["m-1"].status == "open"
    assert after(found, *[back, bad] * 5)["m-1"].status == "open"
    assert after(found, *[back] * 5)["m-1"].status == "open"  # of the loss nothing was heard
    assert after(found, *[back, good] * 3)["m-1"].status == "resolved"


def test_windows_that_say_nothing_of_an_incident_leave_it_as_it_is() -> None:
    found = opened(sign("column:amount:location"))
    assert after(found, {"column:age:location": 0.0}, {}) == found


@pytest.mark.parametrize(
    ("known", "severity"),
    [
        ({"cost": 1.0, "usual": 100.0}, "low"),
        ({"cost": 5.0, "usual": 100.0}, "medium"),
        ({"cost": 25.0, "usual": 100.0}, "high"),
        ({"cost": 25.0, "usual": -100.0}, "high"),
        ({"cost": -25.0, "usual": 100.0}, "low"),
        ({"cost": -25.0}, "low"),
        ({}, "medium"),
    ],
)
def test_severity_is_by_cost_and_else_by_effect(known: dict[str, Any], severity: str) -> None:
    (found,) = opened(sign("column:amount:location")).values()
    one = Incident(**{name: getattr(found, name) for name in found.__struct_fields__} | known)
    assert one.severity == severity


@pytest.mark.parametrize(("effect", "severity"), [(0.4, "low"), (0.45, "medium"), (-0.89, "medium"), (-0.9, "high")])
def test_severity_by_effect_is_in_units_of_the_smallest_that_matters(effect: float, severity: str) -> None:
    (found,) = opened(sign("column:amount:location", effect=effect)).values()
    assert found.severity == severity


def test_open_ones_come_first_then_the_costliest() -> None:
    def one(name: str, **more: Any) -> Incident:
        (found,) = opened(sign("column:amount:location")).values()
        return Incident(**{field: getattr(found, field) for field in found.__struct_fields__} | {"id": name} | more)

    listed = ranked([one("a", cost=1.0), one("b", cost=9.0, status="resolved"), one("c", cost=5.0), one("d")])
    assert [found.id for found in listed] == ["c", "a", "d", "b"]


def test_groups_of_a_column_whose_name_has_the_sign_between_column_and_value() -> None:
    keys = [f"group:{group_name('age >= 25', value)}:yes" for value in ("no", "yes")]
    MINIMUM.update(dict.fromkeys(keys, 0.05))
    (one,) = opened(*map(sign, keys)).values()  # they are of one column
    assert one.title == "Decisions for age >= 25 = no moved away from those for others"
