from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from holdfast.errors import SettingError
from holdfast.models.labels import class_names, positive_last


@pytest.mark.parametrize("labels", [[False, True], [0, 1, 2], [0.0, 1.0, 2.5], ["no", "yes"]])
def test_names_are_what_arrow_writes(labels: list[object]) -> None:
    assert class_names(np.array(labels)) == tuple(pc.cast(pa.array(labels), pa.string()).to_pylist())


def test_the_positive_class_is_put_last() -> None:
    assert positive_last(("bad", "good"), None) == (("bad", "good"), 1)
    assert positive_last(("bad", "good"), "bad") == (("good", "bad"), 0)
    assert positive_last(("0", "1"), 1.0) == (("0", "1"), 1)


def test_a_positive_class_that_the_model_has_not_is_refused() -> None:
    with pytest.raises(SettingError, match="the model's classes are 0, 1"):
        positive_last(("0", "1"), "fraud")
