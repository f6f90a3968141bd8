import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_curve

from holdfast.objectives import ranking


def rows(n: int = 2_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth and an informative score."""
    rng = np.random.default_rng(seed)
    score = rng.random(n)
    return rng.random(n) < score**3, score


def test_precision_at_capacity_without_ties_is_that_of_the_first_rows() -> None:
    truth, score = rows()
    found = ranking.precision_at_capacity(truth, score, np.ones(2_000), 0.05).mean()
    assert found == pytest.approx(truth[np.argsort(-score)[:100]].mean(), abs=1e-12)


def test_rows_of_equal_score_at_the_cut_are_taken_in_part() -> None:
    truth, score = np.array([True, True, False, False]), np.array([0.9, 0.5, 0.5, 0.5])
    found = ranking.precision_at_capacity(truth, score, np.ones(4), 0.5).mean()
    assert found == pytest.approx((1 + 1 / 3) / 2)


def test_a_capacity_for_all_rows_gives_the_share_of_positives() -> None:
    truth, score = rows()
    assert ranking.precision_at_capacity(truth, score, np.ones(2_000), 1.0) == pytest.approx(truth.astype(float))


def test_a_weight_of_2_counts_like_two_rows() -> None:
    truth, score = rows(60)
    weight = np.random.default_rng(1).integers(0, 3, 60)
    weighted = np.average(ranking.precision_at_capacity(truth, score, weight.astype(float), 0.2), weights=weight)
    again = np.repeat(np.arange(60), weight)
    assert weighted == pytest.approx(
        ranking.precision_at_capacity(truth[again], score[again], np.ones(len(again)), 0.2).mean()
    )


@pytest.mark.parametrize("precision", [0.3, 0.6, 0.8])
def test_recall_at_precision_is_read_off_the_curve_of_scikit_learn(precision: float) -> None:
    truth, score = rows()
    score = np.round(score, 2)
    precisions, recalls, _ = precision_recall_curve(truth, score)
    found = ranking.recall_at_precision(truth, score, np.ones(2_000), precision).mean()
    assert found == pytest.approx(recalls[precisions >= precision].max(), abs=1e-12)


def test_recall_at_a_precision_that_is_never_reached_is_0() -> None:
    truth, score = np.array([False, True]), np.array([0.9, 0.1])
    assert ranking.recall_at_precision(truth, score, np.ones(2), 0.9).tolist() == [0.0, 0.0]


def test_recall_without_positives_is_undefined() -> None:
    assert np.isnan(ranking.recall_at_precision(np.zeros(2, dtype=bool), np.ones(2), np.ones(2), 0.5)).all()


@pytest.mark.parametrize("once", [False, True])
def test_card_precision_is_that_of_the_handbook(once: bool) -> None:
    """A small version of the handbook's own function, with pandas."""
    rng = np.random.default_rng(5)
    n, top = 6_000, 20
    day, card, score = rng.integers(0, 7, n), rng.integers(0, 150, n), rng.random(n)
    truth = rng.random(n) < 0.1 * (card < 20) + 0.01
    table = pd.DataFrame({"day": day, "card": card, "truth": truth, "score": score})
    detected: list[int] = []
    precisions = []
    for number in range(7):
        today = table[(table.day == number) & ~table.card.isin(detected)]
        best = today.groupby("card").max().sort_values("score", ascending=False).head(top)
        precisions.append(best.truth.sum() / top)
        if once:
            detected += best.index[best.truth].tolist()
    found = ranking.precision_per_period(truth, score, np.ones(n), top, day, card, once=once)
    assert found.mean() == pytest.approx(np.mean(precisions), abs=1e-12)


def test_fewer_entities_than_the_capacity_are_all_looked_at() -> None:
    truth, score, day = np.array([True, False]), np.array([0.9, 0.1]), np.array([0, 0])
    assert ranking.precision_per_period(truth, score, np.ones(2), 100, day).mean() == pytest.approx(0.5)


def test_a_period_in_which_every_entity_is_known_is_left_out() -> None:
    truth, score = np.array([True, True]), np.array([0.9, 0.9])
    day, card = np.array([0, 1]), np.array([7, 7])
    assert ranking.precision_per_period(truth, score, np.ones(2), 1, day, card, once=True).mean() == 1.0


def test_standard_errors_are_those_of_the_bootstrap() -> None:
    rng = np.random.default_rng(6)
    truth, score = rows(3_000, seed=7)
    day = np.arange(3_000) // 1_000

    def judges(w: np.ndarray) -> list[np.ndarray]:
        return [
            ranking.precision_at_capacity(truth, score, w, 0.2),
            ranking.precision_per_period(truth, score, w, 200, day),
            ranking.recall_at_precision(truth, score, w, 0.6),
        ]

    errors = [found.std() / np.sqrt(3_000) for found in judges(np.ones(3_000))]
    replicates = [
        [np.average(found, weights=w) for found in judges(w)] for w in rng.poisson(1, (300, 3_000)).astype(float)
    ]
    assert errors == pytest.approx(np.std(replicates, axis=0), rel=0.2)
