"""The report: one HTML file that works without a network, and the small form of it that a notebook shows."""

from __future__ import annotations

import base64
import gzip
import hashlib
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from holdfast.records import Finding, Status
from holdfast.report import charts, words
from holdfast.report.panels import column, pair
from holdfast.report.shapes import Picture, Points
from holdfast.report.summary import in_order, summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from holdfast.profile.table import Profile
    from holdfast.report.panels import ColumnPanel
    from holdfast.report.summary import Summary

_HERE = Path(__file__).parent
_BUNDLE = _HERE / "static" / "vega.js.gz"

SHOWN = 25
"""Findings of the first table; further ones are folded."""

# A sign and a word for each status, so that none is told by colour alone.
_STATUS = {
    Status.FAIL: ("✕", "Fail"),
    Status.WARN: ("!", "Warning"),
    Status.ERROR: ("⊘", "Error"),
    Status.INCONCLUSIVE: ("?", "Inconclusive"),
    Status.PASS: ("✓", "Pass"),
    Status.NOT_APPLICABLE: ("–", "Not applicable"),
    Status.SKIPPED: ("–", "Skipped"),
}

# Findings that are written out; those that pass, or were not asked, are folded into a line.
_TOLD = frozenset({Status.FAIL, Status.WARN, Status.ERROR, Status.INCONCLUSIVE})

