"""How many rows there were, of how many the truth is known, how soon it came, and of which rows figures speak."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.evidence import Estimate
from holdfast.numerals import several
from holdfast.profile.delays import delay_of
from holdfast.report import estimates
from holdfast.report.evaluation_shapes import Axis, Point
from holdfast.report.monitoring_shapes import Course
from holdfast.report.monitoring_view import Panel, View, delays, joined, measured, point, view
from holdfast.report.monitoring_words import figure_title
from holdfast.report.sections import Section
from holdfast.report.words import share

if TYPE_CHECKING:
    from holdfast.watched import Figure, Shown, Watched

TENTH = 1.2815515655446004
"""Standard deviations below the mean, beyond which a tenth of a normal law lies."""

UNITS = ((604_800.0, "week"), (86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"))


def truth_panel(shown: View, anchor: str) -> Panel:
    """Rows of each window, and how many of their truths are known."""
    windows = shown.watched.windows
    labelled = sum(window.labelled for window in windows)
    volume = Course(
        title="Rows of each window",
        y=Axis(""),
        span=shown.span,
        runs=joined(shown, lambda window: point(shown, window, window.rows, several(window.rows, "row"))),
        level=_usual_rows(windows),
        marks=shown.marks,
        low=0.0,
    )
    truth = Course(
        title="Share whose truth is known",
        y=Axis("", "share"),
        span=shown.span,
        runs=joined(shown, lambda window: _truth(shown, window)),
        expected=joined(shown, lambda window: _usual_truth(shown, window)),
        marks=shown.marks,
        low=0.0,
        high=1.0,
    )
    pictures = (volume, truth) if labelled else (volume,)
    text = (_known(windows), *_delay(windows), *_late(shown), *_strays(windows))
    return Panel(Section(anchor=anchor, title="Rows and truth", text=text), pictures)


def in_short(watched: Watched) -> tuple[str, ...]:
    """What has to be known of the truths of a model: of which rows figures are not, and which truths are late."""
    if not watched.windows:
        return ()
    shown = view(watched)
    return (*_region(shown), *_late(shown), *_strays(watched.windows))


def spoken_of(shown: View) -> tuple[str, ...]:
    """Of which rows figures speak, where these are not simply all; and which figures cannot be had."""
    windows = _counted(shown)
    weighed = [window for window in windows if measured(window).truth.plain is not None]
    return (*_region(shown), *([_weighed(shown, weighed[-1])] if weighed else []), *_unmeasured(shown, windows))


def _counted(shown: View) -> list[Shown]:
    return [window for window in shown.watched.windows if measured(window).truth.observable]


def _region(shown: View) -> list[str]:
    """What figures do not speak of, and what is in them only by what stands for it."""
    windows, found = _counted(shown), []
    silent = sum(window.truth.silent for window in windows)
    if silent:
        rows = sum(window.rows for window in windows)
        found.append(
            f"Measured figures are of rows whose truth can come to be known: of {silent:,} of {several(rows, 'row')}"
            f" ({share(silent / rows)}) it cannot."
        )
    explored = sum(window.truth.explored for window in windows)
    if explored:
        found.append(
            f"{several(explored, 'row')} that {'was' if explored == 1 else 'were'} answered otherwise at random"
            f" {'stands' if explored == 1 else 'stand'} for those like them whose truth cannot come."
        )
    return found


def _weighed(shown: View, window: Shown) -> str:
    """What weighing makes of the newest window that is not labelled as a whole."""
    unit, one = shown.watched.unit, measured(window)
    sentence = "Labelled rows stand for those like them, by score and answer, that are not labelled"
    plain, figure = one.truth.plain, one.figures.get("loss")
    if plain is None or figure is None:
        return f"{sentence}."
    of_labelled, of_all = (
        estimates.told(Estimate(value=value, low=low, high=high, unit=unit)) for value, low, high in (plain, figure)
    )
    return (
        f"{sentence}: on {shown.clock.told(window.start)} the loss is {of_all}, and {of_labelled} of the labelled rows alone;"
        f" {one.labelled:,} of them tell as much as {one.truth.effective:,.0f} of equal weight."
    )


def _unmeasured(shown: View, windows: Sequence[Shown]) -> list[str]:
    """Figures that could not be had, how often, and why last; those of one reason together."""
    last: dict[str, Shown] = {}
    often: Counter[str] = Counter()
    for window in windows:
        for key in measured(window).truth.unmeasured:
            last[key] = window
            often[key] += 1
    reasons: dict[tuple[str, int, float], list[str]] = {}
    for key, window in last.items():
        reasons.setdefault((measured(window).truth.unmeasured[key], often[key], window.start), []).append(key)
    return [
        f"Unknown in {count:,} of {several(len(windows), 'window')}, last on {shown.clock.told(start)}:"
        f" {', '.join(figure_title(key) for key in keys)}, because {why}."
        for (why, count, start), keys in reasons.items()
    ]


def _known(windows: Sequence[Shown]) -> str:
    rows, labelled = sum(_observable(window) for window in windows), sum(window.labelled for window in windows)
    all_rows = sum(window.rows for window in windows)
    of = "" if rows == all_rows else " whose truth can come"
    part = f" ({share(labelled / rows)})" if rows else ""
    return f"The truth is known of {labelled:,} of {several(rows, 'row')}{of}{part}."


def _delay(windows: Sequence[Shown]) -> tuple[str, ...]:
    counts = delays(windows)
    if not counts.sum():
        return ()
    half, most = (_long(delay_of(counts, part)) for part in (0.5, 0.9))
    return (f"Of the truths that came, half came within {half}, nine tenths within {most}.",)


def _late(shown: View) -> tuple[str, ...]:
    """Windows of which fewer truths are known than is usual at their age."""
    late = [window for window in shown.watched.windows if is_late(window)]
    if not late:
        return ()
    last = late[-1]
    assert last.truth.usual is not None
    known = share(last.labelled / last.truth.observable)
    sentence = (
        f"Of {several(len(late), 'window')} fewer truths are known than is usual at that age, last of"
        f" {shown.clock.told(last.start)}: {known}, and usually {_usually(last.truth.usual)}."
    )
    return (sentence,)


def is_late(window: Shown) -> bool:
    """Whether far fewer truths of a window are known than of older ones when they were as old.

    By three standard deviations: those between the older windows, and the chance of so many rows.
    """
    truth = window.truth
    if truth.usual is None or not truth.observable:
        return False
    median, low, _ = truth.usual
    spread = math.hypot((median - low) / TENTH, math.sqrt(median * (1 - median) / truth.observable))
    return window.labelled / truth.observable < median - max(3 * spread, 1 / truth.observable)


def _strays(windows: Sequence[Shown]) -> tuple[str, ...]:
    strays = sum(window.truth.strays for window in windows)
    if not strays:
        return ()
    return (f"{several(strays, 'truth')} came of rows whose truth cannot come by itself; no figure has them.",)


def _truth(shown: View, window: Shown) -> Point | None:
    rows = _observable(window)
    if not rows:
        return None
    known = min(window.labelled / rows, 1.0)
    return point(shown, window, known, f"{share(known)}: {window.labelled:,} of {several(rows, 'row')}")


def _usual_truth(shown: View, window: Shown) -> Point | None:
    if window.truth.usual is None:
        return None
    median, low, high = window.truth.usual
    return point(shown, window, median, f"usually {_usually(window.truth.usual)}", low, high)


def _usually(usual: Figure) -> str:
    """What is usual, with its interval where it has one.

    >>> _usually((0.5, 0.25, 0.75)), _usually((0.5, 0.5, 0.5))
    ('50% (25% to 75%)', '50%')
    """
    median, low, high = map(share, usual)
    return median if low == median == high else f"{median} ({low} to {high})"


def _observable(window: Shown) -> int:
    """Rows whose truth can come; of windows from before these were counted, all."""
    return window.truth.observable or window.rows


def _usual_rows(windows: Sequence[Shown]) -> tuple[float, None, None] | None:
    """Rows of a usual window: the signal is the logarithm of one more than them, less its mean."""
    means = sorted(
        math.log1p(window.rows) - window.effects["volume"] for window in windows if "volume" in window.effects
    )
    return (math.expm1(means[len(means) // 2]), None, None) if means else None


def _long(seconds: float) -> str:
    """A length of time in words.

    >>> _long(90_000.0), _long(30.0), _long(7_000.0)
    ('1 day', 'a minute', '1.9 hours')
    """
    for size, name in UNITS:
        if seconds >= size:
            many = f"{seconds / size:.2g}"
            return f"{many} {name}{'' if many == '1' else 's'}"
    return "a minute"
