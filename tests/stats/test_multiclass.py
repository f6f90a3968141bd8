"""Figures of several classes, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from holdfast.stats.multiclass import averages, class_figures


@pytest.mark.parametrize("answers", [4, 3, 2], ids=["all classes", "one never answered", "two never answered"])
def test_figures_are_those_of_scikit_learn(answers: int) -> None:
    rng = np.random.default_rng(0)
    truth, answer, weight = rng.integers(0, 4, 300), rng.integers(0, answers, 300), rng.lognormal(size=300)
    matrix = oracle.confusion_matrix(truth, answer, sample_weight=weight)
    found, each = averages(matrix), class_figures(matrix)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(truth, answer, sample_weight=weight))
    given = {"sample_weight": weight, "zero_division": 0}
    for key in ("precision", "recall", "f1"):
        function = getattr(oracle, f"{key}_score")
        np.testing.assert_allclose(each[key], function(truth, answer, average=None, **given), atol=1e-12)
        for average in ("macro", "weighted"):
            expected = function(truth, answer, average=average, **given)
            assert found[f"{average}_{key}"] == pytest.approx(expected, abs=1e-12)


def test_a_class_that_is_not_there_takes_no_part() -> None:
    matrix = np.array([[5.0, 1.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    assert np.isnan(class_figures(matrix)["recall"][2])
    assert averages(matrix)["macro_recall"] == averages(matrix[:2, :2])["macro_recall"]


def test_without_rows_nothing_is_known() -> None:
    assert all(np.isnan(value) for value in averages(np.zeros((3, 3))).values())


def test_leading_axes_are_replicates() -> None:
    matrices = np.random.default_rng(0).integers(0, 9, (5, 3, 3)).astype(float)
    found = averages(matrices)
    for key, values in found.items():
        np.testing.assert_allclose(values, [averages(matrix)[key] for matrix in matrices])
