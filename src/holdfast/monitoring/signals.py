"""From the counts of a window to the signals that are watched: one number each, with its sampling noise.

The same numbers are made of the reference's own windows, which say what is natural.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from holdfast.alarms.observation import Observation
from holdfast.kinds import Kind
from holdfast.monitoring.counts.arrived import Arrived, sums_of
from holdfast.monitoring.gaps import Gap, answer_gaps, error_gaps
from holdfast.monitoring.reference import Reference, protected_of
from holdfast.profile.ages import aged
from holdfast.profile.group_names import figure_name, group_parts
from holdfast.profile.window import Counted
from holdfast.stats.normal_scores import normal_scores
from holdfast.windows import DAY, CountedWindows

Array: TypeAlias = NDArray[np.float64]
Signals: TypeAlias = dict[str, Observation]

LARGEST_VALUES = 8
"""Values of a category that are watched one by one: the commonest ones."""

SMALLEST_SHARE = 0.02
"""A value that is rarer in the reference is watched with the rest of them."""

FEW = 3.0
"""Rows."""

FOLLOWED = 0.05
"""Part of their width by which intervals may move as they follow the labels, which surprises nobody."""

SMALLEST_SLOPE = 0.2
"""How much too far apart the log odds of the quartiles of the scores are, or too near, before it matters."""

SMALLEST_AGE = 0.05
"""Deviation of the logarithm of ages that hardly differ: five in a hundred are of no importance to anybody."""


def input_signals(reference: Reference, counted: Counted) -> Signals:
    """Signals of the inputs: where numbers lie and how far they spread, shares of values, what is missing.

    Keys: `column:<name>:location`, `column:<name>:spread` and, of times, `column:<name>:age` in standard deviations of the
    reference, and `column:<name>:missing`, `column:<name>:new` and `column:<name>:value:<k>` in shares of the rows.
    """
    found: Signals = {}
    edges = reference.profile.edges
    columns = {column.name: column for column in edges.schema.columns}
    for name, place in edges.places.items():
        if name not in reference.watched:
            continue
        kind = columns[name].kind
        cells, usual = counted.inputs[place], reference.inputs[place]
        rows, present = int(cells.sum()), int(cells[1:].sum())
        key = f"column:{name}"
        found[f"{key}:missing"] = _share(int(cells[0]), rows, int(usual[0]), int(usual.sum()))
        if kind is Kind.TIME or not usual[1:].sum():
            continue
        if kind is Kind.NUMBER:
            found |= _of_number(key, cells[1:], usual[1:], present)
        else:
            found |= _of_values(key, cells[1:], usual[1:], present)
    sums = zip(counted.ages.reshape(-1, 3), reference.whole.ages.reshape(-1, 3), strict=False)
    for name, (own, usual_sums) in zip(aged(edges.schema), sums, strict=False):
        if own[0] and usual_sums[0]:
            found[f"column:{name}:age"] = _of_age(own, usual_sums)
    return found


def answer_signals(reference: Reference, counted: Counted) -> Signals:
    """Signals of the answers: scores, decisions and reviews.

    Keys: `score:location`, `score:spread`, `score:missing`, `decision:<answer>`, `review:share`, `interval:width`, `set:size`.
    """
    found: Signals = {}
    usual, decided, before = reference.whole.scores[:-1], reference.whole.decisions, reference.answered
    scored = int(counted.scores[:-1].sum())
    if asked := int(counted.scores.sum()):
        found["score:missing"] = _share(asked - scored, asked, 0, int(usual.sum()))
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
        found["interval:width"] = _of_doubt(counted.widths, before.widths)
    if counted.set_sizes[0] > 1:
        found["set:size"] = _of_doubt(counted.set_sizes, before.set_sizes)
    return found


def group_signals(reference: Reference, counted: Counted, groups: Mapping[str, Counted]) -> Signals:
    """How far the decisions for protected groups lie from those for everybody else; none of groups too small to speak of.

    Keys: `group:<column>=<value>:<answer>`, in shares of the rows.
    """
    found: Signals = {}
    for group in watched_groups(reference, groups):
        gaps = answer_gaps(reference.answers, groups[group].decisions, counted.decisions).found
        found |= {f"group:{figure_name(group, name)}": _of_gap(gap) for name, gap in gaps.items()}
    return found


def error_signals(reference: Reference, arrived: Arrived) -> Signals:
    """How far the errors of protected groups lie from those of everybody else, of rows whose truth came.

    Keys: `fairness:<column>=<value>:<figure>`, with the figures of `error_gaps`.
    """
    found: Signals = {}
    for group in watched_groups(reference, arrived.groups):
        gaps = error_gaps(reference.answers, arrived.groups[group], arrived).found
        found |= {f"fairness:{figure_name(group, name)}": _of_gap(gap) for name, gap in gaps.items()}
    return found


def watched_groups(reference: Reference, groups: Iterable[str]) -> list[str]:
    """Protected groups that are watched: of a column with two values the rarer one, since the other's gap mirrors it."""
    protected = protected_of(reference)
    return [one for one in groups if group_parts(one)[0] in protected and one not in reference.mirrored]


