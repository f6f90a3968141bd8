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


def test_features_without_which_the_model_breaks_alike_are_one_finding() -> None:
    """A score that is NaN is refused by Holdfast, not by the model: it gives no number."""
    rows = pa.table({name: np.arange(4.0) for name in "abcdefgh"})

    def refused(table: pa.Table) -> np.ndarray:
        if any(table[name].null_count for name in "abcdef"):
            raise ModelError("the score is NaN or infinite at row 0", row=0)
        if table["g"].null_count:
            raise ModelError("the model raised") from KeyError("secret")
        return np.nan_to_num(table["h"].to_numpy())

    many, one = nulls(refused, rows, wrong, "lower", occurring={"g"})
    assert (many.status, many.subject, many.evidence) == (Status.WARN, "", {"features": list("abcdef")})
    assert many.message == (
        "The model gives no number where any of 6 features is missing, and so far none ever was in the history. "
        "They are 'a', 'b', 'c', 'd', 'e' and 1 more."
    )
    assert (one.status, one.subject) == (Status.FAIL, "g")
    assert one.message.startswith("The model raises KeyError where it is missing")


def test_noise_stays_within_the_range_of_each_column() -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"x": np.r_[0.0, 1.0, rng.random(1_000)], "n": rng.integers(0, 500, 1_002)})
    seen = []

    def model(rows: pa.Table) -> np.ndarray:
        seen.append(rows)
        return rows["x"].to_numpy()

    noise(model, table, lambda scores: scores > 0.5, LIMITS)
    for name in table.column_names:
        noisy, plain = (rows[name].to_numpy() for rows in seen)
        assert (noisy != plain).any()
        assert plain.min() <= noisy.min() <= noisy.max() <= plain.max()


def test_a_model_that_breaks_by_noise_warns() -> None:
    table = pa.table({"x": np.random.default_rng(0).random(500)})

    def brittle(rows: pa.Table) -> np.ndarray:
        if not rows.equals(table):
            raise ModelError("the model raised") from ValueError("secret")
        return rows["x"].to_numpy()

    [found] = noise(brittle, table, lambda scores: scores > 0.5, LIMITS)
    assert found.status is Status.WARN
    assert found.message.startswith("The model raises ValueError once noise of 1%")


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
