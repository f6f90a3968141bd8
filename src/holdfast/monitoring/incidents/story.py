"""What an incident says: what happened, in a few sentences, and what to do next."""

from __future__ import annotations

import numpy as np

from holdfast.checks.catalogue import QUALITY
from holdfast.evidence import Estimate
from holdfast.incident import Incident, Sign, subject_of
from holdfast.monitoring.reference import Reference
from holdfast.numerals import number, rounded, supported
from holdfast.profile.group_names import group_title

DAY = 86_400.0

FAR = 2.0
"""Standard deviations. On the scale of ranks another unit can look like a shift without any spread: but like a far one."""

NO_ACTION = "No action: the objective is not expected to become worse by it."

_FOLLOWS = {"answers": "the answers changed with it", "performance": "the answers became worse"}
_PLAIN = frozenset({"loss", "calibration", "calibration:slope", "interval:width", "set:size"})
"""Signals that are told in their own unit, and not as shares."""


def story(one: Incident, day: Estimate | None, reference: Reference, *, silent: bool = False) -> str:
    """What happened, in a few sentences.

    Parameters
    ----------
    day
        What it is expected to cost a day.
    silent
        Whether its newest windows have no row at all.
    """
    strongest = one.surest
    began = reference.windows.local(strongest.since)
    span = (strongest.latest - strongest.earliest) / DAY
    since = "in labels that came since" if one.kind == "performance" else "since"
    when = f"{since} {began:%-d %B %Y}" + (f", give or take {span / 2:.0f} days" if span >= 2 else "")
    amount = "none came" if one.kind == "volume" and silent else _amount(one.told, reference)
    follow = [_FOLLOWS[kind] for kind in sorted(_others(one)) if kind in _FOLLOWS]
    gaps = [sign for sign in one.signs if subject_of(sign.key)[1] == "groups" and one.kind != "groups"]
    if gaps:
        group, _ = subject_of(max(gaps, key=lambda sign: sign.e_value).key)
        follow.append(f"beside others, it is the group {group_title(group)} that fares otherwise than before")
    if day is not None and day.value is not None:
        follow.append(_cost(day, reference.objective.unit, of_group=one.kind == "groups"))
    elif reference.released is None and one.kind == "input":
        follow.append("without a release it cannot be tried on the model what it costs")
    elif one.needs_labels:
        follow.append("what it costs can be said when labels have come")
    return " ".join([f"{one.title} {when}: {amount}.", *(f"{text[0].upper()}{text[1:]}." for text in follow)])


def advice(one: Incident, *, material: bool, known: bool) -> str:
    """What to do next."""
    kinds = {sign.key.rpartition(":")[2] for sign in _own(one)}
    if one.kind == "input":
        return _of_input(kinds, harmless=known and not material, rescaled=_rescaled(one))
    if one.kind == "rows":
        return "Fix what sends these rows; the page of the check says what it looks for."
    if one.kind == "volume":
        return "See whether requests reach the server, and whether a caller has changed."
    if one.kind == "performance" and "loss" not in kinds:
        return "Recalibrate: scores no longer say how often it happens."
    if one.kind == "performance":
        return "Retrain: the same rows have other truths than before."
    if one.kind == "groups" and any(sign.key.startswith("fairness:") for sign in one.signs):
        return (
            "See whether rows of this group have other inputs or truths than before; if they have, retrain with them."
        )
    if one.kind == "groups":
        return "See which inputs moved for this group, and whether its labels bear the decisions out."
    if kinds and kinds <= {"width", "size"}:
        return (
            "See whether the answers became worse, which intervals and sets follow, or which rows are harder to answer."
        )
    if "missing" in kinds:
        return "See why the model gives these rows no score, and score them again."
    return "Find out which inputs or rows made the answers change."


def _rescaled(one: Incident) -> bool:
    """Whether values may be in another unit: they spread otherwise than a shift explains, or lie where hardly one had been."""
    moved = {sign.key.rpartition(":")[2]: sign for sign in _own(one)}
    if not {"location", "spread"} <= moved.keys():
        return False
    return abs(one.own_spread) >= moved["spread"].minimum or abs(moved["location"].effect) >= FAR


def _of_input(kinds: set[str], *, harmless: bool, rescaled: bool) -> str:
    if kinds & {"missing", "new", *QUALITY}:
        return "Fix the pipeline that fills this column; rows that were answered meanwhile may be scored again."
    if "age" in kinds:
        return "See whether what makes the features is late: rows are answered from older or newer ones than before."
    if harmless:
        return NO_ACTION
    if rescaled:
        return "See whether the unit of this column has changed; if the values are right, retrain."
    return "Retrain with rows of this time, if the change stays."


def _own(one: Incident) -> tuple[Sign, ...]:
    return tuple(sign for sign in one.signs if subject_of(sign.key)[0] == one.subject) or one.signs


def _others(one: Incident) -> set[str]:
    found = {subject_of(sign.key) for sign in one.signs}
    return {kind for subject, kind in found if subject != one.subject}


def _cost(day: Estimate, unit: str, *, of_group: bool) -> str:
    unit = f" {unit}" if unit not in {"", "share"} else ""
    places = supported(day.low, day.high)
    value, *ends = (
        number(one, 3) if places is None else rounded(one, places)
        for one in (day.value or 0.0, day.low, day.high)
        if one is not None
    )
    sure = f" ({' to '.join(ends)})" if len(ends) == 2 else ""
    expected = f"{value}{unit} a day{sure}"
    dearer = (day.value or 0.0) > 0
    if of_group:
        return f"beside others, answers for this group cost {'' if dearer else 'no '}more than before: {expected}"
    return f"it is expected to cost {expected}" if dearer else f"it is expected to cost nothing: {expected}"


def _amount(sign: Sign, reference: Reference) -> str:
    kind = sign.key.rpartition(":")[2]
    if sign.severity is not None:
        return f"in {sign.effect:.0f} of {(reference.settings.failing_of or (0, 0))[1]} windows"
    if kind == "volume":
        times, low, high = np.exp([sign.effect, sign.low, sign.high])
        return f"{times:.2g} times as many ({low:.2g} to {high:.2g})"
    if _in_shares(sign.key, kind, reference):
        return f"by {100 * sign.effect:+.1f} points ({100 * sign.low:+.1f} to {100 * sign.high:+.1f})"
    unit = " standard deviations" if kind in {"location", "spread", "age"} else ""
    if kind == "loss" and reference.objective.unit not in {"", "share"}:
        unit = f" {reference.objective.unit} a row"
    return f"by {sign.effect:+.3g}{unit} ({sign.low:+.3g} to {sign.high:+.3g})"


def _in_shares(key: str, kind: str, reference: Reference) -> bool:
    if key == "calibration":  # how much oftener it happens than the scores say
        return reference.answers.task != "regression"
    of_means = key.startswith("fairness:") and kind in {"loss", "bias"}
    return not (kind in {"location", "spread", "age"} or of_means or key in _PLAIN)
