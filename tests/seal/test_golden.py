"""Golden rows say whether a release still answers as it did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from holdfast.golden import CONFIDENCE, DECISION, REASON, SCORE, check_golden, differences
from holdfast.released import arrow_in, load_release
from holdfast.releases.folder import SealedFolder, erase, open_release
from holdfast.seal.golden import chosen_rows
from holdfast.seal.history import load_inputs

from .conftest import copied


def test_a_release_answers_its_golden_rows(sealed: SealedFolder) -> None:
    golden = arrow_in(sealed.read("golden.arrow"))
    assert golden.num_rows == 200
    assert golden.column_names[:3] == ["amount", "country", "email"]
    assert set(golden[REASON].to_pylist()) <= {"", "band", "support"}
    assert check_golden(sealed) == ()


def test_another_score_is_found(sealed: SealedFolder) -> None:
    golden = arrow_in(sealed.read("golden.arrow"))
    scores = golden[SCORE].to_numpy().copy()
    scores[3] += 2e-5
    changed = golden.set_column(golden.column_names.index(SCORE), SCORE, pa.array(scores))
    (problem,) = differences(load_release(sealed), changed)
    assert problem.message.startswith("the model scores 1 of 200 rows otherwise")
    scores[3] -= 1.5e-5  # as another processor may round
    close = golden.set_column(golden.column_names.index(SCORE), SCORE, pa.array(scores))
    assert differences(load_release(sealed), close) == ()


@pytest.mark.parametrize(("column", "other"), [(DECISION, True), (CONFIDENCE, 0.123), (REASON, "explore")])
def test_another_answer_is_found(sealed: SealedFolder, column: str, other: object) -> None:
    golden = arrow_in(sealed.read("golden.arrow"))
    values = golden[column].to_pylist()
    values[0] = not values[0] if other is True else other
    changed = golden.set_column(golden.column_names.index(column), column, pa.array(values))
    (problem,) = differences(load_release(sealed), changed)
    assert problem.message.startswith("the policy answers 1 of 200 rows otherwise")


def test_another_policy_is_found(sealed: SealedFolder) -> None:
    released = load_release(sealed)
    other = replace(released, policy=msgspec.structs.replace(released.policy, confidence_limit=0.999))
    (problem,) = differences(other, arrow_in(sealed.read("golden.arrow")))
    assert "rows otherwise" in problem.message


def test_erased_rows_are_no_problem(sealed: SealedFolder, tmp_path: Path) -> None:
    folder = copied(sealed, tmp_path)
    assert load_inputs(open_release(folder)).sample is not None
    for name in ("golden.arrow", "reference/sample.arrow"):
        erase(folder, name, author="ada", reason="request")
    left = open_release(folder)
    assert check_golden(left) == ()
    assert load_inputs(left).sample is None
    assert load_inputs(left).rows == load_inputs(sealed).rows


def test_the_sample_comes_back_with_the_profile(sealed: SealedFolder) -> None:
    sample = load_inputs(sealed).sample
    assert sample is not None
    assert sample.rows.schema.names == ["time", "amount", "country", "region"]
    assert len(sample.priorities) == sample.rows.num_rows
    assert np.all(np.diff(sample.priorities.astype(np.float64)) >= 0)


def test_golden_rows_cover_the_scores() -> None:
    score = np.random.default_rng(0).random(10_000)
    rows = chosen_rows(score)
    assert len(rows) == 200
    assert {int(score.argmin()), int(score.argmax())} <= set(rows.tolist())
    assert chosen_rows(score[:3]).tolist() == [0, 1, 2]
    several = np.array([[0.2, 0.8], [0.6, 0.4]])
    assert chosen_rows(several).tolist() == [0, 1]
