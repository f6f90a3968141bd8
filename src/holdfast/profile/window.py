"""What is counted of one window of answered rows: inputs, answers and, as far as it is known, the truth.

The same is counted of the windows of a reference and of those that come later, so that what was natural before says what
is natural now. Counts are coarse: a window of thirty columns is a few kilobytes, and a month is the sum of its days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.decoding import ready
from holdfast.errors import ProfileError
from holdfast.profile.arrays import cuts_below
from holdfast.profile.column import ColumnEdges, ColumnProfile
from holdfast.profile.delays import delays_in
from holdfast.profile.envelope import array_in, array_out, digest_of, seal, unseal
from holdfast.profile.numeric import NumberEdges
from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.strata import Layout, rows_in, truths_in
from holdfast.profile.table import Edges, entries

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

MAGIC = b"HOLDFAST-WINDOWS\n"
VERSION = 1

FEWEST_CUTS = 4
"""Between which scores are told apart."""

CELLS = 20
"""Parts of the reference's scores with about equally many rows."""

RANKS = ScoreEdges.standard(steps=8)
"""Bins in which rows are ordered: as fine as what is expected of their order."""


class AnswerEdges(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed before answers are counted.

    Attributes
    ----------
    task
        What is predicted.
    cuts
        Strictly increasing scores between which rows are counted; of several classes: of the highest probability.
    classes
        Names of the classes where there are more than two.
    observed
        After which answers the truth can come to be known: `yes`, `no` or names of classes, and `review` for rows that a
        person was asked about; none: after all.
    """

    task: Literal["binary", "classes", "regression"]
    cuts: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()

    @staticmethod
    def learn(
        task: Literal["binary", "classes", "regression"],
        score: Array,
        classes: Sequence[str] = (),
        observed: Sequence[str] = (),
    ) -> AnswerEdges:
        """Edges from the scores of a reference, shape (n,) or (n, K).

        Examples
        --------
        >>> AnswerEdges.learn("binary", np.array([0.1, 0.1, 0.1, 0.9])).cuts
        (0.1, 0.9)
        """
        found = ranked(score)
        found = found[np.isfinite(found)]
        cuts = (
            np.unique(np.quantile(found, np.arange(1, CELLS) / CELLS, method="nearest")) if len(found) else np.empty(0)
        )
        return AnswerEdges(task=task, cuts=tuple(cuts.tolist()), classes=tuple(classes), observed=tuple(observed))

    @property
    def answers(self) -> int:
        """Number of answers that are told apart; 0 of numbers."""
        return {"binary": 2, "classes": len(self.classes), "regression": 0}[self.task]

    def standing(self, score: Array) -> Array | None:
        """How high scores stand among those of the reference, (n,): in quartile distances of the log odds from their median.

        None where scores are no probability of a class, or hardly differ. What lies two distances off counts no more than
        that: a few rows would else decide.
        """
        if self.task != "binary" or len(self.cuts) < FEWEST_CUTS:
            return None
        low, middle, high = (_log_odds(np.array(self.cuts[len(self.cuts) * k // 4])) for k in (1, 2, 3))
        return np.asarray(np.clip((_log_odds(score) - middle) / (high - low), -2.0, 2.0)) if high > low else None

    @property
    def names(self) -> tuple[str, ...]:
        """What the answers are called, in the order of their codes."""
        return self.classes if self.task == "classes" else ("no", "yes")[: self.answers]

    @property
    def layout(self) -> Layout:
        """The strata of rows."""
        return Layout.of(len(self.cuts) + 1, self.answers, bool(self.observed))

    def seen(self, decision: NDArray[np.int64] | None, review: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Whether the truth of each row can come to be known; None: of all. That of rows without an answer cannot.

        Examples
        --------
        >>> edges = AnswerEdges(task="binary", observed=("no", "review"))
        >>> edges.seen(np.array([0, 1, 1, -1]), np.array([False, False, True, False])).tolist()
        [True, False, True, False]
        """
        if not self.observed or decision is None:
            return None
        codes = [code for code, name in enumerate(self.names) if name in self.observed]
        return np.isin(decision, codes) | (review & ("review" in self.observed) & (decision >= 0))


def _log_odds(probability: Array) -> Array:
    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def ranked(score: Array) -> Array:
    """One number a row, by which rows are ordered: the score, or the highest of several probabilities."""
    return score if score.ndim == 1 else score.max(axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRows:
    """Rows, what was answered, and what is known of the truth.

    Attributes
    ----------
    inputs
        Columns of the schema, by their names; n rows.
    time
        Seconds since 1970, (n,).
    score
        Probability of the positive class or predicted number, (n,), or probabilities of the classes, (n, K).
    decision
        0 or 1, or places of classes, (n,); None of numbers.
    review
        Whether a person was asked, (n,).
    width
        Of the intervals, in the unit of the target, (n,); None where there are none.
    set_size
        Classes in doubt, (n,); None where there are no sets of them.
    ages
        How old times are, as `profile.ages` has it, (n, columns); None where there are none.
    truth
        0 or 1, places of classes, or numbers, (n,); NaN where it is not known.
    loss
        What the answer was worth, in the unit of the objective, (n,); NaN where the truth is not known.
    propensity
        Probability with which such a row gets this answer, (n,); None: 1.
    other_loss
        What the other of two answers would have been worth, (n,); None where no row was answered at random.
    stray
        Whether a truth is there that could not have come by itself, and is therefore not in `truth`, (n,).
    delay
        Seconds until the truth arrived, (n,); NaN where it is not known.
    own
        Whether it was this release that was asked, and not another one, (n,); None: it was.
    """

    inputs: pa.RecordBatch
    time: Array
    score: Array
    decision: NDArray[np.int64] | None
    review: NDArray[np.bool_]
    width: Array | None = None
    set_size: Array | None = None
    ages: Array | None = None
    truth: Array
    loss: Array
    propensity: Array | None = None
    other_loss: Array | None = None
    stray: NDArray[np.bool_] | None = None
    delay: Array | None = None
    own: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.time)

    def take(self, places: NDArray[np.intp]) -> AnsweredRows:
        """Some of the rows."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found = {name: value if value is None or name == "inputs" else value[places] for name, value in found.items()}
        return AnsweredRows(**found | {"inputs": self.inputs.take(pa.array(places))})

    def slice(self, first: int, last: int) -> AnsweredRows:
        """Rows that follow each other; nothing is copied."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found = {k: v if v is None or k == "inputs" else v[first:last] for k, v in found.items()}
        return AnsweredRows(**found | {"inputs": self.inputs.slice(first, last - first)})


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class Counted:
    """Counts and sums of a window, all of which add up.

    Attributes
    ----------
    rows
        Number of rows, (1,).
    inputs
        For each column its missing rows, then its coarse groups, in the order of the edges' places.
    scores
        Rows in each cell of the scores; the last one: without a score, though this release was asked.
    decisions
        Rows by answer.
    reviews
        Rows that a person was asked about, (1,).
    widths
        Number, sum and sum of squares of the intervals' widths, (3,).
    truths
        Rows whose truth is known, by it; of numbers: their number, sum and sum of squares, (3,).
    confusion
        Rows whose truth is known by truth and answer, row by row.
    positives
        Rows that are positive in each cell of the scores, of two classes.
    known
        Rows whose truth is known in each cell of the scores.
    losses
        Number, sum and sum of squares of the losses, (3,).
    residuals
        The same of truth less score, where that is one number, (3,).
    strata, known_strata
        Rows in each stratum of score and answer, and what is known of their truth, as `profile.strata` has it.
    strays
        Rows with a truth that could not have come by itself, (1,).
    delays
        Rows whose truth is known by the time until it arrived, where that was counted, as `profile.delays` has it.
    set_sizes
        Number, sum and sum of squares of the classes in doubt, (3,).
    ages
        The same of how old the times of each column are, (3 x columns,).
    slopes
        The same of truth less score, times how high the score stands, of two classes.
    ranks
        Rows whose truth is known in each of the fine bins of the score, first those that are not positive, then the others:
        of two classes, where that was counted (`with_ranks`).
    """

    rows: Counts
    inputs: Counts
    scores: Counts
    decisions: Counts
    reviews: Counts
    widths: Array
    truths: Array
    confusion: Counts
    positives: Counts
    known: Counts
    losses: Array
    residuals: Array
    strata: Counts = field(default_factory=_none)
    known_strata: Array = field(default_factory=lambda: np.zeros(0))
    strays: Counts = field(default_factory=_none)
    delays: Counts = field(default_factory=_none)
    set_sizes: Array = field(default_factory=lambda: np.zeros(3))
    ages: Array = field(default_factory=lambda: np.zeros(0))
    slopes: Array = field(default_factory=lambda: np.zeros(3))
    ranks: Counts = field(default_factory=_none)

    def __add__(self, other: Counted) -> Counted:
        """Rows of both."""
        return Counted(**{name: _sum(getattr(self, name), getattr(other, name)) for name in _NAMES})

    __hash__ = None  # type: ignore[assignment]  # arrays have none

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counted) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in _NAMES
        )

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.rows[0])

    @cached_property
    def labelled(self) -> int:
        """Number of rows whose truth is known."""
        return int(self.losses[0])

    def with_truth_of(self, other: Counted) -> Counted:
        """What is known of the truth taken from another count of the same rows."""
        return replace(self, **{name: getattr(other, name) for name in _OF_TRUTH})


