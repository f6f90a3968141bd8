import numpy as np
import pytest

from holdfast.objectives import costs

COSTS = np.array([[0.0, 1.0, 2.0], [5.0, -1.0, 3.0], [9.0, 4.0, 0.0]])


def test_a_table_of_numbers_is_looked_up_by_truth_and_answer() -> None:
    assert costs.cost_of_answers(COSTS, np.array([0, 1, 2]), np.array([2, 1, 0])).tolist() == [2.0, -1.0, 9.0]


def test_a_table_per_row_is_looked_up_in_the_row() -> None:
    table = np.multiply.outer(COSTS, np.array([1.0, 10.0]))
    assert costs.cost_of_answers(table, np.array([1, 1]), np.array([0, 0])).tolist() == [5.0, 50.0]


@pytest.mark.parametrize("per_row", [False, True])
def test_the_expected_cost_is_the_mean_over_the_truth(per_row: bool) -> None:
    probability = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    table = np.repeat(COSTS[:, :, None], 2, axis=2) if per_row else COSTS
    expected = [[0.3 * 5 + 0.5 * 9, 0.2 - 0.3 + 0.5 * 4, 0.4 + 0.9], [0.0, 1.0, 2.0]]
    assert costs.expected_costs(table, probability) == pytest.approx(np.array(expected))
