"""What a person should see in the importances: one feature that does it all, memory of the training rows, dead weight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from holdfast.evidence import Estimate, Importance
from holdfast.kinds import Kind, Role
from holdfast.names import listed
from holdfast.numerals import number
from holdfast.records import Finding, Severity, Status
from holdfast.schema import Column, Schema
from holdfast.stats.multiplicity import holm

Share = Annotated[float, Meta(ge=0, le=1)]


class SignalLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on an importance is worth a look.

    Attributes
    ----------
    dominant
        Share of all contributions that one feature may carry.
    overfit
        Share of its importance on the training rows that a feature may lose on rows that the model has not seen.
    material
        Share of all importance below which a feature is not judged for overfitting, and of all contributions from which
        an identifier or a time counts as used.
    unused
        Share of all contributions below which a feature is not used.
    error
        Chance of naming any feature for overfitting although none is.
    """

    dominant: Share = 0.8
    overfit: Share = 0.5
    material: Share = 0.02
    unused: Share = 0.0005
    error: Annotated[float, Meta(gt=0, lt=1)] = 0.05


TITLES = {
    "explain.dominant": "One feature carries almost all",
    "explain.overfit_importance": "Importance learned by heart",
    "explain.identifier_feature": "Identifier or time as a feature",
    "explain.unused": "Unused features",
}
"""Codes of these findings. Each has a page, `docs/checks/<code>.md`."""

SEVERITIES = {
    "explain.dominant": Severity.HIGH,
    "explain.overfit_importance": Severity.MEDIUM,
    "explain.identifier_feature": Severity.HIGH,
    "explain.unused": Severity.LOW,
}


def signals(importances: Sequence[Importance], schema: Schema, limits: SignalLimits | None = None) -> list[Finding]:
    """Findings on the importances of a model's features; all four questions are always answered.

    A feature's share is that of its Shapley values; where these are missing, of all permutation importance above 0.

    Parameters
    ----------
    importances
        Of every feature of the model.
    schema
        What the columns are: roles, identifiers, times.
    limits
        From where on something is worth a look.

    Returns
    -------
    list of Finding
        At least one for each code.

    Examples
    --------
    >>> from holdfast.evidence import Importance
    >>> found = signals([Importance(feature="leak", shapley=0.97), Importance(feature="age", shapley=0.03)], Schema(columns=()))
    >>> [(one.code, one.status.value, one.subject) for one in found if one.status == "warn"]
    [('explain.dominant', 'warn', 'leak')]
    """
    limits = limits or SignalLimits()
    share = _shares(importances)
    return [
        *_dominant(share, limits),
        *_overfit(importances, limits),
        *_identifiers(share, schema, limits),
        *_unused(share, limits),
    ]


def _shares(importances: Sequence[Importance]) -> dict[str, float]:
    """Share of each feature; empty where neither kind of importance is known of all."""
    if all(one.shapley is not None for one in importances):
        return {one.feature: one.shapley or 0.0 for one in importances}
    worth = {one.feature: one.permutation.value for one in importances if one.permutation is not None}
    if len(worth) < len(importances) or any(value is None for value in worth.values()):
        return {}
    gains = {name: max(value or 0.0, 0.0) for name, value in worth.items()}
    whole = sum(gains.values())
    return {name: gain / whole if whole else 0.0 for name, gain in gains.items()}


def _dominant(share: dict[str, float], limits: SignalLimits) -> Iterator[Finding]:
    """Does one feature carry almost all?"""
    code = "explain.dominant"
    if len(share) < 2:
        yield _nothing_to_say(code, "There are no shares of several features.")
        return
    name = max(share, key=lambda name: share[name])
    found = share[name] >= limits.dominant
    yield _finding(
        code,
        Status.WARN if found else Status.PASS,
        f"One of {len(share)} features brings {share[name]:.1%} of all contributions"
        + (": make sure that its value is known before the label is." if found else "."),
        subject=name if found else "",
        value=share[name],
        limit=limits.dominant,
        unit="share",
    )


