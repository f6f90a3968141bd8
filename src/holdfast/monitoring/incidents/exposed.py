"""Gauges of what the monitor found, in Prometheus' text format: a file that the server shows beside its own metrics.

Labels are bounded: models, severities, states, routes, and of signals and groups the few that are farthest away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import msgspec

from holdfast.decoding import ready
from holdfast.incident import SEVERITIES
from holdfast.log.disk import locked, make_folder, write_whole
from holdfast.monitoring.incidents.standing import Standing
from holdfast.watched import Over, Watched

Sample: TypeAlias = tuple[str, dict[str, str], float]
"""Metric, labels, value."""

FOLDER, FILE = "monitored", "metrics.prom"

MOST_SIGNALS = 10
MOST_GAPS = 20

STATES = ("open", "acknowledged", "snoozed", "known", "noted")

HELP = {
    "holdfast_monitor_last_run_timestamp_seconds": "When the monitor looked last.",
    "holdfast_monitor_judged_until_timestamp_seconds": "End of the newest window that was judged.",
    "holdfast_monitor_windows": "Windows that were judged.",
    "holdfast_incidents_open": "Incidents that are not resolved, by severity, and by how they stand.",
    "holdfast_loss_realised": "Loss of a row in the newest window with labels, in the unit of the objective.",
    "holdfast_loss_estimated": "Loss of a row in the newest window that is expected before labels come.",
    "holdfast_loss_rolling_realised": "Loss of a row in the time that ends with the newest window, where it has labels.",
    "holdfast_loss_rolling_estimated": "Loss of a row in the time that ends with the newest window, as it was expected.",
    "holdfast_labelled_rolling_ratio": "Share of the rows of that time whose truth is known.",
    "holdfast_loss_usual": "Loss of a row in the reference.",
    "holdfast_signal_effect_ratio": "Effects on signals of the newest window, the largest, over the smallest that matters.",
    "holdfast_group_gap": "Figure of a protected group less that of all other rows, in the newest window with such; the surest.",
    "holdfast_alerts_waiting": "Alerts that could not be delivered yet.",
}
"""All there are: gauges, as what the monitor found may be found anew."""

PER_INSTALLATION = "holdfast_alerts_waiting"
"""The one that belongs to no model."""


def expose(
    root: Path, watched: Watched, standings: Iterable[Standing], waiting: Mapping[str, int], now: datetime
) -> None:
    """Write the gauges of a model, and the file with those of all."""
    folder = root / FOLDER
    make_folder(folder)
    with locked(folder / "lock"):
        write_whole(folder / f"{watched.model}.json", msgspec.json.encode(samples(watched, standings, now)))
        found: list[Sample] = [(PER_INSTALLATION, {"route": name}, count) for name, count in sorted(waiting.items())]
        for path in sorted(folder.glob("*.json")):
            found += msgspec.json.decode(path.read_bytes(), type=ready(list[Sample]))
        write_whole(folder / FILE, text(found).encode())


def samples(watched: Watched, standings: Iterable[Standing], now: datetime) -> list[Sample]:
    """The gauges of a model."""
    model = {"model": watched.model}
    counts = dict.fromkeys(((state, severity) for state in STATES for severity in SEVERITIES), 0)
    for one in standings:
        if one.state != "resolved":
            counts[one.state, one.incident.severity] += 1
    found: list[Sample] = [
        ("holdfast_monitor_last_run_timestamp_seconds", model, now.timestamp()),
        ("holdfast_monitor_windows", model, len(watched.windows)),
        *(
            ("holdfast_incidents_open", {**model, "severity": severity, "state": state}, count)
            for (state, severity), count in counts.items()
        ),
    ]
    if watched.usual is not None:
        found.append(("holdfast_loss_usual", model, watched.usual[0]))
    for window in reversed(watched.windows):
        if "loss" in window.figures:
            found.append(("holdfast_loss_realised", model, window.figures["loss"][0]))
            break
    found += _gaps(watched, model)
    if watched.windows:
        newest = watched.windows[-1]
        found.append(("holdfast_monitor_judged_until_timestamp_seconds", model, newest.end))
        if "loss" in newest.estimates:
            found.append(("holdfast_loss_estimated", model, newest.estimates["loss"][0]))
        found += _rolling(model, newest.rolling) if newest.rolling is not None else []
        ratios = {
            key: abs(effect) / watched.minimum[key]
            for key, effect in newest.effects.items()
            if watched.minimum.get(key, 0.0) > 0
        }
        worst = sorted(ratios, key=lambda key: -ratios[key])[:MOST_SIGNALS]
        found += [("holdfast_signal_effect_ratio", {**model, "signal": key}, ratios[key]) for key in worst]
    return found


def _gaps(watched: Watched, model: Mapping[str, str]) -> list[Sample]:
    """Gaps of protected groups, those that lie the most half widths of their intervals from none."""
    for window in reversed(watched.windows):
        gaps = {
            (group, figure): gap
            for group, one in window.segments.items()
            for figure, gap in one.get("gaps", {}).items()
        }
        if gaps:
            surest = sorted(gaps, key=lambda key: -abs(gaps[key][0]) / max(gaps[key][2] - gaps[key][1], 1e-12))
            return [
                ("holdfast_group_gap", {**model, "group": group, "figure": figure}, gaps[group, figure][0])
                for group, figure in surest[:MOST_GAPS]
            ]
    return []


def _rolling(model: dict[str, str], over: Over) -> list[Sample]:
    """Figures of the time that ends with a window."""
    found: list[Sample] = [("holdfast_labelled_rolling_ratio", model, over.labelled / max(over.rows, 1))]
    for name, figures in (("realised", over.figures), ("estimated", over.estimates)):
        if "loss" in figures:
            found.append((f"holdfast_loss_rolling_{name}", model, figures["loss"][0]))
    return found


def text(found: Sequence[Sample]) -> str:
    """Samples in Prometheus' text format, each metric with its help.

    >>> print(text([("holdfast_monitor_windows", {"model": "fraud"}, 3.0)]), end="")
    # HELP holdfast_monitor_windows Windows that were judged.
    # TYPE holdfast_monitor_windows gauge
    holdfast_monitor_windows{model="fraud"} 3.0
    """
    lines = []
    for name, words in HELP.items():
        some = [(labels, value) for metric, labels, value in found if metric == name]
        if some:
            lines += [f"# HELP {name} {words}", f"# TYPE {name} gauge"]
            for labels, value in some:
                inside = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
                lines.append(f"{name}{{{inside}}} {float(value)!r}")
    return "".join(f"{line}\n" for line in lines)


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
