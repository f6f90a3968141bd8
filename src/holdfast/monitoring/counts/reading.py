"""Logged rows as they are counted: inputs by their names, answers as codes, and the truth as far as it is known."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.evaluation.bands import regrouped
from holdfast.evaluation.row_losses import row_losses
from holdfast.kinds import Role
from holdfast.log.class_sets import sizes
from holdfast.monitoring.reference import Reference
from holdfast.objective import Judged
from holdfast.profile.ages import ages_of
from holdfast.profile.arrays import floats, seconds
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.crossings import crossed_columns, with_crossings
from holdfast.profile.window import AnsweredRows, observable
from holdfast.windows import CountedWindows

Array: TypeAlias = NDArray[np.float64]
KINDS: dict[str, Any] = {"binary": bool, "classes": np.int64, "regression": np.float64}
"""How the truth of each task is held where it is judged."""


def inputs_logged(reference: Reference, there: list[str]) -> dict[str, str]:
    """The column of the log in which each column of the reference stands, of those that are logged."""
    wanted = {column.name: column.physical for column in reference.schema.columns}
    names = reference.profile.edges.schema.names
    return {name: wanted[name] for name in names if wanted.get(name, name) in there}


def answer_columns(reference: Reference, there: list[str]) -> list[str]:
    """Columns of the log that tell an answer, and what it costs."""
    told = {
        "binary": ["hf_score", "hf_decision"],
        "classes": [*(f"hf_score_{k}" for k in range(len(reference.answers.classes))), "hf_decision", "hf_set"],
        "regression": ["hf_score", "hf_lower", "hf_upper"],
    }[reference.answers.task]
    own = ["hf_time", "hf_event_time", "hf_release", *told, "hf_review"]
    own += ["hf_propensity"] if reference.answers.observed else []
    return [name for name in dict.fromkeys([*own, *needed(reference)]) if name in there]


def needed(reference: Reference) -> list[str]:
    """Columns that the objective asks for, by their names in the log."""
    physical = {column.name: column.physical for column in reference.schema.columns}
    return [physical.get(name, name) for name in reference.objective.needs]


def wanted_of_rows(reference: Reference, there: list[str]) -> list[str]:
    """Columns that are read to count rows."""
    return list(dict.fromkeys([*answer_columns(reference, there), *inputs_logged(reference, there).values()]))


def wanted_of_truth(reference: Reference, there: list[str], segments: tuple[str, ...]) -> list[str]:
    """Columns that are read to judge answers by the truth."""
    held = inputs_logged(reference, there)
    own = [held[name] for segment in segments for name in (segment, *crossed_columns(segment)) if name in held]
    return list(dict.fromkeys([*answer_columns(reference, there), *own]))


def answered(reference: Reference, batch: pa.RecordBatch) -> AnsweredRows:
    """Rows of the log, with labels beside them or not, as they are counted.

    Parameters
    ----------
    reference
        Of the release that answered.
    batch
        Rows with the columns of the log.
    """
    held = dict(zip(batch.schema.names, batch.columns, strict=True))
    n = batch.num_rows
    when = times_of(reference, batch)
    task, classes = reference.answers.task, reference.answers.classes
    if task == "classes":
        score = np.stack([floats(held[f"hf_score_{k}"]) for k in range(len(classes))], axis=1)
    else:
        score = floats(held["hf_score"])
    decision = None if task == "regression" else _codes(held["hf_decision"], classes)
    others = _of_others(reference, held)
    score = np.where(others if score.ndim == 1 else others[:, None], np.nan, score)
    decision = None if decision is None else np.where(others, -1, decision)
    width = floats(held["hf_upper"]) - floats(held["hf_lower"]) if {"hf_lower", "hf_upper"} <= held.keys() else None
    truth = np.full(n, np.nan)
    if "hf_label" in held:
        if task == "regression":
            label = floats(held["hf_label"])
            truth = np.where(np.isfinite(label), label, np.nan)
        else:
            code = _codes(held["hf_label"], classes)
            truth = np.where(code < 0, np.nan, code)
    given = {
        name: as_sealed(reference, name, held[column]) for name, column in inputs_logged(reference, list(held)).items()
    }
    time = next((c.name for c in reference.profile.edges.schema.by_role(Role.TIME)), None)
    if time is not None and "hf_event_time" in held:
        given[time] = held["hf_event_time"]
    inputs = pa.RecordBatch.from_arrays(list(given.values()), names=list(given))
    propensity = floats(held["hf_propensity"]) if reference.answers.observed and "hf_propensity" in held else None
    rows = AnsweredRows(
        inputs=with_crossings(inputs, reference.settings.crossings),
        time=when,
        score=score,
        decision=decision,
        review=_flags(held.get("hf_review"), n),
        width=None if width is None else np.where(others, np.nan, width),
        set_size=np.where(others, np.nan, floats(sizes(held["hf_set"]))) if "hf_set" in held and classes else None,
        ages=ages_of(reference.profile.edges.schema, inputs, when),
        truth=truth,
        loss=_losses(reference, held, score, decision, truth),
        propensity=propensity,
        own=~others if others.any() else None,
        other_loss=_losses(reference, held, score, _otherwise(decision, propensity), truth)
        if propensity is not None and task == "binary"
        else None,
    )
    return observable(reference.answers, rows)


def _otherwise(decision: NDArray[np.int64] | None, propensity: Array) -> NDArray[np.int64] | None:
    """The other of two answers of rows that were answered at random; -1 of all others."""
    return None if decision is None else np.where((propensity < 1) & (decision >= 0), 1 - decision, -1)


def as_sealed(reference: Reference, name: str, column: pa.Array) -> pa.Array:
    """A column as the reference has it: segments that the model is not given are groups there, whatever they were."""
    edges = reference.profile.edges.columns[name]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not isinstance(edges, CategoryEdges) or name in reference.features or pa.types.is_string(kind):
        return column
    return regrouped(column, edges.values)


def times_of(reference: Reference, batch: pa.RecordBatch) -> Array:
    """The times by which rows are put into windows, in seconds since 1970, (n,).

    When they happened, else when they were received; into windows by count only when they were received.
    """
    when = seconds_of(batch.column("hf_time"))
    if "hf_event_time" not in batch.schema.names or isinstance(reference.windows, CountedWindows):
        return when
    event = seconds_of(batch.column("hf_event_time"))
    return np.where(np.isfinite(event), event, when)


def _of_others(reference: Reference, held: dict[str, pa.Array]) -> NDArray[np.bool_]:
    """Rows that another release has answered: of those the inputs count, and not the answers."""
    n = len(held["hf_time"])
    if "hf_release" not in held or reference.released is None:
        return np.zeros(n, bool)
    return np.asarray(pc.not_equal(held["hf_release"], reference.version).to_numpy(zero_copy_only=False), dtype=bool)


def _losses(
    reference: Reference, held: dict[str, pa.Array], score: Array, decision: NDArray[np.int64] | None, truth: Array
) -> Array:
    """The loss of each row; NaN where the truth, the answer or a cost is not known."""
    loss = np.full(len(truth), np.nan)
    physical = {column.name: column.physical for column in reference.schema.columns}
    objective = reference.objective
    columns = {
        name: floats(held[physical.get(name, name)]) for name in objective.needs if physical.get(name, name) in held
    }
    if len(columns) < len(objective.needs):
        return loss
    known = np.isfinite(truth) & np.isfinite(score.reshape(len(truth), -1)).all(axis=1)
    known &= np.all([np.isfinite(values) for values in columns.values()], axis=0) if columns else True
    known &= True if decision is None else decision >= 0
    places = np.flatnonzero(known)
    if len(places):
        task = reference.answers.task
        judged = Judged(
            truth=truth[places].astype(KINDS[task]),
            score=score[places],
            answer=None if decision is None else decision[places].astype(KINDS[task]),
            columns={name: values[places] for name, values in columns.items()},
            classes=reference.answers.classes,
        )
        loss[places] = row_losses(objective, judged)
    return loss


def seconds_of(column: pa.Array) -> Array:
    """Times in seconds since 1970, (n,); NaN where there is none."""
    return seconds(column.cast(pa.timestamp("us", "UTC")))


def _flags(column: pa.Array | None, rows: int) -> NDArray[np.bool_]:
    if column is None:
        return np.zeros(rows, bool)
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), dtype=bool)


def _codes(column: pa.Array, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """0 or 1, or the places of classes; -1 where there is none."""
    places = (
        pc.index_in(column.cast(pa.string()), pa.array(classes)) if classes else column.cast(pa.bool_()).cast(pa.int8())
    )
    return np.asarray(pc.fill_null(places, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
