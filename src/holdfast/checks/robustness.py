"""Does the model bear what production brings: missing values, and numbers that are a little off?"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.checks.ask import Said, not_applicable
from holdfast.checks.limits import ReleaseLimits
from holdfast.errors import ModelError
from holdfast.evidence import Direction
from holdfast.numerals import number
from holdfast.profile.arrays import floats
from holdfast.records import Status
from holdfast.stats.intervals import mean_interval, wilson

Array: TypeAlias = NDArray[np.float64]
Predict: TypeAlias = Callable[[pa.Table], Array]
Decide: TypeAlias = Callable[[Array], NDArray[np.generic]]
"""From scores to answers: booleans, codes, or the numbers themselves."""

NOISE = 0.01
"""Standard deviation of the noise, as a share of a feature's interquartile range."""
NAMED = 5
"""Features that a message names; the evidence has them all."""


def nulls(
    predict: Predict,
    features: pa.Table,
    objective: Callable[[Array], float | None],
    direction: Direction,
    *,
    occurring: Collection[str],
) -> list[Said]:
    """Does the model still answer when a feature is missing, and what does that cost?

    Parameters
    ----------
    predict
        The model.
    features
        A sample of the rows that it is judged on.
    objective
        The objective's value on the sample, given scores; None where it cannot be had.
    direction
        Which way the objective is better.
    occurring
        Features that have missing values somewhere in the history: with these, the model must cope.

    Examples
    --------
    >>> def model(table):
    ...     if table["age"].null_count:
    ...         raise ValueError("NaN")
    ...     return table["age"].to_numpy() / 100
    >>> rows = pa.table({"age": [20.0, 40.0]})
    >>> [found] = nulls(model, rows, lambda scores: float(scores.mean()), "higher", occurring={"age"})
    >>> print(found.status, found.subject, found.message)
    fail age The model raises ValueError where it is missing, and it is in some rows of the history.
    """
    if not features.num_rows or not features.num_columns:
        return [not_applicable("There are no rows, or no features.")]
    usual = objective(predict(features))
    broken: dict[tuple[bool, str], list[str]] = {}
    lost: dict[str, float] = {}
    for place, name in enumerate(features.column_names):
        missing = pa.nulls(features.num_rows, features.schema.field(place).type)
        scores = _tried(predict, features.set_column(place, features.schema.field(place), missing))
        if isinstance(scores, str):
            broken.setdefault((name in occurring, scores), []).append(name)
            continue
        value = objective(scores)
        if value is not None and usual is not None:
            lost[name] = value - usual if direction == "lower" else usual - value
    if broken:
        return [_breaks(names, how, occurs) for (occurs, how), names in broken.items()]
    if not lost:
        return [
            Said(status=Status.INCONCLUSIVE, message="It answers, but the objective could not be had of the sample.")
        ]
    worst = max(lost, key=lambda name: lost[name])
    return [
        Said(
            status=Status.PASS,
            message=f"The model answers when any of {features.num_columns} features is missing; the objective loses most, "
            f"{number(lost[worst], 4)}, without {worst!r}.",
            value=lost[worst],
            evidence={"lost": lost, "rows": features.num_rows},
        )
    ]


def _tried(predict: Predict, rows: pa.Table) -> Array | str:
    """Scores, or what a model does that has none for these rows."""
    try:
        scores = predict(rows)
    except Exception as error:  # noqa: BLE001  # a foreign model may raise anything
        # What Holdfast itself refuses is a score that is NaN or infinite; what the model raises is the cause of that.
        own = isinstance(error, ModelError) and error.__cause__ is None
        return "gives no number" if own else f"raises {type(error.__cause__ or error).__name__}"
    return scores if np.isfinite(scores).all() else "gives no number"


