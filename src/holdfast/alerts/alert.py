"""What somebody is told of an incident."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, TypeAlias

import msgspec

from holdfast.numerals import number
from holdfast.records import Severity

Event: TypeAlias = Literal["opened", "worse", "known", "noted", "resolved"]

WORDS: dict[Event, str] = {
    "opened": "",
    "worse": "worse: ",
    "known": "explained: ",
    "noted": "harmless: ",
    "resolved": "resolved: ",
}


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is told of an incident.

    Attributes
    ----------
    incident, model, subject
        Which one, whose, and what it is about.
    number
        Of this alert among those of the incident to one route, from 1.
    event
        `opened`; `worse`: its severity has risen; `known`: it was announced, as somebody wrote later; `noted`: the objective
        is not expected to become worse by it after all; `resolved`.
    severity
        Of the incident, now.
    title, story, advice
        What it is, in a few words, and in a few sentences; and what to do.
    since
        When the change began, in seconds since 1970.
    cost, unit
        What it is expected to cost each day, where that is known.
    known
        The change that explains it.
    """

    incident: str
    model: str
    subject: str
    number: int
    event: Event
    severity: Severity
    title: str
    story: str = ""
    advice: str = ""
    since: float
    cost: float | None = None
    unit: str = ""
    known: str = ""

    @property
    def key(self) -> str:
        """What it is known by: the same however often it is sent.

        >>> Alert(incident="fraud-3", model="fraud", subject="amount", number=1, event="opened",
        ...     severity=Severity.HIGH, title="amount moved", since=0.0).key
        'fraud-3:1:opened'
        """
        return f"{self.incident}:{self.number}:{self.event}"

    @property
    def headline(self) -> str:
        """One line."""
        known = f" ({self.known})" if self.event == "known" and self.known else ""
        cost = f", {self._cost}" if self._cost and self.event in {"opened", "worse"} else ""
        return f"[{self.severity}] {self.model}: {WORDS[self.event]}{self.title}{cost}{known} ({self.incident})"

    @property
    def text(self) -> str:
        """A few lines."""
        began = f"Since {datetime.fromtimestamp(self.since, UTC):%Y-%m-%d %H:%M} UTC."
        lines = [self.story or f"{self.title}. {began}"]
        if not self.story and self._cost:
            lines.append(f"It costs {self._cost}.")
        if self.event in {"opened", "worse"}:
            lines += [self.advice, f"holdfast incidents show {self.incident}"]
        return "\n".join(line for line in lines if line)

    @property
    def _cost(self) -> str:
        return "" if self.cost is None else f"about {number(self.cost, 3)} {self.unit}".rstrip() + " a day"
