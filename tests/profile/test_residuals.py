"""Predicted numbers beside their truth: what is counted, merged, taken back and stored."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.errors import InputError, ProfileError
from holdfast.profile.residuals import ResidualEdges, ResidualTable

NAN = float("nan")


def rows(n: int = 500, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(1e6, 30, n)
    return {"predicted": truth + rng.normal(5, 10, n), "truth": truth, "weight": rng.uniform(0, 3, n)}


EDGES = ResidualEdges.learn(rows()["predicted"], rows()["truth"], (0.1, 0.9))


def test_sums_are_those_of_the_rows_of_each_bin() -> None:
    drawn = rows(300, 1)
    table = ResidualTable.count(EDGES, **drawn)
    predicted, truth, weight = drawn.values()
    bins = np.searchsorted(EDGES.predictions, predicted, side="right")
    error = (predicted - truth) / EDGES.scale
    expected = {
        "weight": np.ones(300),
        "truth": (truth - EDGES.centre) / EDGES.scale,
        "error_squared": error**2,
        "absolute": abs(error),
        "relative": abs(predicted - truth) / truth,
        "quantile_0.9": np.where(error < 0, -0.9 * error, 0.1 * error),
    }
    numbers = {name: table.sums[place] for place, name in enumerate(table.names)}
    for place in (0, 10, 100, bins.max()):
        assert table.counts[place] == (bins == place).sum()
        for name, values in expected.items():
            assert numbers[name][place] == pytest.approx((weight * values)[bins == place].sum(), rel=1e-9), name
    absolute, error_place = table.names.index("absolute"), table.names.index("error")
    assert table.products[absolute, error_place] == pytest.approx((weight**2 * abs(error) * error).sum())
    assert table.residuals.sum() == pytest.approx(weight.sum())


def test_parts_merge_to_the_whole_and_can_be_taken_back() -> None:
    drawn = rows(300, 2)
    columns = {"cost": np.arange(300.0)}

    def part(first: int, last: int) -> ResidualTable:
        some = {name: values[first:last] for name, values in drawn.items()}
        return ResidualTable.count(EDGES, **some, columns={"cost": columns["cost"][first:last]})

    whole = part(0, 300)
    for merged, expected in ((part(100, 300) + part(0, 100), whole), (whole - part(0, 50), part(50, 300))):
        assert (merged.counts == expected.counts).all()
        np.testing.assert_allclose(merged.sums, expected.sums, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(merged.products, expected.products, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(merged.residuals, expected.residuals, rtol=1e-9, atol=1e-9)


def test_what_cannot_be_judged_is_counted_apart() -> None:
    table = ResidualTable.count(EDGES, np.array([1.0, NAN, np.inf, 4.0]), np.array([1.0, 1.0, NAN, NAN]))
    assert (table.rows, table.missing, table.unknown) == (1, 2, 1)


def test_bytes_come_back_equal_and_changed_ones_are_refused() -> None:
    table = ResidualTable.count(EDGES, **rows(), columns={"cost": np.ones(500)})
    again = ResidualTable.from_bytes(table.to_bytes())
    assert again == table
    assert again + table == table + table != table
    with pytest.raises(ProfileError, match="damaged"):
        ResidualTable.from_bytes(table.to_bytes()[:-1])


def test_other_bins_or_columns_do_not_merge() -> None:
    table = ResidualTable.count(EDGES, **rows())
    other = ResidualEdges(EDGES.predictions, EDGES.residuals, EDGES.centre, EDGES.scale)
    with pytest.raises(ProfileError, match="different bins"):
        table + ResidualTable.count(other, **rows())
    with pytest.raises(ProfileError, match="different columns"):
        table + ResidualTable.count(EDGES, **rows(), columns={"cost": np.ones(500)})


@pytest.mark.parametrize("truth", [[], [NAN], [5.0, 5.0]], ids=["none", "unknown", "constant"])
def test_edges_are_learned_from_little(truth: list[float]) -> None:
    edges = ResidualEdges.learn(np.array(truth), np.array(truth))
    assert (np.isfinite(edges.centre), edges.scale) == (True, 1)


@pytest.mark.parametrize(
    ("truth", "message"), [(np.array([1.0, np.inf]), "1 are infinite"), (np.array([1.0]), r"Expected 2 truths.*\(1,\)")]
)
def test_bad_truths_are_refused(truth: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ResidualTable.count(EDGES, np.array([1.0, 2.0]), truth)
