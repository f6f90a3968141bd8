"""What LightGBM's and XGBoost's boosters have in common: they name columns by place, and classes by code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from holdfast.errors import SettingError
from holdfast.models.labels import class_names, positive_last
from holdfast.models.protocol import FittedModel, Scores


def column_names(count: int, held: Sequence[str] | None, given: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the columns: as given, or as the booster holds them.

    Raises
    ------
    SettingError
        When it holds none and none are given, or another number than its `count`.
    """
    if given is not None and len(given) != count:
        raise SettingError(f"{len(given)} features are named, and the booster was fitted with {count}")
    names = held if given is None else given
    if names is None:
        raise SettingError(
            f"the booster was fitted on {count} columns without names: give their names in order as `features`"
        )
    return tuple(names)


def classifier(
    family: str,
    features: tuple[str, ...],
    booster: Any,
    predict: Callable[[pa.Table], Any],
    outputs: int,
    classes: Sequence[Any] | None,
    positive: Any | None,
) -> FittedModel:
    """A booster whose `predict` gives probabilities: (n,) of the second of two classes, or (n, K).

    Parameters
    ----------
    outputs
        Numbers per row: 1, or K.
    classes
        Labels in the order of their codes; None: 0, 1, ...

    Raises
    ------
    SettingError
        When classes are as many as they are not.
    """
    count = max(outputs, 2)
    names = class_names(range(count) if classes is None else classes)
    if len(names) != count:
        raise SettingError(f"{len(names)} classes are given, and the booster was fitted with {count}")
    if count > 2:
        return FittedModel(family, "classes", names, features, booster, predict)
    names, place = positive_last(names, positive)

    def positive_score(rows: pa.Table) -> Scores:
        scores: Scores = np.asarray(predict(rows), dtype=np.float64)
        if scores.ndim == 2:  # objectives of several classes, fitted on two
            return scores[:, place]
        return scores if place == 1 else 1.0 - scores

    return FittedModel(family, "binary", names, features, booster, positive_score, place)
