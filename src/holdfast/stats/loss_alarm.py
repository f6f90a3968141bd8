"""Has a loss risen? A detector that takes rows one by one or in batches, for losses between 0 and 1: errors, misses, costs.

It sums, over all rows at which the mean may have risen, the likelihood ratio of the rows since: of a Bernoulli variable
whose odds have grown by a factor, on a grid of factors (Shiryaev-Roberts, see `shiryaev_roberts`). For a loss between 0 and
1 the same ratio, which is linear in the loss, is a bet with mean 1 while the mean is what it was, whatever the law of the
loss (Waudby-Smith & Ramdas, *Estimating means of bounded random variables by betting*, JRSS B 86, 2024).

The mean may be known, or estimated from so many rows of a reference. Then each row is predicted from those and from all rows
before it, with Jeffreys' prior: what is bet against is the predictive law, which knows how little is known (a Bayes factor,
so the budget holds on average over what the mean may be). An estimated mean taken as known alarms far too often.

Rows are taken as independent. Where days differ by themselves, follow their means instead (`one_step`).
"""

from __future__ import annotations

from math import inf, isinf

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.errors import InputError, SettingError

FACTORS = (1.25, 1.5, 2.0, 3.0, 5.0)
"""By how much the odds may have grown."""

LARGEST_EXPONENT = 600.0

Array = NDArray[np.float64]


