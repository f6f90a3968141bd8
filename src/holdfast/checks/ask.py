"""How a quality check is put: what it is shown, what it answers, and how a share of bad rows is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from holdfast.checks.context import Context
from holdfast.profile.column import ColumnProfile
from holdfast.profile.table import Profile
from holdfast.records import Finding, Severity, Status
from holdfast.schema import Column
from holdfast.stats.intervals import clopper_pearson

CONFIDENCE = 0.998
"""Level of the intervals that shares of bad rows are judged by: one in a thousand on each side, for each column."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of one column is shown."""

    column: Column
    current: ColumnProfile
    reference: ColumnProfile
    context: Context
    tables: tuple[Profile, Profile]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a check answers: a status, a sentence, and the numbers behind it. `subject` is set by checks of the whole table."""

    status: Status
    message: str
    subject: str = ""
    value: float | None = None
    limit: float | None = None
    interval: tuple[float, float] | None = None
    unit: str = ""
    evidence: dict[str, object] = {}

    def finding(self, code: str, severity: Severity, weight: float, subject: str = "") -> Finding:
        """The answer under the code of its check, about its own subject or the one that was asked about."""
        return Finding(
            code=code,
            status=self.status,
            subject=subject or self.subject,
            message=self.message,
            severity=severity,
            value=self.value,
            limit=self.limit,
            interval=self.interval,
            unit=self.unit,
            weight=weight,
            evidence=dict(self.evidence),
        )


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue: either `column`, asked of every column (None: no question), or `table`, asked once.

    Checks before a release have neither: the gate asks them of a model and its rows (`gate.findings`).
    """

    title: str
    severity: Severity
    column: Callable[[Seen], Said | None] | None = None
    table: Callable[[Profile, Profile, Context], Iterable[Said]] | None = None


def judged_share(bad: int, rows: int, limit: float, words: str, **evidence: object) -> Said:
    """A share of bad rows against a limit, by its interval: it fails when even the lower end lies above.

    Parameters
    ----------
    bad, rows
        Bad rows of all rows; no rows: not applicable.
    limit
        Largest share that is tolerable, 0 to 1.
    words
        What the bad rows are, such as `"values outside the reference's range"`.
    evidence
        Further numbers for the finding.

    Raises
    ------
    ValueError
        If the counts are impossible: their interval is NaN, which no limit would ever catch.
    """
    if rows == 0:
        return Said(status=Status.NOT_APPLICABLE, message="There are no values to look at.")
    if not 0 <= bad <= rows:
        raise ValueError(f"expected 0 to {rows} bad rows, got {bad}: these counts are broken")
    share = bad / rows
    low, high = (float(x) for x in clopper_pearson(bad, rows, CONFIDENCE))
    status = Status.FAIL if low > limit else Status.WARN if share > limit and bad > 1 else Status.PASS
    return Said(
        status=status,
        message=f"{bad:,} of {rows:,} rows ({share:.2%}) hold {words}; {limit:.2%} are tolerable.",
        value=share,
        limit=limit,
        interval=(low, high),
        unit="share",
        evidence=dict(evidence),
    )


def not_applicable(message: str) -> Said:
    """The question makes no sense here."""
    return Said(status=Status.NOT_APPLICABLE, message=message)


def passed(message: str, **numbers: object) -> Said:
    """Nothing found."""
    return Said(status=Status.PASS, message=message, evidence=dict(numbers))
