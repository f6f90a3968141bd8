"""Real and published tables, compared as a user would compare them (see the README beside the files)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import holdfast as hf
from holdfast.schema import Role

DATA = Path(os.environ.get("HOLDFAST_DATA") or Path(__file__).parents[1] / "../shared/data").resolve()

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no folder {DATA}: set HOLDFAST_DATA to the real files"),
]

FILES = [
    "adult",
    "bike_sharing_hour",
    "california_housing_raw",
    "fdh_transactions_transformed",
    "nannyml_synthetic_car_loan_reference",
    "nannyml_synthetic_car_price_reference",
    "ulb_creditcard_casecontrol",
]


def read(name: str) -> pa.Table:
    return pq.read_table(DATA / f"{name}.parquet")


def compared(reference: Path, current: Path, *options: str) -> dict[str, Any]:
    """The JSON of `holdfast compare`, which must have run to its end, every check of it."""
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", "compare", str(reference), str(current), "--json", *options],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if result["passed"] else 1)
    assert [f for f in result["findings"] if f["status"] == "error"] == []
    return result


def halves(folder: Path, table: pa.Table, order: Sequence[str] = (), first: int | None = None) -> tuple[Path, Path]:
    """The table in two files, by order."""
    if order:
        table = table.sort_by([(column, "ascending") for column in order])
    first = table.num_rows // 2 if first is None else first
    paths = folder / "first.parquet", folder / "second.parquet"
    pq.write_table(table.slice(0, first), paths[0])
    pq.write_table(table.slice(first), paths[1])
    return paths


def subjects(result: dict[str, Any], code: str, status: str = "fail") -> set[str]:
    """What findings of a code, or of a family, are about."""
    return {f["subject"] for f in result["findings"] if f["code"].startswith(code) and f["status"] == status}


def drifted(result: dict[str, Any]) -> set[str]:
    """Columns whose own distribution drifts, whatever their role."""
    return subjects(result, "drift.") - subjects(result, "drift.joint")


def variation(before: pa.ChunkedArray, after: pa.ChunkedArray, bins: int = 20) -> float:
    """Total variation between two columns, over values or over bins of equally many reference rows: the oracle."""
    if pa.types.is_floating(before.type):
        cuts = np.unique(np.nanquantile(before.to_numpy(), np.arange(1, bins) / bins))
        cells = [np.bincount(np.searchsorted(cuts, c.to_numpy()), minlength=len(cuts) + 1) for c in (before, after)]
    else:
        values = pc.unique(pa.chunked_array([*before.chunks, *after.chunks]))
        cells = [np.bincount(pc.index_in(c, values).to_numpy(), minlength=len(values)) for c in (before, after)]
    return float(np.abs(cells[0] / cells[0].sum() - cells[1] / cells[1].sum()).sum() / 2)


@cache
def roles(name: str) -> dict[str, str]:
    """Inferred roles, without features."""
    with hf.open_table(DATA / f"{name}.parquet") as table:
        return {c.name: str(c.role) for c in hf.infer(table, rows=20_000).columns if c.role is not Role.FEATURE}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adult", {"class": "target"}),
        ("bike_sharing_hour", {"dteday": "time"}),
        ("california_housing_raw", {}),
        ("fdh_transactions_transformed", {"TRANSACTION_ID": "id", "TX_DATETIME": "time", "TX_FRAUD": "target"}),
        (
            "nannyml_synthetic_car_loan_reference",
            {"repaid": "target", "timestamp": "time", "y_pred_proba": "score", "y_pred": "prediction"},
        ),
        (
            "nannyml_synthetic_car_price_reference",
            {"id": "id", "y_true": "target", "y_pred": "prediction", "timestamp": "time"},
        ),
        ("ulb_creditcard_casecontrol", {"Time": "time", "Class": "target", "sample_weight": "weight"}),
    ],
)
def test_roles(name: str, expected: dict[str, str]) -> None:
    """None of them is wrong; those that only the README knows (`cnt`, `median_house_value`) are left to the user."""
    assert roles(name) == expected


@pytest.mark.parametrize("name", FILES)
def test_a_table_against_itself(name: str) -> None:
    """Every column of it is judged, and nothing fails."""
    if name == "fdh_transactions_transformed":
        pytest.skip("1.7 million rows: compared by halves below")
    path = DATA / f"{name}.parquet"
    result = compared(path, path)
    assert result["passed"], [f for f in result["findings"] if f["status"] == "fail"]


def test_car_loan() -> None:
    """The covariate shift that was built in: what drifts is what an independent measure says."""
    before, after = read("nannyml_synthetic_car_loan_reference"), read("nannyml_synthetic_car_loan_monitoring")
    result = compared(*(DATA / f"nannyml_synthetic_car_loan_{part}.parquet" for part in ("reference", "monitoring")))
    columns = [c for c in before.column_names if c not in {"id", "timestamp", "repaid"}]
    moved = {c: variation(before[c], after[c]) for c in columns}
    assert drifted(result) == {"car_value", "repaid_loan_on_prev_car", "y_pred_proba"}
    assert {c for c in moved if moved[c] >= 0.115} <= drifted(result) <= {c for c in moved if moved[c] >= 0.10}
    assert subjects(result, "drift.prediction") == {"y_pred_proba"}


def test_car_price() -> None:
    """Truth and prediction moved with the inputs' dependence; no input alone by as much as matters."""
    before, after = read("nannyml_synthetic_car_price_reference"), read("nannyml_synthetic_car_price_monitoring")
    result = compared(*(DATA / f"nannyml_synthetic_car_price_{part}.parquet" for part in ("reference", "monitoring")))
    columns = [c for c in before.column_names if c not in {"id", "timestamp"}]
    assert drifted(result) == {c for c in columns if variation(before[c], after[c]) >= 0.10} == {"y_true", "y_pred"}
    assert subjects(result, "drift.label") == {"y_true"}


