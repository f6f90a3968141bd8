"""Read what a project names: the model, the labelled history, and the parts into which it is split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.config import Project
from holdfast.errors import InputError, ModelError, SettingError
from holdfast.evaluation.clock import moment, seconds_of, zone_named
from holdfast.evaluation.codes import label_text
from holdfast.evaluation.labelled import Dropped, Labelled, read_labelled
from holdfast.evaluation.parts import folds_of, split_of
from holdfast.evaluation.splits import Split
from holdfast.models.loading import load_model
from holdfast.models.protocol import Model
from holdfast.objective import AsymmetricCost, Cost, CostMatrix, Objective
from holdfast.schema import Kind, Role, Schema, infer
from holdfast.tables import Table, kind_of, open_table

Array: TypeAlias = NDArray[np.float64]

UNNAMED = {("0", "1"), ("false", "true")}
"""Classes of models that do not say what they mean; the positive one is last."""
WORDS = {"binary": "two classes", "classes": "several classes", "regression": "numbers"}
MICROSECONDS = 1e6
TRAIN_ROWS = 50_000
"""Rows of the train part that are scored, for the gap between what was fitted and what was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What was read: the parts of the history, each with its rows in the order of time.

    `known` is a seeded sample of the train part, for what needs scores of fitted rows. Where rolling origins are asked
    for, `history` are all rows, and `folds` the places of each origin's parts among them.
    """

    train: Labelled
    known: Labelled
    validation: Labelled
    test: Labelled
    split: Split
    dropped: Dropped
    history: Labelled | None = None
    folds: tuple[Split, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The model's scores of the parts; `quantiles` are those of two quantile models, (n, 2), of validation and test."""

    known: Array
    validation: Array
    test: Array
    quantiles: tuple[Array, Array] | None = None


def loaded_model(model: object, project: Project, *, trust: bool = False) -> Model:
    """The model that is to be judged; None: what the project names."""
    source = model
    if model is None:
        named = project.model.path
        if named is None:
            raise SettingError(f"{project.name} has no model to judge: name it as model.path in the configuration.")
        source = project.path(named)
        if ":" in named and not Path(str(source)).exists():
            source = named  # package.module:function
    asked: dict[str, Any] = {"trust": trust, "features": project.data.features or None, "task": project.model.task}
    asked["time_limit"] = project.model.time_limit_seconds
    found = load_model(source, **asked)
    positive = project.data.positive
    if found.task != "binary" or positive is None or label_text(positive) == found.classes[1]:
        return found
    if found.classes in UNNAMED and label_text(positive) not in found.classes:
        return found  # 1 stands for whatever the history calls the positive class
    return load_model(source, positive=positive, **asked)


def read_parts(data: object, project: Project, model: Model, others: Iterable[str] = ()) -> tuple[Parts, Schema]:
    """The labelled history, split as the project says; `data` None: what the project names.

    `others` are columns that the release in place is given; those that the history has not are left out.
    """
    if project.data.zone is not None:
        zone_named(project.data.zone)
    if project.data.target in model.features:
        raise SettingError(
            f"The model takes the target {project.data.target!r} for a feature, so it is told what it is to predict: "
            "fit it without, or name another target."
        )
    if project.objective.task != model.task:
        raise SettingError(
            f"The objective {project.objective.title!r} is for {WORDS[project.objective.task]}, and the model is for "
            f"{WORDS[model.task]}: choose another kind of objective."
        )
    query = project.data.query if data is None else None
    source = data if data is not None else project.data.path if query else project.path(project.data.path)
    with open_table(source, name="data", query=query) as table:
        schema = infer(table, roles=roles_of(project))
        project.monitor.check_columns({column.name: column.kind for column in schema.columns})
        fresh = _times(schema, project.monitor.freshness)
        rows, dropped = _rows(table, schema, project, model, [*others, *fresh])
        rows = _as_moments(rows, fresh, project.data.zone)
    until = project.model.trained_until
    until_seconds = None if until is None else moment(until, project.data.zone, "model.trained_until")
    split = split_of(rows, project.split, until_seconds)
    folds = folds_of(rows, project.split)
    some = np.random.default_rng(project.split.seed).permutation(split.train)[:TRAIN_ROWS]
    parts = Parts(
        train=rows.take(split.train),
        known=rows.take(np.sort(some)),
        validation=rows.take(split.validation),
        test=rows.take(split.test),
        split=split,
        dropped=dropped,
        history=rows if folds else None,
        folds=folds,
    )
    _check_weights(parts)
    return parts, schema


