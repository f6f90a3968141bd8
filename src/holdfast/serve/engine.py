"""Rows to answers: the model, its policy and its uncertainty, for a group of rows at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.models.session import DTYPES, OnnxSession
from holdfast.objective import Cost, CostMatrix, expected_regrets
from holdfast.policy import REASONS, Answers, decide
from holdfast.released import ReleasedModel
from holdfast.serve.errors import ServeError
from holdfast.serve.fields import Problem, fields_of, id_field
from holdfast.serve.rows import Array, Places, Row, Rows
from holdfast.serve.usual import Usual
from holdfast.stats.calibration import apply
from holdfast.stats.support import distances
from holdfast.uncertainty import Uncertainty, classes_in_doubt, intervals, revised

_REASONS = np.array(REASONS, dtype=object)


@dataclass(slots=True, kw_only=True)
class Answered:
    """Answers to a group of rows, one value a row in each list.

    Attributes
    ----------
    score
        Probability of the positive class, probabilities of the classes, or the predicted number.
    decision
        Yes or no, the name of a class, or the number; None where the score is unknown.
    confidence
        Probability that the decision is right; NaN of numbers.
    classes
        Names of the classes, where `score` holds a list of probabilities for each row.
    lower, upper, sets
        The interval, and the classes in doubt, where they were calibrated.
    review, reason
        Whether a person should decide, and why: a word of `policy.REASONS`.
    loss
        What the answer is expected to cost beyond the right one, of rows for review; elsewhere None.
    propensity
        Probability with which such a row gets this decision.
    unusual
        Values that the history does not have.
    revision
        Of the policy, by which the interval or the classes in doubt were found.
    """

    score: list[Any]
    classes: tuple[str, ...] = ()
    decision: list[Any]
    confidence: list[float]
    lower: list[float] | None = None
    upper: list[float] | None = None
    sets: list[list[str]] | None = None
    review: list[bool]
    reason: list[str]
    loss: list[float | None]
    propensity: list[float]
    unusual: list[Problem] = field(default_factory=list)
    revision: int = 0


class Engine:
    """Answers rows with one release. For one thread.

    Parameters
    ----------
    released
        What `load_release` returns.

    Attributes
    ----------
    fields
        What a request's rows have, in their order.
    id_field
        The one that a client's own id is in, or else the key for it.
    column_of
        Columns of `Rows.matrix`, by the name of the field.
    """

    def __init__(self, released: ReleasedModel) -> None:
        self.released = released
        # One name for both: an answer that is being made in another thread sees either the old pair or the new one.
        self._followed = (0, released.uncertainty)
        self.fields = fields_of(released)
        self.id_field = id_field(self.fields)
        self.task = released.model.task
        names = [one.name for one in self.fields]
        self._places = Places(self.fields)
        self.column_of = {names[place]: column for column, place in enumerate(self._places.numeric)}
        self._place_of = {name: place for place, name in enumerate(names)}
        self._usual = Usual(self.fields, self._places.numeric)
        self._feeds = _feeds(released.model, self.column_of, self._place_of)
        self._quantile_feeds = [_feeds(model, self.column_of, self._place_of) for model in released.quantiles or ()]
        costs = released.policy.costs
        self._cost_columns = {name: self.column_of[name] for name in (() if costs is None else costs.needs)}

    @property
    def revision(self) -> int:
        """Of the policy; 0 is the sealed one."""
        return self._followed[0]

    def revise(self, revision: int, content: Mapping[str, Any]) -> None:
        """Follow a revision of the policy from the next answer on; 0 with no content is the sealed one.

        Raises
        ------
        SettingError
            The content is not that of a revision of this release: all stays as it is.
        """
        sealed = self.released.uncertainty
        self._followed = (revision, revised(sealed, content) if revision else sealed)

    def rows(self, tuples: Sequence[Row]) -> Rows:
        """Rows as they are answered."""
        return Rows.of(self._places, tuples)

    def answer(self, rows: Rows, ids: Sequence[str]) -> Answered:
        """Answers to rows.

        Parameters
        ----------
        rows
            What `rows` makes of them.
        ids
            What identifies each row.
        """
        released = self.released
        score = self.scores(rows)
        decided = self._decide(score, rows, ids)
        scores = score.tolist()
        answered = Answered(
            score=scores,
            classes=released.policy.classes,
            decision=scores if self.task == "regression" else self._named(decided, score),
            confidence=decided.confidence.tolist(),
            review=decided.review.tolist(),
            reason=_REASONS[decided.reason].tolist(),
            loss=[None] * len(ids),
            propensity=decided.propensity.tolist(),
            unusual=self._usual.problems(rows),
        )
        answered.revision, uncertainty = self._followed
        if uncertainty is not None:
            self._bound(answered, uncertainty, score, rows)
        if decided.review.any():
            self._price(answered, decided, score, rows.matrix)
        return answered

    def unusual(self, rows: Rows) -> list[Problem]:
        """Values that the history does not have."""
        return self._usual.problems(rows)

    def scores(self, rows: Rows) -> Array:
        """The model's scores: (n,), or (n, K) of several classes."""
        return _run(self.released.model, self._feeds, rows)

    def tensors(self, rows: Rows) -> dict[str, NDArray[Any]]:
        """What the model is fed for rows."""
        return _tensors(self.released.model, self._feeds, rows)

    def scored(self, tensors: Mapping[str, NDArray[Any]]) -> Array:
        """The model's scores of what it is fed: (n,), or (n, K) of several classes."""
        return _scored(self.released.model, tensors)

    def _decide(self, score: Array, rows: Rows, ids: Sequence[str]) -> Answers:
        released, matrix, distance, identity = self.released, rows.matrix, None, None
        if released.support is not None:
            distance = distances(
                released.support.known,
                np.ascontiguousarray(matrix[:, [self.column_of[name] for name in released.support.numbers]]),
                self._codes(rows),
            )
        if released.policy.explore:
            identity = np.array([hashed(one) for one in ids], dtype=np.uint64)
        costs = {name: matrix[:, column] for name, column in self._cost_columns.items()}
        return decide(released.policy, score, costs, distance=distance, identity=identity)

    def _codes(self, rows: Rows) -> NDArray[np.int64]:
        assert self.released.support is not None
        places = self.released.support.places
        codes = np.empty((len(rows), len(places)), dtype=np.int64)
        for j, (name, known) in enumerate(places.items()):
            values = rows.column(self._place_of[name])
            codes[:, j] = [-1 if value is None else known.get(value, len(known)) for value in values]
        return codes

    def _named(self, decided: Answers, score: Array) -> list[Any]:
        unknown = np.asarray(~np.isfinite(score.reshape(len(score), -1)).all(axis=1))
        classes = self.released.policy.classes
        decision: list[Any] = decided.decision.tolist()
        if classes:
            decision = [classes[code] for code in decision]
        if unknown.any():
            decision = [None if lost else one for one, lost in zip(decision, unknown.tolist(), strict=True)]
        return decision

    def _bound(self, answered: Answered, found: Uncertainty, score: Array, rows: Rows) -> None:
        """Intervals or sets of classes."""
        if found.conformal is not None:
            predicted = score
            if self.released.quantiles is not None:
                ends = [
                    _run(model, feeds, rows)
                    for model, feeds in zip(self.released.quantiles, self._quantile_feeds, strict=True)
                ]
                predicted = np.column_stack(ends)
            segment = (
                None if found.segment is None else np.array(rows.column(self._place_of[found.segment]), dtype=object)
            )
            lower, upper = intervals(found, predicted, segment)
            answered.lower, answered.upper = lower.tolist(), upper.tolist()
        if found.sets is not None:
            classes = self.released.model.classes
            inside = np.ones(score.shape, dtype=bool)  # what has no score may be of any class
            if (known := np.isfinite(score).all(axis=1)).any():
                inside[known] = classes_in_doubt(found, score[known])
            sets = inside.tolist()
            answered.sets = [[name for name, held in zip(classes, row, strict=True) if held] for row in sets]

    def _price(self, answered: Answered, decided: Answers, score: Array, matrix: Array) -> None:
        """What wrong answers of the rows for review are expected to cost: what the queue is ordered by."""
        objective, policy = self.released.objective, self.released.policy
        rows = np.flatnonzero(decided.review)
        expected = 1 - decided.confidence[rows]
        if isinstance(objective, Cost | CostMatrix) and all(name in self.column_of for name in objective.needs):
            costs = {name: matrix[rows, self.column_of[name]] for name in objective.needs}
            probability = score[rows] if policy.classes else apply(policy.calibration, score[rows])
            regrets = expected_regrets(objective, probability, costs, policy.classes)
            codes = decided.decision[rows].astype(np.intp)
            expected = regrets[np.arange(len(rows)), codes]
        for row, loss in zip(rows.tolist(), expected.tolist(), strict=True):
            answered.loss[row] = loss


