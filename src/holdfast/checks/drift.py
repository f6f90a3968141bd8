"""Drift: has a column, its missingness, or the dependence between columns changed by more than nature, and by enough to matter?

All drift questions about one pair of profiles are judged together: they share one budget of false alarms, spent by the
Benjamini-Hochberg procedure, which under no change at all bounds the chance of *any* false finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from holdfast.checks.channels import Channel, Pair, category_pair, cells_channel, location_channels, missing_channels
from holdfast.checks.context import Context
from holdfast.checks.effects import EFFECTS, distances, kolmogorov_above_chance, wasserstein_in_deviations
from holdfast.checks.joint import Joint, joint_dependence
from holdfast.profile.calendar import TimeEdges
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnProfile
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.numeric import NumberEdges
from holdfast.profile.table import Profile, windows_like
from holdfast.profile.text import TextEdges, tokens, unseen_share
from holdfast.records import Finding, Severity, Status
from holdfast.schema import Column, Role
from holdfast.stats.multiplicity import benjamini_hochberg
from holdfast.stats.natural import FEWEST_WINDOWS

FEW_WINDOWS = 12
"""Below this many windows a finding says that they are few."""

UNJUDGED = {
    Role.TIME: "time moves on",
    Role.ID: "identifiers are always new",
    Role.IGNORE: "the column is ignored",
}
"""Roles whose distribution says nothing about drift."""


class Question(msgspec.Struct, kw_only=True):
    """All channels of one finding-to-be, and its p-value before the budget is spent."""

    code: str
    subject: str
    channels: list[Channel]
    severity: Severity
    evidence: dict[str, Any]

    @property
    def p_value(self) -> float:
        """Bonferroni over its channels; NaN when none could be judged."""
        known = [c.p_value for c in self.channels if not np.isnan(c.p_value)]
        return min(1.0, min(known) * len(known)) if known else np.nan


def drift(current: Profile, reference: Profile, context: Context) -> Iterator[Finding]:
    """All drift findings of a pair of profiles.

    Parameters
    ----------
    current, reference
        Profiles over the same edges.
    context
        Limits, importance of columns, and what is switched off.
    """
    questions, findings = _questions(current, reference, context)
    yield from findings
    # What is switched off takes no part in the budget.
    off = [q for q in questions if context.settings.skips(q.code)]
    yield from (_switched_off(q.code, q.subject) for q in off)
    questions = [q for q in questions if q not in off]
    joint = _joint(current, reference, context)
    if isinstance(joint, Finding):
        yield joint
    p_values = np.array([q.p_value for q in questions] + ([joint.p_value] if isinstance(joint, Joint) else []))
    budget = context.settings.error_budget
    judged = benjamini_hochberg(p_values, budget)
    tested = int(np.count_nonzero(~np.isnan(p_values)))
    # What a single question needs when nothing else has changed.
    level = budget / max(tested, 1)
    cut = float(p_values[judged.rejected].max()) if judged.rejected.any() else 0.0
    for question, adjusted in zip(questions, judged.adjusted, strict=False):
        yield _judged(question, float(adjusted), max(cut, level), level, context)
    if isinstance(joint, Joint):
        yield joint.finding(float(judged.adjusted[-1]), max(cut, level), level, context)


def _questions(current: Profile, reference: Profile, context: Context) -> tuple[list[Question], list[Finding]]:
    """One question per column about its values and one about its missingness; columns that cannot be asked give a finding."""
    findings: list[Finding] = []
    asked: list[tuple[str, str, Pair, Pair]] = []
    history = windows_like(current, reference)
    for column in reference.edges.schema.columns:
        name = column.name
        if name not in reference.columns or context.settings.of(name).ignore:
            continue
        code = _code(column.role, reference.columns[name])
        reason = _not_compared(column, reference.columns[name], current)
        if reason:
            findings.append(_unasked(code, name, reason))
            continue
        try:
            asked.append(
                (name, code, *_pairs(current.columns[name], reference.columns[name], history, reference, name))
            )
        except Exception as error:  # noqa: BLE001  # one broken column must not hide the others
            findings.append(_broken(code, name, error))
    return _measured(asked, current, reference, context, findings), findings


def _not_compared(column: Column, reference: ColumnProfile, current: Profile) -> str:
    """Why the values of a column are not compared; empty when they are."""
    if column.role in UNJUDGED:
        return f"Not compared: {UNJUDGED[column.role]}."
    if isinstance(reference.edges, IdentifierEdges):
        return f"Not compared: {'its values are personal' if column.personal else 'identifiers are always new'}."
    if column.name not in current.columns:
        return "The column is not there."
    if isinstance(reference.edges, NumberEdges) and not len(reference.edges.cuts):
        return "The reference has no finite number in this column."
    return ""


def _measured(
    asked: list[tuple[str, str, Pair, Pair]],
    current: Profile,
    reference: Profile,
    context: Context,
    findings: list[Finding],
) -> list[Question]:
    settings = context.settings
    located = [
        (name, pair)
        for name, _, pair, _ in asked
        if isinstance(reference.columns[name].edges, NumberEdges) and settings.number_distance == "location"
    ]
    limits = [settings.of(name).minimum_effect or settings.location for name, _ in located]
    locations = dict(
        zip([name for name, _ in located], location_channels([pair for _, pair in located], limits), strict=True)
    )
    gone = missing_channels(
        [pair for *_, pair in asked], [settings.of(name).missing or settings.missing for name, *_ in asked]
    )
    questions = []
    for (name, code, pair, _), missing in zip(asked, gone, strict=True):
        severity = Severity.HIGH if code in {"drift.prediction", "drift.label"} else Severity.MEDIUM
        try:
            channels = [locations[name]] if name in locations else []
            channels.append(_shape(name, pair, current.columns[name], reference.columns[name], context))
            evidence: dict[str, Any] = {"distances": distances(current.columns[name], reference.columns[name])}
            if isinstance(reference.columns[name].edges, TextEdges):
                channels.append(_words(name, current.columns[name], reference.columns[name], context))
                evidence["unseen_words"] = unseen_share(current.columns[name], reference.columns[name])
            questions.append(Question(code=code, subject=name, channels=channels, severity=severity, evidence=evidence))
        except Exception as error:  # noqa: BLE001  # one broken column must not hide the others
            findings.append(_broken(code, name, error))
        questions.append(
            Question(
                code="drift.missing",
                subject=name,
                channels=[missing],
                severity=Severity.HIGH,
                evidence={"current": _share_missing(current, name), "reference": _share_missing(reference, name)},
            )
        )
    return questions


def _shape(name: str, pair: Pair, current: ColumnProfile, reference: ColumnProfile, context: Context) -> Channel:
    """The channel of the cells, or of a distance that was chosen by name."""
    settings = context.settings
    own = settings.of(name).minimum_effect
    number = isinstance(reference.edges, NumberEdges)
    chosen = settings.number_distance if number else settings.category_distance
    if chosen in {"kolmogorov_smirnov", "wasserstein"}:
        measured = kolmogorov_above_chance if chosen == "kolmogorov_smirnov" else wasserstein_in_deviations
        return cells_channel(
            chosen,
            pair,
            above_chance=lambda *_: measured(current, reference),
            unit="share" if number and chosen == "kolmogorov_smirnov" else "sd",
            minimum=own or (settings.variation if chosen == "kolmogorov_smirnov" else settings.location),
            test=settings.test,
        )
    by_name = "total_variation" if chosen == "location" else chosen
    effect = EFFECTS[by_name]
    minimum = settings.variation if by_name == "total_variation" else effect.minimum
    return cells_channel(
        "shape" if number and chosen == "location" else by_name,
        pair,
        above_chance=effect.above_chance,
        unit=effect.unit,
        # With the default distance a number's own limit is one of location: that of its shape goes with it.
        minimum=minimum * (own or settings.location) / settings.location if chosen == "location" else own or minimum,
        test=settings.test,
    )


def _words(name: str, current: ColumnProfile, reference: ColumnProfile, context: Context) -> Channel:
    """Change of the words of a text. Words of one text come together, so each text counts as one word: surely not too many."""
    counts = [tokens(side) * (side.cells.sum() / max(int(tokens(side).sum()), 1)) for side in (current, reference)]
    return cells_channel(
        "words",
        Pair(current=counts[0], reference=counts[1], windows=np.empty((0, 1), dtype=np.int64)),
        above_chance=EFFECTS["total_variation"].above_chance,
        unit="share",
        minimum=context.settings.of(name).minimum_effect or context.settings.variation,
        test=context.settings.test,
    )


def _pairs(
    current: ColumnProfile, reference: ColumnProfile, history: Any, profile: Profile, name: str
) -> tuple[Pair, Pair]:
    """Counts of the values and of (missing, present) of one column."""
    if min(current.counts.min(), reference.counts.min()) < 0:
        raise ValueError("counts below zero")
    entries = history[:, profile.edges.places[name]] if len(history) else np.empty((0, 1), dtype=np.int64)
    cells, whole = entries[:, 1:], entries.sum(1)
    if isinstance(reference.edges, CategoryEdges):
        values = category_pair(current, reference, cells)
    else:
        values = Pair(
            current=current.grouped,
            reference=reference.grouped,
            windows=cells,
            # Hours are no quantiles of the reference.
            ordered=not isinstance(reference.edges, TimeEdges),
        )
    presence = np.stack([entries[:, 0], whole - entries[:, 0]], axis=1)
    return values, Pair(current=_presence(current), reference=_presence(reference), windows=presence)


def _presence(profile: ColumnProfile) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([profile.missing, profile.cells.sum()], dtype=np.int64)


def _code(role: Role, profile: ColumnProfile) -> str:
    if role is Role.TARGET:
        return "drift.label"
    if role in {Role.PREDICTION, Role.SCORE}:
        return "drift.prediction"
    match profile.edges:
        case NumberEdges():
            return "drift.numeric"
        case TextEdges():
            return "drift.text"
        case TimeEdges():
            return "drift.time"
        case _:
            return "drift.categories"


def _judged(question: Question, adjusted: float, cut: float, level: float, context: Context) -> Finding:
    """The finding of a question, after the budget has been spent."""
    budget = context.settings.error_budget
    known = [c for c in question.channels if not np.isnan(c.p_value) and not np.isnan(c.effect)]
    if not known:
        return Finding(
            code=question.code,
            status=Status.NOT_APPLICABLE,
            subject=question.subject,
            message="There are no values to compare on one of the two sides.",
            severity=question.severity,
            evidence=question.evidence,
        )
    certain = {c.name for c in known if adjusted <= budget and c.p_value * len(known) <= cut}
    failing = [c for c in known if c.name in certain and c.size >= c.minimum]
    lead = max(failing or known, key=lambda c: c.size / c.minimum)
    own_level = level / len(known)
    visible = lead.visible_at(own_level)
    if failing:
        status = Status.FAIL
    elif all(_seen_well(c, own_level) for c in known):
        status = Status.PASS
    else:
        status = Status.INCONCLUSIVE
    return Finding(
        code=question.code,
        status=status,
        subject=question.subject,
        message=_message(lead, lead.name in certain, status, visible),
        severity=question.severity,
        value=lead.effect,
        limit=_limit(lead, own_level, certain=lead.name in certain),
        interval=lead.interval and (float(lead.interval[0]), float(lead.interval[1])),
        visible=visible if lead.unit != "share" or visible <= 1 else None,
        unit=lead.unit,
        weight=context.weight(question.subject) * lead.size / lead.minimum,
        evidence=question.evidence
        | {
            "measure": lead.name,
            "minimum_effect": lead.minimum,
            "adjusted_p_value": adjusted,
            "certain": lead.name in certain,
            "windows": lead.windows,
            "natural_variation": _natural(lead.windows),
        }
        | {f"{c.name}_p_value": c.p_value for c in known}
        | {f"{c.name}_effect": c.effect for c in known},
    )


def _limit(channel: Channel, level: float, *, certain: bool) -> float:
    """Smallest effect that fails. For cells the certain one is a bound, which a certain effect may lie under."""
    limit = max(channel.minimum, channel.certain_at(level))
    return min(limit, max(channel.minimum, channel.size)) if certain else limit


def _seen_well(channel: Channel, level: float) -> bool:
    """Whether a change that matters would have been seen, or is excluded by the interval."""
    excluded = channel.interval is not None and max(abs(x) for x in channel.interval) < channel.minimum
    return excluded or channel.visible_at(level) <= channel.minimum


def _natural(windows: int) -> str:
    if windows < FEWEST_WINDOWS:
        return "sampling noise only"
    return "few windows" if windows < FEW_WINDOWS else "reference windows"


_WORDS = {
    "location": "Its middle moved {direction} by {size} reference standard deviations on the rank scale",
    "missing": "The share of missing values went {direction} by {size} points",
    "shape": "{size}% of its rows lie elsewhere than before, beyond chance",
    "words": "{size}% of its words are others than before, beyond chance",
    "total_variation": "{size}% of its rows have other values than before, beyond chance",
}

_PERCENT_DECIMALS = {"missing": 1, "shape": 0, "words": 0, "total_variation": 0}


def _message(lead: Channel, certain: bool, status: Status, visible: float) -> str:
    words = _WORDS.get(lead.name, "Its {name} changed by {size} beyond chance").format(
        direction="up" if lead.effect > 0 else "down", size=_size(lead), name=lead.name.replace("_", " ")
    )
    compared = _compared(lead)
    if status is Status.FAIL:
        return f"{words}: more than {compared} explains, and at least the {_amount(lead.minimum, lead)} that matter."
    if status is Status.INCONCLUSIVE:
        return f"{words}; {_surely_seen(visible, lead)} would surely have been seen."
    if certain:
        return f"{words}: certain, but less than the {_amount(lead.minimum, lead)} that matter."
    return f"{words}: no more than {compared} explains."


def _surely_seen(visible: float, channel: Channel) -> str:
    """From which size on a change would have been seen; of a share, none can be larger than all of it."""
    if not visible <= (1.0 if channel.unit == "share" else np.inf) or not np.isfinite(visible):
        return "with so few rows no change, however large,"
    return f"only a change of {_amount(visible, channel)} or more"


def _size(channel: Channel) -> str:
    """The effect in few digits, but on the side of the smallest one that matters on which it is."""
    # A distance below chance is none; the others have a sign.
    size = channel.size if channel.name in {"location", "missing"} else max(channel.effect, 0.0)
    decimals = _PERCENT_DECIMALS.get(channel.name)
    factor, digits, kind = (1, 2, "g") if decimals is None else (100, decimals, "f")
    limit = round(factor * channel.minimum, 9)
    texts = (f"{factor * size:.{digits + more}{kind}}" for more in range(6))
    return next((t for t in texts if (float(t) >= limit) == (size >= channel.minimum)), f"{factor * size:.6g}")


def _compared(channel: Channel) -> str:
    """What a change is compared with."""
    if channel.name == "words":
        return "sampling noise (words are not counted per window)"
    if channel.windows == 0:
        return "sampling noise (no windows to learn natural variation from)"
    natural = _natural(channel.windows)
    if natural == "sampling noise only":
        several = "s" if channel.windows > 1 else ""
        return f"sampling noise (only {channel.windows} reference window{several}, too few to learn natural variation from)"
    wide = " (few windows: a wide limit)" if natural == "few windows" else ""
    return f"what {channel.windows} reference windows vary by themselves{wide}"


def _amount(value: float, channel: Channel) -> str:
    return f"{100 * value:.3g} points" if channel.unit == "share" else f"{value:.3g} {channel.unit}"


def _share_missing(profile: Profile, name: str) -> float:
    column = profile.columns[name]
    return column.missing / column.rows if column.rows else float("nan")


def _switched_off(code: str, name: str) -> Finding:
    return Finding(code=code, status=Status.SKIPPED, subject=name, message="Switched off in the settings.")


def _unasked(code: str, name: str, message: str) -> Finding:
    return Finding(code=code, status=Status.NOT_APPLICABLE, subject=name, message=message)


def _broken(code: str, name: str, error: Exception) -> Finding:
    message = f"The check could not run ({type(error).__name__}). This is a defect of Holdfast: please report it."
    return Finding(code=code, status=Status.ERROR, subject=name, message=message, severity=Severity.HIGH)


def _joint(current: Profile, reference: Profile, context: Context) -> Joint | Finding:
    if context.settings.skips("drift.joint"):
        return _switched_off("drift.joint", "")
    try:
        return joint_dependence(current, reference, context)
    except Exception as error:  # noqa: BLE001  # the columns' own findings must not be lost with it
        return _broken("drift.joint", "", error)
