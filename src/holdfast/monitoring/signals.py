"""From the counts of a window to the signals that are watched: one number each, with its sampling noise.

The same numbers are made of the reference's own windows, which say what is natural.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.kinds import Kind, Role
from holdfast.monitoring.observation import Observation
from holdfast.monitoring.reference import Reference
from holdfast.profile.window import Counted
from holdfast.stats.normal_scores import normal_scores

Array: TypeAlias = NDArray[np.float64]
Signals: TypeAlias = dict[str, Observation]

LARGEST_VALUES = 8
"""Values of a category that are watched one by one: the commonest ones."""

SMALLEST_SHARE = 0.02
"""A value that is rarer in the reference is watched with the rest of them."""

SMALLEST_GROUP = 100
"""Rows of a protected group in a window, below which nothing is said of it."""

FEW = 3.0
"""Rows."""


def input_signals(reference: Reference, counted: Counted) -> Signals:
    """Signals of the inputs: where numbers lie and how far they spread, shares of values, what is missing.

    Keys: `column:<name>:location` and `column:<name>:spread` in standard deviations of the reference, and
    `column:<name>:missing`, `column:<name>:new` and `column:<name>:value:<k>` in shares of the rows.
    """
    found: Signals = {}
    edges = reference.profile.edges
    columns = {column.name: column for column in edges.schema.columns}
    for name, place in edges.places.items():
        kind = columns[name].kind
        if kind in {Kind.TEXT, Kind.TIME} or columns[name].identifier:
            continue
        cells, usual = counted.inputs[place], reference.inputs[place]
        rows, present = int(cells.sum()), int(cells[1:].sum())
        key = f"column:{name}"
        found[f"{key}:missing"] = _share(int(cells[0]), rows, int(usual[0]), int(usual.sum()))
        if not usual[1:].sum():
            continue
        if kind is Kind.NUMBER:
            found |= _of_number(key, cells[1:], usual[1:], present)
        else:
            found |= _of_values(key, cells[1:], usual[1:], present)
    return found


def answer_signals(reference: Reference, counted: Counted) -> Signals:
    """Signals of the answers: scores, decisions and reviews.

    Keys: `score:location`, `score:spread`, `decision:<answer>`, `review:share`, `interval:width`.
    """
    found: Signals = {}
    usual, decided, before = reference.whole.scores[:-1], reference.whole.decisions, reference.answered
    scored = int(counted.scores[:-1].sum())
    if usual.sum():
        found |= _of_number("score", counted.scores[:-1], usual, scored)
    names = reference.answers.classes or ("no", "yes")
    answered = int(counted.decisions.sum())
    for k, name in enumerate(names if len(counted.decisions) else ()):
        if k or reference.answers.classes:  # the share of no is one less that of yes
            found[f"decision:{name}"] = _share(int(counted.decisions[k]), answered, int(decided[k]), int(decided.sum()))
    if scored:
        found["review:share"] = _share(int(counted.reviews[0]), counted.size, int(before.reviews[0]), before.size)
    if counted.widths[0] > 1:
        found["interval:width"] = mean_signal(counted.widths)
    return found


def group_signals(reference: Reference, counted: Counted, segments: Mapping[str, Counted]) -> Signals:
    """How far the decisions for protected groups lie from those for everybody else; none of groups too small to speak of.

    Keys: `group:<column>=<value>:<answer>`, in shares of the rows.
    """
    found: Signals = {}
    protected = {column.name for column in reference.schema.by_role(Role.PROTECTED)}
    names = reference.answers.classes or ("no", "yes")
    for segment, own in segments.items():
        if segment.partition("=")[0] not in protected or not len(own.decisions):
            continue
        inside, outside = own.decisions, counted.decisions - own.decisions
        n, m = int(inside.sum()), int(outside.sum())
        if min(n, m) < SMALLEST_GROUP:
            continue
        for k, name in enumerate(names):
            if k or reference.answers.classes:
                p, q = inside[k] / n, outside[k] / m
                both = max((inside[k] + outside[k]) / (n + m), FEW / (n + m))
                error = float(np.sqrt(both * (1 - both) * (1 / n + 1 / m)))
                found[f"group:{segment}:{name}"] = Observation(value=float(p - q), deviation=error, rows=n)
    return found


def truth_signals(counted: Counted) -> Signals:
    """Signals of what came to pass: `loss` in the unit of the objective, `calibration`: truth less score, `label:<k>`."""
    if counted.labelled < 2:
        return {}
    found = {"loss": mean_signal(counted.losses)}
    if counted.residuals[0] > 1:
        found["calibration"] = mean_signal(counted.residuals)
    return found


def volume_signal(reference: Reference, counted: Counted) -> Signals:
    """How many rows there are: the logarithm of one more than them, with the noise of a Poisson count as large as usual.

    Not with that of the window's own count: the fewer rows there are, the less would their absence be believed.
    """
    sizes = [one.size for _, one in reference.history if one.size >= reference.settings.smallest]
    usual = float(np.mean(sizes)) if sizes else float(counted.size + 1)
    return {
        "volume": Observation(value=float(np.log1p(counted.size)), deviation=usual**-0.5, rows=max(counted.size, 1))
    }


def history(reference: Reference) -> list[tuple[float, Signals]]:
    """Signals of the reference's own windows that have rows enough."""
    return [
        (
            start,
            {
                **input_signals(reference, one),
                **answer_signals(reference, one),
                **volume_signal(reference, one),
                **truth_signals(one),
            },
        )
        for start, one in reference.history
        if one.size >= reference.settings.smallest
    ]


