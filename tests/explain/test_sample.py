from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.explain.sample import Population, sample


def population(n: int, **others: object) -> Population:
    return Population(rows=pa.table({"a": np.arange(n)}), per_row=lambda scores, _: scores, **others)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.integers(1, 80), st.integers(0, 9))
def test_strata_are_as_equal_as_they_can_be_and_weights_make_up_for_it(codes: list[int], size: int, seed: int) -> None:
    strata = np.array(codes)
    weight = np.arange(1.0, len(strata) + 1)
    at, weights = sample(population(len(strata), strata=strata, weight=weight), size, seed)
    assert len(np.unique(at)) == len(at)
    counts = np.unique(strata, return_counts=True)[1]
    taken = np.array([(strata[at] == code).sum() for code in np.unique(strata)])
    assert taken.sum() == max(min(size, len(strata)), len(counts))
    assert (taken >= 1).all()
    short = taken[taken < counts]  # strata with rows left differ by one at most
    assert not len(short) or short.max() - short.min() <= 1
    if len(at) == len(strata):
        np.testing.assert_allclose(weights, weight / weight.sum())


def test_a_rare_class_gets_half_of_the_sample_and_its_true_weight() -> None:
    strata = (np.arange(10_000) < 100).astype(int)
    at, weights = sample(population(10_000, strata=strata), 150, 0)
    assert strata[at].sum() == 75
    assert weights[strata[at] == 1].sum() == pytest.approx(0.01)
    assert weights.sum() == pytest.approx(1)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 rows to explain, got 1"):
        sample(population(1), 5, 0)
    with pytest.raises(InputError, match=r"a stratum for each of 3 rows, got shape \(2,\)"):
        sample(population(3, strata=np.zeros(2)), 5, 0)
    with pytest.raises(InputError, match="a finite weight"):
        sample(population(3, weight=np.zeros(3)), 5, 0)
