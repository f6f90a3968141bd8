"""Does a chosen policy earn its keep? Rolling weeks of the Fraud Detection Handbook's transactions.

Train 14 days, delay 7, validate 7, delay 7, test 7; a false alarm costs 10, a missed fraud its amount. LightGBM near its
defaults (200 smaller steps, leaves of at least 100 rows) on the engineered features. Everything is chosen on validation,
and what the choice saves is measured on the test week.

    python benchmarks/earns_its_keep.py [folder with fdh_transactions_transformed.parquet]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from bars import Bar
from holdfast.evaluation.slices import subset
from holdfast.evaluation.splits import Split, rolling
from holdfast.evaluation.tuning import tune
from holdfast.objective import Cost, Judged, value
from holdfast.policy import decide

OBJECTIVE = Cost(false_positive=10, false_negative="amount")
MODEL = {"n_estimators": 200, "learning_rate": 0.05, "min_child_samples": 100, "n_jobs": 1, "verbose": -1}
WEEKS = 8


def saved(rows: Judged, answer: NDArray[np.bool_]) -> float:
    """Share of the fraud loss that answers save, false alarms paid."""
    loss = (rows.columns["amount"] * rows.truth).sum()
    cost = value(OBJECTIVE, Judged(truth=rows.truth, score=rows.score, answer=answer, columns=rows.columns))
    return float(1 - cost * len(rows.truth) / loss)


def in_hindsight(rows: Judged) -> float:
    """What the best single threshold would have saved."""
    order = np.argsort(-rows.score)
    gain = np.where(rows.truth, rows.columns["amount"], -10)[order]
    return float(np.cumsum(gain).max() / (rows.columns["amount"] * rows.truth).sum())


def week(features: NDArray[np.float32], rows: Judged, split: Split) -> dict[str, float]:
    """Figures of one test week."""
    model = lightgbm.LGBMClassifier(**MODEL).fit(features[split.train], rows.truth[split.train])
    validation, test = (
        Judged(
            truth=part.truth,
            score=np.asarray(model.predict_proba(features[chosen]))[:, 1],
            columns=part.columns,
        )
        for chosen in (split.validation, split.test)
        for part in [subset(rows, chosen)]
    )
    found = {"0.5 as threshold": saved(test, test.score >= 0.5), "best threshold in hindsight": in_hindsight(test)}
    for rule in ("threshold", "expected_cost", "auto"):
        policy = tune(OBJECTIVE, validation, rule=rule).policy
        name = "chosen policy" if rule == "auto" else f"rule {rule}"
        found[name] = saved(test, decide(policy, test.score, test.columns).decision)
    found["average precision, validation"] = float(average_precision_score(validation.truth, validation.score))
    found["average precision, test"] = float(average_precision_score(test.truth, test.score))
    return found


def measure(folder: Path) -> tuple[list[dict[str, float]], list[Bar]]:
    """Figures of each week, and the bars."""
    table = pq.read_table(folder / "fdh_transactions_transformed.parquet")
    names = ["TX_AMOUNT", "TX_DURING_WEEKEND", "TX_DURING_NIGHT"] + [n for n in table.column_names if "WINDOW" in n]
    features = np.column_stack([table[name].to_numpy() for name in names]).astype(np.float32)
    time = table["TX_DATETIME"].cast("int64").to_numpy() / 1e9
    rows = Judged(
        truth=table["TX_FRAUD"].to_numpy() == 1,
        score=np.zeros(len(time)),
        columns={"amount": table["TX_AMOUNT"].to_numpy()},
    )
    splits = rolling(time, WEEKS, validation="7d", test="7d", train="14d", delay_seconds=7 * 86_400)
    weeks = [week(features, rows, split) for split in splits]
    mean = {name: float(np.mean([found[name] for found in weeks])) for name in weeks[0]}
    gap = abs(mean["average precision, validation"] - mean["average precision, test"])
    chosen = mean["chosen policy"]
    return weeks, [
        Bar(
            setting="fraud loss saved by the chosen policy",
            bar="≥ 83.4%",
            measured=f"{chosen:.1%}",
            met=chosen >= 0.834,
        ),
        Bar(setting="average precision, validation against test", bar="≤ 0.02", measured=f"{gap:.4f}", met=gap <= 0.02),
    ]


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("HOLDFAST_DATA", "../shared/data"))
    weeks, bars = measure(folder)
    print(f"| {'figure':31} | {' | '.join(f'week {number + 1}' for number in range(len(weeks)))} |   mean |")
    print(f"|{'-' * 33}|{'|'.join(['--------'] * (len(weeks) + 1))}|")
    for name in weeks[0]:
        figures = [found[name] for found in weeks]
        print(f"| {name:31} | {' | '.join(f'{figure:6.3f}' for figure in [*figures, float(np.mean(figures))])} |")
    print()
    for bar in bars:
        print(f"{bar.setting}: {bar.measured} (bar {bar.bar}): {'met' if bar.met else 'NOT MET'}")


if __name__ == "__main__":
    main()
