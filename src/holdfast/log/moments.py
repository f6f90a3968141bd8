"""Moments as people say them: a time with its zone, a day, or how long ago."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import TypeAlias

from holdfast.durations import UNITS, seconds
from holdfast.errors import SettingError
from holdfast.log.frames import microseconds

Moment: TypeAlias = str | date | datetime
"""A time with its zone, a day in UTC (its beginning), either as text (`2025-01-31T12:00Z`, `2025-01-31`), or how long ago
(`6h`)."""


def moment(given: Moment, where: str, now: float | None = None) -> int:
    """Microseconds since 1970 of a moment.

    Parameters
    ----------
    given
        The moment.
    where
        What messages call it.
    now
        The present, in seconds since 1970.

    Raises
    ------
    SettingError
        It is none, or a time without a zone, which may mean any of 26 hours.

    Examples
    --------
    >>> moment("1970-01-02", "since"), moment("1970-01-01T00:00:01+00:00", "since"), moment("1m", "since", now=90.0)
    (86400000000, 1000000, 30000000)
    """
    if isinstance(given, str):
        if given[-1:] in UNITS and given[:1].isdigit() and "T" not in given:
            ago = seconds(given, where)
            return int(((time.time() if now is None else now) - ago) * 1_000_000)
        try:
            given = date.fromisoformat(given) if len(given) == len("2025-01-31") else datetime.fromisoformat(given)
        except ValueError:
            raise SettingError(
                f"{where} takes a day such as 2025-01-31, a time with its zone such as 2025-01-31T12:00Z, or a length "
                f"of time before now such as 6h; got {given!r}."
            ) from None
    if not isinstance(given, datetime):
        given = datetime(given.year, given.month, given.day, tzinfo=UTC)
    if given.tzinfo is None:
        raise SettingError(f"{where} takes a time with its zone, such as 2025-01-31T12:00Z; got one without a zone.")
    return microseconds(given)
