"""Rolling origins: was the model good at one moment only, or would its kind have been good at earlier ones, too?"""

from __future__ import annotations

import msgspec

from holdfast.errors import InputError, ModelError
from holdfast.evaluation.splits import Split, checked
from holdfast.evidence import Estimate, Evidence, Period
from holdfast.gate.again import judged_again
from holdfast.gate.evidence import Trial
from holdfast.models.refitting import refitted

TOLD = {"binary": ("roc_auc", "pr_auc"), "classes": ("accuracy",), "regression": ("r2",)}
"""Keys of the figures that are told of each fold, besides the objective."""


def rolled(trial: Trial, evidence: Evidence) -> Evidence:
    """The evidence with a period for the test part of each rolling origin; unchanged where none are asked for.

    For each of them the model is fitted on what lies before it, where it can be. A fold that cannot be judged, because it
    has one class only, has no figures, and a note says why.
    """
    history, splits = trial.parts.history, trial.parts.folds
    if history is None or not splits:
        return evidence
    periods: list[Period] = []
    notes: list[str] = []
    seen = False
    for number, split in enumerate(splits, 1):
        try:
            figures, given = _judged(trial, split)
            seen = seen or given
        except (InputError, ModelError) as error:
            figures = {}
            notes.append(f"Rolling origin {number} has no figures: {error}")
        test = history.take(split.test)
        assert test.time is not None
        start, end = float(test.time[0]), float(test.time[-1])
        periods.append(Period(start=start, end=end, rows=len(test), positives=test.positives, figures=figures))
    if seen:
        notes.append(
            "Rolling origins were judged with the model as it is, because this kind cannot be fitted again from what was "
            "given: it may have been fitted on their rows, and then their figures flatter."
        )
    return msgspec.structs.replace(evidence, folds=tuple(periods), notes=(*evidence.notes, *notes))


def _judged(trial: Trial, split: Split) -> tuple[dict[str, Estimate], bool]:
    """Figures of a fold, and whether they are of the model as it is."""
    history = trial.parts.history
    assert history is not None
    checked(split, history.truth, history.task, history.classes)
    train, validation, test = (history.take(rows) for rows in (split.train, split.validation, split.test))
    again = refitted(trial.model, train.features, train.truth)
    metrics = judged_again(trial, again or trial.model, validation, test)
    told = ("objective", *TOLD[history.task])
    return {metric.key: metric.estimate for metric in metrics if metric.key in told}, again is None
