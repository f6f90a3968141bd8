"""What a random split would have said: the flattering figure that stands beside the honest one."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from holdfast.errors import InputError, ModelError
from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.random_splits import at_random
from holdfast.evidence import Evidence
from holdfast.gate.again import judged_again
from holdfast.gate.evidence import Trial
from holdfast.models.refitting import refitted
from holdfast.objective import MeanAveragePrecision, Ndcg, Objective, PrecisionAtCapacity, TopK

MOST_ROWS = 200_000
"""Rows that are split and fitted again: far fewer than the model was fitted on would not flatter it."""


def inflated(trial: Trial, evidence: Evidence) -> Evidence:
    """The evidence with the figures of a random split, where the model can be fitted again and time was split."""
    if trial.parts.split.kind != "time":
        return evidence
    parts = trial.parts
    rows = together([parts.train, parts.validation, parts.test], MOST_ROWS, trial.project.split.seed)
    split = at_random(rows.truth, validation=0.2, test=0.2, task=rows.task, seed=trial.project.split.seed)
    train, validation, test = (rows.take(places) for places in (split.train, split.validation, split.test))
    try:
        again = refitted(trial.model, train.features, train.truth)
        if again is None:
            return _without(evidence, "this kind of model cannot be fitted again from what was given")
        metrics = judged_again(trial, again, validation, test)
    except (InputError, ModelError) as error:
        return _without(evidence, str(error))
    if _counts(trial.project.objective):
        note = (
            "The objective of a random split is not told: it counts the first rows of each period, entity or query, and a "
            "random split thins them out."
        )
        return msgspec.structs.replace(evidence, inflated_metrics=metrics[1:], notes=(*evidence.notes, note))
    return msgspec.structs.replace(evidence, inflated=metrics[0].estimate, inflated_metrics=metrics)


def _counts(objective: Objective) -> bool:
    """Whether its value depends on how many rows a period, entity or query has."""
    by_period = isinstance(objective, PrecisionAtCapacity) and objective.per is not None
    return by_period or isinstance(objective, TopK | Ndcg | MeanAveragePrecision)


def _without(evidence: Evidence, reason: str) -> Evidence:
    note = f"A random split was not tried: {reason.rstrip('.')}."
    return msgspec.structs.replace(evidence, notes=(*evidence.notes, note))


def together(parts: list[Labelled], most: int, seed: int) -> Labelled:
    """The rows of several parts, or a seeded sample of them."""
    total = sum(map(len, parts))
    rng = np.random.default_rng(seed)
    sampled = [
        part if total <= most else part.take(np.sort(rng.permutation(len(part))[: round(len(part) * most / total)]))
        for part in parts
    ]
    first = sampled[0]
    return Labelled(
        task=first.task,
        classes=first.classes,
        features=pa.concat_tables([part.features for part in sampled]),
        truth=np.concatenate([part.truth for part in sampled]),
        columns={name: np.concatenate([part.columns[name] for part in sampled]) for name in first.columns},
        time=_joined([part.time for part in sampled]),
        weight=_joined([part.weight for part in sampled]),
    )


def _joined(arrays: list[Any]) -> Any:
    return None if any(array is None for array in arrays) else np.concatenate(arrays)
