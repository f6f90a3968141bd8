"""Triage: what an incident costs, where it is, which rows show it, what else changed, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from holdfast.causes.harm import Suspect
from holdfast.incident import Incident
from holdfast.monitoring.incidents.costs import realised, suspected, usual_a_day, with_loss, worse_by
from holdfast.monitoring.incidents.examples import examples
from holdfast.monitoring.incidents.group_costs import group_cost
from holdfast.monitoring.incidents.grouping import parted
from holdfast.monitoring.incidents.labels import known_since
from holdfast.monitoring.incidents.looking import Looking
from holdfast.monitoring.incidents.story import NO_ACTION, advice, story
from holdfast.monitoring.incidents.upstream import upstream
from holdfast.monitoring.reference import Reference


def triaged(incidents: Mapping[str, Incident], looking: Looking) -> dict[str, Incident]:
    """Incidents with what can be said of the open ones; what turns out to follow from none of them is one of its own."""
    found = _each_told(incidents, looking)
    apart = parted(found)
    return found if apart == found else _each_told(apart, looking)


def _each_told(incidents: Mapping[str, Incident], looking: Looking) -> dict[str, Incident]:
    open_ones = [one for one in incidents.values() if one.status != "resolved"]
    return {**incidents, **{one.id: _told(one, looking, open_ones) for one in open_ones}}


def _told(one: Incident, looking: Looking, open_ones: Sequence[Incident]) -> Incident:
    reference = looking.reference
    columns = [other.subject for other in open_ones if other.kind == "input"]
    starts, labels = looking.since(one.since), None
    if one.kind in {"groups", "performance"}:
        starts, labels = known_since(looking, one.since)
    worse = worse_by(looking, starts) if one.kind == "performance" or reference.released is None else None
    one = with_loss(one, worse)
    if one.kind == "groups":
        own, kind, day, unlabelled = None, "", group_cost(looking, one.subject, starts, labels), labels is None
    else:
        suspects, kind = suspected(looking, one, columns, starts, labels)
        own = _own(one, suspects)
        day = realised(looking, one, starts, worse) if own is None else own.worse_per_day
        unlabelled = own is not None and own.needs_labels
    one = replace(one, needs_labels=unlabelled)
    rows = one.rows
    if not rows and one.kind == "input" and starts:
        rows = examples(looking, one.subject, one.surest, starts[-1])
    harmless = one.kind == "input" and (_unused(one.subject, reference) or _is_small(own, reference))
    material = own is not None and own.material
    said = story(one, day, reference, silent=not looking.rows_in(starts))
    return replace(
        one,
        status="noted" if harmless else "open",
        cost=None if day is None else day.value,
        cost_low=None if day is None else day.low,
        cost_high=None if day is None else day.high,
        unit=reference.objective.unit,
        usual=usual_a_day(reference),
        where=one.where if own is None or own.where is None else (f"{own.where.column} = {own.where.value}",),
        rows=rows,
        upstream=upstream(looking, one, starts, open_ones, labels),
        advice=NO_ACTION if harmless else advice(one, material=material, known=day is not None),
        story=f"{said} {kind}".rstrip(),
    )


def _own(one: Incident, suspects: Sequence[Suspect]) -> Suspect | None:
    """The suspect that an incident is about."""
    if one.kind == "input":
        return next((s for s in suspects if s.cause == "column" and s.column == one.subject), None)
    cause = "concept" if one.kind == "performance" else "cases"
    return next((s for s in suspects if s.cause == cause), None)


def _unused(column: str, reference: Reference) -> bool:
    """Whether no answer and no cost depends on a column."""
    costs = (
        ()
        if reference.released is None or reference.released.policy.costs is None
        else reference.released.policy.costs.needs
    )
    known = {*reference.features, *reference.settings.freshness}
    return bool(reference.features) and column not in {*known, *reference.objective.needs, *costs}


def _is_small(suspect: Suspect | None, reference: Reference) -> bool:
    """Whether what a change costs is known to be less than what matters, the whole interval."""
    if suspect is None or suspect.needs_labels or suspect.worse is None or suspect.worse.high is None:
        return False
    return reference.loss is not None and suspect.worse.high < reference.settings.worse * abs(reference.loss)