_NAMES = tuple(one.name for one in fields(Counted))
_OF_TRUTH = (
    "truths",
    "confusion",
    "positives",
    "known",
    "losses",
    "residuals",
    "slopes",
    "known_strata",
    "strays",
    "delays",
    "ranks",
)


def _sum(one: Any, other: Any) -> Any:
    """Both; what was not counted adds nothing."""
    return one + other if one.size and other.size else one if one.size else other


def observable(answers: AnswerEdges, rows: AnsweredRows) -> AnsweredRows:
    """Rows without those truths that could not have come by themselves; which rows had one is told."""
    seen = answers.seen(rows.decision, rows.review)
    if seen is None:
        return rows
    truth, loss = (np.where(seen, values, np.nan) for values in (rows.truth, rows.loss))
    return replace(rows, truth=truth, loss=loss, stray=~seen & np.isfinite(rows.loss))


def count(
    edges: Edges, answers: AnswerEdges, rows: AnsweredRows, columns: Mapping[str, ColumnProfile] | None = None
) -> Counted:
    """Counts of rows that belong together; `columns` are the profiles of their inputs, where these are counted already."""
    cells, known = len(answers.cuts) + 1, np.isfinite(rows.loss)
    score = ranked(rows.score)
    place = np.where(np.isfinite(score), cuts_below(answers.cuts, score), cells).astype(np.intp)
    truth, decision = rows.truth[known], rows.decision
    standing = answers.standing(score[known])
    one_score = rows.score.ndim == 1
    layout = answers.layout
    seen, chosen = answers.seen(decision, rows.review), None if decision is None else decision[known]
    propensity = None if rows.propensity is None else rows.propensity[known]
    return Counted(
        rows=np.array([len(rows)]),
        inputs=entries(edges, columns)
        if columns is not None
        else inputs_by(edges, rows.inputs, np.zeros(len(rows), np.intp), 1)[0],
        scores=np.bincount(place if rows.own is None else place[rows.own], minlength=cells + 1),
        decisions=np.zeros(0, np.int64)
        if decision is None
        else np.bincount(decision[decision >= 0], minlength=answers.answers),
        reviews=np.array([np.count_nonzero(rows.review)]),
        widths=moments(rows.width),
        truths=moments(truth)
        if answers.task == "regression"
        else np.bincount(truth.astype(np.intp), minlength=answers.answers).astype(np.float64),
        confusion=_confusion(answers.answers, truth, decision if decision is None else decision[known]),
        positives=np.bincount(place[known][truth == 1], minlength=cells + 1)
        if answers.task == "binary"
        else np.zeros(0, np.int64),
        known=np.bincount(place[known], minlength=cells + 1),
        losses=moments(rows.loss[known]),
        residuals=moments(truth - rows.score[known]) if one_score else np.zeros(3),
        strata=rows_in(layout, place, decision, seen, rows.propensity),
        known_strata=truths_in(
            layout,
            layout.strata(place[known], chosen, None if seen is None else seen[known], propensity),
            rows.loss[known],
            truth - rows.score[known] if one_score else np.zeros(len(truth)),
            np.zeros(len(truth), bool) if chosen is None else truth == chosen,
            propensity,
            None if rows.other_loss is None else rows.other_loss[known],
        ),
        strays=_none() if rows.stray is None else np.array([np.count_nonzero(rows.stray)]),
        delays=_none() if rows.delay is None else delays_in(rows.delay[known]),
        set_sizes=moments(rows.set_size),
        slopes=moments(None if standing is None else (truth - score[known]) * standing),
        ages=np.zeros(0) if rows.ages is None else np.concatenate([moments(ages) for ages in rows.ages.T]),
    )


