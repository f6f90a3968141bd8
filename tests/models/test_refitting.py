"""A model is fitted again on other rows with the settings that it has."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import ModelError
from holdfast.models.loading import load_model
from holdfast.models.refitting import refitted

RNG = np.random.default_rng(0)
SHOP = RNG.choice(np.array(["a", "b", "c"]), 600)
PAID = RNG.random(600) < np.where(SHOP == "a", 0.9, 0.2)
ROWS = pa.table({"shop": SHOP, "amount": RNG.normal(size=600)})


def fitted() -> lgb.LGBMClassifier:
    frame = ROWS.to_pandas().astype({"shop": "category"})
    return lgb.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(frame, PAID)


def test_lightgbm_takes_texts_as_categories_again() -> None:
    """On the same rows with the same settings it becomes the same model."""
    model = load_model(fitted())
    again = refitted(model, ROWS, PAID)
    assert again is not None
    assert again.predict(ROWS) == pytest.approx(model.predict(ROWS), abs=1e-6)


def test_every_class_must_occur() -> None:
    with pytest.raises(ModelError, match="not every class occurs"):
        refitted(load_model(fitted()), ROWS, np.zeros(600, bool))


def test_what_does_not_say_how_it_was_fitted_is_not_fitted() -> None:
    model = load_model(lambda table: np.full(len(table), 0.5), features=["amount"], task="binary", trust=True)
    assert refitted(model, ROWS, PAID) is None