def smallest_effects(reference: Reference, keys: Mapping[str, object]) -> dict[str, float]:
    """The smallest change of each signal that opens an incident, in the signal's unit."""
    settings, columns = reference.settings, {}
    loss = abs(reference.loss or 0.0)
    for key in keys:
        kind = key.rpartition(":")[2]
        if key == "loss":
            columns[key] = max(settings.worse * loss, 1e-9)
        elif key == "calibration":
            columns[key] = _calibration_limit(reference)
        elif key == "volume":
            columns[key] = float(np.log(2.0))
        elif kind in {"location", "spread"}:
            columns[key] = settings.location
        elif key == "interval:width":
            columns[key] = _width_limit(reference)
        else:
            columns[key] = settings.share
    return columns


def _calibration_limit(reference: Reference) -> float:
    if reference.answers.task == "regression":
        n, _, squares = reference.whole.residuals
        return float(reference.settings.location * np.sqrt(squares / n)) if n else 1.0
    truth = reference.whole.truths
    share = truth[1] / truth.sum() if truth.sum() else 0.5
    return float(max(reference.settings.worse * share, 1e-6))


def _width_limit(reference: Reference) -> float:
    n, total, _ = reference.whole.widths
    return float(0.1 * total / n) if n else 1e-9


def _of_number(key: str, cells: NDArray[np.int64], usual: NDArray[np.int64], rows: int) -> Signals:
    """Location and spread on the rank scale: mean and mean square of the normal scores, in reference deviations."""
    scores, weight = normal_scores(usual), usual / usual.sum()
    deviation = float(np.sqrt(weight @ scores**2))
    if not rows or deviation < 1e-9:
        return {}
    scores = scores / deviation
    squares = scores**2 - 1.0
    spread = float(np.sqrt(weight @ squares**2)) or 1.0
    return {
        f"{key}:location": Observation(value=float(cells @ scores / rows), deviation=rows**-0.5, rows=rows),
        f"{key}:spread": Observation(value=float(cells @ squares / rows / spread), deviation=rows**-0.5, rows=rows),
    }


def _of_values(key: str, cells: NDArray[np.int64], usual: NDArray[np.int64], rows: int) -> Signals:
    """Shares of the commonest values; the first group is what the reference does not have."""
    total, before = int(cells.sum()), int(usual.sum())
    if not rows:
        return {}
    found = {f"{key}:new": _share(int(cells[0]), total, int(usual[0]), before)}
    common = [
        k for k in np.argsort(-usual[1:], kind="stable")[:LARGEST_VALUES] + 1 if usual[k] >= SMALLEST_SHARE * before
    ]
    if len(common) == len(cells) - 1:
        common = common[:-1]  # the last share follows from the others
    for k in common:
        found[f"{key}:value:{k}"] = _share(int(cells[k]), total, int(usual[k]), before)
    return found


def _share(hits: int, rows: int, usual_hits: int, usual_rows: int) -> Observation:
    """A share of rows; its noise is that of the reference's share.

    Where hardly a row is expected, that of three rows is taken: the count is far from normal then, and a single row would
    be an alarm.
    """
    if not rows:
        return Observation(value=np.nan, deviation=np.nan, rows=0)
    share = usual_hits / usual_rows if usual_rows else hits / rows
    least = min(FEW / rows, 0.5)
    share = min(max(share, least), 1 - least)
    return Observation(value=hits / rows, deviation=float(np.sqrt(share * (1 - share) / rows)), rows=rows)


def mean_signal(moments: Array) -> Observation:
    """A mean, and its standard error."""
    n, total, squares = moments
    mean = total / n
    variance = max(squares / n - mean**2, 0.0) * n / max(n - 1, 1)
    return Observation(value=float(mean), deviation=float(np.sqrt(variance / n)), rows=int(n))
