"""Moments as people type them: a date, a time, or so long from now."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from holdfast.errors import SettingError


def ahead(text: str, option: str) -> datetime:
    """A moment to come: a date or time, or a length such as `3d` from now."""
    from holdfast.durations import PATTERN, seconds

    if re.match(PATTERN, text):
        return datetime.now(UTC) + timedelta(seconds=seconds(text, option))
    return moment(text, option)


def moment(text: str, option: str, *, last: bool = False) -> datetime:
    """A date or a time, in UTC where it has no offset; a date is its beginning, or its end with `last`.

    >>> moment("2025-05-03", "--since"), moment("2025-05-03T12:00+02:00", "--since").hour
    (datetime.datetime(2025, 5, 3, 0, 0, tzinfo=datetime.timezone.utc), 10)
    """
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1) if last else day
        found = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(
            f"{option} takes a date or time such as 2025-05-03 or 2025-05-03T14:30; got {text!r}."
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
