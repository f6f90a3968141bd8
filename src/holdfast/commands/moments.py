"""Moments as people type them: a date, a time, or so long from now."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from holdfast.errors import SettingError


def ahead(text: str, option: str) -> datetime:
    """A moment to come: a date or time, or a length such as `3d` from now.

    Raises
    ------
    SettingError
        It is none of these, or no moment to come.
    """
    from holdfast.durations import PATTERN, seconds

    now = datetime.now(UTC)
    try:
        found = now + timedelta(seconds=seconds(text, option)) if re.match(PATTERN, text) else _moment(text)
    except ValueError:
        raise SettingError(
            f"{option} takes a date, a time or a length, such as 2030-05-03, 2030-05-03T14:30 or 3d; got {text!r}."
        ) from None
    except OverflowError:
        raise SettingError(f"{option} is too far ahead; got {text!r}. Expected a length such as 3d.") from None
    if found <= now:
        raise SettingError(
            f"{option} is over: {found:%Y-%m-%d %H:%M} UTC. Expected a moment to come, such as 3d; a date is its beginning."
        )
    return found


def moment(text: str, option: str, *, last: bool = False) -> datetime:
    """A date or a time, in UTC where it has no offset; a date is its beginning, or its end with `last`.

    >>> moment("2025-05-03", "--since"), moment("2025-05-03T12:00+02:00", "--since").hour
    (datetime.datetime(2025, 5, 3, 0, 0, tzinfo=datetime.timezone.utc), 10)
    """
    try:
        return _moment(text, last=last)
    except (ValueError, OverflowError):
        raise SettingError(
            f"{option} takes a date or time such as 2025-05-03 or 2025-05-03T14:30; got {text!r}."
        ) from None


def _moment(text: str, *, last: bool = False) -> datetime:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        day = datetime.combine(date.fromisoformat(text), time(), UTC)
        return day + timedelta(days=1) if last else day
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
