"""What a random split would have said: the flattering figure that stands beside the honest one."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import outcome
from holdfast.evaluation.performance import performance
from holdfast.evaluation.random_splits import at_random
from holdfast.evidence import Evidence
from holdfast.gate.choosing import tuned
from holdfast.gate.evidence import Trial
from holdfast.models.refitting import refitted

MOST_ROWS = 200_000
"""Rows that are fitted again: the figure is a warning, not a result."""


def inflated(trial: Trial, evidence: Evidence) -> Evidence:
    """The evidence with the figures of a random split, where the model can be fitted again and time was split."""
    if trial.parts.split.kind != "time":
        return evidence
    parts = trial.parts
    rows = together([parts.train, parts.validation, parts.test], MOST_ROWS, trial.project.split.seed)
    split = at_random(rows.truth, validation=0.2, test=0.2, task=rows.task, seed=trial.project.split.seed)
    train, validation, test = (rows.take(places) for places in (split.train, split.validation, split.test))
    again = refitted(trial.model, train.features, train.truth)
    if again is None:
        note = "A random split was not tried: this kind of model cannot be fitted again from what was given."
        return msgspec.structs.replace(evidence, notes=(*evidence.notes, note))
    chosen = tuned(trial.project, validation, again.predict(validation.features)).policy
    policy = msgspec.structs.replace(chosen, explore=0.0)
    found = outcome(
        test, again.predict(test.features), policy, trial.project.objective, review_cost=trial.test.review_cost
    )
    metrics = performance(found, policy)
    return msgspec.structs.replace(evidence, inflated=metrics[0].estimate, inflated_metrics=metrics)


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
