"""Which release came into force at about the time at which an incident began."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from holdfast.incident import Incident
from holdfast.monitoring.incidents.grouping import together
from holdfast.monitoring.reference import Reference

MICROSECONDS = 1_000_000


def with_release(
    incidents: Mapping[str, Incident],
    reference: Reference,
    windows: Mapping[int, Mapping[str, Any]],
    judged: Iterable[float],
) -> dict[str, Incident]:
    """Incidents that began with the release, or shortly before or after it, say so.

    Parameters
    ----------
    incidents
        By id.
    reference
        Of the release in force.
    windows
        Those of earlier runs, by their beginnings in microseconds since 1970.
    judged
        Beginnings of those of this run, in seconds since 1970.
    """
    of_others = [
        place / MICROSECONDS
        for place, one in windows.items()
        if one.get("release", reference.version) != reference.version
    ]
    own = [place / MICROSECONDS for place, one in windows.items() if one.get("release") == reference.version]
    since = min((start for start in [*own, *judged] if start > max(of_others, default=start)), default=None)
    if since is None:
        return dict(incidents)
    said = f"release {reference.version} came into force on {reference.windows.local(since):%-d %B %Y}"
    near = together(reference.windows.width)
    return {
        name: replace(one, upstream=tuple(dict.fromkeys([*one.upstream, said])))
        if one.status != "resolved" and abs(one.since - since) <= near
        else one
        for name, one in incidents.items()
    }
