"""What is wrong with a model in service, as it is kept and shown.

How incidents come and go is the monitor's part: see `monitoring.incident`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from holdfast.records import Severity

Status = Literal["open", "noted", "resolved"]
Kind = Literal["input", "rows", "answers", "groups", "performance", "volume"]

CHECK = "check"
"""How the key of a sign begins that is no signal, but a quality check that failed: `check:<column>:<code>`."""

BESIDE = "@"
"""Between the name of a model and the version of a release of it that is watched by itself."""

SEVERITIES = tuple(Severity)
"""From the mildest."""

COST_GRADES = (0.05, 0.2)
"""Parts of what the model costs anyway, from which an incident that costs as much more is of medium and of high severity."""

SPREAD_OF_SHIFT = 2.0**-0.5
"""What a shift by one standard deviation adds to the spread, which is measured about the reference's centre; of two, four times
that. The spread is the mean square less 1, in its own deviations, of normal scores: those are of sqrt(2)."""

EFFECT_GRADES = (1.5, 3.0)
"""The same for effects, in units of the smallest one that matters, where the cost is not known."""


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that changed.

    Attributes
    ----------
    key
        Of the signal.
    effect, low, high
        By how much, with its interval, in the signal's unit.
    e_value
        How sure: the evidence against nothing having changed.
    since, earliest, latest
        When it began, with the interval, in seconds since 1970.
    minimum
        The smallest effect that matters.
    quiet
        Windows in a row in which the signal was back where it had been.
    severity
        Of a check: its own. Its effect is the number of windows in which it failed, and it has no evidence.
    """

    key: str
    effect: float
    low: float
    high: float
    e_value: float
    since: float
    earliest: float
    latest: float
    minimum: float = 0.0
    quiet: int = 0
    severity: Severity | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong with a model in service.

    Attributes
    ----------
    id
        Such as `fraud-3`.
    model, release
        What is concerned.
    subject
        The column; a protected group, such as `sex=F`; or `rows`, `answers`, `performance`, `volume`.
    kind
        What changed.
    title, story
        In a few words, and in a few sentences.
    signs
        What shows it, the surest first.
    opened, updated
        End of the window that opened it, and of the one that changed it last, in seconds since 1970.
    status, resolved
        `noted`: a change that the objective is not expected to become worse by; nobody is told. Whether it is over, and
        since when.
    cost, cost_low, cost_high, unit
        What it is expected to cost each day, in the unit of the objective; None where that is not known.
    needs_labels
        Whether only labels can tell what it costs.
    where
        Segments in which it is strongest.
    rows
        Ids of rows that show it.
    upstream
        What else changed at about that time: releases, violations of the schema, volume, missing values.
    advice
        What to do next.
    known
        The change that a person had announced; such an incident alerts nobody.
    width
        Length of its windows, in seconds.
    usual
        What the model costs each day where nothing is wrong, in the unit of the objective; None where that is not known.
    """

    id: str
    model: str
    release: int
    subject: str
    kind: Kind
    title: str
    story: str = ""
    signs: tuple[Sign, ...]
    opened: float
    updated: float
    status: Status = "open"
    resolved: float | None = None
    cost: float | None = None
    cost_low: float | None = None
    cost_high: float | None = None
    unit: str = ""
    needs_labels: bool = False
    where: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    advice: str = ""
    known: str = ""
    width: float = 0.0
    usual: float | None = None

    @property
    def surest(self) -> Sign:
        """The surest of the signs that are of the subject itself, and not of what follows from it."""
        own = [sign for sign in self.signs if subject_of(sign.key)[0] == self.subject]
        return max(own or self.signs, key=lambda sign: sign.e_value)

    @property
    def told(self) -> Sign:
        """The sign that title and amount tell: of worse answers the loss, of what moved the location, else the surest.

        What moved is further from the centre that it had, so that its spread changes with it.
        """
        keys = {sign.key: sign for sign in self.signs}
        if self.kind == "performance":
            return keys.get("loss", self.surest)
        place, _, kind = self.surest.key.rpartition(":")
        location = keys.get(f"{place}:location")
        if kind != "spread" or location is None or abs(location.effect) < abs(self.own_spread):
            return self.surest
        return location

    @property
    def own_spread(self) -> float:
        """By how much a column's spread, or that of the scores, changed about its new centre, in standard deviations."""
        effects = {sign.key: sign.effect for sign in self.signs}
        place = "score" if self.kind == "answers" else f"column:{self.subject}"
        if (spread := effects.get(f"{place}:spread")) is None:
            return 0.0
        return spread - SPREAD_OF_SHIFT * effects.get(f"{place}:location", 0.0) ** 2

    @property
    def since(self) -> float:
        """When it began: as its surest sign says."""
        return self.surest.since

    @property
    def severity(self) -> Severity:
        """How bad it is: by what it costs, or by its largest effect in units of the smallest that matters; of checks their own.

        What the objective is not expected to become worse by is of low severity, however large the change. How badly a
        protected group fares is not measured by what it costs alone: there the severer of both counts.
        """
        of_cost = Severity.LOW
        if self.cost is not None and self.usual:
            of_cost = _graded(self.cost / abs(self.usual), COST_GRADES)
        if self.cost is not None and (self.usual or self.cost <= 0) and self.kind != "groups":
            return of_cost
        signals = [sign for sign in self.signs if sign.severity is None]
        largest = max((abs(s.effect) / s.minimum for s in signals if s.minimum > 0), default=0.0)
        own = [sign.severity for sign in self.signs if sign.severity is not None]
        return max([of_cost, _graded(largest, EFFECT_GRADES), *own], key=SEVERITIES.index)

    @property
    def rank(self) -> tuple[bool, float, float]:
        """What incidents are ordered by, largest first: what they cost, then how sure they are."""
        return (self.status == "open", self.cost or 0.0, max(sign.e_value for sign in self.signs))


def subject_of(key: str) -> tuple[str, Kind]:
    """What a signal is about.

    >>> subject_of("column:amount:location"), subject_of("decision:yes"), subject_of("loss")
    (('amount', 'input'), ('answers', 'answers'), ('performance', 'performance'))
    >>> subject_of("column:a:b:value:3"), subject_of("group:time=12:30:yes"), subject_of("check:a:b:quality.new_nulls")
    (('a:b', 'input'), ('time=12:30', 'groups'), ('a:b', 'input'))
    """
    first, _, rest = key.partition(":")
    if first == "column":
        return _column_of(rest), "input"
    if first == CHECK:
        column = rest.rpartition(":")[0]
        return (column, "input") if column else ("rows", "rows")
    if first in {"group", "fairness"}:
        # No figure has the sign of its own: see `group_names`.
        return rest.rpartition(":")[0], "groups"
    if first == "volume":
        return "volume", "volume"
    if first in {"loss", "calibration", "label"}:
        return "performance", "performance"
    return "answers", "answers"


def _column_of(rest: str) -> str:
    name, _, last = rest.rpartition(":")
    return name.removesuffix(":value") if last.isdigit() else name


def _graded(value: float, grades: tuple[float, float]) -> Severity:
    return SEVERITIES[sum(value >= one for one in grades)]
