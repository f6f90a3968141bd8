"""Which change costs most: suspects in the order of the loss that each is expected to bring.

A column is tried by itself: the window's values of it, put into labelled rows of the reference, which the model answers
anew. What the mix of scores makes dearer is told apart. What neither explains needs labels: the realised excess.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from holdfast.causes.unexplained import Labels, changed_effect, expected_of_scores
from holdfast.causes.what_if import WhatIf, losses
from holdfast.causes.where import Losses, Where, Z, estimate, where
from holdfast.evidence import Estimate
from holdfast.stats.weighted_mean import Mean, mean

Cause: TypeAlias = Literal["column", "cases", "concept"]

MATERIAL = 0.02
"""Part of what the objective was from which an expected loss is worth looking at."""

FEWEST_LABELS = 30
"""With fewer, no labels have come."""


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A change, and what it costs.

    Attributes
    ----------
    cause
        `column`: the values of a column as the model gets them; `cases`: what more rows with dear scores cost beyond that;
        `concept`: what neither explains, since the same rows have other truths.
    column
        Which one; of `concept`, the one whose effect has changed, where labels are certain of it, else empty.
    worse, worse_per_day
        What it costs, per row and per day, in the objective's unit; negative where it helps. None until labels come.
    expected
        Expected loss per row: `worse`, shrunk by its error.
    material
        Whether that is worth looking at, and more than chance.
    needs_labels
        Only labels can say.
    where
        The segment that carries it, if one is confirmed.
    """

    cause: Cause
    column: str = ""
    worse: Estimate | None = None
    worse_per_day: Estimate | None = None
    expected: float = 0.0
    material: bool = False
    needs_labels: bool = False
    where: Where | None = None


def ranked(
    tried: WhatIf,
    columns: Sequence[str],
    *,
    labels: Labels | None = None,
    rows_a_day: float | None = None,
    segments: Sequence[str] = (),
    material: float = MATERIAL,
) -> tuple[Suspect, ...]:
    """Suspects: what is material first, by its expected loss; then what only labels can say; then the rest.

    Parameters
    ----------
    tried
        The labelled rows of the reference, and a sample of the window.
    columns
        Features to be tried, such as those that moved; the fewer, the faster.
    labels
        Rows of the window whose truth came; None, or fewer than 30: none did.
    rows_a_day
        For the loss per day.
    segments
        Columns of the rows in whose values (numbers: quarters) a loss is located.
    material
        Part of what the objective was from which a loss is worth looking at.
    """
    weight, unit = tried.reference.weight, tried.objective.unit
    was = mean(tried.base, weight)

    def suspect(
        cause: Cause, column: str, worse: Mean, new: Losses | None = None, old: Losses | None = None
    ) -> Suspect:
        expected, certain = shrunk(worse), worse.value > Z * worse.error
        rows = len(tried.base) if new is None else len(new.loss)
        return Suspect(
            cause=cause,
            column=column,
            worse=estimate(worse, unit, rows),
            worse_per_day=None if rows_a_day is None else estimate(worse, unit, rows, rows_a_day),
            expected=expected,
            material=certain and expected > material * abs(was.value),
            where=where(new, old, segments, unit) if certain and new is not None else None,
        )

    found = []
    for column in columns:
        alone = tried.tried([column])
        worse = Mean(value=mean(alone.worse, weight).value, error=alone.error)
        rows = Losses(rows=tried.reference.rows, loss=alone.worse, weight=weight)
        found.append(suspect("column", column, worse, rows))
    together = tried.tried(columns)
    rise = mean(together.worse, weight)
    explained = Mean(value=was.value + rise.value, error=float(np.hypot(was.error, together.error)))
    cases = expected_of_scores(tried)
    found.append(suspect("cases", "", cases - max(was, explained, key=_value)))
    if labels is None or len(labels.judged.truth) < FEWEST_LABELS:
        found.append(Suspect(cause="concept", needs_labels=True))
    else:
        now = losses(tried.objective, labels.judged)
        new = Losses(rows=labels.rows, loss=now, weight=labels.weight)
        old = Losses(rows=tried.reference.rows, loss=tried.base + together.worse, weight=weight)
        excess = mean(now, labels.weight) - max(explained, cases, key=_value)
        found.append(suspect("concept", changed_effect(tried, labels, columns) or "", excess, new, old))
    return tuple(sorted(found, key=lambda one: (not one.material, not one.needs_labels, -one.expected)))


def shrunk(worse: Mean) -> float:
    """An estimate shrunk towards 0 by its own error: none of it is left at one standard error, three quarters at two.

    Source: the positive part of James & Stein (1961), *Estimation with quadratic loss*, of a single estimate.

    Examples
    --------
    >>> shrunk(Mean(value=2.0, error=1.0)), shrunk(Mean(value=0.5, error=1.0)), shrunk(Mean(value=-2.0, error=1.0))
    (1.5, 0.0, -1.5)
    """
    if worse.value == 0:
        return 0.0
    return worse.value * max(0.0, 1 - (worse.error / worse.value) ** 2)


def _value(found: Mean) -> float:
    return found.value
