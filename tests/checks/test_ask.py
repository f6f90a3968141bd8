"""How a share of bad rows is judged."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from holdfast.checks.ask import CONFIDENCE, judged_share, not_applicable, passed
from holdfast.records import Status


@pytest.mark.parametrize(
    ("bad", "rows", "limit", "status"),
    [
        (0, 100, 0.0, "pass"),
        (1, 100, 0.0, "fail"),  # nothing is tolerable, and one is certain
        (1, 100, 0.001, "pass"),  # a single row says nothing about a share
        (2, 100, 0.001, "warn"),  # more than tolerable, and not certain
        (20, 100, 0.001, "fail"),
        (20, 100, 0.30, "pass"),
        (100, 100, 1.0, "pass"),
    ],
)
def test_a_share_fails_when_even_the_lower_end_of_its_interval_is_too_large(
    bad: int, rows: int, limit: float, status: str
) -> None:
    said = judged_share(bad, rows, limit, "a fault")
    assert (said.status, said.value, said.limit, said.unit) == (status, bad / rows, limit, "share")


def test_the_interval_has_a_closed_form_at_its_ends() -> None:
    """None bad of n: from 0 to `1 - tail^(1/n)`; all bad: from `tail^(1/n)` to 1 (Clopper & Pearson)."""
    tail = 0.001
    assert judged_share(0, 50, 0.0, "a fault").interval == pytest.approx((0.0, 1 - tail ** (1 / 50)), rel=1e-9)
    assert judged_share(50, 50, 0.0, "a fault").interval == pytest.approx((tail ** (1 / 50), 1.0), rel=1e-9)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0, 1))
def test_the_verdict_is_that_of_the_exact_interval(counts: tuple[int, int], limit: float) -> None:
    bad, rows = counts
    exact = binomtest(bad, rows).proportion_ci(CONFIDENCE, method="exact")
    said = judged_share(bad, rows, limit, "a fault")
    assert said.interval == pytest.approx((exact.low, exact.high), abs=1e-9)
    if abs(exact.low - limit) > 1e-9:
        assert (said.status is Status.FAIL) == (exact.low > limit)
    if said.status is Status.PASS:
        assert bad / rows <= limit or bad == 1


def test_no_rows_are_not_applicable_and_never_a_pass() -> None:
    said = judged_share(0, 0, 0.5, "a fault")
    assert (said.status, said.value, said.interval) == (Status.NOT_APPLICABLE, None, None)


@pytest.mark.parametrize(("bad", "rows"), [(-1, 10), (11, 10)])
def test_impossible_counts_have_no_verdict(bad: int, rows: int) -> None:
    """Their interval is NaN, which would pass any comparison."""
    with pytest.raises(ValueError, match="broken"):
        judged_share(bad, rows, 0.5, "a fault")


def test_the_sentence_has_the_numbers_and_the_evidence_is_kept() -> None:
    said = judged_share(1_234, 10_000, 0.01, "a value that is no colour", usual=0.5)
    assert said.message == "1,234 of 10,000 rows (12.34%) hold a value that is no colour; 1.00% are tolerable."
    assert said.evidence == {"usual": 0.5}


def test_short_answers() -> None:
    assert not_applicable("No question.").status is Status.NOT_APPLICABLE
    good = passed("Fine.", rows=3)
    assert (good.status, good.message, good.evidence) == (Status.PASS, "Fine.", {"rows": 3})
    assert math.isclose(CONFIDENCE, 0.998)
