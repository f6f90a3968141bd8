"""A reference without a release: a labelled history with the scores that were given elsewhere, sealed without a model.

It is taken once, so that what is usual does not move with the file; and again when the configuration changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.config import Project
from holdfast.errors import InputError, SettingError
from holdfast.evaluation.clock import moment
from holdfast.evaluation.codes import codes_of
from holdfast.evaluation.labelled import Labelled, read_labelled
from holdfast.evaluation.row_losses import row_losses
from holdfast.evaluation.support import background_of, impersonal
from holdfast.gate.reading import roles_of
from holdfast.monitoring.sources.named import Named, named, places, positives
from holdfast.policy import Policy, decide
from holdfast.profile.codec import to_bytes
from holdfast.profile.numeric import numbers
from holdfast.profile.window import AnsweredRows
from holdfast.released import BACKGROUND, OBJECTIVE, POLICY, SCHEMA, arrow_out
from holdfast.releases.environment import origin
from holdfast.releases.folder import Item, SealedFolder
from holdfast.releases.store import Store
from holdfast.schema import Role, Schema, infer
from holdfast.seal.estimators import ESTIMATORS, fitted_on, limit_of
from holdfast.seal.history import INPUTS, SAMPLE, inputs, inputs_profile, sample_rows
from holdfast.seal.labelled_sample import LABELLED, LabelledSample, thinned, to_table
from holdfast.seal.windows import PURPOSES, answer_edges, counted_windows
from holdfast.tables import Table, open_table

Array: TypeAlias = NDArray[np.float64]
Say: TypeAlias = Callable[[str], None]

ASKED = "asked.json"
"""The configuration as it was given; `project.json` has what was found besides."""

FITTED_SHARE = 2 / 3
"""Part of the rows, the earlier ones, that what estimates is fitted on; it is tried on the others."""

THRESHOLD = 0.5
"""Of decisions that nobody names."""


def sealed_history(project: Project, store: Store, say: Say) -> SealedFolder:
    """The reference of a project's history: the one that was sealed, or a new one where the configuration has changed.

    Raises
    ------
    SettingError, InputError
        The history has no time, no score, or no rows that were answered.
    """
    asked = msgspec.json.encode(msgspec.structs.replace(project, folder="."))
    if project.name in store.models():
        newest = store.get(project.name)
        if newest.read(ASKED) == asked:
            return newest
    say("Reading the history")
    files = {**_files(project), ASKED: Item(content=asked, purpose="the configuration as it was given")}
    return store.add(project.name, files, origin())


def _files(project: Project) -> dict[str, Item]:
    data = project.data
    source = data.path if data.query else project.path(data.path)
    with open_table(source, name="data", query=data.query) as table:
        schema = infer(table, roles=roles_of(project))
        rows, answers = _rows(table, schema, project)
    score, decision, policy = _answers(rows, answers, project)
    seen = np.isfinite(score.reshape(len(rows), -1)).all(axis=1)
    if decision is not None:
        seen &= decision >= 0
    if project.model.trained_until is not None and rows.time is not None:
        seen &= rows.time > moment(project.model.trained_until, data.zone, "model.trained_until")
    if not seen.any():
        raise InputError("data: no row has a score and a label, and lies after model.trained_until where that is given")
    first, last = np.flatnonzero(~seen), np.flatnonzero(seen)
    known, judged = rows.take(first), rows.take(last)
    project = msgspec.structs.replace(
        project,
        folder=".",
        data=msgspec.structs.replace(
            data,
            features=tuple(rows.features.column_names),
            positive=rows.classes[1] if rows.task == "binary" else data.positive,
        ),
    )
    table_of, columns = inputs((known, judged), schema)
    return {
        SCHEMA: Item(content=schema.to_json().encode(), purpose="the columns of the history"),
        OBJECTIVE: Item(content=msgspec.json.encode(project.objective), purpose="what the business pays"),
        POLICY: Item(content=msgspec.json.encode(policy), purpose="how a score becomes an answer that nobody names"),
        "project.json": Item(content=msgspec.json.encode(project), purpose="the configuration, and what was found"),
        **_estimators(project, schema, known, judged, score[last], policy),
        **_profile(
            project,
            schema,
            columns,
            table_of,
            known,
            judged,
            score[last],
            None if decision is None else decision[last],
            answers.propensity,
        ),
    }


def _rows(table: Table, schema: Schema, project: Project) -> tuple[Labelled, Named]:
    times = schema.by_role(Role.TIME)
    if not times:
        raise SettingError("What is watched needs a time: name the column of the history as data.time.")
    task = project.objective.task
    # Names of the classes are those of the target, which is read below.
    classes = _classes(table, schema) if task == "classes" else ()
    answers = named(project, schema, table.schema.names, classes, "the history")
    own = {*answers.all, *(c.name for c in schema.columns if c.role is not Role.FEATURE)}
    features = project.data.features or tuple(c.name for c in schema.columns if c.name not in own)
    slices = project.slices
    sliced = [c.name for role in (Role.SEGMENT, Role.PROTECTED) for c in schema.by_role(role)]
    rows, _ = read_labelled(
        table,
        schema,
        task=task,
        features=features,
        classes=classes,
        positive=project.data.positive,
        objective_columns=project.objective.needs,
        slicing=[*sliced, *slices.columns, *slices.protected],
        others=answers.all,
        zone=project.data.zone,
    )
    return rows, answers


def _classes(table: Table, schema: Schema) -> tuple[str, ...]:
    targets = schema.by_role(Role.TARGET)
    found = {one for batch in table.batches([targets[0].name]) for one in codes_of(batch.column(0)).values}
    return tuple(sorted(found))


def _answers(rows: Labelled, answers: Named, project: Project) -> tuple[Array, NDArray[np.int64] | None, Policy]:
    """Scores, decisions as codes (-1: none) but of numbers, and the policy of those that nobody names."""
    assert rows.others is not None
    held = {name: rows.others[name].combine_chunks() for name in answers.all}
    found = [numbers(held[name])[0] for name in answers.scores]
    if rows.task == "regression":
        return found[0], None, Policy(rule="value")
    if rows.task == "classes":
        score, policy = np.stack(found, axis=1), Policy(rule="most_probable", classes=rows.classes)
    else:
        limit = project.policy.threshold
        score, policy = found[0], Policy(rule="threshold", threshold=THRESHOLD if limit is None else limit)
    if answers.decision is None:
        answered = decide(policy, score)
        known = np.isfinite(score.reshape(len(score), -1)).all(axis=1)
        return score, np.where(known, answered.decision.astype(np.int64), -1), policy
    code = positives if rows.task == "binary" else places
    return score, code(held[answers.decision], rows.classes, f"The column {answers.decision!r} of the history"), policy


def _estimators(
    project: Project, schema: Schema, known: Labelled, judged: Labelled, score: Array, policy: Policy
) -> dict[str, Item]:
    """What estimates, and what is known of the rows' support."""
    seed = project.split.seed
    half = np.random.default_rng(seed).permutation(len(judged))
    one, other = (judged.take(np.sort(part)) for part in (half[::2], half[1::2] if len(half) > 1 else half))
    background = (known if len(known) else judged).features
    files = {
        BACKGROUND: Item(
            content=arrow_out(background_of(background, schema, seed)), purpose="rows that are known", erasable=True
        )
    }
    cut = max(1, round(len(judged) * FITTED_SHARE))
    early, late = np.arange(cut), np.arange(min(cut, len(judged) - 1), len(judged))
    if judged.task != "regression" and len(np.unique(judged.truth[early])) < len(judged.classes):
        return files  # of a class that never came nothing can be expected
    limit = limit_of(known.features if len(known) else one.features, other.features, schema, seed)
    estimators = fitted_on(
        judged.take(early),
        score[early],
        judged.take(late),
        score[late],
        limit,
        policy=policy,
        objective=project.objective,
    )
    files[ESTIMATORS] = Item(content=msgspec.json.encode(estimators), purpose="performance before the truth comes")
    return files


