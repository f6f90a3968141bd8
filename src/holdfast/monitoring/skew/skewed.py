"""What a comparison of served features with the same features made again found: for people, programs and pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import msgspec

from holdfast.checks.catalogue import SERVED
from holdfast.incident import Incident
from holdfast.monitoring.skew.recomputed import Differences
from holdfast.numerals import number, several
from holdfast.records import Finding, Severity, Status
from holdfast.stats.intervals import clopper_pearson
from holdfast.stats.share_change import share_change
from holdfast.windows import Windows

(CODE,) = SERVED


class ColumnSkew(msgspec.Struct, frozen=True, kw_only=True):
    """One column; times in seconds since 1970.

    Attributes
    ----------
    column
        Its name.
    rows
        Rows that were compared.
    values, only_served, only_recomputed
        Rows that were served with another value, with a value that is missing when made again, and without the value that is
        there when made again.
    share, low, high
        Of the rows, those that differ in any of these ways, with the exact 95% interval of Clopper and Pearson.
    shift, size, largest
        Of numbers and times (in the column's unit, and in seconds) that differ: mean of served less made again, mean size of
        the difference, and the largest size; None where there are none.
    since, ended
        When the differences began, or ended: the beginning of the window; None where they were there all the time.
    earliest, latest
        95% interval of that moment.
    windows
        Beginning, rows and differing rows of each window.
    ids
        Rows that differ, those that differ most first.
    """

    column: str
    rows: int
    values: int
    only_served: int
    only_recomputed: int
    share: float
    low: float
    high: float
    shift: float | None = None
    size: float | None = None
    largest: float | None = None
    since: float | None = None
    ended: float | None = None
    earliest: float | None = None
    latest: float | None = None
    windows: tuple[tuple[float, int, int], ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def differing(self) -> int:
        """Rows that differ in any way."""
        return self.values + self.only_served + self.only_recomputed


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """What `skew` returns.

    Attributes
    ----------
    model, release
        What answered.
    zone
        Whose days are told.
    findings
        One of each column, the most urgent first.
    columns
        What was counted of each column, in the order of the findings.
    rows
        Rows that were served and made again.
    ids
        Different ids of the table.
    unmatched
        Those of them that were not served in that time.
    repeated
        Rows of the table without an id, or whose id had come before: the first one counts.
    left_out
        Columns of the model that were not compared, and why.
    """

    model: str
    release: int
    zone: str
    findings: tuple[Finding, ...]
    columns: tuple[ColumnSkew, ...]
    rows: int
    ids: int
    unmatched: int
    repeated: int
    left_out: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not any(one.status in {Status.FAIL, Status.ERROR} for one in self.findings)

    @property
    def summed_up(self) -> str:
        """What was compared, and how many columns differ, in a sentence."""
        failed = sum(one.status is Status.FAIL for one in self.findings)
        words = f"{failed:,} {'differs' if failed == 1 else 'differ'}" if failed else "none differs"
        compared = f"{several(self.rows, 'row')} and {several(len(self.columns), 'column')} were compared"
        return f"{compared}: {words} in more rows than may."

    @property
    def told(self) -> dict[str, str]:
        """What is told of each column that failed."""
        return {one.subject: one.message for one in self.findings if one.status is Status.FAIL}

    def to_dicts(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "model": self.model,
            "release": self.release,
            "passed": self.passed,
            "rows": self.rows,
            "ids": self.ids,
            "unmatched": self.unmatched,
            "repeated": self.repeated,
            "left_out": dict(self.left_out),
            "findings": msgspec.to_builtins(self.findings),
            "columns": msgspec.to_builtins(self.columns),
        }

    def to_json(self) -> str:
        """The same as JSON text."""
        return msgspec.json.format(msgspec.json.encode(self.to_dicts())).decode()

    @overload
    def to_html(self, path: None = None) -> str: ...

    @overload
    def to_html(self, path: str | Path) -> None: ...

    def to_html(self, path: str | Path | None = None) -> str | None:
        """The report as one HTML page that works offline; written to `path` if given."""
        from holdfast.report.skew import page

        text = page(self)
        if path is None:
            return text
        Path(path).write_text(text, encoding="utf-8")
        return None

    def __repr__(self) -> str:
        failed = sum(one.status is Status.FAIL for one in self.findings)
        return f"Skew({several(self.rows, 'row')}, {several(len(self.columns), 'column')}, {failed} failed)"


def column_skew(name: str, found: Differences) -> ColumnSkew:
    """What was counted of a column, as numbers."""
    differing = found.values + found.only_served + found.only_recomputed
    low, high = clopper_pearson(differing, found.rows)
    n, total, size, largest = found.sizes.tolist()
    windows = tuple((start, int(rows), int(hits)) for start, (rows, hits) in sorted(found.windows.items()))
    moment: dict[str, float] = {}
    if differing and windows:
        change = share_change([hits for _, _, hits in windows], [rows for _, rows, _ in windows])
        if change.first:
            moment = {
                "since" if change.after > change.before else "ended": windows[change.first][0],
                "earliest": windows[change.earliest][0],
                "latest": windows[change.latest][0],
            }
    return ColumnSkew(
        column=name,
        rows=found.rows,
        values=found.values,
        only_served=found.only_served,
        only_recomputed=found.only_recomputed,
        share=differing / found.rows if found.rows else float("nan"),
        low=float(low),
        high=float(high),
        shift=total / n if n else None,
        size=size / n if n else None,
        largest=largest if n else None,
        windows=windows,
        ids=tuple(name for _, _, name in found.worst),
        **moment,
    )


def finding_of(one: ColumnSkew, at_most: float, importance: float, zone: str) -> Finding:
    """Whether so many rows may differ: failed where the whole interval lies above the limit."""
    if not one.rows:
        status = Status.NOT_APPLICABLE
    elif one.low > at_most:
        status = Status.FAIL
    elif one.share > at_most:
        status = Status.WARN
    else:
        status = Status.PASS if one.high <= at_most or at_most == 0 else Status.INCONCLUSIVE
    return Finding(
        code=CODE,
        status=status,
        subject=one.column,
        message=told(one, zone),
        severity=Severity.HIGH,
        value=one.share if one.rows else None,
        limit=at_most,
        interval=(one.low, one.high) if one.rows else None,
        unit="share",
        weight=importance * one.share / max(at_most, 1e-6) if one.rows else 0.0,
        evidence={
            "rows": one.rows,
            "another_value": one.values,
            "missing_when_made_again": one.only_served,
            "missing_when_served": one.only_recomputed,
            "mean_difference": one.shift,
            "largest_difference": one.largest,
            "ids": list(one.ids),
        },
    )


def with_skew(incidents: Mapping[str, Incident], skew: Mapping[str, str]) -> dict[str, Incident]:
    """Incidents that tell which of their columns were not served with what is made again.

    Parameters
    ----------
    incidents
        All that there are, by id.
    skew
        What is told of each column that failed.
    """
    found = dict(incidents)
    for name, one in incidents.items():
        own = [one.subject] if one.kind == "input" else list(skew) if one.kind in {"answers", "performance"} else []
        texts = [f"{column}: {skew[column].rstrip('.')}" for column in own if column in skew]
        if texts and one.status != "resolved":
            found[name] = msgspec.structs.replace(one, upstream=tuple(dict.fromkeys([*one.upstream, *texts])))
    return found


def told(one: ColumnSkew, zone: str) -> str:
    """How many rows differ, in which way, since when and by how much, in a sentence or two."""
    if not one.rows:
        return "No row was compared."
    if not one.differing:
        return f"{several(one.rows, 'row')}: all were served with what is made again."
    ways = {
        "another value": one.values,
        "a value that is missing when made again": one.only_served,
        "no value where there is one when made again": one.only_recomputed,
    }
    words = ", ".join(f"{rows:,} with {way}" for way, rows in ways.items() if rows)
    text = (
        f"{one.differing:,} of {several(one.rows, 'row')} ({one.share:.2%}, {one.low:.2%} to {one.high:.2%}) were not "
        f"served with what is made again: {words}{_when(one, Windows(zone=zone))}."
    )
    if one.shift is not None and one.size is not None and one.largest is not None:
        text += (
            f" Values are apart by {number(one.size, 3)} on average, at most by {number(one.largest, 3)}; "
            f"served less made again is {number(one.shift, 3)} on average."
        )
    return text


def _when(one: ColumnSkew, windows: Windows) -> str:
    moment = one.ended if one.since is None else one.since
    if moment is None:
        return ""
    return f", {'until' if one.since is None else 'since'} {windows.local(moment):%Y-%m-%d %H:%M}".removesuffix(
        " 00:00"
    )
