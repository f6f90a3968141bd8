"""Files that others published, which some bars are measured on."""

from __future__ import annotations

import os
from pathlib import Path

from bars import Bar

FOLDER = Path(os.environ.get("HOLDFAST_DATA") or Path(__file__).parents[2] / "shared" / "data")

ADULT = FOLDER / "adult.parquet"
BIKES = FOLDER / "bike_sharing_hour.parquet"
HANDBOOK = FOLDER / "fdh_transactions_transformed.parquet"


def not_measured(file: Path, bars: str) -> Bar:
    """The line that stands for bars whose file is not there."""
    return Bar(setting=bars, bar=f"on `{file.name}`", measured="not measured: `HOLDFAST_DATA` has no such file")
