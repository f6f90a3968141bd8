"""All codes have a title, a severity and a question; names that mean nothing are refused."""

from __future__ import annotations

import re

import pytest

from holdfast.checks.catalogue import DRIFT, RELEASE
from holdfast.config import project_of
from holdfast.errors import SettingError
from holdfast.gate.catalogue import SEVERITIES, TITLES, check_names
from holdfast.gate.findings import QUESTIONS
from holdfast.kinds import Kind
from holdfast.schema import Column, Schema


def test_every_check_before_a_release_is_asked() -> None:
    assert list(QUESTIONS) == list(RELEASE)


def test_codes_and_titles_are_told_apart() -> None:
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", code) for code in TITLES)
    assert len(set(TITLES.values())) == len(TITLES)
    assert set(SEVERITIES) | set(DRIFT) == set(TITLES)


BASE = {
    "name": "x",
    "data": {"path": "a", "target": "y"},
    "model": {"path": "m"},
    "objective": {"kind": "mae"},
}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"checks": {"skip": ["leakage.tiem"]}}, r"^checks.skip: there is no check 'leakage.tiem'"),
        ({"gate": {"warnings": ["fairnes"]}}, r"^gate.warnings: there is no check 'fairnes'"),
        ({"checks": {"columns": {"agee": {"ignore": True}}}}, r"^checks.columns names a column 'agee'"),
    ],
)
def test_a_name_that_means_nothing_is_refused(section: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        check_names(project_of(BASE | section), Schema(columns=()))


def test_families_codes_and_columns_are_known() -> None:
    section = {
        "checks": {"skip": ["fairness", "drift.joint"], "columns": {"age": {"ignore": True}}},
        "gate": {"warnings": ["explain", "gate"]},
    }
    check_names(
        project_of(BASE | section),
        Schema(columns=(Column(name="age", physical="age", kind=Kind.NUMBER, type="double"),)),
    )
