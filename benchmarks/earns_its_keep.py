"""Does a chosen policy earn its keep? Rolling weeks of the Fraud Detection Handbook's transactions.

Train 14 days, delay 7, validate 7, delay 7, test 7; a false alarm costs 10, a missed fraud its amount. LightGBM near its
defaults (200 smaller steps, leaves of at least 100 rows) on the engineered features. Everything is chosen on validation,
and what the choice saves is measured on the test week.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import lightgbm
import numpy as np
from numpy.typing import NDArray

from bars import Bar, Effort, at_most, for_information
from handbook import DAY, transactions
from holdfast.evaluation.splits import Split, rolling
from holdfast.evaluation.tuning import tune
from holdfast.objective import Cost, Judged, value
from holdfast.policy import decide
from holdfast.stats.ranking import average_precision
from real_files import HANDBOOK, not_measured

FALSE_ALARM = 10
OBJECTIVE = Cost(false_positive=FALSE_ALARM, false_negative="amount")
MODEL = {"n_estimators": 200, "learning_rate": 0.05, "min_child_samples": 100, "n_jobs": 1, "verbose": -1}
RULES: dict[Literal["auto", "threshold", "expected_cost"], str] = {
    "auto": "the chosen policy",
    "threshold": "a threshold chosen on validation",
    "expected_cost": "a calibrated rule for each row",
}
LEAST = 0.834
"""Share of the fraud loss that the chosen policy has to save."""


def threshold(effort: Effort) -> Iterator[Bar]:
    """Means over the weeks."""
    if not HANDBOOK.exists():
        yield not_measured(HANDBOOK, "fraud loss that is saved; average precision, validation against test")
        return
    rows = transactions()
    judged = Judged(truth=rows.fraud, score=np.zeros(len(rows.time)), columns={"amount": rows.amount})
    count = 2 if effort == "quick" else 8
    splits = rolling(rows.time, count, validation="7d", test="7d", train="14d", delay_seconds=7 * DAY)
    weeks = [week(rows.features, judged, split) for split in splits]
    for name in weeks[0][0]:
        shares = [found[name] for found, _ in weeks]
        mean = float(np.mean(shares))
        setting = f"fraud loss saved by {name}, mean of {count} weeks"
        measured = f"{mean:.1%} ({min(shares):.1%} to {max(shares):.1%})"
        if name == RULES["auto"]:
            yield Bar(setting=setting, bar=f"≥ {LEAST:.1%}", measured=measured, met=mean >= LEAST)
        else:
            yield for_information(setting, measured)
    validation, test = np.mean([precision for _, precision in weeks], axis=0)
    note = f" ({validation:.3f} and {test:.3f})"
    yield at_most("average precision, validation against test", abs(validation - test), 0.02, "", 4, note)


def week(features: NDArray[np.float64], rows: Judged, split: Split) -> tuple[dict[str, float], tuple[float, float]]:
    """Share of the loss that each way to decide saves in a test week; average precision on validation and test."""
    model = lightgbm.LGBMClassifier(**MODEL).fit(features[split.train], rows.truth[split.train])
    validation, test = (scored(model, features, rows, chosen) for chosen in (split.validation, split.test))
    found = {}
    for rule, name in RULES.items():
        policy = tune(OBJECTIVE, validation, rule=rule).policy
        found[name] = saved(test, decide(policy, test.score, test.columns).decision)
    found["0.5 as threshold"] = saved(test, test.score >= 0.5)
    found["the best threshold in hindsight"] = in_hindsight(test)
    return found, (average_precision(validation.score, validation.truth), average_precision(test.score, test.truth))


def scored(
    model: lightgbm.LGBMClassifier, features: NDArray[np.float64], rows: Judged, chosen: NDArray[np.int64]
) -> Judged:
    """Some rows, with their scores."""
    part = rows.take(chosen)
    score = np.asarray(model.predict_proba(features[chosen]))[:, 1]
    return Judged(truth=part.truth, score=score, columns=part.columns)


def saved(rows: Judged, answer: NDArray[np.bool_]) -> float:
    """Share of the fraud loss that answers save, false alarms paid."""
    loss = (rows.columns["amount"] * rows.truth).sum()
    cost = value(OBJECTIVE, Judged(truth=rows.truth, score=rows.score, answer=answer, columns=rows.columns))
    return float(1 - cost * len(rows.truth) / loss)


def in_hindsight(rows: Judged) -> float:
    """What the best single threshold would have saved."""
    order = np.argsort(-rows.score)
    gain = np.where(rows.truth, rows.columns["amount"], -FALSE_ALARM)[order]
    return float(np.cumsum(gain).max() / (rows.columns["amount"] * rows.truth).sum())
