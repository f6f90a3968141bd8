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


def several(n: int, noun: str) -> str:
    """A number of things.

    >>> several(1, "check"), several(1200, "check")
    ('1 check', '1,200 checks')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
