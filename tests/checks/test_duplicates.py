"""What stands twice: rows, identifiers, columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import holdfast as hf
from holdfast.records import Severity, Status


def numbered(rows: int, repeats: int = 0) -> dict[str, list[object]]:
    """Rows of which the last `repeats` repeat the first one."""
    places = [*range(rows - repeats), *[0] * repeats]
    return {"x": [i / 7 for i in places], "k": ["ab"[i % 2] for i in places]}


@pytest.mark.parametrize(("repeats", "status"), [(0, "pass"), (10, "pass"), (11, "fail"), (500, "fail")])
def test_repeated_rows_fail_beyond_one_in_a_hundred(ask, repeats: int, status: str) -> None:
    finding = ask("quality.duplicate_rows", numbered(1000), numbered(1000, repeats))[""]
    share = repeats / 1000
    assert (finding.status, finding.value, finding.limit) == (status, share, 0.01)
    assert finding.interval == (share, share)
    assert finding.evidence == {"exact": True, "distinct_rows": 1000 - repeats, "reference": 0.0}


def test_repeats_that_are_usual_are_tolerable(ask) -> None:
    finding = ask("quality.duplicate_rows", numbered(1000, 300), numbered(1000, 305))[""]
    assert (finding.status, finding.limit) == (Status.PASS, 0.31)


def test_rows_of_few_values_repeat_the_more_often_the_more_there_are(ask) -> None:
    """Eight possible rows: ten times as many of them cannot be anything but repeats, which is worth a warning only."""
    rng = np.random.default_rng(0)
    few = {"x": rng.integers(0, 8, 20) / 2}
    many = {"x": rng.integers(0, 8, 2000) / 2}
    assert ask("quality.duplicate_rows", few, many)[""].status is Status.WARN


def test_a_null_equals_a_null(ask) -> None:
    now = {"x": [None] * 100, "k": ["a"] * 100}
    assert ask("quality.duplicate_rows", numbered(100), now)[""].value == 0.99


def test_the_tolerable_share_of_repeats_is_a_setting(ask) -> None:
    found = ask("quality.duplicate_rows", numbered(1000), numbered(1000, 100), settings={"duplicates": 0.2})
    assert found[""].status is Status.PASS


def test_many_rows_are_judged_by_an_interval(ask) -> None:
    """200,000 distinct rows and 20,000 repeats: above 65,536 distinct rows a sample of their hashes is kept."""
    places = np.concatenate([np.arange(200_000), np.arange(20_000)])
    finding = ask("quality.duplicate_rows", numbered(1000), {"x": places / 7, "k": np.array(["a", "b"])[places % 2]})[
        ""
    ]
    assert finding.status is Status.FAIL
    assert finding.evidence["exact"] is False
    low, high = finding.interval
    assert low < 1 / 11 < high
    assert high - low < 0.02


def test_repeats_do_not_apply_without_rows(ask) -> None:
    empty = {"x": pa.array([], pa.float64()), "k": pa.array([], pa.string())}
    assert ask("quality.duplicate_rows", numbered(100), empty)[""].status is Status.NOT_APPLICABLE


def test_repeated_identifiers_fail(ask) -> None:
    before = {"order_id": [f"o{i}" for i in range(200)]}
    now = {"order_id": [f"p{i}" for i in range(198)] + ["p0", "p1"]}
    finding = ask("quality.duplicate_keys", before, now)["order_id"]
    assert (finding.status, finding.value, finding.limit) == (Status.FAIL, 0.01, 0.0)
    assert finding.severity is Severity.HIGH
    assert finding.message == "2 identifiers repeat (1.00% of the rows)."


def test_new_identifiers_pass_and_missing_ones_do_not_repeat(ask) -> None:
    before = {"order_id": [f"o{i}" for i in range(200)]}
    now = {"order_id": [None] * 50 + [f"p{i}" for i in range(150)]}
    finding = ask("quality.duplicate_keys", before, now)["order_id"]
    assert (finding.status, finding.value) == (Status.PASS, 0.0)


def test_identifiers_that_repeated_before_pass_when_they_do_so_no_more_often(ask) -> None:
    rows = {"order_id": [f"o{i // 2}" for i in range(200)]}
    finding = ask("quality.duplicate_keys", rows, rows, roles={"order_id": "id"})["order_id"]
    assert (finding.status, finding.value) == (Status.PASS, 0.5)


def test_without_identifiers_their_repeats_do_not_apply(ask) -> None:
    assert ask("quality.duplicate_keys", numbered(100), numbered(100))[""].status is Status.NOT_APPLICABLE


def test_a_new_copy_of_a_column_warns_and_names_the_original(ask) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 100))
    findings = ask("quality.duplicate_columns", {"x": x, "y": y}, {"x": x, "y": x})
    assert {name: (str(f.status), f.evidence) for name, f in findings.items()} == {
        "y": ("warn", {"copy_of": "x", "new": True})
    }
    assert findings["y"].message == "The column is a copy of 'x', which is new."
    known = ask("quality.duplicate_columns", {"x": x, "y": x}, {"x": x, "y": x})["y"]
    assert known.evidence == {"copy_of": "x", "new": False}


def test_columns_of_different_types_or_of_one_value_are_no_copies(ask) -> None:
    rows = {"whole": [1, 2, 3] * 30, "real": [1.0, 2.0, 3.0] * 30, "a": [7.0] * 90, "b": [7.0] * 90}
    assert ask("quality.duplicate_columns", rows, rows)[""].status is Status.PASS


def test_ignored_columns_are_no_copies(ask) -> None:
    rows = {"x": [1.0, 2.0] * 50, "y": [1.0, 2.0] * 50}
    found = ask("quality.duplicate_columns", rows, rows, settings={"columns": {"y": {"ignore": True}}})
    assert found[""].status is Status.PASS


def test_a_profile_of_counts_alone_cannot_say_which_repeats_are_usual(ask, tmp_path) -> None:
    """It has no row hashes: what is not known is neither a pass nor a failure."""
    rows = numbered(1000) | {"order_id": [f"o{i}" for i in range(1000)], "label": [0, 1] * 500}
    hf.save_profile(hf.profile_table(rows, roles={"label": "target"}), tmp_path / "counts.profile", rows=False)
    for code in ("quality.duplicate_rows", "quality.duplicate_keys", "quality.conflicting_labels"):
        assert ask(code, tmp_path / "counts.profile", rows)[""].status is Status.NOT_APPLICABLE
    assert hf.compare(tmp_path / "counts.profile", rows).passed