def _times(schema: Schema, names: Sequence[str]) -> list[str]:
    """Columns that hold times."""
    for name in names:
        if schema.column(name).kind is not Kind.TIME or schema.column(name).role is Role.TIME:
            raise SettingError(
                f"monitor.freshness: expected times of when features were made, besides data.time; {name!r} is none."
            )
    return list(names)


def _as_moments(rows: Labelled, names: Sequence[str], zone: str | None) -> Labelled:
    """With times that name their zone: those of the history may mean that of the project."""
    others = rows.others
    for name in names if others is not None else ():
        assert others is not None
        if name in others.column_names:
            when = seconds_of(others[name].combine_chunks(), zone)
            ticks = np.round(np.nan_to_num(when) * MICROSECONDS).astype(np.int64)
            stamps = pa.array(ticks, mask=np.isnan(when)).cast(pa.timestamp("us", "UTC"))
            others = others.set_column(others.column_names.index(name), name, stamps)
    return replace(rows, others=others)


def scores_of(model: Model, parts: Parts, quantiles: tuple[Model, Model] | None = None) -> Scores:
    """Scores of all parts; a `ModelError` says which row of the data it is that the model cannot score."""

    def both(rows: Labelled, name: str) -> Array:
        assert quantiles is not None
        return np.column_stack([_scored(one, rows, name) for one in quantiles])

    return Scores(
        quantiles=None if quantiles is None else (both(parts.validation, "validation"), both(parts.test, "test")),
        known=_scored(model, parts.known, "train") if len(parts.known) else np.empty(0),
        validation=_scored(model, parts.validation, "validation"),
        test=_scored(model, parts.test, "test"),
    )


def _scored(model: Model, rows: Labelled, name: str) -> Array:
    try:
        return model.predict(rows.features)
    except ModelError as error:
        if error.row is None or rows.place is None:
            raise ModelError(f"In the {name} part: {error}") from error
        place = int(rows.place[error.row])
        told = f"{error}. This is row {error.row:,} of the {name} part, which is row {place:,} of the data"
        raise ModelError(told, row=place) from error


def roles_of(project: Project) -> dict[str, Role | str]:
    """Roles of columns, as the configuration gives them in several places."""
    data = project.data
    roles: dict[str, Role | str] = dict(data.roles)
    named = {"time": data.time, "id": data.id, "weight": data.weight, "target": data.target}
    for key, name in named.items():
        if name is not None and roles.setdefault(name, Role(key)) != key:
            raise SettingError(f"data.roles says that {name!r} is {roles[name]}, and data.{key} names it: keep one.")
    return roles


def _check_weights(parts: Parts) -> None:
    """Rows without weight do not count: those that do must be enough to choose and to judge."""
    for name, rows in (("validation", parts.validation), ("test", parts.test)):
        if rows.weight is None:
            continue
        counted = rows.truth[rows.weight > 0]
        if not len(counted) or (rows.task != "regression" and (counted == counted[0]).all()):
            what = "only one class" if len(counted) else "no rows"
            raise InputError(
                f"The {name} part has {what} with a weight above 0: mend the weights, or lengthen the part."
            )


def _check_costs(table: Table, objective: Objective) -> None:
    """Costs are numbers; entities and queries may be anything."""
    if not isinstance(objective, Cost | CostMatrix | AsymmetricCost):
        return
    for name in set(objective.needs) & set(table.schema.names):
        held = table.schema.field(name).type
        if kind_of(held) != "number":
            raise InputError(
                f"{table.name}: the objective takes {name!r} for an amount, and it holds {held}; name a column of numbers"
            )


def _rows(
    table: Table, schema: Schema, project: Project, model: Model, others: Iterable[str]
) -> tuple[Labelled, Dropped]:
    missing = [name for name in model.features if name not in set(table.schema.names)]
    if missing:
        raise InputError(
            f"{table.name}: the model wants {len(missing)} columns that are not there ({', '.join(map(repr, missing[:5]))}); "
            "rename them, or list in data.features what the columns are called, in the model's order"
        )
    _check_costs(table, project.objective)
    slices = project.slices
    sliced = [c.name for role in (Role.SEGMENT, Role.PROTECTED) for c in schema.by_role(role)]
    sliced += [*slices.columns, *slices.protected, *(name for limit in project.gate.limits for name in limit.slice)]
    together = [c.name for c in schema.by_role(Role.GROUP)]
    together += [name for name in (project.split.group, project.uncertainty.segment) if name is not None]
    return read_labelled(
        table,
        schema,
        task=model.task,
        features=model.features,
        classes=model.classes,
        positive=project.data.positive,
        objective_columns=project.objective.needs,
        grouping=together,
        slicing=sliced,
        zone=project.data.zone,
        others=[name for name in others if name not in model.features and name in table.schema.names],
    )
