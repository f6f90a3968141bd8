"""What contributions say together: shares and directions of the features, and rows that stand for the others."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.explain.mixing import Array
from holdfast.explain.permutation import shares
from holdfast.explain.shapley import Contributions
from holdfast.stats.dependence import rank_scores


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """Contributions to the score of one row: `base` and they add up to `total`.

    `row` is its position in the rows it was drawn from; `output` the class that is explained, where there are several:
    the one with the highest score.
    """

    row: int
    output: str = ""
    base: float
    total: float
    contributions: dict[str, float]


def shapley_shares(parts: Contributions, weight: Array | None = None) -> dict[str, float]:
    """Each feature's share of all contributions, by weighted mean absolute value over rows and classes; they sum to 1.

    Sampling errors add to an absolute value: of sampled contributions, small shares are upper bounds rather.

    Examples
    --------
    >>> found = Contributions(features=("a", "b"), values=np.array([[3.0, 0.0], [-2.0, 5.0]]), base=np.array(0.0))
    >>> shapley_shares(found)
    {'a': 0.5, 'b': 0.5}
    """
    weights = shares(weight, len(parts.values))
    sizes = np.abs(parts.values).reshape(*parts.values.shape[:2], -1).sum(axis=2)
    means = weights @ sizes
    whole = means.sum()
    return dict(zip(parts.features, (means / whole if whole > 0 else means).tolist(), strict=True))


def directions(parts: Contributions, rows: pa.Table) -> dict[str, float | None]:
    """Rank correlation of each feature's values with its contributions: above 0 where more of it raises the score.

    It is the correlation of normal scores of the ranks (van der Waerden) over the rows that have a value; None for what
    is no number, for several classes, and where one of the two is constant.
    """
    found: dict[str, float | None] = dict.fromkeys(parts.features)
    if parts.values.ndim == 3:
        return found
    for j, name in enumerate(parts.features):
        kind = rows.schema.field(name).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            continue
        values = rows[name].cast(pa.float64(), safe=False).to_numpy()
        present = np.isfinite(values)
        # Differences below rounding are none: a feature that brings nothing has no direction.
        brought = np.round(parts.values[present, j], 12)
        x, y = rank_scores(np.column_stack([values[present], brought])).T
        scale = np.sqrt((x**2).sum() * (y**2).sum())
        if scale > 0:
            found[name] = float(np.clip(x @ y / scale, -1, 1))
    return found


def examples(
    parts: Contributions, at: NDArray[np.intp], count: int, classes: Sequence[str] = ()
) -> tuple[Example, ...]:
    """Rows at evenly spaced ranks of their score, lowest first; of several classes the one with the highest score."""
    totals = parts.totals
    chosen = totals.argmax(axis=1) if totals.ndim == 2 else np.zeros(len(totals), dtype=np.intp)
    totals, values = totals.reshape(len(totals), -1), parts.values.reshape(*parts.values.shape[:2], -1)
    names = classes or (("",) if parts.values.ndim == 2 else tuple(map(str, range(values.shape[2]))))
    base = np.atleast_1d(parts.base)
    ranked = np.argsort(totals[np.arange(len(totals)), chosen], kind="stable")
    spaced = np.unique(np.round(np.linspace(0, len(ranked) - 1, count)).astype(np.intp))
    return tuple(
        Example(
            row=int(at[i]),
            output=names[k],
            base=float(base[k]),
            total=float(totals[i, k]),
            contributions=dict(zip(parts.features, values[i, :, k].tolist(), strict=True)),
        )
        for i, k in ((i, chosen[i]) for i in ranked[spaced])
    )