def _profile(
    project: Project,
    schema: Schema,
    columns: Schema,
    table: pa.Table,
    known: Labelled,
    judged: Labelled,
    score: Array,
    decision: NDArray[np.int64] | None,
    random: str | None,
) -> dict[str, Item]:
    """Inputs of all rows, windows of them, and a sample of the labelled ones; `random`: the column of propensities."""
    profile = inputs_profile(table, columns, project.split.seed)
    edges = answer_edges(project, judged.task, score, judged.classes)
    truth: dict[str, Any] = {"binary": bool, "classes": np.int64, "regression": np.float64}
    answer = None if decision is None else decision.astype(truth[judged.task])
    propensity = None
    if random is not None and judged.others is not None and judged.task == "binary":
        propensity = numbers(judged.others[random].combine_chunks())[0]
    assert judged.time is not None
    assert known.time is not None
    (batch,) = table.slice(len(known)).combine_chunks().to_batches()
    answered = [
        AnsweredRows(
            inputs=batch,
            time=judged.time,
            score=score,
            decision=decision,
            review=np.zeros(len(judged), bool),
            truth=judged.truth.astype(np.float64),
            loss=row_losses(project.objective, judged.judged(score, answer)),
            propensity=propensity,
            other_loss=None
            if propensity is None or answer is None
            else row_losses(project.objective, judged.judged(score, ~answer)),
        )
    ]
    if len(known):
        (batch,) = table.slice(0, len(known)).combine_chunks().to_batches()
        nothing = np.full(len(known), np.nan)
        answered.append(
            AnsweredRows(
                inputs=batch,
                time=known.time,
                score=np.full((len(known), *score.shape[1:]), np.nan),
                decision=None if decision is None else np.full(len(known), -1),
                review=np.zeros(len(known), bool),
                truth=nothing,
                loss=nothing,
            )
        )
    sample = LabelledSample(
        rows=impersonal(table.slice(len(known)), columns),
        truth=judged.truth,
        score=score,
        weight=np.ones(len(judged)) if judged.weight is None else judged.weight,
        columns=dict(judged.columns),
        time=judged.time,
    )
    some = thinned(sample, regression=judged.task == "regression", seed=project.split.seed)
    files = {
        INPUTS: Item(content=to_bytes(profile, rows=False), purpose="counts of the inputs of the whole history"),
        **{
            name: Item(content=content, purpose=PURPOSES[name])
            for name, content in counted_windows(project, schema, profile, edges, answered).items()
        },
        LABELLED: Item(content=arrow_out(to_table(some)), purpose="a sample of labelled rows", erasable=True),
    }
    rows = sample_rows(profile)
    if rows is not None:
        files[SAMPLE] = Item(content=arrow_out(rows), purpose="a sample of the inputs", erasable=True)
    return files
