"""Scores by label: what is counted, merged, taken back and stored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError, ProfileError
from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.scores import NEGATIVE, POSITIVE, UNKNOWN, ScoreTable

EDGES = ScoreEdges.standard([0.3], steps=4)
NAN = float("nan")


def rows(n: int, seed: int = 0) -> dict[str, object]:
    """Scores, truths of which some are unknown, weights, and two columns; in quarters, so that sums are exact."""
    rng = np.random.default_rng(seed)
    return {
        "scores": rng.integers(0, 65, n) / 64,
        "truth": rng.choice([0.0, 1.0, NAN], n),
        "weight": rng.integers(0, 9, n) / 4,
        "columns": {"amount": rng.integers(-8, 99, n) / 4, "fee": rng.integers(0, 9, n) / 4},
    }


def part(given: dict[str, object], which: slice) -> dict[str, object]:
    columns = {name: values[which] for name, values in given["columns"].items()}
    return {name: values[which] for name, values in given.items() if name != "columns"} | {"columns": columns}


def assert_same(one: ScoreTable, other: ScoreTable) -> None:
    """Equal counts, and equal sums but for the order of additions."""
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_allclose(one.sums, other.sums, rtol=1e-12, atol=1e-9)


def test_sums_are_those_of_the_rows_of_each_cell() -> None:
    drawn = rows(500)
    table = ScoreTable.count(EDGES, **drawn)
    scores, truth, weight = (drawn[name] for name in ("scores", "truth", "weight"))
    amount, fee = drawn["columns"].values()
    for state, inside in ((NEGATIVE, truth == 0), (POSITIVE, truth == 1), (UNKNOWN, np.isnan(truth))):
        for place in (0, 40, EDGES.place(0.3), EDGES.place(1.0)):
            cell = inside & (EDGES.bins(scores) == place)
            assert table.counts[state, place] == cell.sum()
            assert table.sums_of("weight")[state, place] == weight[cell].sum()
            assert table.sums_of("score")[state, place] == (weight * scores)[cell].sum()
            assert table.sums_of("score_squared")[state, place] == (weight * scores**2)[cell].sum()
            assert table.sums_of("amount", "weight")[state, place] == (weight**2 * amount)[cell].sum()
            assert table.sums_of("fee", "amount")[state, place] == (weight**2 * amount * fee)[cell].sum()
            cubes = (weight**3 * amount * fee**2)[cell].sum()
            assert table.sums_of("fee", "amount", "fee")[state, place] == cubes
    assert (table.rows, table.positives, table.unknown) == (
        np.isfinite(truth).sum(),
        (truth == 1).sum(),
        np.isnan(truth).sum(),
    )


def test_log_losses_are_bounded_as_in_scikit_learn() -> None:
    from sklearn.metrics import log_loss

    scores, truth = np.array([0.0, 1.0, 0.25, 0.7]), np.array([True, False, True, False])
    table = ScoreTable.count(EDGES, scores, truth)
    assert table.sums_of("log_loss").sum() / 4 == pytest.approx(log_loss(truth, scores), rel=1e-12)


def test_what_is_no_probability_is_counted_apart() -> None:
    scores = np.array([NAN, 0.5, -0.001, 1.001, np.inf, -np.inf, NAN, 1.0, 0.0])
    table = ScoreTable.count(EDGES, scores, np.ones(9, dtype=bool), columns={"amount": np.arange(9.0)})
    assert (table.missing, table.outside, table.rows) == (2, 4, 3)
    assert table.sums_of("amount").sum() == 1 + 7 + 8


@pytest.mark.parametrize("truth", [None, np.full(3, NAN)])
def test_truths_may_be_unknown(truth: np.ndarray | None) -> None:
    table = ScoreTable.count(EDGES, np.array([0.1, 0.2, 0.3]), truth)
    assert (table.rows, table.unknown) == (0, 3)
    assert table.sums_of("score")[UNKNOWN].sum() == pytest.approx(0.6)


def test_an_empty_batch_is_an_empty_table() -> None:
    empty = ScoreTable.count(EDGES, np.array([]), np.array([], dtype=bool))
    assert (empty.rows, empty.unknown, empty.missing, empty.outside) == (0, 0, 0, 0)
    full = ScoreTable.count(EDGES, np.array([0.1, 0.3]), np.array([0, 1]))
    assert empty + full == full == full + empty


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5))
def test_parts_merge_to_the_whole_in_any_order_and_can_be_taken_back(first: int, second: int, seed: int) -> None:
    drawn = rows(100, seed)
    cuts = sorted((first, second))
    a, b, c = (ScoreTable.count(EDGES, **part(drawn, slice(*ends))) for ends in ((0, cuts[0]), cuts, (cuts[1], 100)))
    whole = ScoreTable.count(EDGES, **drawn)
    for merged in ((a + b) + c, c + (b + a), a.update(**part(drawn, slice(cuts[0], 100)))):
        assert_same(merged, whole)
        np.testing.assert_array_equal(merged.single, whole.single)
    assert_same(whole - b, a + c)


def test_a_late_label_moves_a_row() -> None:
    """The row is taken from the unknown ones and added to the positive ones."""
    scores = np.array([0.2])
    moved = (
        ScoreTable.count(EDGES, scores)
        - ScoreTable.count(EDGES, scores)
        + ScoreTable.count(EDGES, scores, np.array([1]))
    )
    assert (moved.unknown, moved.positives) == (0, 1)
    assert moved == ScoreTable.count(EDGES, scores, np.array([1]))


def test_a_bin_of_one_score_knows_it() -> None:
    scores = np.array([0.5, 0.5, 0.25, 0.2500001])
    table = ScoreTable.count(EDGES, scores)
    half, quarter = EDGES.bins(np.array([0.5, 0.25]))
    assert table.single[half] == 0.5
    assert np.isnan(table.single[quarter])
    assert (table + ScoreTable.count(EDGES, np.array([0.5]))).single[half] == 0.5
    assert np.isnan((table + ScoreTable.count(EDGES, np.array([0.5000001]))).single[half])


def test_other_bins_or_columns_do_not_merge() -> None:
    scores = np.array([0.5])
    table = ScoreTable.count(EDGES, scores)
    with pytest.raises(ProfileError, match="different bins"):
        table + ScoreTable.count(ScoreEdges.standard(steps=4), scores)
    with pytest.raises(ProfileError, match="different columns"):
        table - ScoreTable.count(EDGES, scores, columns={"amount": scores})


def test_bytes_come_back_equal() -> None:
    table = ScoreTable.count(EDGES, **rows(300))
    again = ScoreTable.from_bytes(table.to_bytes())
    assert again == table
    assert again.edges.digest == EDGES.digest
    assert again + table == table + table
    assert table != table + table
    assert table != "a table"


def test_changed_bytes_are_refused() -> None:
    data = bytearray(ScoreTable.count(EDGES, **rows(10)).to_bytes())
    with pytest.raises(ProfileError, match=r"Expected a stored score table in scores\.bin"):
        ScoreTable.from_bytes(b"PAR1", "scores.bin")
    data[200] ^= 1
    with pytest.raises(ProfileError, match="damaged"):
        ScoreTable.from_bytes(bytes(data))


def test_sums_that_are_not_there_are_named() -> None:
    table = ScoreTable.count(EDGES, np.array([0.5]), columns={"amount": np.array([2.0])})
    with pytest.raises(InputError, match="no sums of 'Amount'"):
        table.sums_of("Amount")
    with pytest.raises(InputError, match="'score' x 'weight'"):
        table.sums_of("score", "weight")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"truth": np.array([0.0, 2.0])}, "1 of 2 are others"),
        ({"truth": np.array(["no", "yes"])}, "type <U3"),
        ({"truth": np.array([True])}, r"Expected 2 truths.*\(1,\)"),
        ({"weight": np.array([1.0, -1.0])}, "1 of 2 are negative"),
        ({"weight": np.array([1.0, NAN])}, "'weight'; 1 of 2 are missing"),
        ({"columns": {"amount": np.array([np.inf, 1.0])}}, "'amount'; 1 of 2 are missing"),
        ({"columns": {"amount": np.array([1.0])}}, r"2 values of 'amount'.*\(1,\)"),
    ],
)
def test_bad_input_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ScoreTable.count(EDGES, np.array([0.1, 0.2]), **given)