def with_ranks(counted: Counted, answers: AnswerEdges, rows: AnsweredRows) -> Counted:
    """Counts of the same rows with the order of those whose truth is known: too much to count of every segment."""
    if answers.task != "binary":
        return counted
    used = np.isfinite(rows.loss) & (rows.score >= 0) & (rows.score <= 1)
    if not used.any():
        return counted
    size = len(RANKS.starts)
    place = RANKS.bins(rows.score[used]) + size * (rows.truth[used] == 1)
    return replace(counted, ranks=np.bincount(place, minlength=2 * size))


def count_answers(edges: Edges, answers: AnswerEdges, rows: AnsweredRows) -> Counted:
    """Counts of rows of which the inputs are counted elsewhere, or not at all."""
    return count(edges, answers, replace(rows, inputs=pa.RecordBatch.from_pydict({})))


def nothing(edges: Edges, answers: AnswerEdges) -> Counted:
    """The counts of no rows."""
    empty, none = np.empty(0), np.zeros(0, np.int64)
    return count(
        edges,
        answers,
        AnsweredRows(
            inputs=pa.RecordBatch.from_pydict({}),
            time=empty,
            score=empty,
            decision=none if answers.answers else None,
            review=none.astype(bool),
            truth=empty,
            loss=empty,
        ),
    )