# Pixels under and over a chart, for the labels of its axes.
_AXIS = 36


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A picture on the page: its place in the data, and what is there before (or without) the script."""

    number: int
    picture: Picture | Points
    height: int
    outlines: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class _Column:
    """A column on the page."""

    anchor: str
    status: Status
    panel: ColumnPanel
    told: Sequence[Finding]
    folded: Sequence[Finding]
    drawings: Sequence[_Drawing]
    rows: Any


def page(
    *,
    title: str,
    findings: Sequence[Finding],
    current: Profile,
    reference: Profile,
    rows: Mapping[str, Any],
    names: tuple[str, str] = ("reference", "current"),
) -> str:
    """The report as one HTML file. It loads nothing; it may hold values of the rows, so it stays where the data may be.

    Parameters
    ----------
    title
        Heading of the page.
    findings
        What the checks said.
    current, reference
        Profiles over the same edges.
    rows
        The most responsible rows of a column (`positions`, `ids`, `values`, `reason`), by its name.
    names
        What the reference and the current table are called.

    Returns
    -------
    str
        HTML, UTF-8. Charts need a browser of 2023 or later; without scripts the page has outlines and tables.
    """
    overview = summary(findings, current, reference)
    columns = _columns(overview, findings, current, reference, rows)
    anchors = {c.panel.name: c.anchor for c in columns}
    apart = [f for f in in_order(findings) if f.status in _TOLD and f.subject not in anchors]
    drawings = [drawing for c in columns for drawing in c.drawings]
    pairs = [f.evidence["pair"] for f in apart if f.status is Status.FAIL and "pair" in f.evidence]
    scatters = [picture for first, second in pairs for picture in pair(first, second, current, reference)]
    points = [_drawing(place, picture) for place, picture in enumerate(scatters, len(drawings))]
    bundle = _bundle()
    return _rendered(
        "page.html.j2",
        title=title,
        names=names,
        overview=overview,
        columns=columns,
        anchors=anchors,
        apart=apart,
        points=points,
        groups=[(status, _grouped(findings, status)) for status in _STATUS if status not in {Status.FAIL, Status.WARN}],
        statuses=Counter(overview.statuses),
        period=_period(current, reference),
        bundle=bundle and bundle.base64,
        charts=_json(_charts([*drawings, *points], names)) if bundle else "",
        policy=_policy(bundle),
        style=_static("report.css"),
        script=_static("report.js"),
        shown=SHOWN,
    )


def notebook(
    *,
    title: str,
    findings: Sequence[Finding],
    current: Profile,
    reference: Profile,
    rows: Mapping[str, Any],
    names: tuple[str, str] = ("reference", "current"),
) -> str:
    """What a notebook shows: the verdict, and the findings that fail or warn with small pictures of their columns.

    Parameters
    ----------
    title, findings, current, reference, rows, names
        As of `page`.

    Returns
    -------
    str
        A piece of HTML without scripts, which takes text colour and background from where it stands.
    """
    overview = summary(findings, current, reference)
    small: dict[str, tuple[str, str]] = {}
    for finding in overview.ranked[:SHOWN]:
        if finding.subject in overview.order:
            for picture in column(finding.subject, current, reference).pictures[:1]:
                small[finding.subject] = charts.outlines(picture)
    return _rendered(
        "notebook.html.j2",
        title=title,
        names=names,
        overview=overview,
        outlines=small,
        rows=rows,
        style=_static("notebook.css"),
        shown=SHOWN,
    )


# --- What is on the page --------------------------------------------------------------------------------------------


def _columns(
    overview: Summary, findings: Sequence[Finding], current: Profile, reference: Profile, rows: Mapping[str, Any]
) -> list[_Column]:
    """All columns, the worst first."""
    about: dict[str, list[Finding]] = defaultdict(list)
    for finding in in_order(findings):
        about[finding.subject].append(finding)
    columns: list[_Column] = []
    drawn = 0
    for place, (name, status) in enumerate(zip(overview.order, overview.statuses, strict=True)):
        panel = column(name, current, reference)
        drawings = [_drawing(drawn + i, picture) for i, picture in enumerate(panel.pictures)]
        drawn += len(drawings)
        told = [f for f in about[name] if f.status in _TOLD]
        folded = [f for f in about[name] if f.status not in _TOLD]
        columns.append(_Column(f"column-{place}", status, panel, told, folded, drawings, rows.get(name)))
    return columns


def _drawing(place: int, picture: Picture | Points) -> _Drawing:
    outlines = None if isinstance(picture, Points) else charts.outlines(picture)
    return _Drawing(place, picture, charts.height(picture) + _AXIS, outlines)


def _grouped(findings: Sequence[Finding], status: Status) -> list[tuple[Finding, list[str]]]:
    """Findings of a status with all their subjects, those with the same code and message as one."""
    groups: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    for finding in findings:
        if finding.status is status:
            said = "" if status is Status.PASS else finding.message
            groups.setdefault((finding.code, said), (finding, []))[1].append(finding.subject)
    return list(groups.values())


def _charts(drawings: Sequence[_Drawing], names: tuple[str, str]) -> dict[str, Any]:
    """What the script draws: a specification of each kind, and the data of each picture."""
    kinds = [charts.kind(d.picture) for d in drawings]
    return {
        "templates": {kind: charts.template(kind, names) for kind in sorted(set(kinds))},
        "config": charts.CONFIG,
        "pictures": [
            {"kind": kind, "height": charts.height(d.picture), "rows": charts.rows(d.picture)}
            for kind, d in zip(kinds, drawings, strict=True)
        ],
    }


def _period(current: Profile, reference: Profile) -> list[tuple[float, float] | None]:
    """First and last moment of both sides, if there is a time column."""
    name = reference.edges.time
    sides = [profile.columns.get(name) if name else None for profile in (reference, current)]
    return [(side.low, side.high) if side and math.isfinite(side.low) else None for side in sides]


# --- The file -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bundle:
    """The scripts that draw charts: compressed, as text; and the digest of what they inflate to."""

    base64: str
    digest: str


@cache
def _bundle() -> _Bundle | None:
    """None where the package was not built (a bare checkout): the page then says so, and has tables."""
    if not _BUNDLE.exists():
        return None
    packed = _BUNDLE.read_bytes()
    return _Bundle(base64.b64encode(packed).decode(), _digest(gzip.decompress(packed)))


def _policy(bundle: _Bundle | None) -> str:
    """Content-Security-Policy: nothing is loaded, and no script runs but ours, even if some text were not escaped."""
    scripts = [_digest(_static("report.js").encode()), *([bundle.digest] if bundle else [])]
    allowed = " ".join(f"'{digest}'" for digest in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(content: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"


@cache
def _static(name: str) -> str:
    """Our own style or script."""
    return (_HERE / "static" / name).read_text(encoding="utf-8")


def _json(value: object) -> str:
    """JSON that can stand in a script element: without `<` nothing in it ends the element or opens a comment."""
    text = msgspec.json.encode(value).decode()
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _rendered(template: str, **values: object) -> str:
    text: str = _environment().get_template(template).render(values)
    return text


@cache
def _environment() -> Any:
    """Templates: everything is escaped but our style, our script, and what `_json` made."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for word in (words.amount, words.cut, words.evidence, words.figure, words.interval, words.moment, words.share):
        environment.filters[word.__name__] = word
    environment.globals |= {"STATUS": _STATUS, "Status": Status}
    return environment
