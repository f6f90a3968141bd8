"""Estimates as a person reads them: with their unit, and with no digit that the interval does not support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from holdfast.numerals import number, rounded, supported
from holdfast.report.words import share

if TYPE_CHECKING:
    from holdfast.evidence import Estimate

UNKNOWN = "–"


def point(estimate: Estimate | None, *, bare: bool = False, signed: bool = False) -> str:
    """The value of an estimate; `bare`: without its unit, `signed`: with a plus if it is above 0.

    As many digits are shown as the interval's half width supports: one or two of its own.

    Examples
    --------
    >>> from holdfast.evidence import Estimate
    >>> point(Estimate(value=0.87119, low=0.8523, high=0.8899))
    '0.871'
    >>> point(Estimate(value=0.87119, low=0.8523, high=0.8899, unit="share"))
    '87.1%'
    >>> point(Estimate(value=1234567.0, low=1200000.0, high=1270000.0, unit="EUR"))
    '1,235,000 EUR'
    >>> point(Estimate(value=-0.0000001, low=-0.1, high=0.1, unit="EUR"), bare=True), point(None)
    ('0.00', '–')
    """
    if estimate is None or estimate.value is None:
        return UNKNOWN
    return _in_unit(estimate.value, estimate, bare=bare, signed=signed)


def ends(estimate: Estimate | None, *, signed: bool = False) -> str:
    """The interval of an estimate, to the digits of its value.

    Examples
    --------
    >>> from holdfast.evidence import Estimate
    >>> ends(Estimate(value=0.87119, low=0.8523, high=0.8899, unit="share"))
    '85.2% to 89.0%'
    >>> ends(Estimate(value=12.0, unit="EUR"))
    '–'
    """
    if estimate is None or estimate.low is None or estimate.high is None:
        return UNKNOWN
    return " to ".join(_in_unit(end, estimate, bare=True, signed=signed) for end in (estimate.low, estimate.high))


def told(estimate: Estimate | None, *, signed: bool = False) -> str:
    """Value and interval.

    Examples
    --------
    >>> from holdfast.evidence import Estimate
    >>> told(Estimate(value=0.52, low=0.47, high=0.57, unit="EUR"))
    '0.52 EUR (0.47 to 0.57)'
    >>> told(Estimate(value=0.52, unit="EUR"))
    '0.52 EUR'
    """
    interval = ends(estimate, signed=signed)
    shown = point(estimate, signed=signed)
    return shown if interval == UNKNOWN else f"{shown} ({interval})"


def cell(estimate: Estimate | None, *, signed: bool = False, bare: bool = True) -> str:
    r"""Value and interval for a cell of a table, below one another; `bare`: the table's title has the unit.

    >>> from holdfast.evidence import Estimate
    >>> cell(Estimate(value=0.52, low=0.47, high=0.57, unit="EUR"))
    '0.52\n0.47 to 0.57'
    """
    interval = ends(estimate, signed=signed)
    shown = point(estimate, bare=bare, signed=signed)
    return shown if interval == UNKNOWN else f"{shown}\n{interval}"


def per(estimate: Estimate | None, rows: int = 1000) -> Estimate | None:
    """A share as a number of so many rows.

    >>> from holdfast.evidence import Estimate
    >>> told(per(Estimate(value=0.0123, low=0.011, high=0.0137, unit="share")))
    '12.3 (11.0 to 13.7)'
    """
    return None if estimate is None else scaled(estimate, rows, unit="")


def complement(estimate: Estimate | None) -> Estimate | None:
    """What is left of a share, such as the missed of the found.

    >>> from holdfast.evidence import Estimate
    >>> told(complement(Estimate(value=0.75, low=0.70, high=0.79, unit="share")))
    '25% (21% to 30%)'
    """
    if estimate is None:
        return None
    value, low, high = (None if x is None else 1 - x for x in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=high, high=low)


def in_points(estimate: Estimate) -> Estimate:
    """A difference: of shares, it is in points, since a percent of a percent is something else.

    >>> from holdfast.evidence import Estimate
    >>> told(in_points(Estimate(value=-0.2, low=-0.28, high=-0.12, unit="share")), signed=True)
    '-20 points (-28 to -12)'
    >>> told(in_points(Estimate(value=0.52, unit="EUR")), signed=True)
    '+0.52 EUR'
    """
    return scaled(estimate, 100, unit="points") if estimate.unit == "share" else estimate


def scaled(estimate: Estimate, factor: float, *, unit: str) -> Estimate:
    """An estimate times a number, in another unit; a negative one turns the interval round."""
    value, low, high = (None if x is None else factor * x for x in (estimate.value, estimate.low, estimate.high))
    low, high = (high, low) if factor < 0 else (low, high)
    return replace(estimate, value=value, low=low, high=high, unit=unit)


def _in_unit(value: float, estimate: Estimate, *, bare: bool, signed: bool) -> str:
    percent = estimate.unit == "share"
    factor = 100.0 if percent else 1.0
    low, high = (None if end is None else factor * end for end in (estimate.low, estimate.high))
    places = supported(low, high)
    if places is None:
        shown = share(value) if percent else number(value, 3)
    else:
        shown = rounded(factor * value, places) + ("%" if percent else "")
    sign = "+" if signed and value > 0 else ""
    return sign + shown + ("" if bare or percent or not estimate.unit else f" {estimate.unit}")
