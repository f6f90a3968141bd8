"""What is shown of a window, and revised when labels come: its signals, its figures, its segments, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from holdfast.monitoring.counts.counting import EVERYONE
from holdfast.monitoring.counts.kept import Held
from holdfast.monitoring.gaps import shown_gaps
from holdfast.monitoring.judging import usual
from holdfast.monitoring.labelled.labelling import CODE, known_of, representative
from holdfast.monitoring.labelled.ranges import rolled
from holdfast.monitoring.labelled.weighted import measured
from holdfast.monitoring.reference import Reference, protected_of
from holdfast.monitoring.signals import answer_signals, input_signals, truth_signals, volume_signal
from holdfast.monitoring.sources.source import MICROSECONDS
from holdfast.profile.group_names import group_parts
from holdfast.profile.window import Counted
from holdfast.records import Finding


def by_segment(held: Held) -> tuple[dict[float, Counted], dict[float, dict[str, Counted]]]:
    """What was counted of whole windows, and of the segments of each."""
    whole: dict[float, Counted] = {}
    parts: dict[float, dict[str, Counted]] = {}
    for (start, segment), one in held.counts.items():
        if segment == EVERYONE:
            whole[start] = one
        else:
            parts.setdefault(start, {})[segment] = one
    return whole, parts


def brief(finding: Finding) -> dict[str, str]:
    """A finding as it is kept of each window."""
    return {
        "code": finding.code,
        "status": finding.status.value,
        "subject": finding.subject,
        "message": finding.message,
    }


def revised(
    told: Mapping[str, Any], reference: Reference, start: float, counted: Counted, parts: Mapping[str, Counted]
) -> dict[str, Any]:
    """What is told of a window, with what is shown of it by now."""
    found = {**told, **shown(reference, start, counted, parts), "release": reference.version}
    if (unlike := representative(reference, counted, parts)) or found.get("findings"):
        others = [one for one in found.get("findings", ()) if one["code"] != CODE]
        found["findings"] = [*others, *([brief(unlike)] if unlike else [])]
    return found


def revised_former(
    reference: Reference, held: Held, windows: Mapping[int, Mapping[str, Any]]
) -> dict[int, dict[str, Any]]:
    """The windows of a release that is not in force any more, to which labels were added.

    Parameters
    ----------
    windows
        All that there are, by their beginnings in microseconds since 1970.
    """
    whole, parts = by_segment(held)
    found = {}
    for start in sorted(held.touched & whole.keys()):
        told = windows.get(round(start * MICROSECONDS), {})
        if told.get("release") == reference.version:
            found[round(start * MICROSECONDS)] = revised(told, reference, start, whole[start], parts.get(start, {}))
    return found | rolled(reference, held, {**windows, **found}, (), held.touched)


def shown(reference: Reference, start: float, counted: Counted, parts: Mapping[str, Counted]) -> dict[str, Any]:
    """What is shown of a window: how far its signals are away, and its figures as far as the truth is known."""
    signals = {
        **volume_signal(reference, counted, reference.windows.end(start) - start),
        **input_signals(reference, counted),
        **answer_signals(reference, counted),
    }
    signals |= truth_signals(reference, counted)
    protected = protected_of(reference)
    segments = {
        segment: {
            "rows": one.size,
            "labelled": one.labelled,
            "figures": measured(reference, one).figures,
            **(shown_gaps(reference.answers, one, counted) if group_parts(segment)[0] in protected else {}),
        }
        for segment, one in parts.items()
    }
    found, means = measured(reference, counted), usual(reference).means
    return {
        "rows": counted.size,
        "labelled": counted.labelled,
        "figures": found.figures,
        "truth": msgspec.structs.asdict(known_of(reference, counted, found)),
        "effects": {
            key: one.value - means[key] for key, one in signals.items() if key in means and np.isfinite(one.value)
        },
        "segments": segments,
    }
