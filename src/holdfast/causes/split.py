"""What kind of change it is: how much of a rise of the loss the inputs explain, the labels' proportions, and neither.

The reference's labelled rows are weighted until their inputs are as frequent as in the window. What the loss then is, is
explained; the rest is concept drift: the same rows have other truths. The weights have a factor for each column and one for
the label, so that what they explain falls into parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.causes.tilting import GROUPS, Tilting
from holdfast.causes.unexplained import Labels
from holdfast.causes.what_if import WhatIf, losses
from holdfast.causes.where import estimate
from holdfast.evidence import Estimate
from holdfast.numerals import number
from holdfast.stats.calibration import Calibration
from holdfast.stats.density_ratio import effective_rows
from holdfast.stats.weighted_mean import Mean, mean

Array: TypeAlias = NDArray[np.float64]

FEWEST_EFFECTIVE = 100
"""Rows that the weighted reference must be worth: with fewer, the window lies where the reference says little."""

SMALLEST_SHARE = 0.05
"""A part that makes up less of the change is not told."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What the changed values of a column explain."""

    column: str
    worse: Estimate


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A rise of the loss (of an objective that falls, where more is better), per row and in the objective's unit.

    Attributes
    ----------
    worse
        The whole; None until labels come. It is the sum of `inputs`, `labels` and `concept`, and `inputs` that of `columns`.
    inputs, columns
        What the changed inputs explain, and of that each column, the largest first.
    labels
        What changed proportions of the labels explain; None of predicted numbers.
    concept
        The rest; None until labels come.
    proportions
        Of the labels in the window, as the weights have it; empty of predicted numbers.
    effective_rows
        How many equal rows the weighted ones are worth.
    known
        Whether that is enough: otherwise the reference has too few rows like those of the window, and what the parts say is
        not to be relied upon.
    """

    worse: Estimate | None
    inputs: Estimate
    columns: tuple[Part, ...]
    labels: Estimate | None
    concept: Estimate | None
    proportions: tuple[float, ...]
    effective_rows: float
    known: bool


def split(
    tried: WhatIf,
    columns: Sequence[str],
    *,
    labels: Labels | None = None,
    proportions: Sequence[float] | None = None,
    calibration: Calibration = Calibration(),  # noqa: B008 - it cannot change
    seed: int = 0,
) -> Split:
    """Split the change of the loss between the reference and the window.

    Parameters
    ----------
    tried
        The labelled rows of the reference, and a sample of the window.
    columns
        Features whose distribution may have changed.
    labels
        Rows of the window whose truth came; None: the whole and the concept stay unknown.
    proportions
        Of the labels in the window, (K,), where they are known or taken from elsewhere, such as by EM; None: they are
        estimated beside the weights of the inputs, so that neither takes what the other explains.
    calibration
        What makes a probability of the score of two classes.

    Raises
    ------
    InputError
        The reference or the window has fewer than 100 rows.

    What is no more than noise has no weight; the errors are those of weights of which nothing was left out, by a
    delete-a-group jackknife over the reference, the sample and the labels together.

    Source: weights, `stats.density_ratio`; parts, `stats.decomposition`; explained and rest as in Cai, Namkoong &
    Yadlowsky (2023), *Diagnosing model performance under distribution shift*; jackknife: Kott (2001), *The delete-a-group
    jackknife*, Journal of Official Statistics 17.
    """
    tilting = Tilting(tried, columns, proportions, calibration, seed)
    weight, group = tried.reference.weight, tilting.group
    now = np.zeros(0) if labels is None else losses(tried.objective, labels.judged)
    told_weight = np.zeros(0) if labels is None else labels.weight
    part = np.random.default_rng([seed, 4]).permutation(len(now)) % GROUPS
    explained, after, repeats = np.zeros(len(columns) + 1), np.zeros(len(weight)), []
    for out in range(GROUPS):
        inside, others = np.flatnonzero(group == out), np.flatnonzero(group != out)
        own, after[inside] = tilting.explained(inside, tilting.ratio(out))
        explained += own * weight[inside].sum() / weight.sum()
        left, _ = tilting.explained(others, tilting.ratio(out, kept=0))
        rise = mean(now[part != out], told_weight[part != out]).value - mean(tried.base[others], weight[others]).value
        repeats.append(_figures(left, rise))
    found = _figures(explained, mean(now, told_weight).value - mean(tried.base, weight).value)
    errors = np.sqrt((GROUPS - 1) / GROUPS * ((repeats - np.mean(repeats, axis=0)) ** 2).sum(axis=0))
    whole, inputs, label, concept, *each = (
        estimate(Mean(value=float(value), error=float(error)), tried.objective.unit, len(weight))
        for value, error in zip(found, errors, strict=True)
    )
    named = [Part(column=name, worse=one) for name, one in zip(columns, each, strict=True)]
    worth = effective_rows(after)
    return Split(
        worse=whole if labels is not None else None,
        inputs=inputs,
        columns=tuple(sorted(named, key=lambda one: -abs(one.worse.value or 0.0))),
        labels=label if tilting.classes else None,
        concept=concept if labels is not None else None,
        proportions=tuple(tilting.proportions(after).tolist()),
        effective_rows=worth,
        known=worth >= FEWEST_EFFECTIVE,
    )


def told(found: Split, rows_a_day: float) -> str:
    """The split in a sentence.

    Examples
    --------
    >>> part = Part(column="merchant_group", worse=Estimate(value=0.124))
    >>> found = Split(worse=Estimate(value=0.155, unit="EUR"), inputs=Estimate(value=0.124), columns=(part,),
    ...     labels=Estimate(value=0.0), concept=Estimate(value=0.031), proportions=(0.9, 0.1), effective_rows=900, known=True)
    >>> told(found, 2_000)
    "about 310 EUR a day, 80% of it because the inputs changed ('merchant_group' above all), 20% because the same rows have \
    other truths"
    >>> concept = Estimate(value=0.2, unit="EUR")
    >>> told(msgspec.structs.replace(found, inputs=Estimate(value=-0.045), concept=concept), 2_000)
    "about 310 EUR a day: 400 more because the same rows have other truths, 90 less because the inputs changed \
    ('merchant_group' above all)"
    """
    if not found.known:
        return "unknown: the reference has too few rows like those of the window"
    if found.worse is None:
        explained = (found.inputs.value or 0.0) + (0.0 if found.labels is None else found.labels.value or 0.0)
        amount = f"{number(explained * rows_a_day, 2)} {found.inputs.unit}".rstrip()
        return f"about {amount} a day by changed inputs and labels; whether the truth depends on them otherwise, labels will say"
    whole = found.worse.value or 0.0
    causes = [(found.inputs, "because the inputs changed"), (found.concept, "because the same rows have other truths")]
    if found.columns:
        causes[0] = (found.inputs, f"because the inputs changed ({found.columns[0].column!r} above all)")
    if found.labels is not None:
        causes.insert(1, (found.labels, "because of other proportions of the labels"))
    shares = [((part.value or 0.0) / whole if whole else 0.0, why) for part, why in causes if part is not None]
    largest = _largest(shares)
    amount = f"{number(whole * rows_a_day, 2)} {found.worse.unit}".rstrip()
    if min(share for share, _ in shares) < -SMALLEST_SHARE:  # more than all of it, and some of it back
        each = [
            f"{number(abs(share * whole) * rows_a_day, 2)} {'more' if share * whole > 0 else 'less'} {why}"
            for share, why in largest
        ]
        return f"about {amount} a day: {', '.join(each)}"
    telling = [f"{share:.0%} {'of it ' if not i else ''}{why}" for i, (share, why) in enumerate(largest)]
    return f"about {amount} a day, {', '.join(telling)}"


def _largest(shares: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    return sorted(((share, why) for share, why in shares if abs(share) >= SMALLEST_SHARE), key=lambda one: -one[0])


def _figures(explained: Array, rise: float) -> Array:
    """Whole, inputs, labels, concept, and each column, from what each column and the labels explain."""
    columns, label = explained[:-1], explained[-1]
    return np.array([rise, columns.sum(), label, rise - columns.sum() - label, *columns])
