"""Values that the reference does not have, by name: all of them, or a sample chosen by hash when they are many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from holdfast.profile.hashing import text_hash

FRESH = 1024
"""Most new values that are counted by name."""


@dataclass(frozen=True, slots=True)
class FreshValues:
    """New values with their counts: those whose hash has `level` leading zero bits, so that merging in any order agrees."""

    counts: Counter[str] = field(default_factory=Counter)
    level: int = 0

    def __add__(self, other: FreshValues) -> FreshValues:
        """Values of both."""
        counts, level = self.counts + other.counts, max(self.level, other.level)
        kept = _with_leading_zeros(counts, level)
        while len(kept) > FRESH:
            level += 1
            kept = _with_leading_zeros(counts, level)
        return FreshValues(kept, level)

    def __sub__(self, other: FreshValues) -> FreshValues:
        """Values of `self` without those of `other`, which was merged into it."""
        return FreshValues(self.counts - other.counts, self.level)

    def often(self, least: int) -> dict[str, int]:
        """Values seen at least `least` times, the commonest first: rare ones may point at a person."""
        return {value: n for value, n in self.counts.most_common() if n >= least}


def _with_leading_zeros(counts: Counter[str], level: int) -> Counter[str]:
    return Counter({value: n for value, n in counts.items() if text_hash(value) >> (64 - level) == 0})
