"""The Fraud Detection Handbook's transactions (Le Borgne and others, 2022) with their engineered features, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from real_files import HANDBOOK

DAY = 86_400
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transactions:
    """One row for each transaction, in the order of time, which is in seconds since 1970."""

    features: NDArray[np.float64]
    fraud: NDArray[np.bool_]
    amount: NDArray[np.float64]
    card: NDArray[np.int64]
    time: NDArray[np.float64]


def transactions() -> Transactions:
    """All of them."""
    table = pq.read_table(HANDBOOK)
    names = ["TX_AMOUNT", "TX_DURING_WEEKEND", "TX_DURING_NIGHT"]
    names += [name for name in table.column_names if "WINDOW" in name]
    return Transactions(
        features=np.column_stack([table[name].to_numpy() for name in names]).astype(float),
        fraud=table["TX_FRAUD"].to_numpy() == 1,
        amount=table["TX_AMOUNT"].to_numpy(),
        card=table["CUSTOMER_ID"].to_numpy().astype(np.int64),
        time=table["TX_DATETIME"].to_numpy().astype("datetime64[s]").astype(float),
    )
