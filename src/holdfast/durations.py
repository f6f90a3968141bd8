"""Lengths of time as people write them: 30s, 15m, 6h, 7d, 2w."""

from __future__ import annotations

from holdfast.errors import SettingError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Seconds of each unit."""

PATTERN = r"^[0-9]+(\.[0-9]+)?[smhdw]$"


def seconds(length: str, where: str = "A length of time") -> float:
    """Seconds of a length of time.

    Parameters
    ----------
    length
        A number and a unit: `s`, `m`, `h`, `d` or `w`.
    where
        What messages call it, such as an option.

    Raises
    ------
    SettingError
        It is none, or not longer than nothing.

    Examples
    --------
    >>> seconds("1.5h", "--window")
    5400.0
    """
    number, unit = length[:-1], length[-1:]
    if unit not in UNITS or not number.isascii() or not number.replace(".", "", 1).isdigit() or float(number) <= 0:
        raise SettingError(f"{where} takes a length such as 1d, 6h, 15m or 30s; got {length!r}.")
    return float(number) * UNITS[unit]


def written(duration: float) -> str:
    """Seconds as a length in the largest unit that gives a whole number.

    >>> written(604_800.0), written(90.0)
    ('1w', '90s')
    """
    unit = next((u for u in reversed(UNITS) if duration % UNITS[u] == 0), "s")
    return f"{duration / UNITS[unit]:g}{unit}"
