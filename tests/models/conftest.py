"""One small table for all families: numbers with gaps, whole numbers, text with gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def people() -> pd.DataFrame:
    """400 rows: `amount` (NaN in places), `age`, `hour` (whole), `city` (text, missing in places), `target` (0 or 1)."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "amount": np.round(random.lognormal(4, 1, 400), 2),
            "age": random.uniform(18, 90, 400),
            "hour": random.integers(0, 24, 400),
            "city": pd.Series(random.choice(["Bern", "Chur", "Genf", "Zug"], 400), dtype=object),
        }
    )
    noise = random.normal(0, 0.3, 400)
    frame["target"] = ((frame.amount > 60) + (frame.city == "Zug") + (frame.hour > 18) + noise > 0.8).astype(int)
    frame.loc[::7, "amount"] = np.nan
    frame.loc[::9, "city"] = None
    return frame
