"""Which rows are train, validation and test, and what identifies them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.config import Splitting
from holdfast.errors import InputError, SettingError
from holdfast.evaluation.codes import codes_of
from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.parts import digest_of, folds_of, part_of, split_of

DAY = 86_400.0


def history(timed: bool = True, **columns: Any) -> Labelled:
    return Labelled(
        task="binary",
        classes=("0", "1"),
        features=pa.table({"x": np.arange(100.0)}),
        truth=np.arange(100) % 3 == 0,
        time=np.arange(100) * DAY if timed else None,
        groups={name: codes_of(pa.array(values)) for name, values in columns.items()},
    )


def test_by_time_where_there_is_one() -> None:
    found = split_of(history(), Splitting(test="20d", validation="20d", delay="5d"))
    assert found.kind == "time"
    assert (found.test[0], found.validation[0], found.train[-1]) == (80, 55, 49)


def test_what_was_fitted_on_is_not_judged() -> None:
    found = split_of(history(), Splitting(test="20d", validation="20d"), trained_until=70 * DAY)
    assert found.validation[0] == 71
    assert found.left_out == {"fitted": 11}


def test_groups_are_drawn_whole_where_there_is_no_time() -> None:
    rows = history(timed=False, customer=(np.arange(100) // 5).astype(str))
    found = split_of(rows, Splitting(group="customer"))
    parts = [set((part // 5).tolist()) for part in (found.train, found.validation, found.test)]
    assert found.kind == "group"
    assert not parts[0] & parts[1]
    assert not parts[1] & parts[2]
    assert not parts[0] & parts[2]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"test": "20d"}, "Without a time split.test and split.validation are shares"),
        ({"delay": "7d"}, "split.delay needs the time of the rows"),
        ({"folds": 3}, "split.folds needs the time of the rows"),
    ],
)
def test_lengths_of_time_need_a_time(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        split_of(history(timed=False), Splitting(**asked))


def test_at_random_where_there_is_nothing_else() -> None:
    found = split_of(history(timed=False), Splitting())
    assert found.kind == "random"
    assert found.warnings


@pytest.mark.parametrize(
    ("asked", "until", "told"),
    [
        (Splitting(), 5.0, "model.trained_until needs the time"),
        (Splitting(test="5d"), None, "are shares of the rows"),
    ],
)
def test_lengths_need_a_time(asked: Splitting, until: float | None, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        split_of(history(timed=False), asked, until)


def test_all_rows_of_one_moment_are_refused() -> None:
    with pytest.raises(InputError, match="All rows have the same time"):
        split_of(replace(history(), time=np.zeros(100)), Splitting())


def test_rolling_origins() -> None:
    asked = Splitting(test="10d", validation="10d", folds=3)
    assert [fold.test[0] for fold in folds_of(history(), asked)] == [70, 80, 90]
    assert folds_of(history(), Splitting()) == ()
    assert folds_of(history(timed=False), asked) == ()


def test_a_part_in_words() -> None:
    part = part_of("test", history().take(np.arange(10, 20)), uses=2)
    assert (part.rows, part.positives, part.start, part.end, part.uses) == (10, 3, 10 * DAY, 19 * DAY, 2)
    empty = part_of("train", history().take(np.arange(0)))
    assert (empty.rows, empty.start, empty.digest) == (0, None, "")


def test_the_digest_is_of_the_rows_and_not_of_how_they_are_held() -> None:
    rows = history()
    one = digest_of(rows)
    chunked = pa.concat_tables([rows.features.slice(0, 7), rows.features.slice(7)])
    assert digest_of(replace(rows, features=chunked)) == one
    assert digest_of(replace(rows, truth=~rows.truth)) != one
    assert digest_of(replace(rows, time=rows.time + 1)) != one  # type: ignore[operator]
    assert digest_of(rows.take(np.arange(99))) != one
