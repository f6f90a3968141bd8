"""Identifiers that would be learned by heart, and equal rows with different labels."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.records import Status


def test_a_feature_that_identifies_its_rows_warns(ask) -> None:
    rows = {"serial": np.arange(500), "x": np.arange(500) % 7}
    finding = ask("quality.identifier_leakage", rows, rows)["serial"]
    assert finding.status is Status.WARN
    assert finding.message == (
        "Every row has a value of its own, and the role is feature: give it the role id, or ignore it."
    )


@pytest.mark.parametrize("role", ["id", "ignore"])
def test_an_identifier_with_a_role_of_its_own_passes(ask, role: str) -> None:
    rows = {"serial": np.arange(500), "x": np.arange(500) % 7}
    assert ask("quality.identifier_leakage", rows, rows, roles={"serial": role})[""].status is Status.PASS


def labelled(conflicts: int, rows: int = 400) -> dict[str, list[object]]:
    """Rows in pairs of equal features; in so many of the pairs the labels differ."""
    features = [i // 2 / 3 for i in range(rows)]
    labels = [int(i % 2 == 1 and i // 2 < conflicts) for i in range(rows)]
    return {"x": features, "label": labels}


@pytest.mark.parametrize(("conflicts", "status"), [(0, "pass"), (2, "pass"), (4, "warn"), (50, "fail")])
def test_equal_features_with_different_labels_fail_beyond_what_is_usual(ask, conflicts: int, status: str) -> None:
    finding = ask("quality.conflicting_labels", labelled(0), labelled(conflicts))[""]
    assert (finding.status, finding.value, finding.limit) == (status, conflicts / 200, 0.01)


def test_conflicts_that_the_reference_has_are_usual(ask) -> None:
    finding = ask("quality.conflicting_labels", labelled(50), labelled(50))[""]
    assert (finding.status, finding.value, finding.limit) == (Status.PASS, 0.25, 0.26)


def test_without_labels_conflicts_do_not_apply(ask) -> None:
    rows = {"x": [1.0, 2.0] * 50}
    assert ask("quality.conflicting_labels", rows, rows)[""].status is Status.NOT_APPLICABLE
    amounts = {"x": [1.0, 2.0] * 50, "target": np.linspace(0, 1, 100)}
    assert ask("quality.conflicting_labels", amounts, amounts)[""].status is Status.NOT_APPLICABLE


def test_rows_whose_label_has_not_come_are_left_out(ask) -> None:
    now = labelled(0) | {"label": [None] * 400}
    assert ask("quality.conflicting_labels", labelled(0), now)[""].status is Status.NOT_APPLICABLE
