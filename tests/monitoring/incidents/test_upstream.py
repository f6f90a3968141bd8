"""What else changed at that time."""

from __future__ import annotations

from holdfast.incident import Incident, Kind, Sign
from holdfast.monitoring.incidents.upstream import upstream
from holdfast.testing.planted import nulls

from ..conftest import HISTORY_DAYS, Service, day, payments

FIRST = HISTORY_DAYS


def incident(number: int, subject: str, kind: Kind, since: float, said: tuple[str, ...] = ()) -> Incident:
    sign = Sign(key="loss", effect=1, low=0, high=2, e_value=9.0, since=since, earliest=since, latest=since)
    return Incident(
        id=f"fraud-{number}",
        model="fraud",
        release=1,
        subject=subject,
        kind=kind,
        title=f"{subject} moved",
        signs=(sign,),
        opened=since,
        updated=since,
        upstream=said,
    )


def test_incidents_that_began_within_three_windows_are_named(service: Service) -> None:
    looking = service.looking(day(FIRST))
    one = incident(1, "amount", "input", day(FIRST))
    others = [
        one,
        incident(2, "age", "input", day(FIRST + 3)),
        incident(3, "volume", "volume", day(FIRST - 3)),
        incident(4, "country", "input", day(FIRST + 4)),
    ]
    assert upstream(looking, one, [], others) == ("age moved (fraud-2)", "volume moved (fraud-3)")


def test_another_incident_is_told_by_the_title_that_it_has_now(service: Service) -> None:
    looking = service.looking(day(FIRST))
    one = incident(1, "amount", "input", day(FIRST), ("age changed its spread (fraud-2)", "release 2 came into force"))
    other = incident(2, "age", "input", day(FIRST))
    assert upstream(looking, one, [], [one, other]) == ("age moved (fraud-2)", "release 2 came into force")


def test_a_check_that_failed_is_told_of_its_column_and_of_what_has_none(service: Service) -> None:
    service.answer(nulls(payments(FIRST, 4, seed=4), "age", 0.6, "2026-03-08", seed=0).table)
    service.monitor(day(FIRST + 4))
    looking = service.looking(day(FIRST + 4))
    starts = [day(FIRST + 2), day(FIRST + 3)]
    own = upstream(looking, incident(1, "age", "input", starts[0]), starts, [])
    assert any("missing" in text for text in own)
    said = upstream(looking, incident(2, "performance", "performance", starts[0]), starts, [])
    assert said == tuple(f"age: {text}" for text in own)
    assert upstream(looking, incident(3, "amount", "input", starts[0]), starts, []) == ()


def test_the_same_with_another_figure_is_not_told_again(service: Service) -> None:
    service.answer(nulls(payments(FIRST, 4, seed=4), "age", 0.6, "2026-03-08", seed=0).table)
    service.monitor(day(FIRST + 4))
    looking = service.looking(day(FIRST + 4))
    first, second = (
        upstream(looking, incident(1, "age", "input", start), [start], []) for start in (day(FIRST + 2), day(FIRST + 3))
    )
    assert first != second
    again = incident(1, "age", "input", day(FIRST + 2), said=first)
    assert upstream(looking, again, [day(FIRST + 3)], []) == first
