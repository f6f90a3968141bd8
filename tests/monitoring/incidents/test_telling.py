"""Who is told of what, as incidents stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from holdfast.alerts.outbox import waiting
from holdfast.alerts.routes import Route
from holdfast.book import incidents as people
from holdfast.book.monitoring import Kept, Run, record_run, runs
from holdfast.book.opening import Book, open_book
from holdfast.incident import Incident
from holdfast.monitoring.incidents.grouping import plain
from holdfast.monitoring.incidents.telling import tell
from holdfast.records import Severity

from .test_standing import incident

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
ALL = Route(name="all", url="stdout")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """A new book."""
    opened = open_book(tmp_path / "book.db")
    yield opened
    opened.close()


def found(book: Book, *incidents: Incident, routes: tuple[Route, ...] = (ALL,), at: datetime = NOW) -> list[str]:
    """Keys of the alerts that a run adds to the outbox, with their routes."""
    before = {(one.route, one.alert.key) for one in waiting(book)}
    newest = max((one.number for one in runs(book, "m")), default=0)
    run = Run(number=newest + 1, model="m", release=1, at=at, received_until=0, labelled_until=0)
    left = Kept(watch=b"", incidents={one.id: plain(one) for one in incidents})
    assert record_run(book, run, left, after=newest, then=lambda connection: tell(connection, incidents, routes, at))
    after = {(one.route, one.alert.key) for one in waiting(book)}
    return sorted(f"{route} {key}" for route, key in after - before)


def cost(**more: Any) -> Incident:
    return incident(**{"cost": 1.0, "usual": 100.0, **more})


def test_an_incident_is_told_once_when_it_opens_and_once_when_it_is_resolved(book: Book) -> None:
    assert found(book, incident()) == ["all m-1:1:opened"]
    assert found(book, incident()) == []
    over = incident(status="resolved", resolved=NOW.timestamp())
    assert found(book, over) == ["all m-1:2:resolved"]
    assert found(book, over) == []


def test_what_was_over_before_anybody_was_told_is_not_told(book: Book) -> None:
    assert found(book, incident(status="resolved", resolved=0.0)) == []


def test_it_is_told_when_it_gets_worse_and_not_when_it_gets_better(book: Book) -> None:
    assert found(book, cost()) == ["all m-1:1:opened"]
    assert found(book, cost(cost=10.0)) == ["all m-1:2:worse"]
    assert found(book, cost()) == []
    assert found(book, cost(cost=10.0)) == []
    assert found(book, cost(cost=30.0)) == ["all m-1:3:worse"]


def test_a_route_hears_from_its_severity_on(book: Book) -> None:
    pager = Route(name="pager", url="stdout", severity=Severity.HIGH)
    assert found(book, cost(), routes=(ALL, pager)) == ["all m-1:1:opened"]
    assert found(book, cost(cost=30.0), routes=(ALL, pager)) == ["all m-1:2:worse", "pager m-1:1:opened"]


def test_a_route_hears_of_its_models(book: Book) -> None:
    assert found(book, incident(), routes=(Route(name="churn", url="stdout", models=("churn",)),)) == []


def test_a_new_route_is_told_of_what_is_open(book: Book) -> None:
    found(book, incident())
    assert found(book, incident(), routes=(ALL, Route(name="new", url="stdout"))) == ["new m-1:1:opened"]


def test_a_snoozed_incident_is_told_when_it_wakes(book: Book) -> None:
    found(book, incident(), routes=())
    people.do(book, "m-1", "snooze", until=NOW + DAY, author="ada")
    assert found(book, cost()) == []
    assert found(book, cost(cost=30.0), at=NOW + DAY) == ["all m-1:1:opened"]


def test_an_acknowledged_incident_is_told_only_when_it_gets_worse(book: Book) -> None:
    found(book, cost())
    people.do(book, "m-1", "acknowledge", author="ada")
    assert found(book, cost()) == []
    assert found(book, cost(cost=30.0)) == ["all m-1:2:worse"]


def test_a_person_resolves_it_and_it_comes_back(book: Book) -> None:
    from .test_standing import sign

    found(book, incident())
    people.do(book, "m-1", "resolve", author="ada")
    assert found(book, incident()) == ["all m-1:2:resolved"]
    again = incident(signs=(*incident().signs, sign(NOW + DAY, "column:amount:spread")))
    assert found(book, again, at=NOW + 2 * DAY) == ["all m-1:3:opened"]


def test_an_announced_change_is_told_nobody_and_one_that_is_announced_later_is_explained(book: Book) -> None:
    since = datetime(2025, 5, 5, tzinfo=UTC)
    found(book, incident())
    people.annotate(book, "m", "price rise", since=since, columns=("amount",), author="ada")
    assert found(book, incident(), routes=(ALL, Route(name="new", url="stdout"))) == ["all m-1:2:known"]
    assert waiting(book)[-1].alert.known == "price rise"
    assert found(book, incident(status="resolved", resolved=NOW.timestamp())) == []


def test_the_same_subject_cools_down(book: Book) -> None:
    route = replace_cooldown(3_600.0)
    first, second = incident(), replace(incident(), id="m-2")
    other = replace(incident(), id="m-3", subject="age")
    assert found(book, first, routes=(route,)) == ["all m-1:1:opened"]
    over = replace(first, status="resolved", resolved=NOW.timestamp())
    found(book, over, routes=(route,))
    assert found(book, over, second, other, routes=(route,), at=NOW + timedelta(minutes=59)) == ["all m-3:1:opened"]
    assert found(book, over, second, other, routes=(route,), at=NOW + timedelta(minutes=61)) == ["all m-2:1:opened"]


def replace_cooldown(seconds: float) -> Route:
    return Route(name="all", url="stdout", cooldown=seconds)


def test_alerts_fail_with_their_run(book: Book) -> None:
    run = Run(number=1, model="m", release=1, at=NOW, received_until=0, labelled_until=0)

    def then(connection: Any) -> None:
        tell(connection, [incident()], [ALL], NOW)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_run(book, run, Kept(watch=b""), then=then)
    assert waiting(book) == ()


def test_what_turns_out_harmless_is_told_to_those_who_had_heard_of_it(book: Book) -> None:
    assert found(book, incident(status="noted")) == []
    assert found(book, incident()) == ["all m-1:1:opened"]
    assert found(book, incident(status="noted")) == ["all m-1:2:noted"]
    assert found(book, incident()) == []  # it cools down
    assert found(book, incident(), at=NOW + 2 * DAY) == ["all m-1:3:opened"]
