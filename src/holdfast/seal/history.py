"""What the model was judged on, as a reference: the inputs of the whole history, and the scores that it did not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as with_fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from msgspec.structs import replace
from numpy.typing import NDArray

from holdfast.engines.local import reference_profile
from holdfast.objective import Cost
from holdfast.profile.class_scores import ClassTable
from holdfast.profile.codec import from_bytes
from holdfast.profile.residuals import ResidualEdges, ResidualTable
from holdfast.profile.sample import RowSample
from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.scores import ScoreTable
from holdfast.profile.table import Profile
from holdfast.released import ReleasedModel, arrow_in
from holdfast.releases.folder import SealedFolder
from holdfast.releases.stored import stored
from holdfast.schema import Column, Kind, Role, Schema
from holdfast.seal.labelled_sample import LABELLED, LabelledSample, from_table
from holdfast.tables import open_table

if TYPE_CHECKING:
    from holdfast.evaluation.codes import Codes
    from holdfast.evaluation.labelled import Labelled
    from holdfast.gate.evaluation import Evaluation

Array: TypeAlias = NDArray[np.float64]
Scored: TypeAlias = ScoreTable | ClassTable | ResidualTable

INPUTS, SAMPLE, SCORES = "reference/inputs.profile", "reference/sample.arrow", "reference/scores.table"
PRIORITY, POSITION = "hf_priority", "hf_position"
"""Columns of the row sample besides its own; no column of a user begins so."""

MICROSECONDS = 1e6


def inputs_profile(rows: pa.Table, schema: Schema, seed: int) -> Profile:
    """Profile of the rows that `inputs` gives."""
    with open_table(rows, name="history") as table:
        return reference_profile(table, schema, seed=seed)


def inputs(parts: Sequence[Labelled], schema: Schema, freshness: Sequence[str] = ()) -> tuple[pa.Table, Schema]:
    """The rows of which the reference is the profile, and their columns: features, segments, protected columns and times.

    They are those of the parts (train, validation and test), in this order. The target, identifiers and groups of rows
    are not among them. `freshness` are times besides those that the model is given.
    """
    parts = [part for part in parts if len(part)]
    features = pa.concat_tables([part.features for part in parts])
    found = dict(zip(features.column_names, features.columns, strict=True))
    columns: list[Column] = []
    for column in schema.columns:
        name = column.name
        if name in found:
            columns.append(replace(column, role=Role.FEATURE) if column.role is Role.IGNORE else column)
        elif column.role is Role.TIME and parts[0].time is not None:
            when = np.concatenate([part.time for part in parts if part.time is not None])
            found[name] = pa.array(np.round(when * MICROSECONDS).astype("datetime64[us]"), pa.timestamp("us", "UTC"))
            columns.append(replace(column, kind=Kind.TIME, type=str(found[name].type)))
        elif name in freshness:
            found[name] = pa.chunked_array(
                [part.others[name].combine_chunks() for part in parts if part.others is not None]
            )
            columns.append(replace(column, role=Role.FEATURE, type=str(found[name].type)))
        elif name in parts[0].groups and column.role not in {Role.ID, Role.GROUP, Role.TARGET}:
            found[name] = pa.chunked_array([_texts(part.groups[name]) for part in parts])
            # Segments were read as texts, whatever they were.
            texts: dict[str, Any] = {"kind": Kind.CATEGORY, "type": "string", "minimum": None, "maximum": None}
            columns.append(replace(column, **texts))
    return pa.table({column.name: found[column.name] for column in columns}), Schema(columns=tuple(columns))


def sample_rows(profile: Profile) -> pa.Table | None:
    """The row sample of a profile as a table; it is sealed apart, because rows may have to be erased."""
    if profile.sample is None:
        return None
    rows = pa.Table.from_batches([profile.sample.rows])
    rows = rows.append_column(PRIORITY, pa.array(profile.sample.priorities))
    return rows.append_column(POSITION, pa.array(profile.sample.positions))


def load_inputs(sealed: SealedFolder) -> Profile:
    """The profile of the inputs, with its row sample; without it where that was erased."""
    profile = from_bytes(sealed.read(INPUTS), INPUTS)
    file = sealed.manifest.files.get(SAMPLE)
    found = None if file is None else stored(sealed.place, SAMPLE, file)
    if not isinstance(found, bytes):
        return profile
    rows = arrow_in(found)
    (batch,) = rows.drop_columns([PRIORITY, POSITION]).combine_chunks().to_batches()
    sample = RowSample(profile.edges.sample_rows, rows[PRIORITY].to_numpy(), rows[POSITION].to_numpy(), batch)
    return with_fields(profile, sample=sample)


def load_labelled(sealed: SealedFolder) -> LabelledSample | None:
    """The sample of labelled rows; None where that was erased, or the release is older than it."""
    file = sealed.manifest.files.get(LABELLED)
    found = None if file is None else stored(sealed.place, LABELLED, file)
    return from_table(arrow_in(found)) if isinstance(found, bytes) else None


def score_table(evaluation: Evaluation, released: ReleasedModel) -> Scored:
    """Scores by truth of validation and test rows, which the model did not fit."""
    parts, scores = evaluation.parts, evaluation.scores
    rows = [parts.validation, parts.test]
    score = np.concatenate([scores.validation, scores.test])
    truth = np.concatenate([part.truth for part in rows])
    weight = _joined([part.weight for part in rows])
    match evaluation.model.task:
        case "binary":
            policy, objective = evaluation.policy, evaluation.project.objective
            ends = (policy.threshold, policy.review_low, policy.review_high)
            edges = ScoreEdges.standard([end for end in ends if end is not None and 0 <= end <= 1])
            needs = objective.needs if isinstance(objective, Cost) else ()
            columns = {name: np.concatenate([part.columns[name] for part in rows]) for name in needs}
            return ScoreTable.count(edges, score, truth, weight, columns)
        case "classes":
            answer = np.concatenate(
                [
                    released.decide(found, part.features, part.columns, numbered(len(part))).decision
                    for found, part in zip((scores.validation, scores.test), rows, strict=True)
                ]
            )
            return ClassTable.count(parts.test.classes, score, truth, answer, weight)
        case "regression":
            from holdfast.evaluation.performance import QUANTILES

            return ResidualTable.count(ResidualEdges.learn(score, truth, QUANTILES), score, truth, weight)


def numbered(rows: int) -> NDArray[np.uint64]:
    """An identity for each row, where the rows have none of their own: a policy that explores asks for it."""
    return np.arange(rows, dtype=np.uint64)


def _texts(group: Codes) -> pa.Array:
    codes = pa.array(group.codes, mask=group.codes < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(group.values, pa.string()))


def _joined(arrays: list[Array | None]) -> Array | None:
    known = [array for array in arrays if array is not None]
    return np.concatenate(known) if len(known) == len(arrays) else None
