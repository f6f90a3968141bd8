"""Numbers in sentences: as many digits as a person reads, thousands apart, and one row where there is one."""

from __future__ import annotations

import math


def number(value: float, digits: int = 5) -> str:
    """A number: so many significant digits, thousands apart, no trailing zeros.

    Examples
    --------
    >>> number(1234.5678), number(0.00012345678), number(1e20), number(-2.50)
    ('1,234.6', '0.00012346', '1e+20', '-2.5')
    """
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return f"{value:g}"
    power = math.floor(math.log10(abs(value)))
    if not -5 < power < 15:
        return f"{value:.{digits}g}"
    shown = f"{value:,.{max(0, digits - 1 - power)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def supported(low: float | None, high: float | None) -> int | None:
    """Decimals (negative: tens, hundreds, ...) that the half width of an interval supports; None without an interval.

    Source: Particle Data Group, *Review of Particle Physics*, Introduction, section 5.3: two digits of an error whose
    first three digits are 100 to 354, one if they are 355 to 949, and 950 to 999 are rounded up to 1000.

    >>> supported(0.8523, 0.8899), supported(91.1, 1071.0), supported(1.0, 1.0)
    (3, -2, None)
    """
    if low is None or high is None or not high > low:
        return None
    half = (high - low) / 2
    power = math.floor(math.log10(half))
    return (1 if half / 10.0**power < 3.55 else 0) - power


def rounded(value: float, decimals: int) -> str:
    """A number to so many decimals, thousands apart; negative: to tens, hundreds, ...

    >>> rounded(1234.5, -1), rounded(0.5, 2), rounded(-0.001, 1)
    ('1,230', '0.50', '0.0')
    """
    if decimals > 6:
        return number(value, 3)
    shown = round(value, decimals) + 0.0  # adds nothing but makes -0.0 a plain zero
    return f"{shown:,.{max(decimals, 0)}f}"


def several(n: int, noun: str) -> str:
    """A number of things.

    >>> several(1, "check"), several(1200, "check")
    ('1 check', '1,200 checks')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