def test_adult_is_at_rest(tmp_path: Path) -> None:
    """The official training and test rows are a random split; only the column that names the halves tells them apart."""
    table = read("adult")
    result = compared(*halves(tmp_path, table, first=32_561))
    assert subjects(result, "drift.") == subjects(result, "quality.") == {"split"}
    assert compared(*halves(tmp_path, table.drop_columns("split"), first=32_561))["passed"]


def test_california_goes_from_south_to_north(tmp_path: Path) -> None:
    """The file is ordered by place, so its halves are two regions."""
    result = compared(*halves(tmp_path, read("california_housing_raw")))
    assert {"longitude", "latitude", "ocean_proximity"} <= drifted(result)
    assert not {"total_rooms", "total_bedrooms", "population", "households"} & drifted(result)


def test_bike_rentals_grow(tmp_path: Path) -> None:
    """From 2011 to 2012 rentals grew and the weather did not; the counter of rows is called what it is."""
    result = compared(*halves(tmp_path, read("bike_sharing_hour"), order=["dteday", "hr"]))
    assert {"yr", "cnt", "registered"} <= drifted(result)
    assert not {"season", "mnth", "hr", "weekday", "workingday", "temp", "windspeed"} & drifted(result)
    assert subjects(result, "quality.identifier_leakage", "warn") == {"instant"}


def test_credit_cards_differ_from_day_to_day(tmp_path: Path) -> None:
    """The first day against the second: some principal components move by half their spread; the share of frauds rests."""
    table = read("ulb_creditcard_casecontrol").drop_columns(["src", "n_repos"])
    result = compared(*halves(tmp_path, table, order=["Time"]))
    assert {"V1", "V3", "V28"} <= drifted(result)
    assert not {"Amount", "Class", "V2", "V13", "V16", "V17", "V19"} & drifted(result)


def test_handbook_transactions(tmp_path: Path) -> None:
    """Counters over 30 days fill up in the first half; what a payment is like does not change."""
    table = read("fdh_transactions_transformed")
    result = compared(*halves(tmp_path, table, order=["TX_DATETIME"]), "--role", "TX_TIME_SECONDS=ignore")
    assert "TERMINAL_ID_NB_TX_30DAY_WINDOW" in drifted(result)
    rest = {"TX_AMOUNT", "TX_FRAUD", "TX_DURING_WEEKEND", "TX_DURING_NIGHT", "TERMINAL_ID", "CUSTOMER_ID"}
    assert not rest & drifted(result)
    assert subjects(result, "quality.") == set()  # columns that only tell the time warn


def test_natural_variation_is_learned_from_earlier_windows(tmp_path: Path) -> None:
    """The last tenth of the handbook's payments against the rest, which has windows: that the clock moved on fails nothing."""
    command = [sys.executable, "-m", "holdfast.demo", "--output", str(tmp_path)]
    data = ["--data", str(DATA / "fdh_transactions_transformed.parquet"), "--time", "TX_DATETIME"]
    done = subprocess.run([*command, *data], capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr == ""
    result = json.loads((tmp_path / "findings.json").read_text(encoding="utf-8"))
    assert subjects(result, "") == set()
    assert drifted(result) == set()
