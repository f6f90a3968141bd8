"""Every check has a code, a title and a way to be asked; every code of a finding is in the catalogue."""

from __future__ import annotations

import re

import pytest

import holdfast as hf
from holdfast.checks.catalogue import DRIFT, QUALITY, TITLES


@pytest.mark.parametrize("code", QUALITY)
def test_a_quality_check_is_asked_of_columns_or_of_tables(code: str) -> None:
    check = QUALITY[code]
    assert re.fullmatch(r"quality\.[a-z_]+", code)
    assert (check.column is None) != (check.table is None)
    assert check.title
    assert (check.column or check.table).__doc__


def test_titles_are_those_of_quality_and_drift_and_none_twice() -> None:
    assert list(TITLES) == [*QUALITY, *DRIFT]
    assert len(set(TITLES.values())) == len(TITLES)


def test_all_codes_are_asked_and_no_other_code_is_found() -> None:
    rows = {
        "timestamp": [f"2025-01-{day:02d}T12:00:00" for day in range(1, 31)] * 20,
        "visit_at": [f"2024-06-{day:02d}T{day % 24:02d}:00:00" for day in range(1, 31)] * 20,
        "amount": [i / 7 for i in range(600)],
        "kind": ["a", "b", "c"] * 200,
        "note": [f"the {i} quick brown foxes jumped over {i % 5} lazy dogs" for i in range(600)],
        "score": [i / 600 for i in range(600)],
        "label": [0, 1] * 300,
    }
    found = {f.code for f in hf.compare(rows, rows).findings}
    assert found == set(TITLES)
