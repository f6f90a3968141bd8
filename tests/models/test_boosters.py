"""What boosters have in common: names of their columns, and probabilities of the positive class, whichever it is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from holdfast.errors import SettingError
from holdfast.models.boosters import classifier, column_names

ROWS = pa.table({"x": [0.2, 0.7]})


def of_second(rows: pa.Table) -> NDArray[np.float64]:
    """Probability of the second class: the column itself."""
    scores: NDArray[np.float64] = rows.column("x").to_numpy()
    return scores


def of_each(rows: pa.Table) -> NDArray[np.float64]:
    return np.column_stack([1 - of_second(rows), of_second(rows)])


def test_names_are_as_given_else_as_held() -> None:
    assert column_names(2, ["a", "b"], None) == ("a", "b")
    assert column_names(2, ["a", "b"], ["c", "d"]) == ("c", "d")


def test_names_that_are_missing_or_too_few_are_refused() -> None:
    with pytest.raises(SettingError, match="2 columns without names"):
        column_names(2, None, None)
    with pytest.raises(SettingError, match="1 features are named, and the booster was fitted with 2"):
        column_names(2, None, ["a"])


@pytest.mark.parametrize("predict", [of_second, of_each])
@pytest.mark.parametrize(("positive", "expected"), [(None, [0.2, 0.7]), ("yes", [0.2, 0.7]), ("no", [0.8, 0.3])])
def test_the_score_is_of_the_positive_class(predict: object, positive: str | None, expected: list[float]) -> None:
    model = classifier("any", ("x",), None, predict, 1, ["no", "yes"], positive)  # type: ignore[arg-type]
    assert model.task == "binary"
    assert model.classes[1] == (positive or "yes")
    assert model.predict(ROWS) == pytest.approx(expected)


def test_three_outputs_are_three_classes() -> None:
    model = classifier("any", ("x",), None, lambda rows: np.full((len(rows), 3), 1 / 3), 3, None, None)
    assert (model.task, model.classes) == ("classes", ("0", "1", "2"))
    assert model.predict(ROWS).shape == (2, 3)


def test_too_few_classes_are_refused() -> None:
    with pytest.raises(SettingError, match="2 classes are given, and the booster was fitted with 3"):
        classifier("any", ("x",), None, of_each, 3, ["no", "yes"], None)
