"""What an incident costs: tried on the model where there is one, else as the truth says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
from msgspec import structs

from holdfast.causes.harm import FEWEST_LABELS, Suspect, ranked
from holdfast.causes.split import split, told
from holdfast.causes.tilting import FEWEST_ROWS
from holdfast.causes.unexplained import Labels
from holdfast.causes.what_if import WhatIf, answering, observable
from holdfast.evidence import Estimate
from holdfast.incident import Incident
from holdfast.kinds import Kind
from holdfast.monitoring.counts.counting import EVERYONE
from holdfast.monitoring.incidents.looking import DAY, Looking
from holdfast.monitoring.labelled.figures import Figure
from holdfast.monitoring.labelled.weighted import measured
from holdfast.monitoring.reference import Reference, segments_of
from holdfast.profile.crossings import with_crossings

MOST_SPLIT = 20
"""Columns among which a worse performance is split: two seconds of work."""

SPLIT_KINDS = frozenset({Kind.NUMBER, Kind.CATEGORY, Kind.BOOLEAN})


def suspected(
    looking: Looking, one: Incident, columns: Sequence[str], starts: Sequence[float], labels: Labels | None
) -> tuple[tuple[Suspect, ...], str]:
    """Suspects, the costliest first; and of a worse performance what kind of change it is, in a sentence.

    Parameters
    ----------
    columns
        Those that have an open incident.
    starts, labels
        Windows that tell what it costs, and their rows whose truth came.
    """
    reference = looking.reference
    sample = looking.sample(starts)
    if reference.released is None or reference.labelled is None or sample is None or sample.num_rows < 2:
        return (), ""
    features = set(reference.features)
    wanted = [name for name in dict.fromkeys(columns) if name in features and name in sample.column_names]
    labelled = replace(reference.labelled, rows=with_crossings(reference.labelled.rows, reference.settings.crossings))
    tried = WhatIf(
        labelled,
        sample,
        answering(reference.released),
        reference.objective,
        classes=reference.answers.classes,
    )
    own = [one.subject] if one.kind == "input" and one.subject in wanted else wanted
    a_day = looking.rows_a_day(starts)
    if labels is not None and reference.answers.observed:
        # Labels are of what can be observed, and so is what they are held against.
        part = observable(tried, reference.answers)
        if part is None:
            return (), ""
        tried, share = part
        a_day = None if a_day is None else a_day * share
    kind = ""
    if labels is not None and a_day is not None and min(sample.num_rows, len(reference.labelled)) >= FEWEST_ROWS:
        explaining = split_columns(reference, own, sample.column_names)
        found = split(tried, explaining, labels=labels, calibration=reference.policy.calibration)
        kind = f"Against the history it costs {told(found, a_day)}." if found.known else ""
    return ranked(tried, own, labels=labels, rows_a_day=a_day, segments=segments_of(reference)), kind


def split_columns(reference: Reference, own: Sequence[str], there: Collection[str]) -> list[str]:
    """Columns that may explain a worse performance: those of incidents, then the other features, the most important first.

    Several small changes together, of which none opens an incident, would else be taken for other labels or another world.
    """
    kinds = {column.name: column.kind for column in reference.profile.edges.schema.columns}
    read = [name for name in reference.features if name in there and kinds.get(name) in SPLIT_KINDS]
    read.sort(key=lambda name: -reference.importance.get(name, 1.0))
    return list(dict.fromkeys([*own, *read]))[: max(MOST_SPLIT, len(own))]


def worse_by(looking: Looking, starts: Sequence[float]) -> Figure | None:
    """By how much a row costs more in windows than in the reference, as their labels say; None where too few came."""
    usual = looking.reference.loss
    parts = [looking.counts[start, EVERYONE] for start in starts if (start, EVERYONE) in looking.counts]
    whole = reduce(add, parts) if parts else None
    if whole is None or usual is None or whole.labelled < FEWEST_LABELS:
        return None
    loss = measured(looking.reference, whole).figures.get("loss")
    return None if loss is None else (loss[0] - usual, loss[1] - usual, loss[2] - usual)


def with_loss(one: Incident, worse: Figure | None) -> Incident:
    """With the loss as labels have it by now, where that is known.

    The sign itself tells by how much the level moved from where it was: after an earlier change that is not the
    reference's, and it was found from the window of the alarm alone.
    """
    if worse is None:
        return one
    effect, low, high = worse
    signs = [
        structs.replace(sign, effect=effect, low=low, high=high) if sign.key == "loss" else sign for sign in one.signs
    ]
    return structs.replace(one, signs=tuple(signs))


def realised(looking: Looking, one: Incident, starts: Sequence[float], worse: Figure | None) -> Estimate | None:
    """What the truth says of it, where there is no model to try anything on: the loss of a row more, times rows a day."""
    loss = next(((sign.effect, sign.low, sign.high) for sign in one.signs if sign.key == "loss"), None)
    if loss is None and one.kind == "performance":
        loss = worse
    rows = looking.rows_a_day(starts)
    if looking.reference.released is not None or loss is None or rows is None:
        return None
    value, low, high = (number * rows for number in loss)
    return Estimate(value=value, low=low, high=high, unit=looking.reference.objective.unit)


def usual_a_day(reference: Reference) -> float | None:
    """What the model's answers cost each day of the reference; None where nothing of it was labelled."""
    lasted = [(reference.past.end(start) - start, one.size) for start, one in reference.history if one.size]
    ended = [(seconds, rows) for seconds, rows in lasted if np.isfinite(seconds)]
    if reference.loss is None or not ended:
        return None
    return reference.loss * sum(rows for _, rows in ended) / sum(seconds for seconds, _ in ended) * DAY
