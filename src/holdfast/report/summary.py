"""What the findings of a comparison come to: a verdict, counts, and the order of the columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.numerals import several
from holdfast.records import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from holdfast.profile.table import Profile

# The worst first: a column, or a whole comparison, is as bad as its worst finding.
ORDER = (
    Status.FAIL,
    Status.WARN,
    Status.ERROR,
    Status.INCONCLUSIVE,
    Status.PASS,
    Status.NOT_APPLICABLE,
    Status.SKIPPED,
)

TOLD = frozenset({Status.FAIL, Status.WARN, Status.ERROR, Status.INCONCLUSIVE})
"""Findings that are written out; those that pass, or were not asked, are folded into a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the findings come to.

    Attributes
    ----------
    status
        The worst of the findings.
    verdict
        One sentence.
    rows
        Rows of the reference and of the current table.
    columns
        Number of columns that were compared.
    counts
        Number of findings of each status, the worst first; without those that no finding has.
    ranked
        Findings that fail, then those that warn, each by weight.
    order
        All columns, those with the worst findings and the largest weights first.
    statuses
        Status of each of them, in the same order.
    """

    status: Status
    verdict: str
    rows: tuple[int, int]
    columns: int
    counts: tuple[tuple[Status, int], ...]
    ranked: tuple[Finding, ...]
    order: tuple[str, ...]
    statuses: tuple[Status, ...]


def summary(findings: Sequence[Finding], current: Profile, reference: Profile) -> Summary:
    """What the findings come to: a verdict, counts, and the order of the columns."""
    names = _columns(current, reference)
    ranked = in_order(findings)
    worst = {finding.subject: (place, finding.status) for place, finding in reversed(list(enumerate(ranked)))}
    unasked = (len(ranked), Status.SKIPPED)
    order = sorted(names, key=lambda name: worst.get(name, unasked)[0])
    counted = Counter(f.status for f in findings)
    return Summary(
        status=ranked[0].status if ranked else Status.SKIPPED,
        verdict=_verdict(ranked, counted, len(names)),
        rows=(reference.rows, current.rows),
        columns=len(names),
        counts=tuple((status, counted[status]) for status in ORDER if counted[status]),
        ranked=tuple(f for f in ranked if f.status in {Status.FAIL, Status.WARN}),
        order=tuple(order),
        statuses=tuple(worst.get(name, unasked)[1] for name in order),
    )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings with the worst status first, those of a status by weight."""
    return sorted(findings, key=lambda f: (ORDER.index(f.status), -f.weight))


def _columns(current: Profile, reference: Profile) -> list[str]:
    """Columns of the reference, then those that only the current table has."""
    known = reference.edges.schema.names
    return [*known, *(name for name in current.types if name not in {*known, *reference.types})]


def _verdict(ranked: Sequence[Finding], counted: Counter[Status], columns: int) -> str:
    fails = [f for f in ranked if f.status is Status.FAIL]
    undecided = [
        f"{counted[status]:,} {words}"
        for status, words in ((Status.ERROR, "could not run"), (Status.INCONCLUSIVE, "could not be decided"))
        if counted[status]
    ]
    aside = f" ({' and '.join(undecided)})" if undecided else ""
    if fails:
        subjects = list(dict.fromkeys(f.subject for f in fails if f.subject))
        where = f": {_listed(subjects)}" if subjects else ""
        return (
            f"{len(fails):,} of {several(len(ranked), 'check')} {'fails' if len(fails) == 1 else 'fail'}{where}{aside}."
        )
    if counted[Status.WARN]:
        return f"Nothing fails; {several(counted[Status.WARN], 'warning')} in {several(columns, 'column')}{aside}."
    if counted[Status.PASS]:
        return f"Nothing fails: {several(counted[Status.PASS], 'check')} passed on {several(columns, 'column')}{aside}."
    return f"No check came to a result{aside}."


def _listed(names: Sequence[str], most: int = 3) -> str:
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def grouped(findings: Sequence[Finding], status: Status) -> list[tuple[Finding, list[str]]]:
    """Findings of a status with all their subjects, those with the same code and message as one."""
    groups: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    for finding in findings:
        if finding.status is status:
            said = "" if status is Status.PASS else finding.message
            groups.setdefault((finding.code, said), (finding, []))[1].append(finding.subject)
    return list(groups.values())
