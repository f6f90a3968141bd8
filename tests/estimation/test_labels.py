"""The share of positive rows under label shift."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.estimation.expected import expected
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.fitting import fit
from holdfast.estimation.labels import label_share


def rows_of(rows: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels of two normal classes, calibrated for the share 0.3 up to a line in the log-odds."""
    random = np.random.default_rng(seed)
    truth = random.random(rows) < share
    x = random.normal(size=rows) + 1.5 * truth
    return 1 / (1 + np.exp(-(0.5 + 0.8 * (np.log(0.3 / 0.7) + 1.5 * x - 1.125)))), truth


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    score, truth = rows_of(5_000, 0.3, 0)
    return fit("binary", score, truth, pa.table({"x": np.zeros(5_000)}))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_shares_are_found_and_held_by_their_intervals(fitted: Fitted, share: float) -> None:
    inside = 0
    for seed in range(20):
        score, _ = rows_of(1_000, share, 100 + seed)
        found = label_share(fitted, expected(fitted, score, score >= 0.5, pa.table({"x": np.zeros(1_000)})))
        assert found.estimate.low is not None
        assert found.estimate.high is not None
        inside += found.estimate.low <= share <= found.estimate.high
        assert found.estimate.value == pytest.approx(share, abs=0.08)
    assert inside >= 16


def test_one_label_or_few_rows_are_unknown(fitted: Fitted) -> None:
    score, _ = rows_of(5, 0.3, 1)
    rows = pa.table({"x": np.zeros(5)})
    assert label_share(fitted, expected(fitted, score, score >= 0.5, rows)).status == "unknown"
    one = fit("binary", score, np.zeros(5, dtype=bool), rows)
    assert "one label" in label_share(one, expected(one, score, score >= 0.5, rows)).reason
