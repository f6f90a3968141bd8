"""What reviewers' verdicts saved, by the objective of the release that had asked for them.

Of a verdict whose outcome is known, it is the objective's value of that one row at the model's decision, less the value at
the verdict: above 0 where the reviewer was right and the model was not. Objectives that judge many rows together, such as
F-beta, have no value of one row: there it is the errors that were avoided, 1, 0 or -1. What a review costs is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from holdfast.errors import HoldfastError
from holdfast.log.queueing import Saved
from holdfast.log.reviews import Settled
from holdfast.objective import Cost, CostMatrix, Judged, Objective, RegressionLoss, value
from holdfast.policy import Policy
from holdfast.released import OBJECTIVE, POLICY, SCHEMA, record
from holdfast.releases.store import Store
from holdfast.schema import Schema


class _Judge(NamedTuple):
    """How answers of a release are judged: its objective, its classes, and where the objective's columns lie in the log."""

    objective: Objective
    classes: tuple[str, ...]
    columns: dict[str, str]


def saved_in(store: Store) -> Saved:
    """Tells what verdicts saved on answers of a store's releases; None where the release or a column is not there."""

    @lru_cache(maxsize=64)
    def judge(model: str, release: int) -> _Judge | None:
        try:
            sealed = store.get(model, release)
            schema = Schema.from_json(sealed.read(SCHEMA))
            objective = record(sealed.read, OBJECTIVE, Objective)
            classes = record(sealed.read, POLICY, Policy).classes
        except HoldfastError:
            return None
        physical = {column.name: column.physical for column in schema.columns}
        return _Judge(objective, classes, {name: physical[name] for name in objective.needs})

    def saved(model: str, settled: Sequence[Settled]) -> list[float | None]:
        judges = [(judge(model, one.release), one) for one in settled]
        return [None if found is None else _saved(found, one) for found, one in judges]

    return saved


def _saved(judge: _Judge, settled: Settled) -> float | None:
    if settled.decision is None:
        return None
    if not isinstance(judge.objective, Cost | CostMatrix | RegressionLoss):
        return float(settled.decision != settled.outcome) - float(settled.verdict != settled.outcome)
    try:
        return _value(judge, settled, settled.decision) - _value(judge, settled, settled.verdict)
    except (HoldfastError, KeyError, ValueError, TypeError):  # a column was left out or hashed, or is null in this row
        return None


def _value(judge: _Judge, settled: Settled, answer: Any) -> float:
    """The objective of the row, had it been answered so."""
    columns = {name: np.array([settled.content["row"][of]], dtype=float) for name, of in judge.columns.items()}
    truth, answered = (
        np.array([judge.classes.index(one) if judge.classes else one]) for one in (settled.outcome, answer)
    )
    score = np.zeros((1, len(judge.classes))) if judge.classes else answered.astype(float)
    judged = Judged(truth=truth, score=score, answer=answered, columns=columns, classes=judge.classes)
    return value(judge.objective, judged)
