"""Numbers and names of findings and columns, as a person reads them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from holdfast.numerals import number

if TYPE_CHECKING:
    from holdfast.records import Finding

_LONGEST = 200
"""Characters of a value of the user's rows that are shown."""

_MOST = 20
"""Entries of a list that are shown."""


def plain(value: float) -> str:
    """A value of the data, with all digits that tell it from its neighbours."""
    return number(value, 12)


def share(value: float) -> str:
    """A share as percents; what is not zero, or not all, does not look so.

    Examples
    --------
    >>> share(0.1234), share(0.00001), share(0.99999), share(1)
    ('12.3%', '<0.01%', '>99.99%', '100%')
    """
    percents = 100 * value
    if 0 < abs(percents) < 0.01:
        return "<0.01%"
    if 99.99 < percents < 100:
        return ">99.99%"
    return f"{percents:.{1 if 1 <= abs(percents) <= 99 else 2}f}".rstrip("0").rstrip(".") + "%"


def amount(value: float | None, unit: str, *, bare: bool = False) -> str:
    """A number of a finding with its unit; `bare`: without, where it stands beside one that has it.

    Examples
    --------
    >>> amount(0.123, "share"), amount(0.4567, "sd"), amount(12000, "rows", bare=True), amount(None, "sd")
    ('12.3%', '0.457 sd', '12,000', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    if unit == "share":
        return share(value)
    shown = number(value, 3)
    return shown if bare else f"{shown} {unit}".rstrip()


def interval(ends: tuple[float, float] | None, unit: str) -> str:
    """An interval of a finding, beside its value."""
    return "–" if ends is None else " to ".join(amount(end, unit, bare=True) for end in ends)


def figure(value: float | str | None, unit: str) -> str:
    """A key figure; for its units see `panels.Figure`.

    Examples
    --------
    >>> figure(12000, "rows"), figure(0.5, "share"), figure(0, "time"), figure(29.54, "days"), figure("red", "name")
    ('12,000', '50%', '1970-01-01 00:00', '29.5 days', 'red')
    """
    match value:
        case None:
            return "–"
        case str():
            return cut(value)
        case _ if unit == "rows":
            return f"{value:,.0f}"
        case _ if unit == "share":
            return share(value)
        case _ if unit == "time":
            return moment(value)
        case _ if unit == "days":
            return f"{number(value, 3)} days"
        case _:
            return number(value)


def moment(seconds: float) -> str:
    """A moment, UTC, to the minute; what the calendar does not have stays seconds since 1970."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return f"{number(seconds)} s"


def cut(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def evidence(finding: Finding) -> list[tuple[str, str]]:
    """The further numbers and names of a finding, ready to read."""
    return [(_spaced(name), _plainly(value)) for name, value in finding.evidence.items()]


def _plainly(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return number(value, 4)
        case dict():
            return ", ".join(f"{_spaced(name)} {_plainly(part)}" for name, part in value.items())
        case list() | tuple():
            more = f" and {len(value) - _MOST:,} more" if len(value) > _MOST else ""
            return ", ".join(map(_plainly, value[:_MOST])) + more
        case _:
            return cut(str(value))


def _spaced(name: str) -> str:
    return name.replace("_", " ")
