"""Whether labelled rows are like the others: false warnings are rare, real differences are found and named."""

from __future__ import annotations

import numpy as np

from holdfast.checks.representative import LEVEL, label_representative
from holdfast.records import Status


def drawn(rng: np.random.Generator, chance: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labelled rows in ten cells, with a chance of a label in each."""
    every = rng.multinomial(rows, np.full(10, 0.1)).reshape(1, 10)
    return every, rng.binomial(every, chance)


def test_labels_that_come_alike_hardly_ever_warn() -> None:
    rng, warned = np.random.default_rng(0), 0
    for _ in range(1_000):
        parts = [drawn(rng, np.full(10, 0.2), 200) for _ in range(4)]
        rows, labelled = (sum(part[k] for part in parts) for k in (0, 1))
        groups = {"region": tuple(np.stack([part[k].ravel() for part in parts]) for k in (0, 1))}
        warned += label_representative(rows, labelled, groups, limit=0.0).status is Status.WARN
    assert warned <= 1_000 * LEVEL * 3


def test_labels_by_the_score_are_found_and_said_to_be_weighed() -> None:
    rows, labelled = drawn(np.random.default_rng(1), np.linspace(0.1, 0.7, 10), 2_000)
    said = label_representative(rows, labelled, {}, limit=0.05)
    assert said.status is Status.WARN
    assert said.evidence["unlike"] == ["score"]
    assert said.message.endswith("Figures weigh both.")


def test_a_segment_is_named_only_if_the_score_does_not_explain_it() -> None:
    rng = np.random.default_rng(2)
    chance = np.linspace(0.1, 0.7, 10)
    # One region has the higher scores, and so more labels; another one has more at the same scores.
    shapes = {"north": np.linspace(0.02, 0.18, 10), "south": np.linspace(0.18, 0.02, 10)}
    rows = np.stack([rng.multinomial(2_000, shape) for shape in shapes.values()])
    alike = rng.binomial(rows, chance)
    oftener = rng.binomial(rows, np.stack([chance, np.minimum(chance * 1.6, 1)]))
    for labelled, expected in ((alike, ["score"]), (oftener, ["region", "score"])):
        groups = {"region": (rows, labelled)}
        said = label_representative(rows.sum(0)[None], labelled.sum(0)[None], groups, limit=0.03)
        assert sorted(said.evidence["unlike"]) == expected
    assert "region" in said.message


def test_certain_is_not_yet_material() -> None:
    rows, labelled = np.full((1, 2), 1_000_000), np.array([[500_000, 505_000]])
    said = label_representative(rows, labelled, {}, limit=0.05)
    assert said.evidence["p_value"] < 1e-6
    assert said.status is Status.PASS


def test_all_known_or_nothing_known_says_nothing() -> None:
    rows = np.full((2, 3), 50)
    for labelled in (rows, np.zeros_like(rows)):
        assert label_representative(rows, labelled, {}, limit=0.05).status is Status.NOT_APPLICABLE
