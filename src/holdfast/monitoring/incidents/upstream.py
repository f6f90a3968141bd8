"""What else changed when an incident began: other incidents, checks that failed, labels of other rows than all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from holdfast.causes.unexplained import Labels
from holdfast.incident import Incident
from holdfast.monitoring.incidents.grouping import together
from holdfast.monitoring.incidents.looking import Looking
from holdfast.monitoring.incidents.selected import selected
from holdfast.records import Status

MOST_WRONG = 3
"""Findings that an incident names."""

_VARYING = re.compile(r"\d[\d.,]*|(?<=Labels depend on the values of ).*(?=, also)")
"""What of a sentence may be another thing tomorrow: figures, and inputs by how much labels depend on them."""


def upstream(
    looking: Looking,
    one: Incident,
    starts: Sequence[float],
    others: Iterable[Incident],
    labels: Labels | None = None,
) -> tuple[str, ...]:
    """What was told of an incident so far, and what is found now.

    Parameters
    ----------
    starts
        Windows that are looked at, in order.
    others
        Open ones.
    labels
        Rows of the windows whose truth came, as far as they were read.
    """
    near = together(looking.reference.windows.width)
    titles = {f"({other.id})": f"{other.title} ({other.id})" for other in others if other.id != one.id}
    beside = [
        titles[f"({other.id})"] for other in others if other.id != one.id and abs(one.since - other.since) <= near
    ]
    before = [titles.get(text.rpartition(" ")[2], text) for text in one.upstream]  # titles may have changed since
    said = {_wording(text) for text in one.upstream}  # told once, and not again each day with another figure
    wrong = [text for text in _wrong(looking, one, starts, labels) if _wording(text) not in said]
    return tuple(dict.fromkeys([*before, *beside, *wrong]))


def _wording(text: str) -> str:
    return _VARYING.sub("0", text)


def _wrong(looking: Looking, one: Incident, starts: Sequence[float], labels: Labels | None) -> list[str]:
    """What else is wrong with the rows of the first of its windows that is looked at."""
    failed = [found for found in looking.quality(starts[0]) if found.status is Status.FAIL] if starts else []
    own = [
        found.message.rstrip(".")
        if found.subject in {"", one.subject}
        else f"{found.subject}: {found.message.rstrip('.')}"
        for found in failed
        if one.kind != "input" or found.subject in {"", one.subject}
    ]
    return [*own[:MOST_WRONG], *(selected(looking, starts, labels) if one.kind == "performance" else [])]
