"""Honest splits: what is chosen is chosen on rows that the model did not fit, what is judged was used for neither.

With a time, parts follow each other, and as much is left out between them as the truth takes to arrive: on the day
that a part begins, younger labels are not known yet. Without a time rows are drawn at random, and the split says what
that may hide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.durations import seconds
from holdfast.errors import InputError, SettingError
from holdfast.evidence import Task

Rows: TypeAlias = NDArray[np.intp]
Times: TypeAlias = NDArray[np.float64]
Size: TypeAlias = float | str
"""A share of the rows, above 0 and below 1, or a length of time such as `"28d"`."""

FEW = 30
"""Rows of the rarer class below which a part is said to have few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Which rows are for what: positions in ascending order; by time, in the order of time.

    Attributes
    ----------
    train, validation, test
        Positions of rows, (m,) each. No row is in two of them.
    kind
        What keeps the parts apart.
    delay_seconds
        What is left out before validation and before test.
    left_out
        Rows in no part, by the reason: `time` (missing), `delay`, `earlier` and `later` than the parts, `fitted`, `group`.
    warnings
        What a reader of the figures should know about them.
    """

    train: Rows
    validation: Rows
    test: Rows
    kind: Literal["time", "group", "random"]
    delay_seconds: float = 0.0
    left_out: dict[str, int]
    warnings: tuple[str, ...] = ()


def by_time(
    time: Times,
    *,
    validation: Size,
    test: Size,
    train: str | None = None,
    delay_seconds: float = 0.0,
    fitted_until: float | None = None,
    group: NDArray[Any] | None = None,
) -> Split:
    """Train, then validation, then test, with the delay of the labels between them.

    A part covers the moments after its start up to and including its end; rows of one moment are never in two parts.

    Parameters
    ----------
    time
        Seconds since 1970, (n,), in any order; NaN where unknown: those rows are left out.
    validation, test
        Shares of the rows or lengths of time.
    train
        Length of the history before validation; None: all of it.
    delay_seconds
        How long the truth takes to arrive, >= 0.
    fitted_until
        Last moment that the model was fitted on: rows up to it are neither validation nor test.
    group
        What must not be in two parts, such as the customer, (n,). Rows of a later part whose group occurs in an earlier
        one are left out: a fitted model has seen those groups, whatever is taken from its history afterwards.

    Raises
    ------
    SettingError
        If a size is neither a share nor a length of time, or the delay is negative.
    InputError
        If a part has no rows.

    Examples
    --------
    >>> day = 86_400.0
    >>> split = by_time(np.arange(10) * day, validation="2d", test="3d", delay_seconds=day)
    >>> split.train.tolist(), split.validation.tolist(), split.test.tolist()
    ([0, 1, 2], [4, 5], [7, 8, 9])
    """
    order, moments = _sorted(time)
    bounds = _bounds(moments, validation, test, train, delay_seconds)
    return _cut(time, order, moments, bounds, fitted_until, group)


def rolling(
    time: Times,
    folds: int,
    *,
    validation: Size,
    test: Size,
    train: str | None = None,
    delay_seconds: float = 0.0,
    fitted_until: float | None = None,
    group: NDArray[Any] | None = None,
) -> tuple[Split, ...]:
    """Rolling origins, the earliest first: the last is `by_time`, each other one test period earlier than the next.

    Shares become the lengths of time that they cover in the last fold, so that folds are alike.

    Parameters
    ----------
    folds
        How many, >= 1. Others as for `by_time`.

    Raises
    ------
    InputError
        If the history is too short for so many.

    Examples
    --------
    >>> day = 86_400.0
    >>> [split.test.tolist() for split in rolling(np.arange(10) * day, 2, validation="2d", test="3d")]
    [[4, 5, 6], [7, 8, 9]]
    """
    order, moments = _sorted(time)
    last = _bounds(moments, validation, test, train, delay_seconds)
    found = []
    for back in reversed(range(folds)):
        try:
            bounds = last.earlier(back * (last.test_end - last.test_start))
            found.append(_cut(time, order, moments, bounds, fitted_until, group))
        except InputError as error:
            raise InputError(f"The history is too short for {folds} folds: {error}") from error
    return tuple(found)


def checked(split: Split, truth: NDArray[Any], task: Task, classes: tuple[str, ...] = ()) -> Split:
    """The split, if something can be chosen and judged on it, with warnings where that rests on few rows.

    Parameters
    ----------
    truth
        Of all rows, (n,).
    classes
        Names of the codes, where there are more than two.

    Raises
    ------
    InputError
        If validation or test have one class only, or, of numbers, one row.
    """
    warnings = list(split.warnings)
    for name in ("train", "validation", "test"):
        rows = truth[getattr(split, name)]
        if task == "regression":
            if name != "train" and len(rows) < 2:
                raise InputError(f"The {name} part has {len(rows)} row: at least 2 are needed; lengthen it.")
            continue
        counts = np.bincount(rows.astype(np.intp), minlength=max(2, len(classes)))
        if name != "train" and (counts > 0).sum() < 2:
            only = ("no positive rows" if counts[0] else "only positive rows") if task == "binary" else "one class only"
            raise InputError(
                f"The {name} part has {only} among its {len(rows):,}, so nothing can be "
                f"{'chosen' if name == 'validation' else 'judged'} on it: lengthen it, or take another period."
            )
        few = [names for names, count in zip(_names(task, classes), counts, strict=True) if 0 < count < FEW]
        if few and name != "train":
            warnings.append(
                f"The {name} part has fewer than {FEW} rows of {', '.join(few)}: figures that rest on them are vague."
            )
        never = (counts == 0) & (np.bincount(truth.astype(np.intp), minlength=len(counts)) > 0)
        if name == "train" and never.any():
            missing = [names for names, none in zip(_names(task, classes), never, strict=True) if none]
            warnings.append(f"The train part has no rows of {', '.join(missing)}: they occur only later.")
    return replace(split, warnings=tuple(warnings))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """Moments between the parts; a part is after its start, up to and including its end."""

    train_start: float
    train_end: float
    validation_start: float
    validation_end: float
    test_start: float
    test_end: float

    def earlier(self, by: float) -> _Bounds:
        return _Bounds(**{name: getattr(self, name) - by for name in self.__slots__})


def _sorted(time: Times) -> tuple[Rows, Times]:
    """Rows that have a time, in its order, and their times."""
    order = np.argsort(time, kind="stable")[: np.count_nonzero(~np.isnan(time))]
    if not len(order):
        raise InputError("No row has a time: name another time column, or split without one.")
    moments = time[order]
    if moments[0] == moments[-1]:
        raise InputError("All rows have the same time, so none come later: name another time column, or none.")
    return order, moments


def _bounds(moments: Times, validation: Size, test: Size, train: str | None, delay_seconds: float) -> _Bounds:
    if not delay_seconds >= 0:
        raise SettingError("The delay of the labels is 0 seconds or more: mend split.delay.")
    test_start = _start(moments, moments[-1], test, "split.test")
    validation_end = test_start - delay_seconds
    validation_start = _start(moments, validation_end, validation, "split.validation")
    train_end = validation_start - delay_seconds
    return _Bounds(
        train_start=-np.inf if train is None else train_end - seconds(train, "split.train"),
        train_end=train_end,
        validation_start=validation_start,
        validation_end=validation_end,
        test_start=test_start,
        test_end=float(moments[-1]),
    )


def _start(moments: Times, end: float, size: Size, where: str) -> float:
    """The moment after which a part that ends at `end` begins."""
    if isinstance(size, str):
        return end - seconds(size, where)
    if not 0 < size < 1:
        raise SettingError(f"{where} is a share above 0 and below 1, or a length such as '28d'.")
    upto = int(np.searchsorted(moments, end, side="right"))
    first = upto - max(1, round(size * len(moments)))
    if first <= 0:
        return -np.inf
    # Rows of one moment stay together, in the later part.
    before = int(np.searchsorted(moments, moments[first], side="left"))
    return float(moments[before - 1]) if before else -np.inf


def _cut(
    time: Times,
    order: Rows,
    moments: Times,
    bounds: _Bounds,
    fitted_until: float | None,
    group: NDArray[Any] | None,
) -> Split:
    def between(start: float, end: float) -> Rows:
        return order[np.searchsorted(moments, start, side="right") : np.searchsorted(moments, end, side="right")]

    train = between(bounds.train_start, bounds.train_end)
    validation = between(bounds.validation_start, bounds.validation_end)
    test = between(bounds.test_start, bounds.test_end)
    left_out = {
        "time": len(time) - len(order),
        "earlier": len(between(-np.inf, bounds.train_start)),
        "later": len(between(bounds.test_end, np.inf)),
    }
    left_out["delay"] = len(time) - sum(left_out.values()) - len(train) - len(validation) - len(test)
    if fitted_until is not None:
        parts = len(validation) + len(test)
        validation, test = validation[time[validation] > fitted_until], test[time[test] > fitted_until]
        left_out["fitted"] = parts - len(validation) - len(test)
    split = Split(
        train=train,
        validation=validation,
        test=test,
        kind="time",
        delay_seconds=bounds.test_start - bounds.validation_end,
        left_out={reason: rows for reason, rows in left_out.items() if rows},
    )
    return filled(split if group is None else _new_groups(split, group))


def _new_groups(split: Split, group: NDArray[Any]) -> Split:
    """The split without rows of later parts whose group occurs in an earlier one."""
    seen = group[split.train]
    validation = split.validation[~np.isin(group[split.validation], seen)]
    # Against all of validation: what was left out of it is still history.
    test = split.test[~np.isin(group[split.test], np.concatenate([seen, group[split.validation]]))]
    gone = len(split.validation) + len(split.test) - len(validation) - len(test)
    if not gone:
        return split
    warning = (
        f"{gone:,} of {len(split.validation) + len(split.test):,} rows of validation and test were left out, because "
        "their group occurs earlier: the figures are about groups that are new, and say nothing about the others."
    )
    left_out = {**split.left_out, "group": gone}
    return replace(split, validation=validation, test=test, left_out=left_out, warnings=(*split.warnings, warning))


def filled(split: Split) -> Split:
    """The split, if every part has rows."""
    for name in ("train", "validation", "test"):
        if not len(getattr(split, name)):
            told = {"fitted": "model.trained_until", "time": "a missing time"}
            reasons = ", ".join(f"{rows:,} by {told.get(reason, reason)}" for reason, rows in split.left_out.items())
            raise InputError(
                f"The {name} part has no rows" + (f" (left out: {reasons})" if reasons else "") + ": the history is "
                "too short, or leaves out too much; mend the lengths, the delay or the group in [split]."
            )
    return split


def _names(task: Task, classes: tuple[str, ...]) -> tuple[str, ...]:
    return ("the negative class", "the positive class") if task == "binary" else tuple(map(repr, classes))
