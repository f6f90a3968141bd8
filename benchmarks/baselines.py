"""Are the figures met that the Fraud Detection Handbook publishes, under its own protocol (chapter 5)?

Train on a week, leave a week out in which the truth is not known yet, test on the week after. On each test day the cards
are left out that were known to be compromised a week earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bars import Bar, Effort, within
from handbook import DAY, transactions
from holdfast.objective import Judged, TopK, value
from holdfast.stats.ranking import average_precision, roc_auc
from real_files import HANDBOOK, not_measured

START = datetime(2018, 7, 25, tzinfo=UTC).timestamp()
CARDS = TopK(top=100, per="1d", by="card", once=True)
TOLERANCE = 0.005


def baselines(_effort: Effort) -> Iterator[Bar]:
    """Logistic regression on standardised features: seconds at every effort."""
    if not HANDBOOK.exists():
        yield not_measured(HANDBOOK, "figures that the handbook publishes")
        return
    rows = transactions()
    day = np.floor((rows.time - START) / DAY)
    train = (day >= 0) & (day < 7)
    test = np.zeros(len(day), dtype=bool)
    for ahead in range(7):
        known = rows.card[rows.fraud & (day >= 0) & (day < 7 + ahead)]
        test |= (day == 14 + ahead) & ~np.isin(rows.card, known)
    model = make_pipeline(StandardScaler(), LogisticRegression(random_state=0))
    score = model.fit(rows.features[train], rows.fraud[train]).predict_proba(rows.features[test])[:, 1]
    truth = rows.fraud[test]
    judged = Judged(truth=truth, score=score, columns={"card": rows.card[test]}, time=rows.time[test])
    for name, found, published in (
        ("ROC AUC", roc_auc(score, truth), 0.871),
        ("average precision", average_precision(score, truth), 0.606),
        ("card precision@100", value(CARDS, judged), 0.291),
    ):
        yield within(f"logistic regression, {name}", found, published, TOLERANCE)
