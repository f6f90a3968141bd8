"""How many rows there are, and how fresh they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from holdfast.checks.ask import Said, not_applicable, passed
from holdfast.checks.context import Context
from holdfast.numerals import several
from holdfast.profile.table import Profile, windows_like
from holdfast.records import Status
from holdfast.stats.natural import FEWEST_WINDOWS

ONCE_IN_A_THOUSAND = 0.001

DAY = 86_400.0


def row_count(current: Profile, reference: Profile, context: Context) -> Iterator[Said]:
    """Are there about as many rows as in a window of the reference?

    With at least five windows the logarithm of the rows is judged by Student's prediction limit,
    `mean +- t sd sqrt(1 + 1 / K)`, and by the ratio that matters.
    """
    if current.rows == 0:
        yield Said(status=Status.FAIL, message="There are no rows.", value=0.0, unit="rows")
        return
    if reference.rows == 0:
        yield Said(status=Status.FAIL, message="The reference has no rows: there is nothing to compare with.")
        return
    windows = _window_rows(current, reference)
    if len(windows) < FEWEST_WINDOWS:
        yield Said(
            status=Status.NOT_APPLICABLE,
            message=f"{several(current.rows, 'row')}; the reference has too few windows of time to say how many are usual.",
            value=float(current.rows),
            unit="rows",
        )
        return
    from scipy.special import stdtrit

    logs = np.log(windows)
    usual = float(np.exp(logs.mean()))
    spread = logs.std(ddof=1) * np.sqrt(1 + 1 / len(logs))
    reach = max(
        -float(stdtrit(len(logs) - 1, ONCE_IN_A_THOUSAND / 2)) * spread, float(np.log(context.settings.rows_ratio))
    )
    ratio = current.rows / usual
    off = abs(np.log(ratio)) > reach
    yield Said(
        status=Status.FAIL if off else Status.PASS,
        message=f"{several(current.rows, 'row')}; a window of the reference has about {usual:,.0f} ({len(windows)} windows).",
        value=float(current.rows),
        limit=usual * float(np.exp(reach if ratio > 1 else -reach)),
        interval=(usual * float(np.exp(-reach)), usual * float(np.exp(reach))),
        unit="rows",
    )


def freshness(current: Profile, reference: Profile, context: Context) -> Iterator[Said]:
    """Is the newest row newer than the reference, not from the future, and not too old?"""
    time = reference.edges.time
    if time is None or time not in current.columns or not np.isfinite(current.columns[time].high):
        yield not_applicable("No column says when a row happened.")
        return
    newest, before = current.columns[time].high, reference.columns[time].high
    now, oldest = context.now_seconds, context.settings.stale_after_seconds
    when = f"The newest row is of {_moment(newest)}"
    if now is not None and newest > now + DAY:
        yield Said(status=Status.FAIL, subject=time, message=f"{when}: more than a day in the future.")
    elif now is not None and oldest is not None and now - newest > oldest:
        age = now - newest
        message = f"{when}: {age / 3600:,.1f} hours old, where {oldest / 3600:,.1f} are tolerable."
        yield Said(status=Status.FAIL, subject=time, message=message, value=age, limit=oldest, unit="seconds")
    elif newest < before:
        yield Said(status=Status.WARN, subject=time, message=f"{when}: older than the newest of the reference.")
    else:
        yield passed(f"{when}.")


def _window_rows(current: Profile, reference: Profile) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Rows of the reference's windows that are as long as the current one."""
    edges = reference.edges
    if edges.grid is None or edges.time is None or edges.time not in current.columns or edges.grid.stride > 1:
        return np.empty(0)
    windows = windows_like(current, reference)
    return np.asarray(windows[:, edges.places[edges.time]].sum(1), dtype=np.float64) if len(windows) else np.empty(0)


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "a moment outside the years 1 to 9999"
