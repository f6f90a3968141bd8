"""The history cut into the windows that will be watched: what was natural before says what is natural later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.config import Monitoring, Project, Slices, not_crossed
from holdfast.errors import SettingError
from holdfast.evaluation.row_losses import row_losses
from holdfast.profile import window
from holdfast.profile.ages import ages_of
from holdfast.profile.arrays import text_codes
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.crossings import crossing_name, with_crossings
from holdfast.profile.groups import Groups, category_values, count_groups, from_bytes, ranked_values, to_bytes
from holdfast.profile.table import Profile
from holdfast.profile.window import AnswerEdges, AnsweredRows, Counted, observable
from holdfast.released import ReleasedModel
from holdfast.releases.folder import SealedFolder
from holdfast.schema import Schema
from holdfast.seal.history import numbered
from holdfast.uncertainty import classes_in_doubt, intervals
from holdfast.windows import CountedWindows, Cut, windows_by

if TYPE_CHECKING:
    from holdfast.evaluation.labelled import Labelled
    from holdfast.gate.evaluation import Evaluation

Array: TypeAlias = NDArray[np.float64]

WINDOWS, GROUPS = "reference/windows.counts", "reference/groups.counts"
PURPOSES = {WINDOWS: "counts of each window of the history", GROUPS: "counts of groups in each of these windows"}

MOST = 840
"""Windows that are kept, the newest: more than two years of days, or five weeks of hours, which tell weekdays apart."""


def windows_of(project: Project) -> Cut:
    """The windows that a project's model is watched in."""
    return windows_by(project.monitor.window, project.monitor.zone or project.data.zone or "UTC")


def segment_columns(asked: Monitoring, slices: Slices, schema: Schema) -> tuple[str, ...]:
    """Columns whose values are watched one by one: those that are asked for, else all that make segments or groups.

    Behind them the names of crossings.
    """
    columns = asked.segments
    if columns is None:
        named = {*slices.columns, *slices.protected}
        columns = tuple(
            one.name
            for one in schema.columns
            if (one.role in {"segment", "protected"} or one.name in named) and one.kind in {"category", "boolean"}
        )
    return (*columns, *map(crossing_name, asked.crossings))


def answer_edges(
    project: Project, task: Literal["binary", "classes", "regression"], score: Array, names: Sequence[str]
) -> AnswerEdges:
    """What answers are counted over.

    Parameters
    ----------
    score
        Of rows that the model has not seen, (n,) or (n, K).
    names
        Of the classes.

    Raises
    ------
    SettingError
        `monitor.observed` names a class that there is not.
    """
    classes = tuple(names) if task == "classes" else ()
    observed = project.monitor.observed or ()
    for name in observed:
        if classes and name not in {*classes, "review"}:
            known = ", ".join(map(repr, (*classes, "review")))
            raise SettingError(f"monitor.observed: expected decisions of the model, which are {known}; got {name!r}.")
    return AnswerEdges.learn(task, score, classes, observed)


def history_windows(
    evaluation: Evaluation, released: ReleasedModel, profile: Profile, inputs: pa.Table
) -> dict[str, bytes]:
    """Windows of the history as files: inputs of all rows; answers and truth of those that the model did not fit.

    Parameters
    ----------
    profile, inputs
        The reference's profile, and the rows that it is of: those of train, validation and test, in this order.
    """
    parts, scores, model = evaluation.parts, evaluation.scores, evaluation.model
    unseen = np.concatenate([scores.validation, scores.test])
    edges = answer_edges(evaluation.project, model.task, unseen, model.classes)
    fitted = np.full((len(parts.train), *unseen.shape[1:]), np.nan)
    answered: list[AnsweredRows] = []
    first = 0
    ends = scores.quantiles or (None, None)
    for part, score, bounds in (
        (parts.train, fitted, None),
        (parts.validation, scores.validation, ends[0]),
        (parts.test, scores.test, ends[1]),
    ):
        if not len(part) or part.time is None:
            continue
        (batch,) = inputs.slice(first, len(part)).combine_chunks().to_batches()
        first += len(part)
        answered.append(_answered(evaluation, released, part, score, bounds, batch, profile.edges.schema))
    return counted_windows(evaluation.project, evaluation.schema, profile, edges, answered)


