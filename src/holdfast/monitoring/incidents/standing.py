"""How an incident stands: what the monitor found, what people did about it, and what they knew beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from holdfast.book import incidents as people
from holdfast.book import monitoring as recorded
from holdfast.book.incidents import Act, Annotation
from holdfast.book.opening import Book
from holdfast.decoding import ready
from holdfast.incident import Incident

State: TypeAlias = Literal["open", "acknowledged", "snoozed", "known", "noted", "resolved"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An incident, and how it stands.

    Attributes
    ----------
    incident
        As the monitor found it; `known` is the change that a person had announced, and `status` also what people did.
    state
        `open`; `acknowledged`: somebody sees to it; `snoozed`: nobody is told until a moment; `known`: it was announced;
        `noted`: the objective is not expected to become worse by it;
        `resolved`, by its evidence or by a person.
    until
        Of a snooze: its end.
    acts
        What people did, oldest first.
    """

    incident: Incident
    state: State
    until: datetime | None = None
    acts: tuple[Act, ...] = ()

    @property
    def alerts(self) -> bool:
        """Whether somebody is to be told."""
        return self.state == "open"

    @property
    def rank(self) -> tuple[bool, bool, float, float]:
        """What incidents are ordered by, largest first: whether they want somebody, what they cost, how sure they are."""
        return (self.state != "resolved", self.state in {"open", "acknowledged"}, *self.incident.rank[1:])


def standing(incident: Incident, acts: Sequence[Act], annotations: Sequence[Annotation], now: datetime) -> Standing:
    """How an incident stands at a moment.

    What a person resolved stays so until a change that began later belongs to it: windows that had begun by then do not
    count.
    """
    last = acts[-1] if acts else None
    did = last.act if last else None
    announced = [one for one in annotations if _explains(one, incident)]
    known = announced[0].reason if announced else ""
    # Who reopens an incident says that what was announced by then does not explain it.
    explained = any(did != "reopen" or last is None or one.at > last.at for one in announced)
    incident = replace(incident, known=known)
    back = last is not None and any(sign.since > last.at.timestamp() for sign in incident.signs)
    over = incident.status == "resolved"
    if did == "reopen" and last is not None:
        over = over and (incident.resolved or 0.0) > last.at.timestamp()
    state: State = "open"
    until = None
    if over or (did == "resolve" and not back):
        state = "resolved"
    elif explained:
        state = "known"
    elif incident.status == "noted" and did != "reopen":
        state = "noted"
    elif last and last.until and last.until > now:
        state, until = "snoozed", last.until
    elif did == "acknowledge":
        state = "acknowledged"
    if state == "resolved" and incident.status != "resolved" and last is not None:
        incident = replace(incident, status="resolved", resolved=last.at.timestamp())
    elif state not in {"resolved", "noted"} and incident.status != "open":
        incident = replace(incident, status="open", resolved=None)
    return Standing(incident=incident, state=state, until=until, acts=tuple(acts))


def standings(book: Book, now: datetime, model: str | None = None) -> tuple[Standing, ...]:
    """How all incidents stand, of one model or of all: what wants somebody first, by what it costs."""
    found = recorded.incidents(book, model)
    return ordered(found, people.acts(book), people.known_changes(book, model), now)


def ordered(
    incidents: Mapping[str, Mapping[str, Any]],
    acts: Mapping[str, Sequence[Act]],
    annotations: Sequence[Annotation],
    now: datetime,
) -> tuple[Standing, ...]:
    """The same of what the book has."""
    found = [
        standing(msgspec.convert(one, ready(Incident)), acts.get(name, ()), annotations, now)
        for name, one in incidents.items()
    ]
    return tuple(sorted(found, key=lambda one: one.rank, reverse=True))


def _explains(annotation: Annotation, incident: Incident) -> bool:
    """Whether the change may have been the announced one: the two times overlap, within a window."""
    if annotation.model != incident.model or (annotation.columns and incident.subject not in annotation.columns):
        return False
    sign = max(incident.signs, key=lambda one: one.e_value)
    first, last = sign.earliest - incident.width, sign.latest + incident.width
    return annotation.since.timestamp() <= last and first <= annotation.until.timestamp()
