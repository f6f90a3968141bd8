"""Limits of the checks before a release, with the defaults that hold where nothing is said."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from holdfast.checks.context import Positive, Share


class ReleaseLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """From where on a check before a release has something to say; every default is meant for all data.

    Attributes
    ----------
    duplicates
        Share of the test rows that may have a near-duplicate in train beyond what rows of train have among themselves.
    target_area, target_fit
        What one feature alone may reach: area under the ROC curve for classes, R² for numbers.
    gap
        How much worse a figure may be on test than on train: of shares and areas the difference itself, of others as a
        share of the figure on train.
    trend
        Worsening of the objective over the test part that matters, as a share of the objective.
    unstable
        Standard deviation between periods of what sets a segment apart that matters, as a share of the objective.
    calibration
        Calibration error beyond chance that matters, as a share of the label's own mean absolute deviation.
    coverage
        How far coverage may lie below its level.
    delay
        Fall of the share of positive rows in the newest window that matters, as a share of the usual one.
    disparity, disparity_ratio
        Difference between the rates of two groups that matters, and the least ratio of two: four fifths.
    noise
        Share of decisions (of numbers: of the scores' standard deviation) that noise of 1% of each feature's
        interquartile range may change.
    flipped
        Share of decisions that the converted model may make otherwise.
    row_milliseconds, model_megabytes
        Most that one row may take alone, and most that the model may hold in memory; None: told, not judged.
    """

    duplicates: Share = 0.01
    target_area: Share = 0.98
    target_fit: Share = 0.99
    gap: Share = 0.1
    trend: Positive = 0.1
    unstable: Positive = 0.5
    calibration: Positive = 0.1
    coverage: Share = 0.02
    delay: Share = 0.25
    disparity: Share = 0.1
    disparity_ratio: Share = 0.8
    noise: Annotated[float, Meta(ge=0, lt=1)] = 0.01
    flipped: Share = 0.0001
    row_milliseconds: Positive | None = None
    model_megabytes: Positive | None = None
