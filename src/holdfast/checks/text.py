"""How values are written: variants of one value, and characters that do not belong."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping

from holdfast.checks.ask import Said, Seen, judged_share, passed
from holdfast.checks.categories import NAMED
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnProfile
from holdfast.records import Status

TOLERATED = 0.001
"""Share of values with special characters above the reference's own that may be a single slip."""


def string_variants(seen: Seen) -> Said | None:
    """Is one value written in several ways: "NY", "ny", "NY "?"""
    if not isinstance(seen.current.edges, CategoryEdges):
        return None
    now, before = _variants(_written(seen.current)), _variants(_written(seen.reference))
    new = {key: words for key, words in now.items() if words - before.get(key, set())}
    if not now:
        return passed("Every value is written in one way.")
    rows = _written(seen.current)
    named = [sorted(words) for words in new.values() if all(rows[word] >= NAMED for word in words)]
    several = f"{len(now):,} values are" if len(now) > 1 else "1 value is"
    message = f"{several} written in several ways (case, spaces), {len(new):,} of them not so in the reference."
    return Said(
        status=Status.WARN if new else Status.PASS,
        message=message,
        value=float(len(new)),
        limit=0.0,
        unit="values",
        evidence={"variants": named[:10]},
    )


def special_characters(seen: Seen) -> Said | None:
    """Do values hold control characters, bytes that were not text, or nothing but punctuation?"""
    if not isinstance(seen.current.edges, CategoryEdges):
        return None
    odd, rows = _odd_rows(seen.current)
    odd_before, rows_before = _odd_rows(seen.reference)
    usual = odd_before / rows_before if rows_before else 0.0
    words = "control characters, undecodable bytes, or nothing but punctuation"
    return judged_share(odd, rows, usual + TOLERATED, words, reference=usual)


def _written(profile: ColumnProfile) -> Mapping[str, int]:
    """Rows of each value that was seen."""
    edges = profile.edges
    assert isinstance(edges, CategoryEdges)
    known = {value: int(n) for value, n in zip(edges.values, profile.cells[1:], strict=True) if n}
    return known | dict(profile.fresh.counts)


def _variants(rows: Mapping[str, int]) -> dict[str, set[str]]:
    """Values that are the same but for case and spaces."""
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for word in rows:
        groups[" ".join(unicodedata.normalize("NFKC", word).casefold().split())].add(word)
    return {key: words for key, words in groups.items() if len(words) > 1}


def _odd_rows(profile: ColumnProfile) -> tuple[int, int]:
    rows = _written(profile)
    return sum(n for word, n in rows.items() if _is_odd(word)), sum(rows.values())


def _is_odd(word: str) -> bool:
    plain = word.isascii() and word.isprintable()  # which is told much sooner
    if not plain and ("\ufffd" in word or any(unicodedata.category(c) in {"Cc", "Cf", "Co", "Cn"} for c in word)):
        return True
    return bool(word.strip()) and not any(c.isalnum() for c in word)
