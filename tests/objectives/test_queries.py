from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from holdfast.objectives import queries


def some_queries() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, score without ties, and query; every query has a relevant row."""
    rng = np.random.default_rng(3)
    query = rng.permutation(np.repeat(np.arange(40), 12))
    truth = rng.random(480) < 0.3
    truth[np.unique(query, return_index=True)[1]] = True
    return truth, rng.random(480) + 0.2 * truth, query


@pytest.mark.parametrize("k", [1, 3, 12, 50])
@pytest.mark.parametrize("ties", [False, True])
def test_ndcg_is_that_of_scikit_learn(k: int, ties: bool) -> None:
    truth, score, query = some_queries()
    score = np.round(score, 1) if ties else score
    found = queries.ndcg(truth, score, np.ones(480), query, k).mean()
    expected = np.mean([ndcg_score([truth[query == q]], [score[query == q]], k=k) for q in range(40)])
    assert found == pytest.approx(expected, abs=1e-12)


def test_map_over_all_rows_is_the_mean_of_average_precisions() -> None:
    truth, score, query = some_queries()
    found = queries.mean_average_precision(truth, score, np.ones(480), query, 12).mean()
    expected = np.mean([average_precision_score(truth[query == q], score[query == q]) for q in range(40)])
    assert found == pytest.approx(expected, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=1, max_size=5), st.integers(1, 5))
def test_map_of_ties_is_the_mean_over_their_orders(rows: list[tuple[bool, int]], k: int) -> None:
    truth, score = np.array([hit for hit, _ in rows]), np.array([float(level) for _, level in rows])
    found = queries.mean_average_precision(truth, score, np.ones(len(rows)), np.zeros(len(rows)), k)
    if not truth.any():
        assert np.isnan(found).all()
        return
    values = []
    for order in permutations(range(len(rows))):
        if all(score[a] >= score[b] for a, b in pairwise(order)):
            hits = truth[list(order)]
            precisions = np.cumsum(hits) / np.arange(1, len(rows) + 1)
            values.append((precisions * hits)[:k].sum() / min(k, hits.sum()))
    assert found.mean() == pytest.approx(np.mean(values))


def test_a_query_without_a_relevant_row_is_left_out() -> None:
    truth, score, query = np.array([True, False, False]), np.array([0.9, 0.1, 0.5]), np.array([0, 0, 1])
    assert queries.ndcg(truth, score, np.ones(3), query, 5).mean() == 1.0


def test_the_order_of_the_rows_does_not_matter() -> None:
    truth, score, query = some_queries()
    score, shuffled = np.round(score, 1), np.random.default_rng(0).permutation(480)
    one = queries.mean_average_precision(truth, score, np.ones(480), query, 5).mean()
    other = queries.mean_average_precision(truth[shuffled], score[shuffled], np.ones(480), query[shuffled], 5).mean()
    assert one == pytest.approx(other, abs=1e-12)


def test_the_standard_error_is_that_of_the_mean_over_queries() -> None:
    truth, score, query = some_queries()
    rows = queries.ndcg(truth, score, np.ones(480), query, 12)
    of_query = [ndcg_score([truth[query == q]], [score[query == q]]) for q in range(40)]
    assert rows.std() / np.sqrt(480) == pytest.approx(np.std(of_query) / np.sqrt(40))


def test_rows_without_weight_are_not_ranked() -> None:
    truth, score, query = np.array([True, False]), np.array([0.1, 0.9]), np.zeros(2)
    weight = np.array([2.0, 0.0])
    assert np.average(queries.ndcg(truth, score, weight, query, 5), weights=weight) == 1.0
