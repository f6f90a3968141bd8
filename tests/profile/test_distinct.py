"""Distinct and repeated rows from a mergeable sample of hashes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.profile import distinct
from holdfast.profile.distinct import EXACT, KEPT, DistinctSample
from holdfast.profile.hashing import mixed

hashes = st.lists(st.integers(0, 60), max_size=60).map(lambda ids: mixed(np.array(ids, dtype=np.uint64)))


def hashed(ids: np.ndarray) -> np.ndarray:
    return mixed(ids.astype(np.uint64))


def same(left: DistinctSample, right: DistinctSample) -> bool:
    return (left.hashes.tolist(), left.counts.tolist(), left.level) == (
        right.hashes.tolist(),
        right.counts.tolist(),
        right.level,
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact up to 512 rows, then at most 256 hashes: simulations take little time."""
    monkeypatch.setattr(distinct, "EXACT", 512)
    monkeypatch.setattr(distinct, "KEPT", 256)


def test_counts_are_exact_up_to_65536_distinct_rows() -> None:
    sample = DistinctSample.of(hashed(np.arange(65_536)))
    assert sample.exact
    assert (sample.distinct, sample.repeats, sample.repeat_share()) == (65_536, 0, (0, 0, 0))
    twice = sample + DistinctSample.of(hashed(np.arange(1_000)))
    assert (twice.distinct, twice.repeats) == (65_536, 1_000)
    assert twice.repeat_share() == (1_000 / 66_536,) * 3
    assert EXACT == 65_536


def test_one_distinct_row_more_makes_an_estimate() -> None:
    sample = DistinctSample.of(hashed(np.arange(65_537)))
    assert not sample.exact
    assert len(sample.hashes) <= KEPT == 16_384
    assert (sample.hashes < np.uint64(2 ** (64 - sample.level))).all()


def test_hashes_that_are_kept_are_all_that_are_small_enough_with_exact_counts() -> None:
    ids = np.random.default_rng(0).integers(0, 100_000, 300_000)
    sample = DistinctSample.of(hashed(ids))
    values, counts = np.unique(hashed(ids), return_counts=True)
    small = values < np.uint64(2 ** (64 - sample.level))
    np.testing.assert_array_equal(sample.hashes, values[small])
    np.testing.assert_array_equal(sample.counts, counts[small])


def test_the_estimates_of_a_large_table_are_within_four_standard_errors() -> None:
    """400,000 distinct rows, every tenth of them twice; the kept ones are a binomial sample."""
    ids = np.concatenate([np.arange(400_000), np.arange(0, 400_000, 10)])
    sample = DistinctSample.of(hashed(ids))
    share = 2.0**-sample.level
    assert sample.distinct == pytest.approx(400_000, abs=4 * np.sqrt(400_000 * (1 - share) / share))
    assert sample.repeats == pytest.approx(40_000, abs=4 * np.sqrt(40_000 * (1 - share) / share))
    value, low, high = sample.repeat_share()
    assert low < value < high
    assert value == pytest.approx(1 / 11, abs=2 * (high - low))


@pytest.mark.simulation
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("share_of_repeats", [0.0, 0.002, 0.2, 0.9])
def test_the_interval_covers_the_share_of_repeats_in_95_of_100_tables(share_of_repeats: float) -> None:
    """Repeats in groups of very different sizes; 4 standard errors of 400 runs below 95% is 90.6%."""
    rng = np.random.default_rng(7)
    covered = 0
    for run in range(400):
        single = np.arange(3_000)
        repeated = rng.choice(single, int(3_000 * share_of_repeats / (1 - share_of_repeats)))
        ids = np.concatenate([single, repeated]) + 10**6 * run
        share, low, high = DistinctSample.of(hashed(ids)).repeat_share()
        truth = len(repeated) / len(ids)
        assert 0 <= low <= share <= high <= 1
        covered += low <= truth <= high
    assert covered >= 0.906 * 400


@pytest.mark.usefixtures("small")
def test_many_rows_without_a_repeat_leave_a_few_possible() -> None:
    """The rule of three: without a repeat among n kept rows their share is at most about 3 / n."""
    sample = DistinctSample.of(hashed(np.arange(4_000)))
    share, low, high = sample.repeat_share()
    assert (share, low) == (0, 0)
    assert high == pytest.approx(3 / len(sample.hashes), rel=0.1)


def test_without_rows_nothing_is_said() -> None:
    sample = DistinctSample.empty()
    assert (sample.distinct, sample.repeats, sample.exact) == (0, 0, True)
    assert np.isnan(sample.repeat_share()).all()
    assert same(sample + sample, sample)
    assert same(sample, DistinctSample.of(np.empty(0, dtype=np.uint64)))


def test_one_row_seen_a_billion_times() -> None:
    sample = DistinctSample(np.array([5], np.uint64), np.array([10**9]))
    assert (sample.distinct, sample.repeats) == (1, 10**9 - 1)
    assert (sample + sample).counts.tolist() == [2 * 10**9]


@settings(deadline=None)
@given(st.lists(hashes, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_any_order_of_merging_gives_the_sample_of_all_rows(parts: list[np.ndarray], random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "EXACT", 12)
        patch.setattr(distinct, "KEPT", 5)
        whole = DistinctSample.of(np.concatenate(parts))
        samples = [DistinctSample.of(part) for part in parts]
        while len(samples) > 1:
            left, right = (samples.pop(random.randrange(len(samples))) for _ in range(2))
            samples.append(left + right)
    assert same(samples[0], whole)


@settings(deadline=None)
@given(hashes, hashes)
def test_subtracting_undoes_merging_for_the_rows_that_are_still_sampled(left: np.ndarray, right: np.ndarray) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "EXACT", 12)
        patch.setattr(distinct, "KEPT", 5)
        merged = DistinctSample.of(left) + DistinctSample.of(right)
        back = merged - DistinctSample.of(right)
    expected = {h: n for h, n in Counter(left.tolist()).items() if merged.level == 0 or h < 2 ** (64 - merged.level)}
    assert dict(zip(back.hashes.tolist(), back.counts.tolist(), strict=True)) == expected
    assert back.level == merged.level