def hashed(identifier: str, key: bytes = b"") -> int:
    """64 bits of an identifier, the same in every process that has the key."""
    return int.from_bytes(hashlib.blake2b(identifier.encode(), digest_size=8, key=key).digest(), "little")


Feed: TypeAlias = tuple[str, Any, Any, bool]
"""Name of a tensor, where its values come from (a list of places, or the slice of all numbers), their type (None: text),
and whether it is flat."""


def _feeds(model: OnnxSession, column_of: Mapping[str, int], place_of: Mapping[str, int]) -> list[Feed]:
    feeds: list[Feed] = []
    for piece in model.signature.inputs:
        text = piece.element == "string"
        places = [(place_of if text else column_of)[name] for name in piece.features]
        every = not text and places == list(range(len(column_of)))  # they need no copy
        feeds.append(
            (piece.name, slice(None) if every else places, None if text else DTYPES[piece.element], piece.flat)
        )
    return feeds


def _run(model: OnnxSession, feeds: Sequence[Feed], rows: Rows) -> Array:
    return _scored(model, _tensors(model, feeds, rows))


def _tensors(model: OnnxSession, feeds: Sequence[Feed], rows: Rows) -> dict[str, NDArray[Any]]:
    tensors = {}
    for name, places, dtype, flat in feeds:
        if dtype is None:
            null = model.signature.null_text
            texts = [[null if value is None else value for value in rows.column(place)] for place in places]
            matrix: NDArray[Any] = np.array(texts, dtype=object).T
        else:
            matrix = rows.matrix[:, places]
            if dtype is not np.float64:
                matrix = _cast(matrix, dtype)
        tensors[name] = np.ascontiguousarray(matrix[:, 0] if flat else matrix)
    return tensors


def _cast(matrix: Array, dtype: Any) -> NDArray[Any]:
    if dtype is not np.float32 and np.isnan(matrix).any():
        raise ServeError(422, "The model wants whole numbers where some are missing: fill them before the request.")
    with np.errstate(over="ignore"):  # what is too large for the model has no score
        return matrix.astype(dtype)


def _scored(model: OnnxSession, tensors: Mapping[str, NDArray[Any]]) -> Array:
    scores = np.asarray(model.run(tensors))
    if scores.ndim == 2 and scores.shape[1] == 1 and model.task != "classes":
        scores = scores[:, 0]
    # What is no number stays: one such row goes to review, and its neighbours are answered.
    return scores if model.task == "regression" else np.clip(scores, 0.0, 1.0)
