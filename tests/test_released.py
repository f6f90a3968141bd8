"""A release that is opened again: scores and answers, for rows of any library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import holdfast as hf
from holdfast.errors import InputError, ReleaseError
from holdfast.releases.folder import SealedFolder
from holdfast.testing.releases import FEATURES, payments, seal_small

COSTS = {"rule": "expected_cost", "costs": {"kind": "cost", "false_positive": 5.0, "false_negative": "amount"}}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> SealedFolder:
    return seal_small(hf.open_store(tmp_path_factory.mktemp("releases")))


@pytest.mark.parametrize("where", [str, Path], ids=["text", "path"])
def test_a_release_is_loaded_from_its_folder(sealed: SealedFolder, where: Callable[[str], Any]) -> None:
    assert hf.load_release(where(str(sealed.place))).name == hf.load_release(sealed).name == "payments/1"


def test_a_folder_without_a_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="manifest"):
        hf.load_release(tmp_path)


@pytest.mark.parametrize("make", [lambda rows: rows.to_pandas(), pl.DataFrame, lambda rows: rows.to_pydict()])
def test_rows_of_any_library_are_scored_and_decided(sealed: SealedFolder, make: Callable[[pa.Table], Any]) -> None:
    released, table = hf.load_release(sealed), payments().select(list(FEATURES)).slice(0, 40)
    rows = make(table)
    scores = released.model.predict(rows)
    np.testing.assert_array_equal(scores, released.model.predict(table))
    answers = released.decide(scores, rows)
    np.testing.assert_array_equal(answers.decision, scores >= 0.5)
    np.testing.assert_array_equal(answers.review, (scores >= 0.4) & (scores < 0.6))
    with pytest.raises(InputError, match="expected rows as a table"):
        released.model.predict(np.zeros((3, 4)))


def test_costs_of_a_row_are_those_of_its_columns(tmp_path: Path) -> None:
    """A missed fraud costs its amount: calling is right where the chance of fraud times the amount is dearer."""
    released = hf.load_release(seal_small(hf.open_store(tmp_path), policy=_expected_cost()))
    rows = payments().slice(0, 60)
    scores = released.model.predict(rows)
    expected = scores * rows["amount"].to_numpy() > 5.0 * (1 - scores)
    np.testing.assert_array_equal(released.decide(scores, rows).decision, expected)
    amount = {"amount": rows["amount"].to_numpy()}
    np.testing.assert_array_equal(released.decide(scores, rows, amount).decision, expected)
    with pytest.raises(InputError, match="'amount'"):
        released.decide(scores, rows.drop_columns(["amount"]))


def _expected_cost() -> dict[str, Any]:
    from holdfast.objective import Cost

    costs = Cost(false_positive=5.0, false_negative="amount")
    return {
        "rule": "expected_cost",
        "costs": costs,
        "threshold": None,
        "review_low": None,
        "review_high": None,
    }
