import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError, SettingError
from holdfast.evaluation.random_splits import at_random, by_group


def test_no_group_is_in_two_parts_and_parts_have_about_their_share() -> None:
    group = np.random.default_rng(0).integers(0, 300, 3_000)
    split = by_group(group, validation=0.2, test=0.3, seed=1)
    parts = [set(group[rows]) for rows in (split.train, split.validation, split.test)]
    assert len(parts[0]) + len(parts[1]) + len(parts[2]) == len(np.unique(group))
    assert [len(split.train), len(split.validation), len(split.test)] == pytest.approx([1_500, 600, 900], abs=30)
    assert split.kind == "group"
    assert "no time" in split.warnings[0]


def test_a_group_that_is_nearly_everything_leaves_a_part_empty() -> None:
    with pytest.raises(InputError, match="part has no rows"):
        by_group(np.zeros(10), validation=0.2, test=0.2)


@settings(max_examples=50, deadline=None)
@given(st.integers(20, 200), st.sampled_from([0.1, 0.2, 0.3]), st.integers(0, 5))
def test_every_row_is_in_one_part(rows: int, share: float, seed: int) -> None:
    truth = np.arange(rows) % 3 == 0
    split = at_random(truth, validation=share, test=share, task="binary", seed=seed)
    assert sorted([*split.train, *split.validation, *split.test]) == list(range(rows))


def test_classes_are_drawn_in_proportion() -> None:
    truth = np.repeat([0, 1, 2], [700, 200, 100])
    split = at_random(truth, validation=0.2, test=0.2, task="classes")
    assert np.bincount(truth[split.test]).tolist() == [140, 40, 20]
    assert np.bincount(truth[split.validation]).tolist() == [140, 40, 20]


def test_numbers_are_drawn_alike_over_their_range() -> None:
    truth = np.random.default_rng(0).lognormal(0, 1, 1_000)
    split = at_random(truth, validation=0.2, test=0.2, task="regression")
    assert len(split.test) == 200
    assert np.quantile(truth[split.test], [0.1, 0.5, 0.9]) == pytest.approx(
        np.quantile(truth, [0.1, 0.5, 0.9]), rel=0.05
    )


def test_the_order_of_the_rows_does_not_decide() -> None:
    split = at_random(np.arange(1_000) % 2 == 0, validation=0.2, test=0.2, task="binary")
    assert split.test.mean() == pytest.approx(500, abs=60)


def test_the_seed_decides() -> None:
    truth = np.arange(100) % 2 == 0

    def test_rows(seed: int) -> list[int]:
        return at_random(truth, validation=0.2, test=0.2, task="binary", seed=seed).test.tolist()

    assert test_rows(1) == test_rows(1) != test_rows(2)


@pytest.mark.parametrize(("validation", "test"), [("7d", 0.2), (0.2, "7d"), (0.5, 0.5), (0.0, 0.2)])
def test_lengths_and_shares_that_leave_nothing_are_refused(validation: float | str, test: float | str) -> None:
    with pytest.raises(SettingError, match="shares of the rows, above 0 and together below 1"):
        at_random(np.array([True, False]), validation=validation, test=test, task="binary")


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(InputError, match="part has no rows"):
        at_random(np.array([True, False]), validation=0.2, test=0.2, task="binary")
