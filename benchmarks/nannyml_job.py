"""NannyML's estimates of windows, in its own environment, with its own settings.

Called with a folder: `reference.parquet` and `rows.parquet` have the features, and `score`, `truth` and (of two classes)
`answer`; `windows.npz` has the places of the rows of each set of windows, shape (windows, size). Written: `estimates.npz`,
for each set the values and the two ends of the bands, shape (3, windows, metrics).
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")

import nannyml as nml  # noqa: E402  # warnings of its imports are not ours
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

CLASSES = ["roc_auc", "f1", "accuracy", "business_value"]
NUMBERS = ["mae", "rmse"]
EARNED = [[0.0, -1.0], [-5.0, 0.0]]
"""What answers earn, by truth and answer: a false alarm costs 1, a miss 5."""


def main(folder: Path) -> None:
    """Read, estimate, write."""
    reference, rows = (pd.read_parquet(folder / name) for name in ("reference.parquet", "rows.parquet"))
    windows = np.load(folder / "windows.npz")
    made = confidence if "answer" in reference else direct_loss
    found = {}
    for name in windows.files:
        estimator, metrics = made(reference, windows[name].shape[1])
        estimator.fit(reference)
        taken = rows.iloc[windows[name].ravel()].drop(columns="truth").reset_index(drop=True)
        told = estimator.estimate(taken).filter(period="analysis").to_df()
        parts = ("value", "lower_confidence_boundary", "upper_confidence_boundary")
        found[name] = np.array([np.column_stack([told[metric][part] for metric in metrics]) for part in parts], float)
        if "business_value" in metrics:
            # As the cost of a row: what is earned, negative. The band goes from the other end.
            found[name][..., -1] = -found[name][[0, 2, 1], :, -1] / windows[name].shape[1]
    np.savez(folder / "estimates.npz", allow_pickle=False, **found)


def confidence(_: pd.DataFrame, size: int) -> tuple[Any, list[str]]:
    """Confidence-based performance estimation."""
    estimator = nml.CBPE(
        y_pred_proba="score",
        y_pred="answer",
        y_true="truth",
        problem_type="classification_binary",
        metrics=CLASSES,
        chunk_size=size,
        business_value_matrix=np.array(EARNED),
    )
    return estimator, CLASSES


def direct_loss(reference: pd.DataFrame, size: int) -> tuple[Any, list[str]]:
    """Direct loss estimation."""
    features = [name for name in reference.columns if name not in {"score", "truth"}]
    estimator = nml.DLE(feature_column_names=features, y_pred="score", y_true="truth", metrics=NUMBERS, chunk_size=size)
    return estimator, NUMBERS


if __name__ == "__main__":
    main(Path(sys.argv[1]))
