"""Logged rows are scored again, with any release: which answers would be other ones?

With the release that had answered, nothing may differ: what was logged is all that the answer came from. With another one
it tells what a promotion would change, before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.golden import TOLERANCE, needs
from holdfast.kinds import Kind
from holdfast.log.hashed_ids import hashes
from holdfast.log.moments import Moment
from holdfast.log.reading import PredictionLog
from holdfast.names import listed
from holdfast.policy import REASONS, Answers
from holdfast.released import ReleasedModel

OWN = ("hf_id", "hf_time", "hf_release", "hf_route", "hf_decision", "hf_review", "hf_reason")

HASHED = r"^[0-9a-f]{16}$"
"""What is logged of a column of which only a hash is kept."""


_COUNTED = {
    "differing": "differs",
    "scores": "other_score",
    "decisions": "other_decision",
    "reviews": "other_review",
}


class Replayed(msgspec.Struct, kw_only=True):
    """How the answers to logged rows differ.

    Attributes
    ----------
    release
        What scored them again.
    rows, differing
        How many there were, and how many of them differ in anything.
    scores
        Rows whose score is another one, beyond the rounding of other processors.
    decisions
        Rows that get another decision.
    reviews
        Rows that go to review now and did not, or the other way round.
    largest
        The largest difference of a score.
    """

    release: str
    rows: int = 0
    differing: int = 0
    scores: int = 0
    decisions: int = 0
    reviews: int = 0
    largest: float = 0.0

    def add(self, rows: pa.Table) -> None:
        """Count rows in, as `replay` gives them."""
        self.rows += rows.num_rows
        for name, column in _COUNTED.items():
            setattr(self, name, getattr(self, name) + (pc.sum(rows.column(column)).as_py() or 0))
        self.largest = max(self.largest, pc.max(rows.column("difference")).as_py() or 0.0)


def replay(
    log: PredictionLog,
    model: str,
    released: ReleasedModel,
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    release: int | None = None,
) -> Iterator[pa.Table]:
    """Score logged rows again.

    Parameters
    ----------
    log
        What `open_log` returns.
    model
        The model whose rows these are.
    released
        What scores them.
    since, until, release
        Which rows, as `PredictionLog.predictions` has it: `release` is the version that had answered.

    Yields
    ------
    pa.Table
        Of each row `hf_id`, `hf_time`, `hf_release` and `hf_route`; `hf_score` (of several classes a list), `hf_decision`,
        `hf_review` and `hf_reason` as they were logged, and `score`, `decision`, `review` and `reason` as they are now; the
        largest `difference` of its scores; whether it has an `other_score`, `other_decision` or `other_review`; and whether
        it `differs` in any of these.

    Raises
    ------
    InputError
        The log does not have a column that the release needs, as it was: it was left out or hashed, or is new.
    """
    columns = _columns(log, model, released)
    scores = _scores(released)
    reader = log.predictions(
        model, since=since, until=until, release=release, columns=[*OWN, *scores, *columns.values()]
    )
    for batch in reader:
        logged = pa.Table.from_batches([batch])
        rows = pa.table({name: logged.column(physical) for name, physical in columns.items()})
        _check_plain(rows, released)
        score, answers = _answered(released, rows, logged.column("hf_id"))
        yield _compared(released, logged, np.column_stack([_numbers(logged.column(n)) for n in scores]), score, answers)


def _columns(log: PredictionLog, model: str, released: ReleasedModel) -> dict[str, str]:
    """Where the columns that a release needs lie in the log."""
    wanted = {*released.model.features, *needs(released)}
    if released.support is not None:
        wanted |= {*released.support.numbers, *released.support.places}
    types = {field.name: field.type for field in log.predictions(model).schema}
    found, missing = {}, []
    for column in released.schema.columns:
        if column.name in wanted:
            found[column.name] = column.physical
            there = types.get(column.physical)
            number = column.kind in (Kind.NUMBER, Kind.BOOLEAN)
            if there is None or (number and pa.types.is_string(there)):
                missing.append(column.name)
    own = [name for name in [*OWN, *_scores(released)] if name not in types]
    if missing or own:
        raise InputError(
            f"{released.name} needs {listed(missing or own)}, which the log of {model} does not have as it was: it was left "
            "out or hashed, or is new. Replay a release that needs what is logged."
        )
    return found


def _scores(released: ReleasedModel) -> list[str]:
    """Columns of the log that hold the scores."""
    if released.model.task != "classes":
        return ["hf_score"]
    return [f"hf_score_{k}" for k in range(len(released.model.classes))]


def _check_plain(rows: pa.Table, released: ReleasedModel) -> None:
    """Refuse to score hashes as if they were texts."""
    for column in rows.column_names:
        values = pc.drop_null(rows.column(column))
        if pa.types.is_string(values.type) and len(values) and pc.all(pc.match_substring_regex(values, HASHED)).as_py():
            raise InputError(f"{released.name} needs {column!r}, of which only hashes were logged.")


def _answered(released: ReleasedModel, rows: pa.Table, ids: pa.ChunkedArray) -> tuple[NDArray[np.float64], Answers]:
    """Scores and answers, as serving has them."""
    score = released.model.predict(rows)
    costs = {name: _numbers(rows.column(name)) for name in needs(released)}
    identity = hashes(ids.to_pylist()).view(np.uint64) if released.policy.explore else None
    return score, released.decide(score, rows, costs, identity)


def _compared(
    released: ReleasedModel, logged: pa.Table, before: NDArray[np.float64], score: NDArray[np.float64], answers: Answers
) -> pa.Table:
    now = score.reshape(len(score), -1)
    both_unknown = np.isnan(before) & np.isnan(now)
    difference = np.where(both_unknown, 0.0, np.abs(now - before)).max(axis=1, initial=0.0)
    scale = np.maximum(1.0, np.nan_to_num(np.abs(before)).max(axis=1, initial=0.0))
    other_score = ~(difference <= TOLERANCE * scale)
    decision = _decided(released, score, answers)
    if released.model.task == "regression":
        other_decision = pa.array(other_score)
    else:
        same = pc.equal(decision, logged.column("hf_decision").combine_chunks())
        both_null = pc.and_(pc.is_null(decision), pc.is_null(logged.column("hf_decision").combine_chunks()))
        other_decision = pc.invert(pc.or_(pc.fill_null(same, False), both_null))
    review = pa.array(answers.review)
    other_review = pc.not_equal(review, pc.fill_null(logged.column("hf_review").combine_chunks(), False))
    several = before.shape[1] > 1
    return pa.table(
        {
            **{name: logged.column(name) for name in ("hf_id", "hf_time", "hf_release", "hf_route")},
            "hf_score": pa.array(before.tolist() if several else before[:, 0]),
            "hf_decision": logged.column("hf_decision"),
            "hf_review": logged.column("hf_review"),
            "hf_reason": logged.column("hf_reason"),
            "score": pa.array(now.tolist() if several else now[:, 0]),
            "decision": decision,
            "review": review,
            "reason": pa.array([REASONS[code] for code in answers.reason.tolist()]),
            "difference": pa.array(difference),
            "other_score": pa.array(other_score),
            "other_decision": other_decision,
            "other_review": other_review,
            "differs": pc.or_(pc.or_(pa.array(other_score), other_decision), other_review),
        }
    )


def _decided(released: ReleasedModel, score: NDArray[np.float64], answers: Answers) -> pa.Array:
    """Decisions as they are logged; null where the score is unknown."""
    known = np.isfinite(score.reshape(len(score), -1)).all(axis=1)
    classes = released.policy.classes
    values: Any = answers.decision
    if classes:
        values = np.array(classes, dtype=object)[answers.decision]
    return pa.array(values, mask=~known)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), dtype=np.float64)