def _of_gap(gap: Gap) -> Observation:
    return Observation(value=gap.value, deviation=gap.deviation, rows=gap.rows)


def truth_signals(reference: Reference, counted: Counted) -> Signals:
    """Signals of what came to pass.

    Keys: `loss` in the unit of the objective; `calibration`: truth less score; `calibration:slope`: the same by how high the
    score stands, which falls when scores tell less than they did (the score test of a calibration slope of 1: Cox, *Two
    further applications of a model for binary regression*, Biometrika 45 (1958)).
    """
    return loss_signals(reference, sums_of(counted))


def loss_signals(reference: Reference, sums: Arrived) -> Signals:
    """The same of sums: of those labels that arrived in a window, say."""
    whole = reference.whole
    pairs = {
        "loss": (sums.losses, whole.losses),
        "calibration": (sums.residuals, whole.residuals),
        "calibration:slope": (sums.slopes, whole.slopes),
    }
    return {
        key: mean_signal(np.array(own), usual) for key, (own, usual) in pairs.items() if own[0] > 1 and usual[0] > 1
    }


def volume_signal(reference: Reference, counted: Counted, lasted: float) -> Signals:
    """How many rows there are: the logarithm of one more than them, with the noise of a Poisson count as large as usual.

    Not with that of the window's own count: the fewer rows there are, the less would their absence be believed.

    Parameters
    ----------
    lasted
        How long the window was, in seconds: of windows by count the signal is rows a day.
    """
    value = float(np.log1p(counted.size))
    if isinstance(reference.windows, CountedWindows):
        value = value - float(np.log(lasted / DAY)) if np.isfinite(lasted) else np.nan
    sizes = [one.size for _, one in reference.history if one.size >= reference.settings.smallest]
    usual = float(np.mean(sizes)) if sizes else float(counted.size + 1)
    return {"volume": Observation(value=value, deviation=usual**-0.5, rows=max(counted.size, 1))}


def history(reference: Reference) -> list[tuple[float, Signals]]:
    """Signals of the reference's own windows that have rows enough."""
    return [
        (
            start,
            {
                **input_signals(reference, one),
                **answer_signals(reference, _without_unscored(one)),
                **volume_signal(reference, one, reference.past.end(start) - start),
                **truth_signals(reference, one),
                **group_signals(reference, one, reference.groups.get(start, {})),
                **error_signals(reference, _errors(one, reference.groups.get(start, {}))),
            },
        )
        for start, one in reference.history
        if one.size >= reference.settings.smallest
    ]


def _without_unscored(counted: Counted) -> Counted:
    """Rows of the history that have no score are those that the model was fitted on."""
    return dataclasses.replace(counted, scores=np.append(counted.scores[:-1], 0))


def _errors(counted: Counted, groups: Mapping[str, Counted]) -> Arrived:
    return replace(sums_of(counted), groups={name: sums_of(one) for name, one in groups.items()})