def _breaks(names: list[str], how: str, occurs: bool) -> Said:
    """One finding for all features without which the model breaks in the same way."""
    if len(names) == 1:
        ending = "it is in some rows of the history." if occurs else "so far it never was in the history."
        message = f"The model {how} where it is missing, and {ending}"
    else:
        listed = ", ".join(map(repr, names[:NAMED])) + (f" and {len(names) - NAMED:,} more" * (len(names) > NAMED))
        ending = "each is in some rows of the history." if occurs else "so far none ever was in the history."
        message = f"The model {how} where any of {len(names):,} features is missing, and {ending} They are {listed}."
    return Said(
        status=Status.FAIL if occurs else Status.WARN,
        subject=names[0] if len(names) == 1 else "",
        message=message,
        evidence={"features": names},
    )


def noise(predict: Predict, features: pa.Table, decide: Decide, limits: ReleaseLimits, seed: int = 0) -> list[Said]:
    """How many decisions change when every number is a little off?

    Normal noise with a standard deviation of 1% of its interquartile range is added to every number, within the range of
    its column; whole numbers stay whole. Of predicted numbers the mean absolute change is told, in standard deviations
    of the predictions.

    Parameters
    ----------
    predict
        The model.
    features
        A sample of the rows that it is judged on.
    decide
        From scores to answers.
    limits
        `noise`.
    """
    noisy = _noisy(features, np.random.default_rng(seed))
    if not noisy:
        return [not_applicable("No feature is a number that varies.")]
    table = features
    for name, column in noisy.items():
        place = features.column_names.index(name)
        table = table.set_column(place, features.schema.field(place), column)
    scores = _tried(predict, table)
    if isinstance(scores, str):
        message = (
            f"The model {scores} once noise of {NOISE:.0%} of each number's interquartile range is added, within the range "
            "of its column."
        )
        return [Said(status=Status.WARN, message=message)]
    before, after = decide(predict(features)), decide(scores)
    if np.issubdtype(before.dtype, np.floating):
        return [_moved(before.astype(np.float64), after.astype(np.float64), limits.noise)]
    rows, flips = len(before), int(np.count_nonzero(before != after))
    low, high = (float(end) for end in wilson(flips, rows))
    return [
        Said(
            status=Status.WARN if low > limits.noise else Status.PASS,
            message=f"Noise of {NOISE:.0%} of each number's interquartile range changes {flips:,} of {rows:,} decisions "
            f"({flips / rows:.2%}); {limits.noise:.2%} are tolerable.",
            value=flips / rows,
            limit=limits.noise,
            interval=(low, high),
            unit="share",
        )
    ]


def _moved(before: Array, after: Array, limit: float) -> Said:
    spread = float(before.std())
    if not spread > 0:
        return not_applicable("The model predicts the same number in all rows.")
    change = np.abs(after - before) / spread
    value = float(change.mean())
    low, high = (float(end) for end in mean_interval(value, change.std(ddof=1), len(change)))
    return Said(
        status=Status.WARN if low > limit else Status.PASS,
        message=f"Noise of {NOISE:.0%} of each number's interquartile range moves predictions by {value:.2%} of their "
        f"standard deviation; {limit:.2%} are tolerable.",
        value=value,
        limit=limit,
        interval=(low, high),
        unit="sd",
    )


def _noisy(features: pa.Table, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Numbers with noise, of their own types; those that do not vary in their middle half are left out."""
    found = {}
    for name, column in zip(features.column_names, features.columns, strict=True):
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            continue
        values = floats(column.combine_chunks())
        known = values[np.isfinite(values)]
        wide = float(np.subtract(*np.quantile(known, [0.75, 0.25]))) if len(known) else 0.0
        if not wide > 0:
            continue
        moved = np.clip(values + rng.normal(0, NOISE * wide, len(values)), known.min(), known.max())
        if pa.types.is_integer(column.type):
            moved = np.rint(moved)
        array = pa.array(moved, mask=np.asarray(column.is_null()))
        found[name] = array.cast(column.type, safe=False)
    return found
