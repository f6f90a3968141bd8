"""Convert the model and see on every test row that nothing changed by it: scores, and decisions."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ModelError
from holdfast.evidence import Evidence
from holdfast.gate.evidence import Trial
from holdfast.gate.explaining import without_review
from holdfast.models.convert import to_onnx
from holdfast.models.cost import cost
from holdfast.models.parity import parity
from holdfast.models.session import OnnxSession
from holdfast.policy import decide


def converted(trial: Trial, evidence: Evidence) -> tuple[Evidence, OnnxSession | None]:
    """The evidence with parity and running cost, and the converted model, if it agrees everywhere.

    Where there is no ONNX form, the evidence says why.
    """
    test = trial.test
    try:
        session = OnnxSession(to_onnx(trial.model, test.rows.features))
    except ModelError as error:
        return msgspec.structs.replace(evidence, unsealable=str(error)), None

    def decisions(scores: NDArray[np.float64]) -> NDArray[np.generic]:
        if trial.policy.rule == "value":
            return np.zeros(len(scores))  # a number is no decision: rounding may change it
        own = without_review(trial.policy)
        return decide(own, scores, test.rows.columns).decision

    found = parity(
        trial.model,
        session,
        test.rows.features,
        decisions,
        trial.project.gate.parity_tolerance,
        scores=trial.scores.test,
    )
    evidence = msgspec.structs.replace(evidence, parity=found, running=cost(session, test.rows.features))
    return evidence, session if found.beyond == found.flips == 0 else None