def moments(values: Array | None) -> Array:
    """Number, sum and sum of squares of the finite ones among some values.

    >>> moments(np.array([1.0, 3.0, np.nan])).tolist()
    [2.0, 4.0, 10.0]
    """
    found = np.empty(0) if values is None else values[np.isfinite(values)]
    return np.array([len(found), found.sum(), np.square(found).sum()], dtype=np.float64)


def to_bytes(edges: Edges, answers: AnswerEdges, windows: Iterable[tuple[float, Counted]]) -> bytes:
    """Windows as bytes, each with its beginning in seconds since 1970."""
    body = {
        "answers": msgspec.to_builtins(answers),
        "windows": [[start, *(array_out(getattr(counted, name)) for name in _NAMES)] for start, counted in windows],
    }
    return seal(MAGIC, VERSION, _digest(edges, answers), body)


def from_bytes(
    edges: Edges, data: bytes, where: str = "these bytes"
) -> tuple[AnswerEdges, tuple[tuple[float, Counted], ...]]:
    """What `to_bytes` wrote.

    Raises
    ------
    ProfileError
        The bytes are damaged, something else, or were counted over other edges.
    """
    body: dict[str, Any] = unseal(MAGIC, VERSION, data, where, "windows")
    answers = msgspec.convert(body["answers"], ready(AnswerEdges))
    if _digest(edges, answers).encode() not in data[: len(MAGIC) + 80]:
        raise ProfileError(f"The windows in {where} were counted over other edges than the profile beside them.")
    return answers, tuple(
        # What was written before there were all of these lacks the last ones.
        (float(start), Counted(**dict(zip(_NAMES, map(array_in, stored), strict=False))))
        for start, *stored in body["windows"]
    )


def _digest(edges: Edges, answers: AnswerEdges) -> str:
    fixed = msgspec.to_builtins(answers)
    if not answers.observed:  # as it was before there was such a thing
        del fixed["observed"]
    return digest_of(edges.digest.encode(), msgspec.json.encode(fixed))


def _confusion(answers: int, truth: Array, decision: NDArray[np.int64] | None) -> Counts:
    if decision is None:
        return np.zeros(0, np.int64)
    both = truth.astype(np.intp) * answers + decision
    return np.bincount(both[decision >= 0], minlength=answers**2)


def inputs_by(edges: Edges, inputs: pa.RecordBatch, codes: NDArray[np.intp], size: int) -> Counts:
    """As `Counted.inputs`, of the rows of each of so many codes, shape (size, ...); rows with the code -1 are in none."""
    found = np.zeros((size + 1, max((place.stop for place in edges.places.values()), default=0)), np.int64)
    rows = (codes + 1).astype(np.min_scalar_type(size))  # in as few bytes as they need
    for name, place in edges.places.items():
        if name in inputs.schema.names:
            own, width = edges.columns[name], place.stop - place.start
            cells = found.shape[0] * width
            first = rows.astype(np.min_scalar_type(cells)) * width
            counts = np.bincount(first + _group(own, inputs.column(name)), minlength=cells)
            found[:, place] = counts.reshape(-1, width)
    return found[1:]


def _group(edges: ColumnEdges, column: pa.Array) -> NDArray[Any]:
    """Of each row 0 where it is missing, else its coarse group, counted from 1."""
    if isinstance(edges, NumberEdges):
        return edges.group(column)
    places = edges.place(column)
    return np.where(places < 0, 0, 1 + edges.groups[places])
