"""How well each query's rows are ranked: NDCG@k and MAP@k, the mean over the queries that have a relevant row.

Rows of equal score count by the expectation over their random orders: the order of the table never matters.

Source: McSherry & Najork, *Computing information retrieval performance measures efficiently in the presence of tied
scores*, ECIR (2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


def ndcg(truth: NDArray[np.bool_], score: Floats, weight: Floats, query: NDArray[Any], k: int) -> Floats:
    """Contributions, (n,), to the mean normalised discounted cumulative gain of the first `k` rows of each query.

    Source: Järvelin & Kekäläinen, *Cumulated gain-based evaluation of IR techniques*, ACM TOIS 20 (2002).

    Examples
    --------
    >>> truth, score, query = np.array([True, False, True]), np.array([0.1, 0.9, 0.5]), np.array([1, 1, 2])
    >>> print(np.mean(ndcg(truth, score, np.ones(3), query, 10)).round(4))
    0.8155
    """
    ranked = _ranked(truth, score, weight, query)
    discount = np.where(ranked.place < k, 1 / np.log2(ranked.place + 2), 0)
    gain = np.bincount(ranked.query, weights=discount * ranked.tied_hits / ranked.tied)
    best = np.bincount(ranked.query, weights=discount * (ranked.place < ranked.relevant[ranked.query]))
    return _carried(ranked, weight, gain / np.where(best > 0, best, 1))


def mean_average_precision(
    truth: NDArray[np.bool_], score: Floats, weight: Floats, query: NDArray[Any], k: int
) -> Floats:
    """Contributions, (n,), to the mean over queries of the average precision of the first `k` rows.

    The average precision at k is the sum of the precisions at the relevant rows among the first k, divided by the
    number of relevant rows or k, whichever is less.

    Examples
    --------
    >>> truth, score, query = np.array([True, False, True]), np.array([0.1, 0.9, 0.5]), np.array([1, 1, 2])
    >>> print(np.mean(mean_average_precision(truth, score, np.ones(3), query, 10)))
    0.75
    """
    ranked = _ranked(truth, score, weight, query)
    # Within a tie of n rows, r of them relevant: relevant rows expected at or before the i-th, given that it is one.
    others = np.maximum(ranked.tied - 1, 1)
    hits = ranked.hits_before + 1 + ranked.place_in_tie * (ranked.tied_hits - 1) / others
    precision = np.where(ranked.place < k, ranked.tied_hits / ranked.tied * hits / (ranked.place + 1), 0)
    return _carried(ranked, weight, np.bincount(ranked.query, weights=precision) / np.clip(ranked.relevant, 1, k))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranked:
    """Rows by query and falling score: (m,) each, but for `relevant` and `carrier`, which have one entry per query."""

    query: Places
    place: Places
    tied: Places
    tied_hits: Floats
    place_in_tie: Places
    hits_before: Floats
    relevant: Floats
    carrier: Places


def _ranked(truth: NDArray[np.bool_], score: Floats, weight: Floats, query: NDArray[Any]) -> _Ranked:
    rows = np.flatnonzero(weight > 0)
    rows = rows[np.lexsort((-score[rows], query[rows]))]
    starts = np.append(True, query[rows][1:] != query[rows][:-1])
    code = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    hit = truth[rows].astype(np.float64)
    tie_starts = starts | np.append(True, np.diff(score[rows]) != 0)
    tie = np.cumsum(tie_starts) - 1
    tie_first = np.flatnonzero(tie_starts)
    before = np.cumsum(hit) - hit
    relevant = np.asarray(np.bincount(code, weights=hit), dtype=np.float64)
    index = np.arange(len(rows))
    return _Ranked(
        query=code,
        place=index - first[code],
        tied=np.bincount(tie)[tie],
        tied_hits=np.bincount(tie, weights=hit)[tie],
        place_in_tie=index - tie_first[tie],
        hits_before=before[tie_first[tie]] - before[first[code]],
        relevant=relevant,
        carrier=rows[first],
    )


def _carried(ranked: _Ranked, weight: Floats, of_query: Floats) -> Floats:
    """The mean over queries as contributions of rows: what a query contributes is carried by its first row.

    Spread over the query's rows it would look like many independent rows, and the standard error would be too small.
    """
    judged = ranked.relevant > 0
    result = np.full(len(weight), np.nan)
    if judged.any():
        carrier, of_query = ranked.carrier[judged], of_query[judged]
        value = np.average(of_query, weights=weight[carrier])
        result[:] = value
        result[carrier] += (of_query - value) * weight.sum() / weight[carrier].sum()
    return result
