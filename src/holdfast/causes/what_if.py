"""What a change of some columns alone costs: the window's values put into labelled rows, which the model answers anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_fields
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.causes.alike import alike
from holdfast.errors import ModelError
from holdfast.objective import Judged, Objective, contributions
from holdfast.profile.numeric import numbers
from holdfast.profile.window import AnswerEdges
from holdfast.released import ReleasedModel
from holdfast.seal.labelled_sample import LabelledSample
from holdfast.stats.coupling import by_name, by_rank

Array: TypeAlias = NDArray[np.float64]
Answering: TypeAlias = Callable[[pa.Table, Mapping[str, Array]], tuple[Array, NDArray[Any]]]
"""Scores and decisions of rows, which are given with the columns that costs name."""

GROUPS = 10
"""Random groups of rows, whose scatter is the error: each holds its own rows of the reference and of the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The labelled rows with some columns as in the window.

    Attributes
    ----------
    worse
        How much the loss of each row rises, (n,), in the objective's unit; its weighted mean is how much worse the objective
        becomes.
    error
        Standard error of that mean: of the sample of the reference and that of the window.
    """

    worse: Array
    error: float


def answering(released: ReleasedModel) -> Answering:
    """How a release answers, without exploring."""
    usual = with_fields(released, policy=msgspec.structs.replace(released.policy, explore=0.0))

    def answer(rows: pa.Table, columns: Mapping[str, Array]) -> tuple[Array, NDArray[Any]]:
        score = _scores(usual, rows)
        known = np.asarray(np.isfinite(score.reshape(len(score), -1)).all(axis=1))
        if not known.all():
            # A row that the model cannot score gets the answer to what it is asked on average; none, if it can score none.
            average = score[known].mean(axis=0) if known.any() else 1 / score.shape[1] if score.ndim == 2 else 0.0
            score = np.where(known[:, None] if score.ndim == 2 else known, score, average)
        return score, usual.decide(score, rows, columns).decision

    return answer


def _scores(released: ReleasedModel, rows: pa.Table) -> Array:
    """Scores; NaN of rows with a missing value, where the model cannot bear any."""
    model = released.model
    try:
        return model.predict(rows)
    except ModelError:
        whole = np.all([np.asarray(rows[name].is_valid()) for name in model.features], axis=0)
        if whole.all():
            raise
        score = np.full((rows.num_rows, len(model.classes)) if model.task == "classes" else rows.num_rows, np.nan)
        if whole.any():
            score[whole] = model.predict(rows.filter(pa.array(whole)))
        return score


def losses(objective: Objective, judged: Judged) -> Array:
    """Contributions of rows to the objective, (n,), with the sign that makes less better."""
    return contributions(objective, judged) if objective.direction == "lower" else -contributions(objective, judged)


def observable(tried: WhatIf, answers: AnswerEdges) -> tuple[WhatIf, float] | None:
    """The same of the rows alone whose truth can come after their answers; and their share of the window's rows.

    None where there are no such rows.
    """
    _, window = tried.answer_window()
    old, new = (
        answers.seen(decision.astype(np.int64), np.zeros(len(decision), bool)) for decision in (tried.decision, window)
    )
    if old is None or new is None or not old.any() or not new.any():
        return None
    part = WhatIf(
        tried.reference.take(np.flatnonzero(old)),
        tried.window.filter(pa.array(new)),
        tried.answer,
        tried.objective,
        classes=answers.classes,
    )
    return part, float(new.mean())


class WhatIf:
    """Labelled rows, to be answered with columns as they are in a window.

    Parameters
    ----------
    reference
        Labelled rows of the reference.
    window
        A sample of rows of the window, with columns of the same names.
    answer, objective, classes
        What answers, what judges it, and the classes' names where there are several.

    Attributes
    ----------
    score, decision, judged, base
        Of the rows as they were; `base` are their losses, (n,).
    """

    def __init__(
        self,
        reference: LabelledSample,
        window: pa.Table,
        answer: Answering,
        objective: Objective,
        *,
        classes: tuple[str, ...] = (),
        seed: int = 0,
    ) -> None:
        self.reference, self.window, self.answer, self.objective = reference, window, answer, objective
        self._classes, self._seed = classes, seed
        rng = np.random.default_rng([seed, 0])
        self._group = rng.permutation(len(reference)) % GROUPS
        self._own = rng.permutation(window.num_rows) % GROUPS
        drawn = rng.choice(len(reference), window.num_rows, p=reference.weight / reference.weight.sum())
        self._unchanged = reference.rows.take(pa.array(drawn))
        self.score, self.decision = answer(reference.rows, reference.columns)
        self.judged = reference.judged(self.score, self.decision, classes)
        self.base = losses(objective, self.judged)

    def answer_window(self) -> tuple[Array, NDArray[Any]]:
        """Scores and decisions of the window's rows; costs that these do not have are those of the reference, on average."""
        weight, size = self.reference.weight, self.window.num_rows
        columns = {
            name: numbers(self.window[name].combine_chunks())[0]
            if name in self.window.column_names
            else np.full(size, np.average(values, weights=weight))
            for name, values in self.reference.columns.items()
        }
        return self.answer(self.window, columns)

    def losses(self, rows: pa.Table) -> Array:
        """Losses of the answers to these rows, with the truth of the reference, (n,)."""
        score, decision = self.answer(rows, self.reference.columns)
        judged = self.reference.judged(score, decision, self._classes)
        return losses(self.objective, judged)

    def tried(self, columns: Sequence[str]) -> Tried:
        """The rows with these columns of the window; the others, the truth and what answers cost stay as they were.

        Each row takes the window's value of its own rank, or keeps its category where the shares allow it: the columns'
        dependence on each other and on the truth stays. Taking values from a sample costs something by itself, since they
        are not quite the row's own; so the rows are held against themselves with values of as large a sample of the
        reference, and what did not change costs nothing.

        The error is that of random groups, each of a tenth of the samples.

        Source: random groups, Wolter (2007), *Introduction to variance estimation*, chapter 2.
        """
        everyone, each = np.zeros(len(self.reference), dtype=np.intp), np.zeros(self.window.num_rows, dtype=np.intp)
        worse = self._worse(columns, everyone, each)
        if min(len(worse), self.window.num_rows) < 2 * GROUPS:
            return Tried(worse=worse, error=float("inf"))
        weight, parts = self.reference.weight, self._worse(columns, self._group, self._own)
        means = np.bincount(self._group, weight * parts) / np.bincount(self._group, weight)
        return Tried(worse=worse, error=float(means.std(ddof=1) / np.sqrt(GROUPS)))

    def _worse(self, columns: Sequence[str], group: NDArray[np.intp], own: NDArray[np.intp]) -> Array:
        """Losses with the window's values, less those with values of the reference, (n,)."""
        if not columns:
            return np.zeros(len(self.reference))
        rng = np.random.default_rng([self._seed, 1])
        changed, same = (self._with(columns, source, group, own, rng) for source in (self.window, self._unchanged))
        return self.losses(changed) - self.losses(same)

    def _with(
        self,
        columns: Sequence[str],
        source: pa.Table,
        group: NDArray[np.intp],
        own: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> pa.Table:
        """The reference rows with columns of other rows: those of each group take values from its own rows of these."""
        rows = self.reference.rows
        for name in columns:
            column = alike(rows[name], source[name])
            couple = by_rank if column.numeric else by_name
            places = np.zeros(len(group), dtype=np.intp)
            for number in np.unique(group):
                mine, theirs = np.flatnonzero(group == number), np.flatnonzero(own == number)
                places[mine] = theirs[couple(column.before[mine], column.now[theirs], self.reference.weight[mine], rng)]
            rows = rows.set_column(rows.column_names.index(name), name, source[name].take(pa.array(places)))
        return rows
