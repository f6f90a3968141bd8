"""New values by name."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.profile import fresh
from holdfast.profile.fresh import FRESH, FreshValues
from holdfast.profile.hashing import text_hash

seen = st.dictionaries(st.sampled_from("abcdefghijklmnopqrst"), st.integers(1, 5), max_size=20).map(Counter)


def learned(counts: Counter[str]) -> FreshValues:
    return FreshValues() + FreshValues(counts)


def test_1024_new_values_are_all_named() -> None:
    counts = Counter({f"value {i}": i + 1 for i in range(1024)})
    assert learned(counts) == FreshValues(counts, 0)
    assert FRESH == 1024


def test_more_are_sampled_by_their_hash_with_exact_counts() -> None:
    counts = Counter({f"value {i}": i + 1 for i in range(100_000)})
    sample = learned(counts)
    assert 256 < len(sample.counts) <= 1024
    expected = {value: n for value, n in counts.items() if text_hash(value) < 2 ** (64 - sample.level)}
    assert sample.counts == expected


@settings(deadline=None)
@given(st.lists(seen, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_any_order_of_merging_gives_the_values_of_all_rows(parts: list[Counter[str]], random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fresh, "FRESH", 4)
        whole = learned(sum(parts, Counter()))
        values = [learned(part) for part in parts]
        while len(values) > 1:
            left, right = (values.pop(random.randrange(len(values))) for _ in range(2))
            values.append(left + right)
    assert values[0] == whole


@settings(deadline=None)
@given(seen, seen)
def test_subtracting_undoes_merging_for_the_values_that_are_still_named(
    left: Counter[str], right: Counter[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fresh, "FRESH", 4)
        merged = learned(left) + learned(right)
        back = merged - learned(right)
    assert back.counts == {value: n for value, n in left.items() if text_hash(value) < 2 ** (64 - merged.level)}


def test_only_what_was_seen_often_is_named_the_commonest_first() -> None:
    """A value seen once or twice may point at a person."""
    values = FreshValues(Counter({"rare": 2, "some": 5, "many": 9}))
    assert list(values.often(5).items()) == [("many", 9), ("some", 5)]
    assert values.often(10) == {}
