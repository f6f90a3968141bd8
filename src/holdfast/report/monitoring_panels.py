"""What a report shows of a model in service: sections of plain numbers, computed here from its windows, drawn elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.evidence import Estimate
from holdfast.numerals import several
from holdfast.report import estimates
from holdfast.report.evaluation_shapes import Axis, Point
from holdfast.report.monitoring_changes import answers, columns, missing, noted
from holdfast.report.monitoring_findings import findings_panel
from holdfast.report.monitoring_gaps import gaps_panel
from holdfast.report.monitoring_groups import groups_panel
from holdfast.report.monitoring_shapes import Course, Run
from holdfast.report.monitoring_truth import spoken_of, truth_panel
from holdfast.report.monitoring_view import MOST_SMALL, Panel, View, joined, measured, point, view
from holdfast.report.monitoring_words import TITLES, figure_is_share, figure_title
from holdfast.report.sections import Section

if TYPE_CHECKING:
    from holdfast.watched import Figure, Shown, Watched


def panels(watched: Watched, prefix: str) -> tuple[Panel, ...]:
    """The sections of a model that have something to say; `prefix`: of their addresses."""
    if not watched.windows:
        return ()
    shown = view(watched)
    found = (
        _objective(shown, f"{prefix}objective"),
        columns(shown, f"{prefix}columns"),
        _figures(shown, f"{prefix}figures"),
        answers(shown, f"{prefix}answers"),
        truth_panel(shown, f"{prefix}rows"),
        missing(shown, f"{prefix}missing"),
        findings_panel(shown, f"{prefix}quality"),
        groups_panel(shown, f"{prefix}groups"),
        gaps_panel(shown, f"{prefix}gaps"),
        noted(shown, f"{prefix}noted"),
    )
    return tuple(panel for panel in found if panel.pictures or not panel.section.empty)


# --- The objective and other figures --------------------------------------------------------------------------------


def _objective(shown: View, anchor: str) -> Panel:
    watched = shown.watched
    title, unit = watched.loss_title, watched.unit
    realised, expected = _measured(shown, "loss", unit), _expected(shown, "loss", unit)
    usual, matters = watched.usual, watched.minimum.get("loss")
    text = []
    if usual is not None:
        told = estimates.told(Estimate(value=usual[0], low=usual[1], high=usual[2], unit=unit))
        text.append(f"In the reference, it was {told}. Lower is better.")
    if not realised:
        text.append("No truth is known yet, so nothing was measured.")
    text += [_rolling(watched.rolling)] if watched.rolling else []
    text += [*spoken_of(shown), *_unknown(shown), *_untrue(shown, ["loss"])]
    section = Section(anchor=anchor, title=f"{title} over time", text=tuple(text))
    if not realised and not expected:
        return Panel(section)
    course = Course(
        title=title,
        y=Axis(unit if unit != "share" else "", "share" if unit == "share" else "number"),
        span=shown.span,
        runs=realised,
        expected=expected,
        level=usual,
        limit=usual[0] + matters if usual is not None and matters is not None else None,
        marks=shown.marks,
        tall=True,
    )
    return Panel(section, (course,))


def _rolling(length: str) -> str:
    return f"Each figure is of the {length} that end with its window."


def _unknown(shown: View) -> list[str]:
    """How often it was unknown what to expect, and why it was so last."""
    windows = [window for window in shown.watched.windows if measured(window).unknown]
    if not windows:
        return []
    unknown = measured(windows[-1]).unknown
    why = unknown.get("loss") or next(iter(unknown.values()))
    often = f"{len(windows):,} of {several(len(shown.watched.windows), 'window')}"
    return [f"What to expect is unknown in {often}, last on {shown.clock.told(windows[-1].start)}: {why}."]


def _untrue(shown: View, keys: Sequence[str]) -> list[str]:
    """Which of some figures' estimates did not come true of late, as of the newest window that has estimates."""
    last = next((window for window in reversed(shown.watched.windows) if window.estimates), None)
    names = [figure_title(key) for key in keys if last is not None and key in last.unreliable]
    if last is None or not names:
        return []
    begun = shown.clock.told(last.start)
    return [f"What was expected did not come true of late, as of {begun}: {', '.join(names)}."]


def _figures(shown: View, anchor: str) -> Panel:
    """Other figures, those that are measured first."""
    windows = shown.watched.windows
    realised = {key for window in windows for key in measured(window).figures}
    known = realised | {key for window in windows for key in measured(window).estimates}
    # The cost and the objective are the loss in other words.
    keys = [key for key in (*TITLES, *sorted(known - set(TITLES))) if key in known - {"loss", "cost", "objective"}]
    keys.sort(key=lambda key: key not in realised)
    found = []
    for key in keys[:MOST_SMALL]:
        unit = "share" if figure_is_share(key) else ""
        found.append(
            Course(
                title=figure_title(key),
                y=Axis("", "share" if unit else "number"),
                span=shown.span,
                runs=_measured(shown, key, unit),
                expected=_expected(shown, key, unit),
                marks=shown.marks,
            )
        )
    text = ["Line: measured. Dashed: expected before the truth came. Bands: 95% intervals."] if found else []
    text += _untrue(shown, keys[:MOST_SMALL])
    return Panel(Section(anchor=anchor, title="Other figures", text=tuple(text)), tuple(found))


def _measured(shown: View, key: str, unit: str) -> tuple[Run, ...]:
    """A figure over time, as far as the truth is known."""
    return joined(shown, lambda window: _figure_point(shown, window, measured(window).figures.get(key), unit))


def _expected(shown: View, key: str, unit: str) -> tuple[Run, ...]:
    """A figure over time, as it was expected before the truth came."""
    return joined(shown, lambda window: _figure_point(shown, window, measured(window).estimates.get(key), unit))


def _figure_point(shown: View, window: Shown, figure: Figure | None, unit: str) -> Point | None:
    if figure is None or not math.isfinite(figure[0]):
        return None
    estimate = Estimate(value=figure[0], low=figure[1], high=figure[2], unit=unit)
    return point(shown, window, figure[0], estimates.told(estimate), estimate.low, estimate.high)
