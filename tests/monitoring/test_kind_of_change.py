"""An incident of worse performance says what it costs, and what kind of change it is."""

from __future__ import annotations

import numpy as np

from holdfast.book import monitoring as recorded

from .conftest import HISTORY_DAYS, ROWS_A_DAY, Service, day, payments


def test_other_truths_of_the_same_rows_are_told_in_money(service: Service) -> None:
    rows = payments(HISTORY_DAYS, 20, seed=4)
    fraud = rows["fraud"].to_numpy(zero_copy_only=False)
    turned = (np.arange(len(rows)) >= 10 * ROWS_A_DAY) & (np.random.default_rng(0).random(len(rows)) < 0.8)
    service.answer(rows, truth=lambda _: (fraud ^ turned).tolist())
    service.monitor(day(HISTORY_DAYS + 21))
    (one,) = [one for one in recorded.incidents(service.book, "fraud").values() if one["kind"] == "performance"]
    assert 1_000 < one["cost"] < 2_000
    assert "Against the history it costs about 1," in one["story"]
    assert one["story"].endswith("because the same rows have other truths.")
