"""What cannot be judged of a model: windows that are too small, and answers whose truth nobody tells. Said loudly."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.config import Monitoring
from holdfast.numerals import several
from holdfast.watched import Shown

NEWEST = 14
"""Windows that are looked at, the newest that have rows."""

FEWEST = 3
"""With fewer windows nothing is said yet."""

DAY = 86_400.0
LENGTHS = {"1d": 1, "1w": 7, "2w": 14, "4w": 28}
"""Windows that are proposed, in days."""

ENOUGH = 1.5
"""A window that is proposed has so many times the smallest size: not every week is alike."""


def without_history(release: str, windows: int) -> str | None:
    """That nothing says what was usual before a release answered; None where its history has windows.

    Examples
    --------
    >>> print(without_history("fraud/1", 0))
    The history that was sealed with fraud/1 has no times, so it has no windows: its first windows of service say what is \
usual, and what is wrong with them from the beginning is not seen. Name the column of times (`time` in [data]) and release \
again.
    >>> without_history("fraud/1", 90)
    """
    if windows:
        return None
    return (
        f"The history that was sealed with {release} has no times, so it has no windows: its first windows of service say "
        "what is usual, and what is wrong with them from the beginning is not seen. Name the column of times (`time` in "
        "[data]) and release again."
    )


def without_labels(windows: Sequence[Shown], now: float, delay: float) -> str | None:
    """That no truth is known of the newest windows, and what is therefore not seen; None where it is, or cannot be yet.

    Parameters
    ----------
    windows
        In the order of time.
    now
        In seconds since 1970.
    delay
        After which truths usually come, in seconds.

    Examples
    --------
    >>> days = [Shown(start=day * DAY, end=(day + 1) * DAY, rows=200) for day in range(5)]
    >>> print(without_labels(days, 5 * DAY, 2 * DAY))
    No truth has come of the newest 3 windows that are older than 2 days: whether the same rows now have other truths, and \
what that costs, only labels can tell.
    >>> without_labels(days, 5 * DAY, 7 * DAY)
    """
    old = [one for one in windows if one.rows and one.end + delay <= now][-NEWEST:]
    if len(old) < FEWEST or any(one.labelled for one in old):
        return None
    than = f" that are older than {several(round(delay / DAY), 'day')}" if delay >= DAY else ""
    return (
        f"No truth has come of the newest {len(old)} windows{than}: whether the same rows now have other truths, and what "
        "that costs, only labels can tell."
    )


def too_small(settings: Monitoring, windows: Sequence[Shown], *, released: bool = True) -> str | None:
    """That most of the newest windows were too small to be judged, and how they would not be; None if they were not.

    Parameters
    ----------
    released
        Whether a release has the settings: else they are those of the configuration, from the next run on.

    Examples
    --------
    >>> days = [Shown(start=day * DAY, end=(day + 1) * DAY, rows=20) for day in range(9)]
    >>> print(too_small(Monitoring(), days))
    9 of the newest 9 windows have fewer than 100 rows (`smallest`): their inputs and answers are shown, and not judged. \
At about 20 rows a day, set window = "2w" or window = "100 rows" in [monitor] and release again, or lower smallest.
    """
    newest = [one for one in windows if one.rows][-NEWEST:]
    small = sum(one.rows < settings.smallest for one in newest)
    if len(newest) < FEWEST or 2 * small <= len(newest):
        return None
    rate = sum(one.rows for one in newest) / sum(one.end - one.start for one in newest) * DAY
    longer = next((name for name, days in LENGTHS.items() if days * rate >= ENOUGH * settings.smallest), None)
    ways = [f'window = "{longer}"'] if longer is not None and longer != settings.window else []
    ways += [] if settings.window.endswith("rows") else [f'window = "{settings.smallest} rows"']
    then = " and release again" if released else ""
    better = f"set {' or '.join(ways)} in [monitor]{then}, or lower smallest" if ways else "lower smallest"
    return (
        f"{small} of the newest {len(newest)} windows have fewer than {settings.smallest:,} rows (`smallest`): their inputs "
        f"and answers are shown, and not judged. At about {rate:.3g} rows a day, {better}."
    )
