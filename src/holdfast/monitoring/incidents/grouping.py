"""Incidents: what is wrong, since when, how sure, what it costs, where, and what to do. One for each cause.

A change of an input is a cause; a change of the answers, of the loss or of the calibration is a consequence where an input
changed at about the same time, and a cause of its own where none did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from holdfast.incident import CHECK, Incident, Kind, Sign, subject_of
from holdfast.profile.crossings import crossed_columns
from holdfast.profile.group_names import group_parts, group_title
from holdfast.windows import DAY

TOGETHER = 3
"""Windows, and of longer ones than a day also days: changes that begin no further apart may have one cause."""

CLOCK = 3600.0
"""By so many seconds the beginnings of two windows are further apart where the clock changes."""

QUIET_WINDOWS = 3
"""An incident is resolved when its signals were back for so many windows."""


_ORDER = {"input": 0, "rows": 1, "volume": 2, "performance": 3, "answers": 4, "groups": 5}


def together(width: float) -> float:
    """Changes that begin no further apart may have one cause, in seconds.

    Parameters
    ----------
    width
        Of a window, in seconds. Windows that follow one another are always near.

    >>> [together(days * DAY) / DAY for days in (0.5, 1, 2)]
    [1.5, 3.0, 3.0]
    >>> together(7 * DAY) == 7 * DAY + CLOCK
    True
    """
    return min(TOGETHER * width, max(TOGETHER * DAY, width + CLOCK))


def taken_in(
    incidents: Mapping[str, Incident],
    signs: Iterable[Sign],
    *,
    model: str,
    release: int,
    end: float,
    width: float,
) -> dict[str, Incident]:
    """Incidents after signals have changed: open ones that are added to, and new ones.

    Parameters
    ----------
    incidents
        All that there are, by id.
    signs
        Material changes that were found in one window.
    end, width
        End of the window, and its length in seconds.
    """
    found = dict(incidents)
    # Inputs first: what follows from them is then known to.
    for sign in sorted(signs, key=lambda sign: (_ORDER[subject_of(sign.key)[1]], -sign.e_value)):
        subject, kind = subject_of(sign.key)
        cause = _cause(found.values(), subject, kind, sign, width)
        again = _of_before(found.values(), subject, release) if cause is None else None
        if again is not None:
            found[again.id] = _found_anew(again, sign, release, end)
            continue
        if cause is not None:
            found[cause.id] = _with(cause, sign, end)
            continue
        number = 1 + max((int(name.rpartition("-")[2]) for name in found), default=0)
        new = Incident(
            id=f"{model}-{number}",
            model=model,
            release=release,
            subject=subject,
            kind=kind,
            title=_title(sign),
            signs=(sign,),
            opened=end,
            updated=end,
            width=width,
        )
        found[new.id] = new
    return found


def parted(incidents: Mapping[str, Incident]) -> dict[str, Incident]:
    """Incidents after it was found what they cost: worse answers do not follow from an input whose change costs nothing.

    They are an incident of their own then, or part of another one, whatever came to be known in the same run.
    """
    found = dict(incidents)
    for name, one in incidents.items():
        worse = [sign for sign in one.signs if subject_of(sign.key)[1] == "performance"]
        if one.kind == "input" and one.status == "noted" and worse:
            found[name] = replace(one, signs=tuple(sign for sign in one.signs if sign not in worse))
            found = taken_in(found, worse, model=one.model, release=one.release, end=one.updated, width=one.width)
    return found


def calmed(
    incidents: Mapping[str, Incident], effects: Mapping[str, float], back: Mapping[str, float], end: float
) -> dict[str, Incident]:
    """Incidents after a window: those are resolved whose signals have all been back long enough.

    Each signal has a count of its own, since inputs and truths are judged apart: one that is away holds its incident open,
    whatever the others do, and so does one that nothing is heard of.

    Parameters
    ----------
    effects
        By how much each signal of the window is away from where it was in the reference.
    back
        Nearer to it than this, a signal counts as back.
    """
    found = dict(incidents)
    for name, one in incidents.items():
        if one.status == "resolved" or not any(sign.key in effects for sign in one.signs):
            continue
        signs = tuple(_counted(sign, effects, back) for sign in one.signs)
        found[name] = replace(one, signs=signs)
        if all(sign.quiet >= QUIET_WINDOWS for sign in signs):
            found[name] = replace(one, signs=signs, status="resolved", resolved=end, updated=end)
    return found


def _counted(sign: Sign, effects: Mapping[str, float], back: Mapping[str, float]) -> Sign:
    if sign.key not in effects:
        return sign
    return replace(sign, quiet=sign.quiet + 1 if abs(effects[sign.key]) <= back.get(sign.key, 0.0) else 0)


def _cause(incidents: Iterable[Incident], subject: str, kind: Kind, sign: Sign, width: float) -> Incident | None:
    """The open incident that a sign belongs to."""
    near = [one for one in incidents if one.status != "resolved" and abs(one.since - sign.since) <= together(width)]
    same = [one for one in near if one.subject == subject]
    if same:
        return same[0]
    if kind in {"answers", "groups", "performance"}:
        mattering = [one for one in near if one.status == "open"]
        causes = [one for one in mattering if one.kind == "input"]
        causes = causes or [one for one in mattering if one.kind == "performance"]
        # A group that is treated otherwise moves the others of its column away from it, and is part of its crossings.
        causes = causes or [
            one
            for one in mattering
            if kind == one.kind == "groups" and not _grouping(one.subject).isdisjoint(_grouping(subject))
        ]
        return max(causes, key=lambda one: one.rank, default=None)
    return None


def _grouping(group: str) -> set[str]:
    """The columns by which a group is told."""
    return set(crossed_columns(group_parts(group)[0]))


def _of_before(incidents: Iterable[Incident], subject: str, release: int) -> Incident | None:
    """The open incident of a subject that the release before had: another reference finds anew what is still so."""
    return next(
        (one for one in incidents if one.status != "resolved" and one.subject == subject and one.release != release),
        None,
    )


def _with(incident: Incident, sign: Sign, end: float) -> Incident:
    """A sign more, or what it says now; the title is of what is told, whatever showed first."""
    others = [one for one in incident.signs if one.key != sign.key]
    found = replace(incident, signs=(*others, sign), updated=end)
    return replace(found, title=_title(found.told))


def _found_anew(incident: Incident, sign: Sign, release: int, end: float) -> Incident:
    """It began when it had begun, as far as the same sign had said that."""
    old = next((one for one in incident.signs if one.key == sign.key), None)
    if old is not None:
        sign = replace(sign, since=old.since, earliest=old.earliest, latest=old.latest)
    return _with(replace(incident, release=release), sign, end)


_WORDS = {
    "location": "moved",
    "spread": "changed its spread",
    "missing": "changed its share of missing values",
    "age": "is older or newer than usual",
    "new": "has values that the reference does not have",
    "loss": "The answers became worse",
    "width": "The intervals changed their width",
    "size": "The sets of classes changed their size",
    "calibration": "Scores no longer say how often it happens",
    "slope": "High and low scores no longer say what they did",
}


def _title(sign: Sign) -> str:
    subject, kind = subject_of(sign.key)
    last = sign.key.rpartition(":")[2]
    if sign.key.startswith(f"{CHECK}:"):
        return f"{'The rows fail' if kind == 'rows' else f'{subject} fails'} {last}"
    if kind == "input":
        return f"{subject} {_WORDS.get(last, 'changed its shares of values')}"
    if kind == "groups":
        group = group_title(subject)
        if sign.key.startswith("fairness:"):
            return (
                f"The {last.replace('_', ' ')} of {group} {'rose' if sign.effect > 0 else 'fell'} beside that of others"
            )
        return f"Decisions for {group} moved away from those for others"
    if kind == "volume":
        return f"{'More' if sign.effect > 0 else 'Fewer'} rows than usual"
    if sign.key == "score:missing":
        return "Rows are answered without a score"
    if sign.key == "score:spread":
        return "The scores changed their spread"
    if sign.key.startswith("score:"):
        return f"The scores {_WORDS.get(last, 'changed')}"
    if sign.key.startswith("decision:"):
        return f"The share of the answer {sign.key.partition(':')[2]} changed"
    return _WORDS.get(last, {"answers": "The answers changed", "performance": "The answers became worse"}.get(kind, ""))


def plain(incident: Incident) -> dict[str, Any]:
    """An incident as it is kept: JSON-ready."""
    return dict(msgspec.to_builtins(incident))


def ranked(incidents: Iterable[Incident]) -> Sequence[Incident]:
    """Open ones first, by what they cost."""
    return sorted(incidents, key=lambda one: one.rank, reverse=True)
