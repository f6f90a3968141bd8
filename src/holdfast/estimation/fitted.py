"""What is sealed with a release to estimate performance before the truth comes."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.estimation.corrected import Corrected, LabelShift
from holdfast.estimation.features import Feature
from holdfast.evidence import Task

Array: TypeAlias = NDArray[np.float64]


class Fitted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """How scores and features say what is to be expected.

    Attributes
    ----------
    task, classes
        As of the model.
    features
        Of the rows that the corrections look at.
    shares
        Share of the reference's rows in each code of each feature.
    support_limit
        Distance beyond which a row lies outside the support; None: it cannot be said.
    corrected
        Of two classes: the probability of the positive one; of several: of each; of numbers: the absolute and the squared
        error.
    label_shift
        Of two classes: what the share of positive rows is found by where the truth is not known.
    kurtosis
        Of numbers: mean of the fourth power of an error over that of its expected square, squared.
    spread
        By metric: how many times the spread between members and curve the error of the estimate is; see `windows`.
    rows
        Rows that it was fitted on.
    """

    task: Task
    classes: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    shares: tuple[tuple[float, ...], ...] = ()
    support_limit: float | None = None
    corrected: tuple[Corrected, ...]
    label_shift: LabelShift | None = None
    kurtosis: float = 3.0
    spread: dict[str, float] = {}
    rows: int = 0

    @cached_property
    def identity(self) -> str:
        """Digest of all that it holds."""
        return "sha256:" + hashlib.sha256(msgspec.json.encode(self)).hexdigest()


def main_score(score: Array) -> Array:
    """The score that features are learned beside, (n,): itself, or of several classes the largest."""
    return score if score.ndim == 1 else score.max(axis=1)
