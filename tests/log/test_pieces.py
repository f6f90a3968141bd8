"""Which files have none of the rows that are asked for, and which have no others."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.log.frames import ARROW
from holdfast.log.pieces import Between


def statistics(**columns: list[int | None]) -> pa.Table:
    """Of four files: received from 10 to 19, 20 to 29 and 30 to 39, and one of which nothing is known."""
    times = ARROW["timestamp"]
    usual = {
        "min.hf_time": pa.array([10, 20, 30, None], times),
        "max.hf_time": pa.array([19, 29, 39, None], times),
        "min.hf_release": pa.array([1, 1, 2, None]),
        "max.hf_release": pa.array([1, 2, 2, None]),
        "null_count.hf_time": pa.array([0, 0, 0, 0]),
        "null_count.hf_release": pa.array([0, 0, 0, 0]),
    }
    return pa.table(usual | {name.replace("_hf", ".hf"): pa.array(values) for name, values in columns.items()})


def inside(between: Between, known: pa.Table | None = None) -> list[bool]:
    """Files that have nothing but these rows."""
    found: list[bool] = between.inside(statistics() if known is None else known).to_pylist()
    return found


def test_a_file_is_inside_if_its_first_and_its_last_row_are():
    """The first moment belongs to what is asked for, the last one does not."""
    assert inside(Between(since=10, until=30)) == [True, True, False, False]
    assert inside(Between(since=11, until=29)) == [False, False, False, False]
    assert inside(Between(since=20)) == [False, True, True, False]
    assert inside(Between(until=20)) == [True, False, False, False]


def test_a_file_of_two_releases_is_inside_of_neither():
    """Rows of the other one have to be left out."""
    assert inside(Between(release=1)) == [True, False, False, False]
    assert inside(Between(release=2)) == [False, False, True, False]


def test_what_is_not_known_is_looked_at():
    """Rows without a time, figures that a file lacks, and conditions on other columns."""
    assert inside(Between(until=40), statistics(null_count_hf_time=[0, 1, None, 0])) == [True, False, False, False]
    assert inside(Between(until=40), statistics().drop_columns(["null_count.hf_time"])) == [False] * 4
    assert inside(Between(until=40), statistics().drop_columns(["max.hf_time"])) == [False] * 4
    assert inside(Between(until=40, also=pc.field("hf_id") == "a")) == [False] * 4


def test_whoever_asks_for_all_is_given_whole_files():
    """Nothing has to be known for that."""
    assert inside(Between()) == [True] * 4
