"""What happened, as frozen records that reports, exports, logs and pages all read."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Status(StrEnum):
    """The outcome of a check. Only `pass` means that the check ran and found nothing."""

    PASS = "pass"  # noqa: S105  # a status, not a password
    WARN = "warn"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"  # it ran, and the rows are too few to say
    NOT_APPLICABLE = "not_applicable"  # the question makes no sense here
    SKIPPED = "skipped"  # it was switched off
    ERROR = "error"  # it could not run


class Severity(StrEnum):
    """How much a failing check matters when nothing else is known."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check says about one subject.

    Attributes
    ----------
    code
        Stable name of the check, such as `drift.numeric`; its page is `docs/checks/<code>.md`.
    status
        Outcome; see `Status`.
    subject
        The column (or `"a × b"` for a pair of columns); empty when the whole table is meant.
    message
        One sentence for a person, without values of the user's rows.
    severity
        How much a failure matters by itself.
    value, limit, interval
        The estimate, the limit it was judged against, and its 95% interval, in `unit`; None where there is no number.
    visible
        The smallest effect that this many rows would have shown with 80% power, in `unit`.
    unit
        Unit of the numbers: `"sd"`, `"share"`, `"rows"`, ...
    weight
        What findings of equal status are ordered by, largest first: importance x effect / limit.
    evidence
        Further numbers and names, JSON-ready.
    """

    code: str
    status: Status
    subject: str = ""
    message: str
    severity: Severity = Severity.MEDIUM
    value: float | None = None
    limit: float | None = None
    interval: tuple[float, float] | None = None
    visible: float | None = None
    unit: str = ""
    weight: float = 0.0
    evidence: dict[str, Any] = {}
