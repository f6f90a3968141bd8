"""Missing values and noise."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.checks.limits import ReleaseLimits
from holdfast.checks.robustness import noise, nulls
from holdfast.errors import ModelError
from holdfast.records import Status

LIMITS = ReleaseLimits()
ROWS = pa.table({"x": [0.1, 0.4, 0.6, 0.9], "kind": pa.array(["a", "b", "a", "b"]).dictionary_encode()})
TRUTH = np.array([0.0, 0.0, 1.0, 1.0])


def wrong(scores: np.ndarray) -> float:
    return float(np.mean((scores >= 0.5) != TRUTH))


def tolerant(table: pa.Table) -> np.ndarray:
    return np.nan_to_num(table["x"].to_numpy().astype(float), nan=0.0)


def test_a_model_that_answers_passes_and_the_worst_loss_is_told() -> None:
    [found] = nulls(tolerant, ROWS, wrong, "lower", occurring={"x"})
    assert (found.status, found.value) == (Status.PASS, 0.5)
    assert found.evidence["lost"] == {"x": 0.5, "kind": 0.0}


@pytest.mark.parametrize(("occurring", "status"), [({"x"}, "fail"), (set(), "warn")])
def test_a_model_that_raises_or_gives_no_number_fails_where_nulls_occur(occurring, status) -> None:
    def raising(table: pa.Table) -> np.ndarray:
        if table["x"].null_count:
            raise ModelError("the model raised") from ValueError("secret")
        return table["x"].to_numpy()

    def silent(table: pa.Table) -> np.ndarray:
        return table["x"].to_numpy().astype(float)

    for model, word in ((raising, "raises ValueError"), (silent, "gives no number")):
        [found] = nulls(model, ROWS, wrong, "lower", occurring=occurring)
        assert (found.status, found.subject) == (status, "x")
        assert word in found.message
        assert "secret" not in found.message


def test_an_objective_that_cannot_be_had_does_not_pass() -> None:
    assert nulls(tolerant, ROWS, lambda _: None, "lower", occurring=())[0].status is Status.INCONCLUSIVE
    assert nulls(tolerant, ROWS.slice(0, 0), wrong, "lower", occurring=())[0].status is Status.NOT_APPLICABLE


def many(rng: np.random.Generator) -> pa.Table:
    return pa.table(
        {
            "x": pa.array(rng.normal(size=2_000), mask=rng.random(2_000) < 0.1),
            "n": rng.integers(0, 10, 2_000),
            "half": pa.array(rng.normal(size=2_000).astype(np.float32)),
            "kind": rng.choice(["a", "b"], 2_000),
        }
    )


def test_noise_keeps_types_missing_values_and_whole_numbers() -> None:
    table, seen = many(np.random.default_rng(0)), []

    def model(rows: pa.Table) -> np.ndarray:
        seen.append(rows)
        return np.nan_to_num(rows["x"].to_numpy())

    noise(model, table, lambda scores: scores > 0, LIMITS)
    before, after = seen
    assert after.schema == before.schema
    assert after["x"].null_count == before["x"].null_count > 0
    assert after["n"].equals(before["n"])  # a hundredth of five never reaches the next whole number
    moved = after["half"].to_numpy() - before["half"].to_numpy()
    assert np.std(moved) == pytest.approx(0.0135, rel=0.1)  # the interquartile range of the normal law is 1.35


@pytest.mark.parametrize(("steepness", "status"), [(0, "pass"), (3_000, "warn")])
def test_decisions_that_flip_are_counted(steepness: int, status: str) -> None:
    """A threshold in the middle flips about 0.4% of the rows; a wave of a thousand turns flips half of them."""
    table = many(np.random.default_rng(0))

    def model(rows: pa.Table) -> np.ndarray:
        x = rows["half"].to_numpy().astype(float)
        return x if not steepness else np.sin(steepness * x)

    [found] = noise(model, table, lambda scores: scores > 0, LIMITS)
    assert found.status == status
    assert found.interval[0] <= found.value <= found.interval[1]


def test_predicted_numbers_move_by_a_share_of_their_spread() -> None:
    table = many(np.random.default_rng(0))
    [found] = noise(lambda rows: rows["half"].to_numpy().astype(float), table, lambda scores: scores, LIMITS)
    assert found.unit == "sd"
    assert found.value == pytest.approx(0.0135 * np.sqrt(2 / np.pi), rel=0.1)
    [flat] = noise(lambda rows: np.ones(rows.num_rows), table, lambda scores: scores, LIMITS)
    assert flat.status is Status.NOT_APPLICABLE


def test_without_numbers_there_is_no_noise() -> None:
    table = pa.table({"kind": ["a", "b"], "one": [1.0, 1.0], "none": pa.array([None, None], pa.float64())})
    assert noise(tolerant, table, lambda scores: scores > 0, LIMITS)[0].status is Status.NOT_APPLICABLE