def smallest_effects(reference: Reference, keys: Mapping[str, object]) -> dict[str, float]:
    """The smallest change of each signal that opens an incident, in the signal's unit."""
    settings, columns = reference.settings, {}
    loss = abs(reference.loss or 0.0)
    for key in keys:
        kind = key.rpartition(":")[2]
        if kind == "loss" and (key == "loss" or key.startswith("fairness:")):
            columns[key] = max(settings.worse * loss, 1e-9)
        elif (kind == "bias" and key.startswith("fairness:")) or key == "calibration":
            columns[key] = _calibration_limit(reference)
        elif key == "calibration:slope":
            columns[key] = _slope_limit(reference)
        elif key == "volume":
            columns[key] = float(np.log(2.0))
        elif kind in {"location", "spread", "age"}:
            columns[key] = settings.location
        elif key == "interval:width":
            columns[key] = _tenth(reference.whole.widths)
        elif key == "set:size":
            columns[key] = _tenth(reference.whole.set_sizes)
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


def _slope_limit(reference: Reference) -> float:
    """What scores leave whose log odds say so much too much: with it times the information that a row has of the slope."""
    n, _, squares = reference.whole.slopes
    return float(max(SMALLEST_SLOPE * squares / n, 1e-6)) if n else 1.0


def _tenth(moments: Array) -> float:
    """A tenth of a mean."""
    n, total, _ = moments
    return float(0.1 * total / n) if n else 1e-9


def _of_number(key: str, cells: NDArray[np.int64], usual: NDArray[np.int64], rows: int) -> Signals:
    """Location and spread on the rank scale: mean and mean square of the normal scores, in reference deviations."""
    if not rows or (scale := _rank_scale(usual.tobytes())) is None:
        return {}
    scores, squares = scale
    return {
        f"{key}:location": Observation(value=float(cells @ scores / rows), deviation=rows**-0.5, rows=rows),
        f"{key}:spread": Observation(value=float(cells @ squares / rows), deviation=rows**-0.5, rows=rows),
    }


@lru_cache(maxsize=10_000)
def _rank_scale(usual: bytes) -> tuple[Array, Array] | None:
    """Scores of cells with so many rows in the reference, and their squares, both in deviations; None if they do not differ.

    Each window of a reference asks for the same again.
    """
    counts = np.frombuffer(usual, dtype=np.int64)
    scores, weight = normal_scores(counts), counts / counts.sum()
    deviation = float(np.sqrt(weight @ scores**2))
    if deviation < 1e-9:
        return None
    scores = scores / deviation
    squares = scores**2 - 1.0
    return scores, squares / (float(np.sqrt(weight @ squares**2)) or 1.0)


def _of_age(sums: Array, usual: Array) -> Observation:
    """How old times are: the mean of the logarithms, in reference deviations."""
    rows, mean, before = sums[0], sums[1] / sums[0], usual[1] / usual[0]
    deviation = max(float(np.sqrt(max(usual[2] / usual[0] - before**2, 0.0))), SMALLEST_AGE)
    return Observation(value=float((mean - before) / deviation), deviation=float(rows**-0.5), rows=int(rows))


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


def mean_signal(moments: Array, usual: Array) -> Observation:
    """A mean, and its standard error.

    Its variance is not less than that of the reference's rows: a few rows, or none with a rare dear error, look more alike
    than rows are, and three that are the same would else be certain of anything.

    Parameters
    ----------
    moments, usual
        Number, sum and sum of squares, of the window and of the reference, (3,).
    """
    n = moments[0]
    variance = max(_variance(moments), _variance(usual))
    return Observation(value=float(moments[1] / n), deviation=float(np.sqrt(variance / n)), rows=int(n))


def _of_doubt(moments: Array, usual: Array) -> Observation:
    """The mean width of intervals, or size of sets. What follows the labels moves a little with each revision of the policy."""
    found = mean_signal(moments, usual)
    return replace(found, deviation=max(found.deviation, FOLLOWED * abs(found.value)))


def _variance(moments: Array) -> float:
    """Of single rows; 0 of fewer than two."""
    n, total, squares = moments
    return float(max(squares - total**2 / n, 0.0) / (n - 1)) if n > 1 else 0.0
