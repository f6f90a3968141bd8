"""Which rows of the test part become golden rows, and what is written of them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.support import impersonal
from holdfast.golden import CONFIDENCE, DECISION, REASON, SCORE, answered, needs
from holdfast.policy import REASONS
from holdfast.released import ReleasedModel

Array: TypeAlias = NDArray[np.float64]

ROWS = 200


def chosen_rows(score: Array, most: int = ROWS) -> NDArray[np.intp]:
    """Rows over the whole range of the scores, the lowest and the highest among them, in the order of the rows.

    Examples
    --------
    >>> chosen_rows(np.array([0.9, 0.1, 0.5, 0.4, 0.2]), most=3).tolist()
    [0, 1, 3]
    """
    order = np.argsort(score if score.ndim == 1 else score.max(axis=1), kind="stable")
    places = np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(np.intp)
    rows: NDArray[np.intp] = np.sort(order[places])
    return rows


def golden_rows(released: ReleasedModel, rows: Labelled) -> pa.Table:
    """Features (and the columns that the policy's costs name) of rows, with score, decision, confidence and reason."""
    table = rows.features
    for name in needs(released):
        if name not in table.column_names:
            table = table.append_column(name, pa.array(rows.columns[name]))
    table = impersonal(table, released.schema)
    score, answers = answered(released, table)
    own = {
        SCORE: pa.array(score.tolist()),
        DECISION: pa.array(answers.decision),
        CONFIDENCE: pa.array(answers.confidence),
        REASON: pa.array([REASONS[code] for code in answers.reason]),
    }
    for name, column in own.items():
        table = table.append_column(name, column)
    return table
