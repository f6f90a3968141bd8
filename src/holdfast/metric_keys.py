"""The keys of metrics, which limits name; `docs/metrics.md` defines each."""

from __future__ import annotations

from typing import Literal

OBJECTIVE = "objective"
RANKED = ("roc_auc", "pr_auc")
"""Metrics of two classes that are compared with the release in place, besides the objective."""
OF_CLASS = ("precision", "recall", "f1")
"""Metrics of each of several classes, such as `recall[low]`."""

_KEYS = {
    "binary": (
        "prevalence",
        *RANKED,
        "ks",
        *(f"{kind}_{share}" for share in (1, 5, 10) for kind in ("gain", "lift")),
        "log_loss",
        "brier",
        "ece",
        "precision",
        "recall",
        "specificity",
        "accuracy",
        "selected",
        "f1",
        "balanced_accuracy",
        "mcc",
    ),
    "classes": (
        "accuracy",
        *(f"{how}_{key}" for key in OF_CLASS for how in ("macro", "weighted")),
        "log_loss",
        "macro_roc_auc",
    ),
    "regression": ("mae", "rmse", "bias", "mape", "r2", *(f"quantile_loss_{level}" for level in (0.1, 0.5, 0.9))),
}


def metric_keys(task: Literal["binary", "classes", "regression"], beta: float | None = None) -> tuple[str, ...]:
    """Keys of the metrics of a task; `beta` is that of an F-beta objective.

    >>> metric_keys("regression")[:3]
    ('objective', 'mae', 'rmse')
    """
    further = (f"f{beta:g}",) if task == "binary" and beta not in {None, 1.0} else ()
    return (OBJECTIVE, *_KEYS[task], *further)


def is_of_class(key: str) -> bool:
    """Whether it is the key of one of several classes, whose names are known only with the data.

    >>> is_of_class("recall[low]"), is_of_class("recall")
    (True, False)
    """
    name, bracket, rest = key.partition("[")
    return name in OF_CLASS and bracket == "[" and rest.endswith("]")
