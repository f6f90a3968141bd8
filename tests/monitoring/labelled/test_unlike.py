"""Inputs on which labels depend, beyond score and answer: found where they do, and hardly ever where they do not."""

from __future__ import annotations

import numpy as np

from holdfast.monitoring.labelled.unlike import unlike

GROUPS, STRATA, COLUMNS, ROWS, SAMPLE = 10, 20, 30, 4_000, 1_000


def window(seed: int, dependent: float) -> dict[str, float]:
    """Labels come for high scores rather than low ones, and of the first column so much rather for high values.

    All columns go with the score. A quarter of the rows is labelled, and a sample of all rows held against them.
    """
    rng = np.random.default_rng(seed)
    score = rng.random(ROWS)
    values = [np.clip(rng.normal(score, 0.3), 0, 0.999) for _ in range(COLUMNS)]
    chance = 0.5 * score * (1 + dependent * (2 * values[0] - 1))
    labelled, sample = rng.random(ROWS) < chance, rng.permutation(ROWS)[:SAMPLE]
    stratum = (score * STRATA).astype(int)
    found = {}
    for k, column in enumerate(values):
        place = (column * GROUPS).astype(int) * STRATA + stratum
        both = (np.bincount(place[own], minlength=GROUPS * STRATA) for own in (labelled, sample))
        some, every = (one.reshape(GROUPS, STRATA) for one in both)
        found[f"c{k}"] = (some, every)
    return unlike(found, 0.05)


def test_labels_by_score_alone_are_hardly_ever_taken_for_labels_by_a_column() -> None:
    """One window in 500 at most is what the level says; the columns go with the score, so that plain counts differ."""
    assert sum(bool(window(seed, 0.0)) for seed in range(250)) <= 2


def test_the_column_on_which_labels_depend_is_named() -> None:
    named = [window(1_000 + seed, 0.8) for seed in range(30)]
    assert all(next(iter(one), "") == "c0" for one in named)
    assert sum(len(one) == 1 for one in named) >= 29


def test_what_is_labelled_as_rows_come_has_no_distance() -> None:
    every = np.array([[300, 100], [100, 300]])
    assert unlike({"a": (every // 2, every)}, 0.0) == {}
    assert unlike({}, 0.05) == {}


def test_strata_of_which_the_sample_has_no_row_say_nothing() -> None:
    some, every = np.array([[150, 900], [50, 0]]), np.array([[500, 0], [500, 0]])
    assert unlike({"a": (some, every)}, 0.05) == {"a": 0.25}
