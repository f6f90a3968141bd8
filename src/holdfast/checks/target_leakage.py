"""Does a feature give the label away, alone or added up with others?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.checks.ask import CONFIDENCE, Said, not_applicable
from holdfast.checks.limits import ReleaseLimits
from holdfast.evidence import Metric, Task
from holdfast.numerals import number
from holdfast.profile.arrays import text_codes
from holdfast.profile.calendar import moments
from holdfast.profile.numeric import numbers
from holdfast.records import Status
from holdfast.stats.ranking import auc_of_counts, auc_variance, tied

Array: TypeAlias = NDArray[np.float64]

ROWS = 50_000
"""Rows that are looked at, drawn with a seed; a feature that gives the label away does so in every sample."""
BINS = 64
"""Quantile bins of a number, so that a relation of any form is found."""
NEARLY = 0.999
"""Area, or R², of a model above which a leak is likelier than an easy task."""
EXACT = 1e-6
"""Share of the target's variance that a sum of features may leave and still be called the target."""
FEWEST = 30
"""Rows, and rows of the rarer class, below which nothing is said."""


def nearly_perfect(metrics: Iterable[Metric]) -> list[Said]:
    """Is the model itself so good that one should look for a leak? None where it is not.

    Parameters
    ----------
    metrics
        Of the test part; looked at are `roc_auc`, `macro_roc_auc` and `r2`.

    Examples
    --------
    >>> from holdfast.evidence import Estimate
    >>> [found] = nearly_perfect([Metric(key="roc_auc", title="ROC AUC", estimate=Estimate(value=0.9995))])
    >>> print(found.status, found.message, sep=": ")
    warn: ROC AUC is 0.9995 on the test part: few tasks are so easy. Look for a feature that is written after the label.
    """
    return [
        Said(
            status=Status.WARN,
            message=f"{metric.title} is {number(metric.estimate.value)} on the test part: few tasks are so easy. "
            "Look for a feature that is written after the label.",
            value=metric.estimate.value,
            limit=NEARLY,
        )
        for metric in metrics
        if metric.key in {"roc_auc", "macro_roc_auc", "r2"}
        and metric.estimate.value is not None
        and metric.estimate.value > NEARLY
    ]


def target_leakage(
    features: pa.Table, truth: NDArray[np.generic], task: Task, limits: ReleaseLimits, seed: int = 0
) -> list[Said]:
    """Does one feature predict the label too well, or do numbers add up to it?

    A feature is turned into a prediction by the mean target of its value (of numbers: of its quantile bin), learned on
    one half of the rows and applied to the other, and back. Numbers are also taken as they are. Classes: area under the
    ROC curve, of several classes its mean over classes by frequency; numbers: R², as the squared correlation.
    A feature fails if the lower end of the 99.8% interval lies above the limit (DeLong and others 1988; Fisher 1915).
    A target that is a weighted sum of numbers, to a millionth of its variance, fails too.

    Parameters
    ----------
    features, truth
        Rows that the model was not fitted on: (n,) bool, codes, or floats, by the task.
    limits
        `target_area` and `target_fit`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> paid = rng.random(1_000) < 0.3
    >>> table = pa.table({"age": rng.normal(40, 10, 1_000), "reminder": np.where(paid, "none", "sent")})
    >>> [found] = target_leakage(table, ~paid, "binary", ReleaseLimits())
    >>> print(found.status, found.subject, found.value)
    fail reminder 1.0
    """
    order = np.random.default_rng(seed).permutation(len(truth))[:ROWS]
    features, truth = features.take(pa.array(order)), truth[order]
    if task == "regression":
        truth = _scaled(truth.astype(np.float64))
    if not _enough(truth, task):
        return [not_applicable(f"Fewer than {FEWEST} rows, or rows of the rarer class: nothing can be said.")]
    limit = limits.target_fit if task == "regression" else limits.target_area
    unit = "R2" if task == "regression" else "area"
    targets = _targets(truth, task)
    told: list[Said] = []
    best = 0.0
    for name in features.column_names:
        values, codes = _column(features[name])
        value, low, high = _strength(values, codes, targets, task)
        best = max(best, value)
        if not value > limit:
            continue
        certain = low > limit
        told.append(
            Said(
                status=Status.FAIL if certain else Status.WARN,
                subject=name,
                message=f"It predicts the label alone with {_named(task)} {value:.4f}, more than any feature that is known "
                "before the label is likely to: make sure that it is.",
                value=value,
                limit=limit,
                interval=(low, high),
                unit=unit,
            )
        )
    if task == "regression":
        told += _sums(features, np.asarray(truth, dtype=np.float64))
    if told:
        return told
    message = f"No feature alone predicts the label better than with {_named(task)} {best:.3f}."
    return [Said(status=Status.PASS, message=message, value=best, limit=limit, unit=unit)]


def _named(task: Task) -> str:
    return "an R² of" if task == "regression" else "an area under the ROC curve of"


def _enough(truth: NDArray[np.generic], task: Task) -> bool:
    if task == "regression":
        return len(truth) >= FEWEST and float(np.var(truth.astype(np.float64))) > 0
    counts = np.bincount(truth.astype(np.intp))
    return int(np.count_nonzero(counts >= FEWEST)) > 1


def _targets(truth: NDArray[np.generic], task: Task) -> list[Array]:
    """What is to be predicted: the number, the positive class, or each class against the rest."""
    if task == "classes":
        codes = truth.astype(np.intp)
        return [(codes == code).astype(np.float64) for code in np.flatnonzero(np.bincount(codes) >= FEWEST)]
    return [truth.astype(np.float64)]


