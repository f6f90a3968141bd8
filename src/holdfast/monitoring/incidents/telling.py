"""Who is to be told of what, as incidents stand: written into the outbox with the run that found it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from holdfast.alerts import outbox
from holdfast.alerts.alert import Alert, Event
from holdfast.alerts.routes import SEVERITIES, Route
from holdfast.book.incidents import acts_in, known_changes_in
from holdfast.incident import Incident
from holdfast.monitoring.incidents.standing import Standing, standing


def tell(connection: Connection, incidents: Iterable[Incident], routes: Sequence[Route], now: datetime) -> None:
    """Put into the outbox what each route is to be told of incidents of one model.

    It goes by how incidents stand and what each route was told, not by what the run has changed: what was snoozed is told
    when it wakes, and a route that is new is told of what is open.
    """
    acts = acts_in(connection)
    for model, some in _by_model(incidents).items():
        known = known_changes_in(connection, model)
        told = outbox.told(connection, model)
        for one in some:
            stands = standing(one, acts.get(one.id, ()), known, now)
            for route in routes:
                alert = due(stands, route, told, now)
                if alert is not None:
                    outbox.enqueue(connection, alert, route.name, now)
                    told.setdefault((route.name, one.id), []).append((now, alert))


def due(
    stands: Standing, route: Route, told: Mapping[tuple[str, str], Sequence[tuple[datetime, Alert]]], now: datetime
) -> Alert | None:
    """What a route is to be told of an incident now; None where there is nothing new.

    Parameters
    ----------
    told
        What routes were told, by their name and the incident, in order.
    """
    one = stands.incident
    before = [alert for _, alert in told.get((route.name, one.id), ())]
    is_open = bool(before) and before[-1].event in {"opened", "worse"}
    event: Event | None = None
    if not is_open:
        wanted = stands.alerts and route.takes(one.model, one.severity)
        if wanted and not _cooling(one, route, told, now):
            event = "opened"
    elif stands.state in {"resolved", "known", "noted"}:
        event = stands.state
    elif stands.state in {"open", "acknowledged"} and _worse(one, before[-1]):
        event = "worse"
    if event is None:
        return None
    return Alert(
        incident=one.id,
        model=one.model,
        subject=one.subject,
        number=len(before) + 1,
        event=event,
        severity=one.severity,
        title=one.title,
        story=one.story,
        advice=one.advice,
        since=one.since,
        cost=one.cost,
        unit=one.unit,
        known=one.known,
    )


def _worse(one: Incident, last: Alert) -> bool:
    return SEVERITIES.index(one.severity) > SEVERITIES.index(last.severity)


def _cooling(
    one: Incident, route: Route, told: Mapping[tuple[str, str], Sequence[tuple[datetime, Alert]]], now: datetime
) -> bool:
    """Whether the same subject was opened for this route a short while ago."""
    since = now - timedelta(seconds=route.cooldown)
    return any(
        at > since and alert.event == "opened" and alert.subject == one.subject
        for (name, _), alerts in told.items()
        if name == route.name
        for at, alert in alerts
    )


def _by_model(incidents: Iterable[Incident]) -> dict[str, list[Incident]]:
    found: dict[str, list[Incident]] = {}
    for one in incidents:
        found.setdefault(one.model, []).append(one)
    return found
