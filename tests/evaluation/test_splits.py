import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError, SettingError
from holdfast.evaluation.splits import Split, by_time, checked, rolling

DAY = 86_400.0


def days(split: Split, time: np.ndarray) -> list[list[int]]:
    return [sorted({int(t // DAY) for t in time[rows]}) for rows in (split.train, split.validation, split.test)]


def test_parts_follow_each_other_with_the_delay_between_them() -> None:
    time = np.arange(20) * DAY
    split = by_time(time, validation="3d", test="4d", delay_seconds=2 * DAY)
    assert days(split, time) == [list(range(9)), [11, 12, 13], [16, 17, 18, 19]]
    assert split.left_out == {"delay": 4}
    assert split.delay_seconds == 2 * DAY


def test_a_history_of_stated_length_leaves_out_what_is_earlier() -> None:
    time = np.arange(20) * DAY
    split = by_time(time, validation="3d", test="4d", train="5d", delay_seconds=2 * DAY)
    assert days(split, time)[0] == [4, 5, 6, 7, 8]
    assert split.left_out == {"earlier": 4, "delay": 4}


def test_shares_are_of_all_rows() -> None:
    split = by_time(np.arange(100) * DAY, validation=0.2, test=0.3)
    assert (len(split.train), len(split.validation), len(split.test)) == (50, 20, 30)


def test_rows_of_one_moment_are_wholly_on_the_later_side_of_a_cut() -> None:
    time = np.array([0.0, 1, 2, 3, 3, 3, 3, 3, 4, 5])
    split = by_time(time, validation=0.2, test=0.3)
    assert split.test.tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert split.validation.tolist() == [1, 2]


def test_rows_without_a_time_are_left_out_and_unsorted_ones_are_sorted() -> None:
    time = np.array([5.0, np.nan, 1, 4, 2, 3, np.nan, 0])
    split = by_time(time, validation=1 / 3, test=1 / 3)
    assert [rows.tolist() for rows in (split.train, split.validation, split.test)] == [[7, 2], [4, 5], [3, 0]]
    assert split.left_out == {"time": 2}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=5, max_size=60),
    st.sampled_from([0.2, 0.4, "3d", "7d"]),
    st.sampled_from([0.2, 0.3, "3d", "7d"]),
    st.integers(0, 5),
)
def test_no_row_is_in_two_parts_and_every_label_is_known_in_time(
    moments: list[int], validation: float | str, test: float | str, delay: int
) -> None:
    time = np.array(moments) * DAY
    try:
        split = by_time(time, validation=validation, test=test, delay_seconds=delay * DAY)
    except InputError:
        return
    rows = np.concatenate([split.train, split.validation, split.test])
    assert len(np.unique(rows)) == len(rows)
    assert len(rows) + sum(split.left_out.values()) == len(time)
    for earlier, later in ((split.train, split.validation), (split.validation, split.test)):
        assert time[earlier].max() < time[later].min()
        assert time[earlier].max() + delay * DAY <= time[later].min()


def test_rows_that_the_model_was_fitted_on_are_not_judged() -> None:
    split = by_time(np.arange(20) * DAY, validation="6d", test="6d", fitted_until=9 * DAY)
    assert split.validation.tolist() == [10, 11, 12, 13]
    assert split.left_out == {"fitted": 2}
    with pytest.raises(InputError, match=r"validation part has no rows \(left out: 9 by model\.trained_until\)"):
        by_time(np.arange(20) * DAY, validation="6d", test="6d", fitted_until=16 * DAY)


def test_a_group_of_an_earlier_part_is_left_out_of_the_later_ones() -> None:
    time = np.arange(9) * DAY
    group = np.array(["a", "b", "c", "a", "d", "d", "b", "d", "e"])
    split = by_time(time, validation="3d", test="3d", group=group)
    assert group[split.validation].tolist() == ["d", "d"]
    assert group[split.test].tolist() == ["e"]
    assert split.left_out == {"group": 3}
    assert "3 of 6 rows of validation and test were left out" in split.warnings[0]


def test_groups_that_leave_nothing_are_said() -> None:
    with pytest.raises(InputError, match="6 by group"):
        by_time(np.arange(9) * DAY, validation="3d", test="3d", group=np.zeros(9))


def test_folds_are_each_one_test_period_earlier() -> None:
    time = np.arange(30) * DAY
    folds = rolling(time, 3, validation="4d", test="5d", train="6d", delay_seconds=DAY)
    assert [days(fold, time)[2] for fold in folds] == [
        [15, 16, 17, 18, 19],
        [20, 21, 22, 23, 24],
        [25, 26, 27, 28, 29],
    ]
    assert [len(fold.train) for fold in folds] == [6, 6, 6]
    last = by_time(time, validation="4d", test="5d", train="6d", delay_seconds=DAY)
    assert all((getattr(last, name) == getattr(folds[-1], name)).all() for name in ("train", "validation", "test"))


def test_folds_by_shares_cover_equal_times() -> None:
    time = np.arange(100) * DAY
    folds = rolling(time, 3, validation=0.1, test=0.2)
    assert [(len(f.train), len(f.validation), len(f.test)) for f in folds] == [(30, 10, 20), (50, 10, 20), (70, 10, 20)]


def test_a_history_too_short_for_the_folds_is_said() -> None:
    with pytest.raises(InputError, match="too short for 5 folds: The train part has no rows"):
        rolling(np.arange(20) * DAY, 5, validation="4d", test="5d")


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ({"validation": 0.2, "test": 1.5}, SettingError, "split.test is a share"),
        ({"validation": 0.0, "test": 0.2}, SettingError, "split.validation is a share"),
        ({"validation": "soon", "test": 0.2}, SettingError, "split.validation takes a length"),
        ({"validation": 0.2, "test": 0.2, "delay_seconds": -1.0}, SettingError, "split.delay"),
        ({"validation": 0.2, "test": 0.2, "delay_seconds": np.nan}, SettingError, "split.delay"),
        ({"validation": 0.2, "test": 0.2, "delay_seconds": 99 * DAY}, InputError, "validation|train"),
        ({"validation": "1d", "test": "99d"}, InputError, "part has no rows"),
        ({"validation": 0.6, "test": 0.6}, InputError, "train part has no rows"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(sizes: dict[str, float], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        by_time(np.arange(10) * DAY, **sizes)


@pytest.mark.parametrize("time", [np.array([]), np.array([np.nan, np.nan]), np.array([1.0]), np.array([1.0, 1.0, 1.0])])
def test_too_few_moments_are_refused(time: np.ndarray) -> None:
    with pytest.raises(InputError):
        by_time(time, validation=0.2, test=0.2)


def split_of(train: int, validation: int, test: int) -> Split:
    edges = np.cumsum([0, train, validation, test])
    parts = [np.arange(*edges[i : i + 2]) for i in range(3)]
    return Split(train=parts[0], validation=parts[1], test=parts[2], kind="time", left_out={})


def test_one_class_only_in_validation_or_test_is_refused() -> None:
    split = split_of(4, 2, 2)
    yes, no = True, False
    with pytest.raises(InputError, match="validation part has no positive rows among its 2, so nothing can be chosen"):
        checked(split, np.array([yes, no, yes, no, no, no, yes, no]), "binary")
    with pytest.raises(InputError, match="test part has only positive rows among its 2, so nothing can be judged"):
        checked(split, np.array([yes, no, yes, no, yes, no, yes, yes]), "binary")
    with pytest.raises(InputError, match="validation part has one class only"):
        checked(split, np.array([0, 1, 2, 0, 1, 1, 0, 1]), "classes", ("a", "b", "c"))
    with pytest.raises(InputError, match="test part has 1 row"):
        checked(split_of(4, 2, 1), np.zeros(7), "regression")


def test_few_rows_of_a_class_are_warned_of() -> None:
    truth = np.arange(300) % 10 == 0
    found = checked(split_of(100, 100, 100), truth, "binary")
    assert found.warnings == tuple(
        f"The {name} part has fewer than 30 rows of the positive class: figures that rest on them are vague."
        for name in ("validation", "test")
    )


def test_a_class_that_comes_only_later_is_warned_of() -> None:
    truth = np.repeat([0, 1, 0, 1, 2, 0, 1, 2], 50)
    found = checked(split_of(100, 150, 150), truth, "classes", ("a", "b", "c"))
    assert found.warnings == ("The train part has no rows of 'c': they occur only later.",)


def test_enough_rows_need_no_warning() -> None:
    truth = np.arange(600) % 2 == 0
    assert checked(split_of(200, 200, 200), truth, "binary").warnings == ()
    assert checked(split_of(2, 2, 2), np.zeros(6), "regression").warnings == ()
