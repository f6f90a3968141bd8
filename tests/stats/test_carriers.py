"""Which group carries a difference: found where there is one, seldom where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.stats.carriers import Sample, carrier


def test_the_group_whose_mean_rose_is_found_among_several_groupings() -> None:
    rng = np.random.default_rng(0)
    groups = [rng.integers(0, 5, 4_000), rng.integers(0, 3, 4_000)]
    old = Sample(rng.normal(size=4_000), np.ones(4_000), groups)
    new = Sample(rng.normal(size=4_000) + 1.0 * (groups[1] == 2), np.ones(4_000), groups)
    found = carrier(new, old, rng)
    assert found is not None
    assert (found.grouping, found.group) == (1, 2)
    assert found.change == pytest.approx(1.0, abs=3 * found.error)
    assert found.rows == pytest.approx(1 / 3, abs=0.03)
    assert found.share == pytest.approx(1.0, abs=0.2)


def test_where_all_groups_rise_alike_there_is_seldom_one() -> None:
    named = 0
    for run in range(300):
        rng = np.random.default_rng(run)
        groups = [rng.integers(0, 6, 600)]
        new = Sample(rng.normal(size=600) + 1.0, np.ones(600), groups)
        named += carrier(new, Sample(rng.normal(size=600), np.ones(600), groups), rng) is not None
    assert named <= 300 * 0.05 + 2 * np.sqrt(300 * 0.05 * 0.95)


def test_weights_say_how_many_rows_each_stands_for() -> None:
    """Repeating rows and weighing them give the same change and share."""
    value, group = np.tile([0.0, 1.0, 5.0, 6.0], 100), np.tile([0, 0, 1, 1], 100)
    weight = np.where(group == 1, 3.0, 1.0)
    found = carrier(Sample(value, weight, [group]), None, np.random.default_rng(1))
    assert found is not None
    assert (found.group, found.rows) == (1, pytest.approx(0.75, abs=0.05))


@pytest.mark.parametrize("group", [np.zeros(500, int), np.full(500, -1), np.repeat([0, 1], [480, 20])])
def test_too_few_groups_or_rows_name_none(group: np.ndarray) -> None:
    value = np.random.default_rng(2).normal(size=500) + 5.0 * (group == 1)
    assert carrier(Sample(value, np.ones(500), [group]), None, np.random.default_rng(3)) is None


def test_without_groupings_and_rows_there_is_none() -> None:
    rng = np.random.default_rng(4)
    assert carrier(Sample(np.ones(5), np.ones(5), []), None, rng) is None
    assert carrier(Sample(np.zeros(0), np.zeros(0), [np.zeros(0, int)]), None, rng) is None
