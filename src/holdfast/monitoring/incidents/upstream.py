"""What else changed when an incident began: other incidents, checks that failed, labels of other rows than all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from holdfast.incident import Incident
from holdfast.monitoring.counts.counting import EVERYONE
from holdfast.monitoring.incidents.grouping import TOGETHER
from holdfast.monitoring.incidents.looking import Looking
from holdfast.monitoring.labelled.labelling import representative
from holdfast.records import Status

MOST_WRONG = 3
"""Findings that an incident names."""


def upstream(looking: Looking, one: Incident, starts: Sequence[float], others: Iterable[Incident]) -> tuple[str, ...]:
    """What was told of an incident so far, and what is found now.

    Parameters
    ----------
    starts
        Windows that are looked at, in order.
    others
        Open ones.
    """
    near = TOGETHER * looking.reference.windows.width
    beside = [
        f"{other.title} ({other.id})" for other in others if other.id != one.id and abs(one.since - other.since) <= near
    ]
    said = {_wording(text) for text in one.upstream}  # told once, and not again each day with another figure
    wrong = [text for text in _wrong(looking, one, starts) if _wording(text) not in said]
    return tuple(dict.fromkeys([*one.upstream, *beside, *wrong]))


def _wording(text: str) -> str:
    return re.sub(r"\d[\d.,]*", "0", text)


def _wrong(looking: Looking, one: Incident, starts: Sequence[float]) -> list[str]:
    """What else is wrong with the rows of the first of its windows that is looked at."""
    failed = [found for found in looking.quality(starts[0]) if found.status is Status.FAIL] if starts else []
    own = [
        found.message.rstrip(".")
        if found.subject in {"", one.subject}
        else f"{found.subject}: {found.message.rstrip('.')}"
        for found in failed
        if one.kind != "input" or found.subject in {"", one.subject}
    ]
    return [*own[:MOST_WRONG], *(_selected(looking, starts) if one.kind == "performance" else [])]


def _selected(looking: Looking, starts: Sequence[float]) -> list[str]:
    """Whether labels came for other rows than all, which looks like a change of the loss."""
    for start in starts:
        parts = {name: one for (begin, name), one in looking.counts.items() if begin == start and name != EVERYONE}
        found = representative(looking.reference, looking.counts[start, EVERYONE], parts)
        if found is not None:
            return [found.message.partition(". ")[0]]
    return []
