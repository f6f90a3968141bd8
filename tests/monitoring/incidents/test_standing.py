"""How an incident stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.book.incidents import Act, Annotation, Name
from holdfast.incident import Incident, Sign
from holdfast.monitoring.incidents.standing import standing

DAY = 86_400.0
NOW = datetime(2025, 5, 10, tzinfo=UTC)
BEGAN = datetime(2025, 5, 5, tzinfo=UTC)


def sign(since: datetime = BEGAN, key: str = "column:amount:location") -> Sign:
    at = since.timestamp()
    return Sign(
        key=key, effect=0.5, low=0.4, high=0.6, e_value=1e6, since=at, earliest=at, latest=at + DAY, minimum=0.3
    )


def incident(**more: Any) -> Incident:
    given: dict[str, Any] = {"signs": (sign(),), **more}
    at = BEGAN.timestamp()
    return Incident(
        id="m-1",
        model="m",
        release=1,
        subject="amount",
        kind="input",
        title="",
        opened=at,
        updated=at,
        width=DAY,
        **given,
    )


def act(name: Name, at: datetime = NOW, until: datetime | None = None) -> Act:
    return Act(incident="m-1", act=name, at=at, until=until, author="ada", reason="")


def change(since: datetime, until: datetime, *columns: str, model: str = "m") -> Annotation:
    return Annotation(
        id=1, model=model, since=since, until=until, columns=columns, at=NOW, author="ada", reason="price rise"
    )


def test_what_nobody_touched_is_open_and_alerts() -> None:
    found = standing(incident(), (), (), NOW)
    assert (found.state, found.alerts) == ("open", True)


@pytest.mark.parametrize(("name", "state"), [("acknowledge", "acknowledged"), ("resolve", "resolved")])
def test_what_a_person_did_counts(name: Name, state: str) -> None:
    found = standing(incident(), [act(name)], (), NOW)
    assert (found.state, found.alerts) == (state, False)


def test_a_snooze_ends() -> None:
    until = NOW + timedelta(days=2)
    acts = [act("snooze", until=until)]
    assert standing(incident(), acts, (), NOW).state == "snoozed"
    assert standing(incident(), acts, (), NOW).until == until
    assert standing(incident(), acts, (), until).state == "open"


def test_the_last_act_counts() -> None:
    assert standing(incident(), [act("resolve"), act("reopen")], (), NOW).state == "open"


def test_what_a_person_resolved_comes_back_with_a_change_that_began_later() -> None:
    after = NOW + timedelta(days=1)
    again = incident(signs=(sign(), sign(after, "column:amount:spread")))
    assert standing(incident(signs=(sign(), sign(NOW))), [act("resolve")], (), after).state == "resolved"
    assert standing(again, [act("resolve")], (), after).state == "open"


def test_evidence_resolves_what_a_person_had_reopened_earlier_and_not_the_reverse() -> None:
    over = incident(status="resolved", resolved=NOW.timestamp())
    assert standing(over, (), (), NOW).state == "resolved"
    assert standing(over, [act("reopen", NOW + timedelta(hours=1))], (), NOW).state == "open"
    assert standing(over, [act("reopen", NOW - timedelta(hours=1))], (), NOW).state == "resolved"


def test_an_announced_change_explains_what_began_within_a_window_of_it() -> None:
    before, day = BEGAN - timedelta(hours=20), timedelta(days=1)
    assert standing(incident(), (), [change(before, before)], NOW).state == "known"
    assert standing(incident(), (), [change(before, before)], NOW).incident.known == "price rise"
    assert standing(incident(), (), [change(BEGAN - 5 * day, BEGAN - 2 * day)], NOW).state == "open"
    assert standing(incident(), (), [change(BEGAN + 3 * day, BEGAN + 9 * day)], NOW).state == "open"


def test_an_announced_change_explains_its_columns_of_its_model_only() -> None:
    until = BEGAN + timedelta(days=1)
    assert standing(incident(), (), [change(BEGAN, until, "amount")], NOW).state == "known"
    assert standing(incident(), (), [change(BEGAN, until, "age")], NOW).state == "open"
    assert standing(incident(), (), [change(BEGAN, until, model="other")], NOW).state == "open"


def test_a_person_can_reopen_what_was_announced() -> None:
    known = [change(BEGAN, BEGAN + timedelta(days=1))]
    assert standing(incident(), [act("reopen")], known, NOW).state == "open"
    assert standing(incident(), [act("reopen", NOW - timedelta(hours=1))], known, NOW).state == "known"


def test_what_does_no_harm_is_noted_until_a_person_thinks_otherwise() -> None:
    one = incident(status="noted")
    assert standing(one, (), (), NOW).state == "noted"
    assert standing(one, [act("reopen")], (), NOW).state == "open"
    assert standing(one, [act("resolve")], (), NOW).state == "resolved"


def test_the_incident_says_what_people_did() -> None:
    resolved = standing(incident(), [act("resolve")], (), NOW).incident
    assert (resolved.status, resolved.resolved) == ("resolved", NOW.timestamp())
    over = incident(status="resolved", resolved=BEGAN.timestamp())
    again = standing(over, [act("reopen")], (), NOW).incident
    assert (again.status, again.resolved) == ("open", None)
    assert standing(over, (), (), NOW).incident == over
