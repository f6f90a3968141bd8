"""What the quality checks found wrong with the rows of windows: each kind of finding once, however many windows have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.records import Status
from holdfast.report.monitoring_view import Panel, View
from holdfast.report.offline import STATUS
from holdfast.report.sections import Section, Table

if TYPE_CHECKING:
    from holdfast.watched import Shown

SHOWN = 12
"""Findings of the newest window that are shown at once; the others, and those that are over, when asked for."""

_URGENT = (Status.FAIL, Status.ERROR, Status.WARN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding and the windows that have it.

    Attributes
    ----------
    code, subject
        The check, and the column; empty for the whole table.
    status, message
        As of the newest of its windows.
    windows
        How many have it.
    since, last
        Beginning of the first window of the newest stretch without a gap, and of the last one.
    lasting
        Whether the newest window that has rows has it.
    releases
        Which answered in these windows.
    """

    code: str
    subject: str
    status: Status
    message: str
    windows: int
    since: float
    last: float
    lasting: bool
    releases: tuple[int, ...] = ()


def found_of(windows: Sequence[Shown]) -> list[Found]:
    """Findings of windows, those that last first, then by urgency and by how many windows have them."""
    checked = [window for window in windows if window.rows]
    places: dict[tuple[str, str], list[int]] = {}
    newest: dict[tuple[str, str], tuple[str, str]] = {}
    for place, window in enumerate(checked):
        for finding in window.findings:
            key = finding["code"], finding["subject"]
            if places.get(key, [-1])[-1] != place:
                places.setdefault(key, []).append(place)
            newest[key] = finding["status"], finding["message"]
    found = []
    for key, own in places.items():
        since = own[-1]
        while since - 1 in own:
            since -= 1
        status, message = newest[key]
        found.append(
            Found(
                code=key[0],
                subject=key[1],
                status=Status(status),
                message=message,
                windows=len(own),
                since=checked[since].start,
                last=checked[own[-1]].start,
                lasting=own[-1] == len(checked) - 1,
                releases=tuple(dict.fromkeys(checked[place].release for place in own)),
            )
        )
    return sorted(found, key=lambda one: (not one.lasting, _URGENT.index(one.status), -one.last, -one.windows))


def findings_panel(shown: View, anchor: str) -> Panel:
    """The section of what the quality checks found; empty where they found nothing."""
    windows = shown.watched.windows
    found = found_of(windows)
    if not found:
        return Panel(Section(anchor=anchor, title="Data quality"))
    checked = sum(window.rows > 0 for window in windows)
    lasting = [one for one in found if one.lasting]
    text = (
        "What the checks of a table before a release found in windows of service. They open no incidents, and cost nothing of "
        f"the budget of false alarms. The newest window has {f'{len(lasting):,}' if lasting else 'none'} of them."
    )
    parts = [
        ("Findings in the newest window", lasting[:SHOWN], False),
        ("Further findings in the newest window", lasting[SHOWN:], True),
        ("Findings that are over", found[len(lasting) :], True),
    ]
    tables = tuple(_table(caption, some, checked, shown, folded=folded) for caption, some, folded in parts if some)
    return Panel(Section(anchor=anchor, title="Data quality", text=(text,), tables=tables))


def _table(caption: str, found: Sequence[Found], checked: int, shown: View, *, folded: bool) -> Table:
    clock = shown.clock
    return Table(
        caption=caption,
        head=("Column", "State", "What", "When", *(["Release"] if shown.mixed else []), "Windows"),
        rows=tuple(
            (
                one.subject or "whole table",
                " ".join(STATUS[one.status]),
                f"{one.message}\n{one.code}",
                f"since {clock.told(one.since)}" if one.lasting else clock.between(one.since, one.last),
                *([", ".join(map(str, one.releases))] if shown.mixed else []),
                f"{one.windows:,} of {checked:,}",
            )
            for one in found
        ),
        words=frozenset({1, 2, 3}),
        folded=folded,
    )
