"""Golden rows: a few rows of the test part with the answers that the release gave when it was sealed, to be asked again."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.policy import REASONS, Answers
from holdfast.profile.numeric import numbers
from holdfast.released import ReleasedModel, arrow_in, load_release
from holdfast.releases.folder import Problem, SealedFolder
from holdfast.releases.store import Store
from holdfast.releases.stored import Tombstone, stored

Array: TypeAlias = NDArray[np.float64]

GOLDEN = "golden.arrow"
TOLERANCE = 1e-5
"""Largest difference of a score, relative to the larger of 1 and its size: other processors round float32 otherwise."""

SCORE, DECISION, CONFIDENCE, REASON = "hf_score", "hf_decision", "hf_confidence", "hf_reason"
OWN = (SCORE, DECISION, CONFIDENCE, REASON)


def verify_release(store: Store, model: str, version: int) -> tuple[Problem, ...]:
    """What is wrong with a release: its files and its place; or, where those are as they were sealed, its answers."""
    return store.verify(model, version) or check_golden(store.get(model, version))


def check_golden(sealed: SealedFolder, released: ReleasedModel | None = None) -> tuple[Problem, ...]:
    """Whether a release (loaded already, or not) still answers its golden rows as it did; erased ones say nothing."""
    file = sealed.manifest.files.get(GOLDEN)
    if file is None:
        return (Problem(file=GOLDEN, message="is not in the release; seal it again"),)
    found = stored(sealed.place, GOLDEN, file)
    return () if isinstance(found, Tombstone) else differences(released or load_release(sealed), arrow_in(found))


def differences(released: ReleasedModel, golden: pa.Table) -> tuple[Problem, ...]:
    """Where a model and a policy answer golden rows otherwise than it is written there.

    Scores may differ by `TOLERANCE`. Answers are compared where the score is the same to the last digit as it was, so that
    a score beside the threshold on another processor is no difference.
    """
    score, _ = answered(released, golden)
    expected = np.array(golden[SCORE].to_pylist(), dtype=np.float64).reshape(score.shape)
    beyond = ~(np.abs(score - expected) <= TOLERANCE * np.maximum(1.0, np.abs(expected)))
    apart = int((beyond if beyond.ndim == 1 else beyond.any(axis=1)).sum())
    if apart:
        message = f"the model scores {apart:,} of {golden.num_rows:,} rows otherwise than when it was sealed"
        return (Problem(file=GOLDEN, message=f"{message}: check the version of ONNX Runtime"),)
    answers = _answers(released, expected, golden)
    other = np.zeros(golden.num_rows, dtype=np.bool_)
    other |= answers.decision != _plain(golden[DECISION])
    other |= ~np.isclose(answers.confidence, _plain(golden[CONFIDENCE]), atol=TOLERANCE, rtol=0, equal_nan=True)
    other |= np.array([REASONS[code] for code in answers.reason]) != np.array(golden[REASON].to_pylist())
    if other.any():
        message = f"the policy answers {other.sum():,} of {golden.num_rows:,} rows otherwise than when it was sealed"
        return (Problem(file=GOLDEN, message=f"{message}: use the version of Holdfast that sealed it"),)
    return ()


def answered(released: ReleasedModel, rows: pa.Table) -> tuple[Array, Answers]:
    """Scores of rows and the answers to them."""
    score = released.model.predict(rows)
    return score, _answers(released, score, rows)


def _answers(released: ReleasedModel, score: Array, rows: pa.Table) -> Answers:
    columns = {name: numbers(rows[name].combine_chunks())[0] for name in needs(released)}
    return released.decide(score, rows, columns, np.arange(rows.num_rows, dtype=np.uint64))


def needs(released: ReleasedModel) -> tuple[str, ...]:
    """Columns beside the features that the policy asks for."""
    costs = released.policy.costs
    return () if costs is None else costs.needs


def _plain(column: pa.ChunkedArray) -> NDArray[np.generic]:
    values: NDArray[np.generic] = column.to_numpy()
    return values