def counted_windows(
    project: Project, schema: Schema, profile: Profile, edges: AnswerEdges, answered: Iterable[AnsweredRows]
) -> dict[str, bytes]:
    """The newest windows of rows, as files: of all rows, and of their groups where there are any."""
    crossings = project.monitor.crossings
    project.monitor.check_columns({column.name: column.kind for column in schema.columns})
    for name in chain.from_iterable(crossings):
        if not isinstance(profile.edges.columns.get(name), CategoryEdges):
            raise not_crossed(name)
    # Of service no other truths will be known: what is usual is of the same rows.
    answered = [observable(edges, replace(rows, inputs=with_crossings(rows.inputs, crossings))) for rows in answered]
    cut, segments = windows_of(project), segment_columns(project.monitor, project.slices, schema)
    known = category_values(profile.edges) | {
        name: _commonest(rows.inputs.column(name) for rows in answered) for name in map(crossing_name, crossings)
    }
    counted: dict[float, Counted] = {}
    if isinstance(cut, CountedWindows):
        cut = cut.over(np.concatenate([np.empty(0), *(rows.time for rows in answered)]))
        # The newest one is kept although it is not full, or empty: it says when the one before ended.
        counted |= {start: window.nothing(profile.edges, edges) for start in cut.newest}
    groups: dict[float, dict[str, Counted]] = {}
    for rows in answered:
        starts = cut.starts(rows.time)
        for start in np.unique(starts[np.isfinite(starts)])[-MOST:].tolist():
            some = rows.take(np.flatnonzero(starts == start))
            found = window.count(profile.edges, edges, some)
            counted[start] = counted[start] + found if start in counted else found
            own = groups.setdefault(start, {})
            for group, one in count_groups(profile.edges, edges, some, segments, known).items():
                own[group] = own[group] + one if group in own else one
    files = {WINDOWS: window.to_bytes(profile.edges, edges, sorted(counted.items())[-MOST:])}
    if any(groups.values()):
        files[GROUPS] = to_bytes(edges, sorted(groups.items())[-MOST:])
    return files


def _commonest(columns: Iterable[pa.Array]) -> tuple[str, ...]:
    """The commonest values of a column that comes in pieces."""
    sizes: Counter[str] = Counter()
    for words, codes in map(text_codes, columns):
        rows = np.bincount(codes[codes >= 0], minlength=len(words)).tolist()
        sizes.update({word: n for word, n in zip(words.to_pylist(), rows, strict=True) if n and word is not None})
    return ranked_values(sizes)


def _answered(
    evaluation: Evaluation,
    released: ReleasedModel,
    part: Labelled,
    score: Array,
    bounds: Array | None,
    batch: pa.RecordBatch,
    schema: Schema,
) -> AnsweredRows:
    """Rows as they would have been answered; those that the model fitted have no answers."""
    n, task = len(part), evaluation.model.task
    assert part.time is not None
    ages = ages_of(schema, batch, part.time)
    if np.isnan(score).all():
        nothing = np.full(n, np.nan)
        decision = None if task == "regression" else np.full(n, -1)
        return AnsweredRows(
            inputs=batch,
            time=part.time,
            score=score,
            decision=decision,
            review=np.zeros(n, bool),
            ages=ages,
            truth=nothing,
            loss=nothing,
        )
    answers = released.decide(score, part.features, part.columns, numbered(n))
    objective, random = evaluation.project.objective, bool((answers.propensity < 1).any())
    return AnsweredRows(
        inputs=batch,
        time=part.time,
        score=score,
        decision=None if task == "regression" else answers.decision.astype(np.int64),
        review=answers.review,
        width=_widths(released, score if bounds is None else bounds, part),
        set_size=_set_sizes(released, score),
        ages=ages,
        truth=part.truth.astype(np.float64),
        loss=row_losses(objective, part.judged(score, answers.decision)),
        propensity=answers.propensity,
        other_loss=row_losses(objective, part.judged(score, ~answers.decision)) if random else None,
    )


def _widths(released: ReleasedModel, predicted: Array, part: Labelled) -> Array | None:
    """Widths of the intervals that would have been answered, (n,); None where there are none."""
    found = released.uncertainty
    if found is None or found.conformal is None:
        return None
    group = None if found.segment is None else part.groups[found.segment]
    segment = None if group is None else np.array([*group.values, None], dtype=object)[group.codes]
    lower, upper = intervals(found, predicted, segment)
    return upper - lower


def _set_sizes(released: ReleasedModel, score: Array) -> Array | None:
    """Classes in doubt of each answer, (n,); None where there are no sets of them."""
    found = released.uncertainty
    if found is None or found.sets is None:
        return None
    return np.asarray(classes_in_doubt(found, score).sum(axis=1), dtype=np.float64)


def load_windows(sealed: SealedFolder, profile: Profile) -> tuple[AnswerEdges, tuple[tuple[float, Counted], ...]]:
    """The windows of a release's history; releases that were sealed before there were any have no file `WINDOWS`."""
    return window.from_bytes(profile.edges, sealed.read(WINDOWS), WINDOWS)


def load_groups(sealed: SealedFolder, answers: AnswerEdges) -> Groups:
    """The groups of those windows; none where no column is watched by its values, or nobody counted them."""
    return from_bytes(answers, sealed.read(GROUPS), GROUPS) if GROUPS in sealed.manifest.files else {}
