"""The report of the monitor: one HTML file that works without a network, and the small form that a notebook shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.numerals import several
from holdfast.records import Status
from holdfast.report.drawn import Drawn
from holdfast.report.monitoring_charts import charts
from holdfast.report.monitoring_figures import figure
from holdfast.report.monitoring_incidents import (
    WORDS,
    State,
    Told,
    cost_text,
    since_text,
    state_of,
    told,
    urgency,
    verdict,
    word,
)
from holdfast.report.monitoring_panels import panels
from holdfast.report.monitoring_view import Panel, clock_of, measured, mixed
from holdfast.report.offline import document, rendered, static
from holdfast.report.words import share

if TYPE_CHECKING:
    from holdfast.watched import Watched

SIGNS = {Status.FAIL: "✕", Status.WARN: "!", Status.PASS: "✓", Status.SKIPPED: "–"}
FOLDED: dict[State, str] = {
    "noted": "noted: the objective is not expected to become worse",
    "resolved": "resolved",
}
"""Incidents that are shown when asked for."""
MOST_ROWS = 10
"""Open incidents of a model that a notebook shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """A model on the page; of folded incidents: a word for an address, what they are, and themselves."""

    name: str
    anchor: str
    status: Status
    verdict: str
    warnings: tuple[str, ...]
    facts: tuple[str, ...]
    incidents: tuple[Told, ...]
    folded: tuple[tuple[str, str, tuple[Told, ...]], ...]
    drawn: tuple[Drawn, ...]


def page(models: Sequence[Watched]) -> str:
    """The report as one HTML file. It loads nothing; it holds ids of rows, and no other value of them.

    Parameters
    ----------
    models
        What the monitor knows of each model.

    Returns
    -------
    str
        HTML, UTF-8. Charts need a browser of 2023 or later; without scripts their numbers are in tables.
    """
    shown = [panels(watched, f"model-{place}-") for place, watched in enumerate(models)]
    pictures = [picture for parts in shown for panel in parts for picture in panel.pictures]
    numbers = iter(range(len(pictures)))
    title = f"Monitoring: {models[0].model}" if len(models) == 1 else f"Monitoring: {several(len(models), 'model')}"
    return document(
        "monitoring.html.j2",
        style="report.css",
        scripts=("charts.js",),
        charts=charts(pictures) if pictures else None,
        drawn=bool(pictures),
        title=title,
        models=[
            _model(watched, f"model-{place}", parts, numbers)
            for place, (watched, parts) in enumerate(zip(models, shown, strict=True))
        ],
        SIGNS=SIGNS,
        WORDS=WORDS,
        WARN=Status.WARN,
    )


def notebook(models: Sequence[Watched]) -> str:
    """What a notebook shows: how each model fares, its open incidents, and its loss over time as a small picture.

    Returns
    -------
    str
        A piece of HTML without scripts, which takes text colour and background from where it stands.
    """
    return rendered(
        "monitoring_notebook.html.j2",
        models=[_small(watched) for watched in models],
        style=static("notebook.css"),
        shown=MOST_ROWS,
        WORDS=WORDS,
    )


# --- A model --------------------------------------------------------------------------------------------------------


def _model(watched: Watched, anchor: str, parts: Sequence[Panel], numbers: Iterator[int]) -> _Model:
    status, sentence = verdict(watched)
    clock = clock_of(watched)
    incidents = [told(one, clock, watched.unit, mixed=mixed(watched)) for one in watched.incidents]
    return _Model(
        name=watched.model,
        anchor=anchor,
        status=status,
        verdict=sentence,
        warnings=tuple(watched.warnings),
        facts=facts(watched),
        incidents=tuple(one for state in ("open", "announced") for one in incidents if one.state == state),
        folded=tuple(
            (state, f"{len(some):,} {what}", some)
            for state, what in FOLDED.items()
            if (some := tuple(one for one in incidents if one.state == state))
        ),
        drawn=tuple(
            Drawn(panel.section, [figure(one, next(numbers), panel) for one in panel.pictures]) for panel in parts
        ),
    )


def facts(watched: Watched) -> tuple[str, ...]:
    """What was judged."""
    windows = watched.windows
    found = [f"release {watched.release}" if watched.release > 0 else "without a release"]
    if windows:
        clock = clock_of(watched)
        rows, labelled = sum(window.rows for window in windows), sum(window.labelled for window in windows)
        found += [
            f"{several(len(windows), 'window')}, {clock.between(windows[0].start, windows[-1].start)} ({watched.zone})",
            several(rows, "row"),
            f"truth known of {share(labelled / rows)}" if rows else "",
        ]
    if watched.unmatched:
        found.append(f"{several(watched.unmatched, 'label')} without a prediction")
    if watched.skew is not None:
        found.append(f"served and made again: {watched.skew.summed_up.rstrip('.')}")
    if watched.judged or watched.rows or watched.labels:
        found.append(
            f"newest run: {several(watched.judged, 'window')} judged, "
            f"{several(watched.rows, 'row')} and {several(watched.labels, 'label')} read"
        )
    return tuple(filter(None, found))


# --- A notebook -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """An open incident in a notebook."""

    id: str
    title: str
    status: Status
    word: str
    since: str
    cost: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Small:
    """A model in a notebook."""

    name: str
    status: Status
    verdict: str
    warnings: tuple[str, ...]
    facts: tuple[str, ...]
    incidents: tuple[_Line, ...]
    loss_title: str
    outlines: tuple[str, str] | None


def _small(watched: Watched) -> _Small:
    status, sentence = verdict(watched)
    clock = clock_of(watched)
    return _Small(
        name=watched.model,
        status=status,
        verdict=sentence,
        warnings=tuple(watched.warnings),
        facts=facts(watched),
        incidents=tuple(
            _Line(
                id=one.id,
                title=one.title,
                status=urgency(one),
                word=word(one),
                since=since_text(one, clock),
                cost=cost_text(one),
                advice=one.advice,
            )
            for one in watched.incidents
            if state_of(one) == "open"
        ),
        loss_title=watched.loss_title,
        outlines=outlines(watched),
    )


def outlines(watched: Watched) -> tuple[str, str] | None:
    """Paths of the loss over time in a box of 100 x 28: its interval, and its value; None of fewer than two windows."""
    found = [
        (place, measured(window).figures["loss"])
        for place, window in enumerate(watched.windows)
        if "loss" in measured(window).figures
    ]
    if len(found) < 2:
        return None
    bottom, top = min(low for _, (_, low, _) in found), max(high for _, (_, _, high) in found)
    first, last = found[0][0], found[-1][0]

    def at(place: int, value: float) -> str:
        across = 100 * (place - first) / (last - first)
        up = 27 - 26 * (value - bottom) / (top - bottom) if top > bottom else 14.0
        return f"{across:.4g} {up:.4g}"

    upper = [at(place, high) for place, (_, _, high) in found]
    lower = [at(place, low) for place, (_, low, _) in reversed(found)]
    value = [at(place, value) for place, (value, _, _) in found]
    return f"M{'L'.join([*upper, *lower])}Z", f"M{'L'.join(value)}"