def _overfit(importances: Sequence[Importance], limits: SignalLimits) -> Iterator[Finding]:
    """Which features are worth much less on rows that the model has not seen?"""
    code = "explain.overfit_importance"
    pairs = {
        one.feature: (train, test)
        for one in importances
        if (train := _law(one.permutation_train)) and (test := _law(one.permutation))
    }
    whole = sum(max(train.mean, 0.0) for train, _ in pairs.values())
    pairs = {name: pair for name, pair in pairs.items() if pair[0].mean > 0 and pair[0].mean >= limits.material * whole}
    if not pairs:
        yield _nothing_to_say(code, "No feature is known to matter on the training rows.")
        return
    lost = {name: 1 - test.mean / train.mean for name, (train, test) in pairs.items()}
    verdict = holm([_chance(train * (1 - limits.overfit) - test) for train, test in pairs.values()], limits.error)
    named = {name for name, rejected in zip(pairs, verdict.rejected, strict=True) if rejected}
    for name in sorted(named, key=lambda name: -lost[name]):
        train, test = pairs[name]
        yield _finding(
            code,
            Status.WARN,
            f"It is worth {number(train.mean, 4)} on the training rows and {number(test.mean, 4)} on rows that the model "
            "has not seen: what it says there was learned by heart.",
            subject=name,
            value=lost[name],
            limit=limits.overfit,
            unit="share",
            evidence={"train": train.mean, "test": test.mean},
        )
    if open_questions := [name for name in pairs if lost[name] > limits.overfit and name not in named]:
        message = f"The rows are too few to say whether these lose their worth on new rows: {listed(open_questions)}."
        yield _finding(code, Status.INCONCLUSIVE, message)
    elif not named:
        yield _finding(code, Status.PASS, f"None of {len(pairs)} features that matter loses its worth on new rows.")


def _identifiers(share: dict[str, float], schema: Schema, limits: SignalLimits) -> Iterator[Finding]:
    """Which features name the row, its owner, or the moment?"""
    code = "explain.identifier_feature"
    if not share:
        yield _nothing_to_say(code, "The importance of some features is not known.")
        return
    used = {column.name: column for column in schema.columns if share.get(column.name, 0.0) >= limits.unused}
    found = {name: what for name, column in used.items() if (what := _names(column))}
    for name, what in found.items():
        certain = what != "the moment" and share[name] >= limits.material
        yield _finding(
            code,
            Status.FAIL if certain else Status.WARN,
            f"It names {what} and brings {share[name]:.1%} of all contributions: its values do not come again.",
            subject=name,
            value=share[name],
            limit=limits.material,
            unit="share",
        )
    if not found:
        yield _finding(code, Status.PASS, "The model uses no identifier and no time.")


def _names(column: Column) -> str:
    """What the values of a column stand for, if they stand for one thing alone."""
    if column.role is Role.TIME or column.kind is Kind.TIME:
        return "the moment"
    if column.role is Role.ID or column.identifier:
        return "the row"
    return "the row's owner" if column.role is Role.GROUP else ""


def _unused(share: dict[str, float], limits: SignalLimits) -> Iterator[Finding]:
    """Which features does the model not use?"""
    code = "explain.unused"
    if not share:
        yield _nothing_to_say(code, "The importance of some features is not known.")
        return
    found = [name for name in share if share[name] < limits.unused]
    for name in found:
        yield _finding(
            code,
            Status.WARN,
            f"It brings {share[name]:.2%} of all contributions: the model does as well without it.",
            subject=name,
            value=share[name],
            limit=limits.unused,
            unit="share",
        )
    if not found:
        yield _finding(code, Status.PASS, f"All {len(share)} features are used.")


def _law(worth: Estimate | None) -> NormalDist | None:
    """The normal law that an estimate and its interval speak of; None where something is not known."""
    if worth is None or worth.value is None or worth.low is None or worth.high is None:
        return None
    return NormalDist(worth.value, (worth.high - worth.low) / 2 / NormalDist().inv_cdf((1 + worth.level) / 2))


def _chance(difference: NormalDist) -> float:
    """p-value of a difference above 0: the chance of such a one if the true difference is 0."""
    if difference.stdev == 0:
        return 0.0 if difference.mean > 0 else 1.0
    return NormalDist(0, difference.stdev).cdf(-difference.mean)


def _nothing_to_say(code: str, message: str) -> Finding:
    return _finding(code, Status.NOT_APPLICABLE, message)


def _finding(code: str, status: Status, message: str, *, value: float | None = None, **rest: Any) -> Finding:
    return Finding(
        code=code, status=status, message=message, severity=SEVERITIES[code], value=value, weight=value or 0.0, **rest
    )
