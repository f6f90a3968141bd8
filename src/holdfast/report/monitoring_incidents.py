"""Incidents as they are told: what, since when, how sure, what it costs, where, and what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from holdfast.evidence import Estimate
from holdfast.numerals import several
from holdfast.records import Severity, Status
from holdfast.report import estimates
from holdfast.report.monitoring_words import Clock, change, changes, signal, sure
from holdfast.report.sections import Table

if TYPE_CHECKING:
    from holdfast.incident import Incident
    from holdfast.watched import Watched

WORDS = {Status.FAIL: "Act", Status.WARN: "Look", Status.PASS: "Quiet", Status.SKIPPED: "Waiting"}
"""What the state of a model, or an incident, asks for."""


State: TypeAlias = Literal["open", "announced", "noted", "resolved"]
"""How an incident stands: it wants somebody; a person knew of it; the objective is not expected to become worse; it is over."""

OTHERS: tuple[State, ...] = ("announced", "noted")
"""States of what goes on and wants nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An incident on the page.

    Attributes
    ----------
    id, title
        Its name, and what happened in a few words.
    status, state, word
        How urgent it is, and how it stands.
    story, advice
        What happened, and what to do.
    facts
        What is known of it.
    signs
        What shows it.
    rows
        Ids of rows that show it.
    """

    id: str
    title: str
    status: Status
    state: State
    word: str
    story: str
    advice: str
    facts: tuple[tuple[str, str], ...]
    signs: Table
    rows: tuple[str, ...]


def state_of(incident: Incident) -> State:
    """How an incident stands."""
    if incident.status == "resolved":
        return "resolved"
    if incident.known:
        return "announced"
    return "noted" if incident.status == "noted" else "open"


def urgency(incident: Incident) -> Status:
    """Act on an open incident, but look first where it is of low severity; the others ask for nothing."""
    match state_of(incident):
        case "open":
            return Status.WARN if incident.severity is Severity.LOW else Status.FAIL
        case "resolved":
            return Status.PASS
        case _:
            return Status.SKIPPED


def word(incident: Incident) -> str:
    """The urgency of an open incident, or how another one stands."""
    state = state_of(incident)
    return WORDS[urgency(incident)] if state == "open" else state.capitalize()


def told(incident: Incident, clock: Clock, unit: str, *, mixed: bool = False) -> Told:
    """An incident in words; `unit`: of the objective, `mixed`: whether several releases are spoken of."""
    return Told(
        id=incident.id,
        title=incident.title,
        status=urgency(incident),
        state=state_of(incident),
        word=word(incident),
        story=incident.story,
        advice=incident.advice,
        facts=tuple((term, text) for term, text in _facts(incident, clock, mixed=mixed) if text),
        signs=_signs(incident, clock, unit),
        rows=tuple(incident.rows),
    )


def of_truth(key: str) -> bool:
    """Whether a sign is of the truth: when it began is then told by the labels that came, and not by their rows.

    >>> of_truth("calibration:slope"), of_truth("fairness:sex=F:loss"), of_truth("column:loss:missing")
    (True, True, False)
    """
    return key.partition(":")[0] in {"loss", "calibration", "label", "fairness"}


def since_text(incident: Incident, clock: Clock) -> str:
    """When it began, and the interval of that."""
    sign = incident.surest
    ends = clock.between(sign.earliest, sign.latest)
    begun = clock.told(sign.since)
    if ends != begun:
        begun += f" (between {clock.told(sign.earliest)} and {clock.told(sign.latest)})"
    return f"{begun}, in labels that came" if of_truth(sign.key) else begun


def cost_text(incident: Incident) -> str:
    """What it is expected to cost each day."""
    if incident.cost is None:
        return "only labels can tell" if incident.needs_labels else "not known"
    unit = "" if incident.unit == "share" else incident.unit  # shares of many rows add up to no share
    cost = Estimate(value=incident.cost, low=incident.cost_low, high=incident.cost_high, unit=unit)
    return estimates.told(cost)


def verdict(watched: Watched) -> tuple[Status, str]:
    """How a model fares, in a word and a sentence."""
    if not watched.windows:
        return Status.SKIPPED, "Nothing was judged yet: no window has ended."
    states = Counter(map(state_of, watched.incidents))
    urgent = [one for one in watched.incidents if state_of(one) == "open"]
    others = [f"{several(states[state], 'change')} {state}" for state in OTHERS if states[state]]
    beside = f" Besides: {', '.join(others)}." if others else ""
    if not urgent:
        known = any(window.labelled for window in watched.windows)
        return Status.PASS, f"No incident is open{'' if known else '; no truth is known yet'}.{beside}"
    status = Status.FAIL if any(urgency(one) is Status.FAIL for one in urgent) else Status.WARN
    first = urgent[0]
    costs = "" if first.cost is None else f", expected to cost {cost_text(first)} a day"
    if len(urgent) == 1:
        return status, f"1 incident is open: {first.title}{costs}.{beside}"
    return status, f"{len(urgent):,} incidents are open. First: {first.title}{costs}.{beside}"


def _facts(incident: Incident, clock: Clock, *, mixed: bool) -> list[tuple[str, str]]:
    evidence = incident.surest.e_value
    return [
        ("Since", since_text(incident, clock)),
        ("Opened", clock.told(incident.opened)),
        ("Until", clock.told(incident.resolved) if incident.resolved is not None else ""),
        ("Release", f"{incident.release}" if mixed and incident.release > 0 else ""),
        ("Severity", incident.severity.value),
        ("How sure", sure(evidence) if evidence else ""),  # checks have no evidence
        ("Cost a day", cost_text(incident) + (", may be none" if _may_be_none(incident) else "")),
        ("Where", "; ".join(incident.where)),
        ("What else changed", "; ".join(incident.upstream)),
        ("Announced as", incident.known),
    ]


def _may_be_none(incident: Incident) -> bool:
    low, high = incident.cost_low, incident.cost_high
    return low is not None and high is not None and low <= 0 <= high


def _signs(incident: Incident, clock: Clock, unit: str) -> Table:
    signs = sorted(incident.signs, key=lambda sign: -sign.e_value)
    return Table(
        caption=f"What shows it: {several(len(signs), 'signal')}",
        head=("Signal", "Change", "95% interval", "Since", "How sure"),
        rows=tuple(
            (
                signal(sign.key),
                change(sign.key, sign.effect, unit),
                changes(sign.key, (sign.low, sign.high), unit) if sign.severity is None else "",
                clock.told(sign.since),
                sure(sign.e_value) if sign.severity is None else "",
            )
            for sign in signs
        ),
        words=frozenset({3, 4}),
        folded=True,
    )