def _column(column: pa.ChunkedArray) -> tuple[Array | None, NDArray[np.intp]]:
    """A feature's numbers, if it has any, and a code for each row: its category or quantile bin; one more for missing."""
    whole = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
    array = whole.combine_chunks()
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
        text = array if not pa.types.is_boolean(kind) else array.cast(pa.string())
        words, codes = text_codes(text)
        return None, np.where(codes < 0, len(words), codes).astype(np.intp)
    moment = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    values = _scaled((moments(array) if moment else numbers(array))[0])
    known = values[np.isfinite(values)]
    if not len(known):
        return None, np.zeros(len(values), np.intp)
    cuts = np.unique(np.quantile(known, np.arange(1, BINS) / BINS))
    codes = np.where(np.isfinite(values), np.searchsorted(cuts, values, side="right"), len(cuts) + 1)
    return values, codes.astype(np.intp)


def _scaled(values: Array) -> Array:
    """The numbers in units of the largest, which no figure here depends on: squares of very large ones are no floats."""
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    return values / largest if largest > 0 else values


def _strength(
    values: Array | None, codes: NDArray[np.intp], targets: list[Array], task: Task
) -> tuple[float, float, float]:
    """How well a feature predicts, with its interval: the best of its forms."""
    share = np.array([target.mean() if task == "classes" else 1.0 for target in targets])
    forms: list[tuple[float, float, float]] = []
    judged = _fit if task == "regression" else _area
    encoded = np.array([judged(_means(codes, target), target) for target in targets])
    forms.append(_averaged(encoded, share))
    if values is not None and np.isfinite(values).all():
        forms.append(_averaged(np.array([judged(values, target) for target in targets]), share))
        if task == "regression":
            forms.append(_fit(_ranks(values), _ranks(targets[0])))
    return max(forms)


def _averaged(figures: Array, share: Array) -> tuple[float, float, float]:
    value, low, high = (share @ figures / share.sum()).tolist()
    return value, low, high


def _means(codes: NDArray[np.intp], target: Array) -> Array:
    """Mean target of a row's code in the other half of the rows, shrunk by one row of the mean of all."""
    half = np.arange(len(codes)) % 2 == 0
    size = int(codes.max()) + 1
    predicted = np.empty(len(codes))
    for own in (half, ~half):
        counts, sums = np.bincount(codes[~own], minlength=size), np.bincount(codes[~own], target[~own], size)
        predicted[own] = ((sums + target[~own].mean()) / (counts + 1))[codes[own]]
    return predicted


def _area(score: Array, target: Array) -> tuple[float, float, float]:
    """Area under the ROC curve of a score in its better direction, with DeLong's interval."""
    from scipy.special import ndtri

    negative, positive = tied(score, target == 1)
    area = float(auc_of_counts(negative, positive))
    reach = float(ndtri((1 + CONFIDENCE) / 2)) * float(np.sqrt(auc_variance(negative, positive, negative, positive)))
    value = max(area, 1 - area)
    return value, value - reach, min(value + reach, 1.0)


def _fit(predicted: Array, target: Array) -> tuple[float, float, float]:
    """Squared correlation, with Fisher's interval of the correlation."""
    from scipy.special import ndtri

    spread = float(predicted.std() * target.std())
    if not spread > 0:
        return 0.0, 0.0, 0.0
    r = abs(float(np.mean((predicted - predicted.mean()) * (target - target.mean())) / spread))
    centre = np.arctanh(min(r, 1 - 1e-15))
    reach = float(ndtri((1 + CONFIDENCE) / 2)) / np.sqrt(len(target) - 3)
    low, high = np.tanh(max(centre - reach, 0.0)) ** 2, np.tanh(centre + reach) ** 2
    return min(r, 1.0) ** 2, float(low), float(high)


def _ranks(values: Array) -> Array:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - counts / 2)[place]


def _sums(features: pa.Table, target: Array) -> list[Said]:
    """The numbers whose weighted sum is the target, found on one half of the rows and tested on the other."""
    found = {name: _column(features[name])[0] for name in features.column_names}
    columns = {n: v for n, v in found.items() if v is not None and np.isfinite(v).all() and v.std() > 0}
    first = np.arange(len(target)) % 2 == 0
    if len(columns) < 2 or first.sum() <= 2 * len(columns):
        return []
    scaled = (target - target.mean()) / target.std()
    spread = float(np.var(scaled[~first]))
    if spread < EXACT:  # all that varies is a few rows of the other half
        return []
    design = np.stack([(values - values.mean()) / values.std() for values in columns.values()], axis=1)
    design = np.column_stack([design, np.ones(len(target))])
    weights = np.linalg.lstsq(design[first], scaled[first])[0]
    left = float(np.mean((scaled - design @ weights)[~first] ** 2)) / spread
    names = [name for name, weight in zip(columns, weights, strict=False) if abs(weight) > np.sqrt(EXACT)]
    if not left < EXACT or len(names) < 2:
        return []
    return [
        Said(
            status=Status.FAIL,
            subject=" + ".join(names[:5]) + (" + …" if len(names) > 5 else ""),
            message=f"The target is a weighted sum of {len(names)} numbers among the features: they are known only together "
            "with it, or no model is needed.",
            value=1 - left,
            limit=1 - EXACT,
            unit="R2",
            evidence={"features": names},
        )
    ]
