"""What an incident of a protected group costs: what its answers lose more than those of all others, beyond what they did."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.causes.unexplained import Labels
from holdfast.causes.where import estimate
from holdfast.evaluation.row_losses import row_losses
from holdfast.evidence import Estimate
from holdfast.monitoring.counts.arrived import sums_of
from holdfast.monitoring.gaps import SMALLEST_GROUP, error_gaps
from holdfast.monitoring.incidents.looking import Looking
from holdfast.monitoring.labelled.labelling import known_of
from holdfast.monitoring.labelled.weighted import measured
from holdfast.monitoring.reference import Reference
from holdfast.profile.categorical import as_text
from holdfast.profile.group_names import group_parts
from holdfast.stats.weighted_mean import Mean, mean


def group_cost(looking: Looking, group: str, starts: list[float], labels: Labels | None) -> Estimate | None:
    """What the answers for a group cost more each day than if they had kept their distance from those for others.

    The difference of two gaps: of the loss of a row of the group less that of all other rows, now and in the history; times
    the rows of the group a day whose truth can come. What all rows lose more is no cost of the group. None where there are
    too few labels of either, or the history has none.

    Parameters
    ----------
    group
        As `group_name` has it.
    starts, labels
        Windows whose labels have come, and their rows.

    Notes
    -----
    Difference in differences: Card & Krueger (1994), *Minimum wages and employment*, American Economic Review 84.
    """
    reference = looking.reference
    column, value = group_parts(group)
    before = _gap_before(reference, group)
    if labels is None or before is None or column not in labels.rows.column_names:
        return None
    texts = as_text(labels.rows[column].combine_chunks()).cast(pa.string())
    own = np.asarray(pc.fill_null(pc.equal(texts, value), False))
    if min(own.sum(), (~own).sum()) < SMALLEST_GROUP:
        return None
    loss, weight = row_losses(reference.objective, labels.judged), labels.weight
    now = mean(loss[own], weight[own]) - mean(loss[~own], weight[~own])
    days = looking.days_of(starts)
    counted = [looking.counts[start, group] for start in starts if (start, group) in looking.counts]
    if not days or not counted:
        return None
    whole = reduce(add, counted)
    rows = known_of(reference, whole, measured(reference, whole)).observable
    return estimate(now - before, reference.objective.unit, int(own.sum()), rows / days)


def _gap_before(reference: Reference, group: str) -> Mean | None:
    """The gap of the loss in the history, where the group was counted there."""
    pairs = [
        (one[group], dict(reference.history).get(start)) for start, one in reference.groups.items() if group in one
    ]
    known = [(sums_of(own), sums_of(every)) for own, every in pairs if every is not None]
    if not known:
        return None
    inside, everyone = (reduce(add, sums) for sums in zip(*known, strict=True))
    gap = error_gaps(reference.answers, inside, everyone).found.get("loss")
    return None if gap is None else Mean(value=gap.value, error=gap.deviation)