class LossDetector(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept between batches.

    Attributes
    ----------
    rows, total
        Rows that the mean was learned from, and the sum of their losses; infinitely many rows where it is known.
    mean
        The known mean; None where it is learned.
    threshold
        Rows between two false alarms, on average at least.
    evidence
        For each factor, in rows.
    risen, rows_since, total_since
        For each factor: log likelihood ratio of the rows since the likeliest moment of the rise, how many they are, and
        the sum of their losses.
    """

    rows: float
    total: float
    mean: float | None
    threshold: float
    evidence: tuple[float, ...] = (0.0,) * len(FACTORS)
    risen: tuple[float, ...] = (0.0,) * len(FACTORS)
    rows_since: tuple[float, ...] = (0.0,) * len(FACTORS)
    total_since: tuple[float, ...] = (0.0,) * len(FACTORS)


class LossAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """A rise.

    Attributes
    ----------
    place
        The row of the batch, from 0, with which the alarm came.
    evidence
        In rows: while nothing changes it is as strong at most once in so many rows, on average.
    before, after
        Mean before the rise, and of the rows since.
    rows
        Rows since the likeliest moment of the rise.
    """

    place: int
    evidence: float
    before: float
    after: float
    rows: int


def detector(mean: float, rows: float = inf, *, threshold: float) -> LossDetector:
    """A detector of a rise of the mean loss.

    Parameters
    ----------
    mean
        Of the reference, between 0 and 1; strictly between them where it is known.
    rows
        How many rows it was estimated from; infinitely many: it is known.
    threshold
        Rows between two false alarms, on average at least; above 0. A budget of one in 90 days is 90 times the rows of a day.

    Raises
    ------
    SettingError
        If a number is out of its range.
    """
    inside = 0 < mean < 1 if isinf(rows) else 0 <= mean <= 1
    if not (inside and rows >= 0 and threshold > 0):
        raise SettingError(
            "expected a mean loss between 0 and 1, rows >= 0 and a threshold > 0: "
            "divide a loss by the largest value that it can have"
        )
    known = isinf(rows)
    return LossDetector(
        rows=rows, total=0.0 if known else mean * rows, mean=mean if known else None, threshold=threshold
    )


def watch_losses(state: LossDetector, losses: ArrayLike) -> tuple[LossDetector, list[LossAlarm]]:
    """Take in the next losses. Batches give what single rows give.

    After an alarm the mean is learned anew from the rows since the rise, so that a rise that persists alarms once.

    Parameters
    ----------
    state
        What is kept.
    losses
        Between 0 and 1, in order of arrival, shape (rows,); NaN is a row whose loss is not known, and is left out.

    Raises
    ------
    InputError
        If a loss is out of range.

    Examples
    --------
    >>> state = detector(0.1, threshold=10_000)
    >>> state, alarms = watch_losses(state, [0, 0, 1, 0, 0] + [1, 0, 1, 1] * 5)
    >>> [(alarm.place, alarm.rows, round(alarm.after, 2)) for alarm in alarms]
    [(15, 14, 0.64)]
    """
    values = np.asarray(losses, dtype=np.float64).ravel()
    kept = np.flatnonzero(~np.isnan(values))
    values = values[kept]
    if len(values) and not (values.min() >= 0 and values.max() <= 1):
        raise InputError(
            "expected losses between 0 and 1, got others: divide them by the largest value that they can have"
        )
    alarms, done = [], 0
    while done < len(values):
        state, found = _until_alarm(state, values[done:])
        if found is None:
            break
        alarms.append(msgspec.structs.replace(found, place=int(kept[done + found.place])))
        done += found.place + 1
    return state, alarms


def _until_alarm(state: LossDetector, values: Array) -> tuple[LossDetector, LossAlarm | None]:
    """Take in losses up to the first alarm, or all of them."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    before = _means(state, sums[:-1])
    odds = (before / (1 - before))[:, None] * FACTORS
    bets = (odds / (1 + odds) - before[:, None]) / (before * (1 - before))[:, None]
    steps = np.log1p(bets * (values - before)[:, None])
    path = np.vstack([np.zeros(len(FACTORS)), np.cumsum(steps, axis=0)])
    with np.errstate(divide="ignore"):
        # R[t] = exp(path[t]) (R[0] + sum over i < t of exp(-path[i])), in logarithms.
        summands = np.vstack([np.log(state.evidence), -path[:-1]])
    logarithms = path[1:] + np.logaddexp.accumulate(summands, axis=0)[1:]
    evidence = np.exp(np.minimum(logarithms, LARGEST_EXPONENT))
    total = evidence.mean(axis=1)
    alarmed = total >= state.threshold
    rows = int(alarmed.argmax()) + 1 if alarmed.any() else len(values)
    risen, rows_since, total_since = _since(state, path[: rows + 1], sums[: rows + 1])
    if not alarmed.any():
        return msgspec.structs.replace(
            state,
            rows=state.rows + rows,
            total=state.total + float(sums[rows]),
            evidence=tuple(evidence[-1].tolist()),
            risen=tuple(risen.tolist()),
            rows_since=tuple(rows_since.tolist()),
            total_since=tuple(total_since.tolist()),
        ), None
    best = int(risen.argmax())
    since, lost = float(rows_since[best]), float(total_since[best])
    alarm = LossAlarm(
        place=rows - 1,
        evidence=float(total[rows - 1]),
        before=float(before[rows - 1]),
        after=lost / since,
        rows=int(since),
    )
    return LossDetector(rows=since, total=lost, mean=None, threshold=state.threshold), alarm


def _means(state: LossDetector, sums: Array) -> Array:
    """What the mean is taken to be before each row."""
    if state.mean is not None:
        return np.full(len(sums), state.mean)
    return np.asarray((state.total + sums + 0.5) / (state.rows + np.arange(len(sums)) + 1))


def _since(state: LossDetector, path: Array, sums: Array) -> tuple[Array, Array, Array]:
    """Log likelihood ratio since the likeliest moment of the rise, rows since then, and the sum of their losses."""
    rows = len(path) - 1
    # Page's cusum: the likeliest moment is the lowest point of the path, of which the last stands for the rows before.
    lowest = rows - path[::-1].argmin(axis=0)
    newer = path[lowest, np.arange(path.shape[1])] <= -np.array(state.risen)
    risen = np.where(newer, path[-1] - path[lowest, np.arange(path.shape[1])], path[-1] + state.risen)
    rows_since = np.where(newer, rows - lowest, rows + np.array(state.rows_since))
    total_since = np.where(newer, sums[-1] - sums[lowest], sums[-1] + np.array(state.total_since))
    return risen, rows_since, total_since
