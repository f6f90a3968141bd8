"""Scores of several classes by truth: what is counted, merged, taken back and stored."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.errors import InputError, ProfileError
from holdfast.profile.class_scores import ClassTable

CLASSES = ("a", "b", "c")


def rows(n: int = 200, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"scores": rng.dirichlet([1, 1, 1], n), "truth": rng.integers(-1, 3, n), "weight": rng.uniform(0, 2, n)}


def test_counts_and_weights_by_truth_and_answer() -> None:
    drawn = rows()
    table = ClassTable.count(CLASSES, **drawn)
    answer = drawn["scores"].argmax(axis=1)
    for truth in range(3):
        for answered in range(3):
            cell = (drawn["truth"] == truth) & (answer == answered)
            assert table.counts[truth, answered] == cell.sum()
            assert table.weights[truth, answered] == pytest.approx(drawn["weight"][cell].sum())
            assert table.squares[truth, answered] == pytest.approx((drawn["weight"][cell] ** 2).sum())
        assert table.tables[truth].positives == (drawn["truth"] == truth).sum()
        assert table.tables[truth].unknown == (drawn["truth"] == -1).sum()
    assert table.rows == (drawn["truth"] >= 0).sum()


def test_answers_may_be_given() -> None:
    table = ClassTable.count(CLASSES, np.full((2, 3), 1 / 3), np.array([0, 1]), np.array([2, 1]))
    assert table.counts.tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_rows_with_a_score_that_is_none_stand_apart() -> None:
    scores = np.array([[0.2, 0.3, 0.5], [np.nan, 0.5, 0.5], [1.5, 0.0, 0.0]])
    table = ClassTable.count(CLASSES, scores, np.array([2, 0, 0]))
    assert (table.rows, table.missing, table.tables[0].rows) == (1, 2, 1)


def test_parts_merge_to_the_whole_and_can_be_taken_back() -> None:
    drawn = rows()
    first, second = ({name: values[part] for name, values in drawn.items()} for part in (slice(80), slice(80, None)))
    a, b, whole = (ClassTable.count(CLASSES, **given) for given in (first, second, drawn))
    for merged, expected in ((b + a, whole), (whole - a, b)):
        assert (merged.counts == expected.counts).all()
        np.testing.assert_allclose(merged.weights, expected.weights, atol=1e-9)
        np.testing.assert_allclose(merged.loss, expected.loss, atol=1e-9)
        assert (merged.tables[1].counts == expected.tables[1].counts).all()


def test_bytes_come_back_equal() -> None:
    table = ClassTable.count(CLASSES, **rows())
    again = ClassTable.from_bytes(table.to_bytes())
    assert again == table
    assert again + table == table + table != table
    with pytest.raises(ProfileError, match="Expected a stored class table"):
        ClassTable.from_bytes(table.tables[0].to_bytes())


def test_other_classes_do_not_merge() -> None:
    with pytest.raises(ProfileError, match="different classes"):
        ClassTable.count(CLASSES, **rows()) + ClassTable.count(("c", "b", "a"), **rows())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scores": np.zeros((2, 2))}, r"shape \(2, 3\).*got \(2, 2\)"),
        ({"truth": np.array([0, 3])}, "truth as places among 3 classes; 1 of 2"),
        ({"truth": np.array([0.0, 1.0])}, "truth as 2 whole numbers; got float64"),
        ({"answer": np.array([0, -1])}, "answer as places among 3 classes; 1 of 2"),
        ({"weight": np.array([1, -1])}, "1 of 2 are negative"),
    ],
)
def test_bad_input_is_refused(given: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ClassTable.count(CLASSES, **{"scores": np.full((2, 3), 0.3), "truth": np.array([0, 1])} | given)
