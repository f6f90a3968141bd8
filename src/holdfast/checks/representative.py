"""Are the rows whose truth is known like those whose truth is not?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.ask import Said, not_applicable
from holdfast.records import Status
from holdfast.stats.contingency import contingency
from holdfast.stats.drawn_alike import drawn_alike_within, rank_sum
from holdfast.stats.multiplicity import holm

Counts: TypeAlias = NDArray[np.int64]

LEVEL = 0.002
"""Chance of a warning although labels come alike, over everything that is asked of a window: once in 500 windows."""

EXPECTED = 30.0
"""Rows to be expected in a cell: cells are joined until the chi-square law needs no draws beside it."""


def label_representative(
    rows: Counts, labelled: Counts, groups: Mapping[str, tuple[Counts, Counts]], *, limit: float
) -> Said:
    """Do labels come for all rows alike: whatever their score and answer, and, given these, for all values of the segments?

    Asked of the score are a contingency test, which sees any difference, and a rank sum, which sees a slope. Asked of each
    segment column is a Mantel-Haenszel test within the strata of score and answer. All p-values together keep one level
    (Holm 1979). A difference counts if it is certain, and material: if at least `limit` of the labels would have to
    belong to other rows for labelled rows to be like all rows (total variation distance).

    Parameters
    ----------
    rows, labelled
        Rows whose truth can come to be known, and those whose truth is known, by answer and cell of the score,
        (answers, cells).
    groups
        The same of each value of segment columns, by the name of the column, (values, answers * cells) each.
    limit
        The smallest distance that matters, 0 to 1.

    Examples
    --------
    >>> rows, labelled = np.full((1, 4), 500), np.array([[400, 300, 200, 100]])
    >>> said = label_representative(rows, labelled, {}, limit=0.05)
    >>> print(said.status, said.message)
    warn Labels do not come alike for all scores and answers: 20.0% of them would have to be of other rows. Figures weigh both.
    """
    known, total = int(labelled.sum()), int(rows.sum())
    if not 0 < known < total:
        return not_applicable("All truths are known, or none.")
    p_values = [
        contingency(labelled.ravel(), (rows - labelled).ravel(), least=EXPECTED).p_value,
        rank_sum(labelled.sum(0), rows.sum(0)),
        *(drawn_alike_within(some, every) for every, some in groups.values()),
    ]
    adjusted = holm(p_values, LEVEL)
    distances = {"": _distance(labelled.ravel(), rows.ravel())}
    distances |= {name: _distance(some.sum(1), _as_others(every, some)) for name, (every, some) in groups.items()}
    certain = {"": bool(adjusted.rejected[:2].any()), **dict(zip(groups, adjusted.rejected[2:].tolist(), strict=True))}
    unlike = [name for name, distance in distances.items() if certain[name] and distance >= limit]
    sentences = [_sentence(name, distances[name]) for name in unlike]
    least = float(np.nanmin(adjusted.adjusted)) if np.isfinite(adjusted.adjusted).any() else 1.0
    return Said(
        status=Status.WARN if unlike else Status.PASS,
        message=" ".join(sentences) if unlike else "Labelled rows are like the others.",
        subject=unlike[0] if unlike else "",
        value=max(distances[name] for name in unlike) if unlike else max(distances.values()),
        limit=limit,
        unit="share",
        evidence={"p_value": least, "unlike": [name or "score" for name in unlike], "labelled": known, "rows": total},
    )


def _sentence(name: str, distance: float) -> str:
    of_others = f"{distance:.1%} of them would have to be of other rows"
    if not name:
        return f"Labels do not come alike for all scores and answers: {of_others}. Figures weigh both."
    return (
        f"Labels do not come alike for all values of {name}, also where score and answer are the same: {of_others}."
        " Figures do not take account of that."
    )


def _as_others(every: Counts, some: Counts) -> NDArray[np.float64]:
    """Labels of each value if they came in each stratum as for the others in it."""
    return np.asarray(every @ (some.sum(0) / np.maximum(every.sum(0), 1)))


def _distance(some: Counts, every: NDArray[np.float64] | Counts) -> float:
    return float(np.abs(some / max(some.sum(), 1) - every / max(every.sum(), 1)).sum() / 2)
