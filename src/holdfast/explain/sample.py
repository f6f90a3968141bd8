"""The rows that an explanation rests on: a seeded sample of stated size, with enough of every class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.explain.mixing import Array
from holdfast.explain.permutation import shares

PerRowAt = Callable[[Array, NDArray[np.intp]], Array]
"""From the scores of the rows at these positions, each one's value of the objective, shape `(m,)`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Population:
    """Rows, and what the objective says of them.

    Attributes
    ----------
    rows
        Features of n rows.
    per_row
        The objective's value of single rows, whose weighted mean is the objective; see `PerRowAt`.
    weight
        What each row stands for, shape `(n,)`, at least 0; None: alike.
    strata
        Codes of groups of rows that the sample holds in equal numbers, shape `(n,)`, such as the classes of the truth:
        where positives are rare, a plain sample has too few. Weights make up for it.
    """

    rows: pa.Table
    per_row: PerRowAt
    weight: Array | None = None
    strata: NDArray[np.int_] | None = None


def sample(population: Population, size: int, seed: int) -> tuple[NDArray[np.intp], Array]:
    """Positions of a seeded sample without repeats, equal numbers from each stratum, and what each row then stands for.

    `InputError` if there are fewer than two rows, or weights or strata do not fit them.
    """
    n = population.rows.num_rows
    if n < 2:
        raise InputError(f"expected at least 2 rows to explain, got {n}")
    weights = shares(population.weight, n)
    strata = np.zeros(n, dtype=np.intp) if population.strata is None else np.asarray(population.strata)
    if strata.shape != (n,):
        raise InputError(f"expected a stratum for each of {n} rows, got shape {strata.shape}")
    rng = np.random.default_rng([seed, 1])
    _, code, counts = np.unique(strata, return_inverse=True, return_counts=True)
    quota = _quotas(counts, min(size, n))
    order = rng.permutation(n)
    taken = np.concatenate([order[code[order] == k][: quota[k]] for k in range(len(counts))])
    at = np.sort(taken)
    return at, weights[at] * (counts / np.maximum(quota, 1))[code[at]]


def _quotas(counts: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Equal numbers of each stratum, and what a small one cannot give from the others."""
    quota = np.zeros_like(counts)
    left = size
    for rank, k in enumerate(np.argsort(counts, kind="stable")):
        quota[k] = min(counts[k], max(left // (len(counts) - rank), 1))
        left -= quota[k]
    return quota
