"""Times that name no zone: read in the zone that a project states, else in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.errors import SettingError
from holdfast.profile.calendar import moments
from holdfast.schema import Kind, as_kind

Array: TypeAlias = NDArray[np.float64]


def moment(text: str, zone: str | None, where: str) -> float:
    """Seconds since 1970 of a moment as ISO 8601; a naive one is in `zone`, else in UTC.

    >>> moment("2026-06-30", None, "model.trained_until")
    1782777600.0
    """
    named = zone_named(zone or "UTC")
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(f"{where} is a moment such as 2026-06-30 or 2026-06-30T12:00+02:00; got {text!r}.") from None
    return (when if when.tzinfo else when.replace(tzinfo=named)).timestamp()


def seconds_of(column: pa.Array, zone: str | None = None) -> Array:
    """Seconds since 1970 of each row, (n,), NaN where there is no time; numbers are taken for seconds in UTC.

    Parameters
    ----------
    column
        Times, dates, ISO 8601 texts or numbers.
    zone
        Of times without one; of an hour that a clock shows twice the first is meant. A column of texts is without one
        if none of them names any.

    Examples
    --------
    >>> summer = pa.array([datetime(2026, 7, 1, 2)])
    >>> (seconds_of(summer) - seconds_of(summer, "Europe/Vienna")) / 3600
    array([2.])
    """
    if zone is None or not _is_local(column):
        return moments(column)[0]
    zone_named(zone)
    local = as_kind(column, Kind.TIME).cast(pa.timestamp("us"), safe=False)
    return moments(pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="earliest"))[0]


def zone_named(name: str) -> ZoneInfo:
    """The time zone of a name, such as `Europe/Vienna`.

    Raises
    ------
    SettingError
        There is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingError(
            f"data.zone is a time zone such as Europe/Vienna; there is none of the name {name!r}."
        ) from None


def _is_local(column: pa.Array) -> bool:
    held = column.dictionary if pa.types.is_dictionary(column.type) else column
    if pa.types.is_timestamp(held.type):
        return held.type.tz is None
    if not (pa.types.is_string(held.type) or pa.types.is_large_string(held.type)):
        return bool(pa.types.is_date(held.type))
    try:
        held.cast(pa.timestamp("us"))  # which texts that name a zone are not
    except pa.ArrowInvalid:
        return False
    return True
