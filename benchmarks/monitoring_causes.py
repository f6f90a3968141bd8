"""Which change costs most, what kind of change it is, and whether intervals that follow the labels keep their share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq

from bars import Bar, Effort, at_least, at_most, for_information, within
from holdfast.monitoring.following import begin, content, learned
from holdfast.stats import conformal, error_scale
from holdfast.uncertainty import Uncertainty, intervals, revised
from real_files import BIKES, not_measured

TRAINED, CALIBRATED, LEVEL = 5_000, 2_000, 0.9
DAY, MONTH = 24, 720
"""Hours after which labels are taken up, and of 30 days."""
FEATURES = [
    *("season", "mnth", "hr", "holiday", "weekday", "workingday", "weathersit", "temp", "atemp", "hum", "windspeed"),
]


def following(_effort: Effort) -> Iterator[Bar]:
    """Bike rentals by the hour: a forecaster that is never fitted again, and labels that revise its intervals once a day."""
    if not BIKES.exists():
        yield not_measured(BIKES, "bike sharing: intervals that follow labels")
        return
    from sklearn.ensemble import HistGradientBoostingRegressor

    table = pq.read_table(BIKES)
    truth = table["cnt"].to_numpy().astype(np.float64)
    rows = np.column_stack([table[name].to_numpy() for name in FEATURES]).astype(np.float64)
    model = HistGradientBoostingRegressor(random_state=0).fit(rows[:TRAINED], truth[:TRAINED])
    predicted = model.predict(rows)
    end = TRAINED + CALIBRATED
    looked, held = np.arange(TRAINED, end, 2), np.arange(TRAINED + 1, end, 2)
    scale = error_scale.fit(predicted[looked], truth[looked])
    sigma = error_scale.sigma(scale, predicted[held])
    both = np.arange(TRAINED, end)
    kinds = {
        "in their own scale (the default)": Uncertainty(
            conformal=conformal.fit(truth[held], predicted[held], level=LEVEL, sigma=sigma), scale=scale
        ),
        "of one width": Uncertainty(conformal=conformal.fit(truth[both], predicted[both], level=LEVEL)),
    }
    for kind, sealed in kinds.items():
        low, high = _followed(sealed, predicted, truth, end)
        inside = ((low <= truth) & (truth <= high))[end:]
        worst = float(np.convolve(inside, np.full(MONTH, 1 / MONTH), "valid").min())
        setting = f"bike rentals, intervals {kind}, labels once a day"
        yield within(f"{setting}: coverage", float(inside.mean()), LEVEL, 0.01, 4)
        yield at_least(f"{setting}: coverage in the worst 30 days, of any that begin at an hour", worst, 0.86)
        yield at_most(f"{setting}: infinite intervals", int(np.isinf(high - low)[end:].sum()), 0, "", 0)
        yield at_most(f"{setting}: mean width", float((high - low)[end:].mean()), 415, "rentals", 0)
        low, high = intervals(sealed, predicted[end:])
        share = float(((low <= truth[end:]) & (truth[end:] <= high)).mean())
        yield for_information(f"bike rentals, intervals {kind}, as sealed: coverage", f"{share:.3f}")


def _followed(
    sealed: Uncertainty, predicted: np.ndarray, truth: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the intervals with which each hour was answered."""
    state = begin(sealed)
    assert state is not None
    low, high = np.full(len(truth), np.nan), np.full(len(truth), np.nan)
    for begun in range(first, len(truth), DAY):
        day = slice(begun, begun + DAY)
        low[day], high[day] = intervals(revised(sealed, content(state)), predicted[day])
        state = learned(state, sealed, predicted[day], truth[day])
    return low, high
