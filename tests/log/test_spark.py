"""PySpark, without the Delta connector, reads the committed snapshot by its file list.

Spark is large and wants Java: set `HOLDFAST_SPARK` to the Python of an environment that has it (`make test-spark`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from deltalake import DeltaTable

from holdfast.log.committer import Committer
from holdfast.log.spool import Spool
from holdfast.testing.logged import MORNING, in_lake, predictions

SPARK = os.environ.get("HOLDFAST_SPARK", "")

READ = """
import json, sys
from pyspark.sql import SparkSession

base, *uris = sys.argv[1:]
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
rows = spark.read.option("basePath", base).option("mergeSchema", "true").parquet(*uris)
told = {
    "rows": rows.count(),
    "days": sorted(str(row[0]) for row in rows.select("hf_date").distinct().collect()),
    "amount": rows.groupBy().sum("amount").collect()[0][0],
    "ids": sorted(row[0] for row in rows.select("hf_id").collect()),
    "types": dict(rows.dtypes),
}
print(json.dumps(told))
"""


@pytest.mark.skipif(not SPARK, reason="HOLDFAST_SPARK is not set")
@pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed")
def test_spark_reads_the_committed_snapshot_by_its_file_list(tmp_path: Path) -> None:
    day = 86_400_000_000
    with Committer(tmp_path) as committer:
        for number in range(3):
            spool = Spool(tmp_path / "spool")
            ids = [f"{number}-{i}" for i in range(10)]
            amounts = [[number + i / 10 for i in range(10)]]
            spool.write([predictions(ids, time=MORNING + number * day, values=amounts)])
            spool.close()
            committer.round(flush=True)
    place = tmp_path / "lake" / "fraud" / "predictions"
    expected = in_lake(tmp_path)
    uris = DeltaTable(place).file_uris()
    assert len(uris) == 3
    done = subprocess.run(
        [SPARK, "-c", READ, str(place), *uris], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] == len(expected) == 30
    assert told["ids"] == sorted(expected["hf_id"].to_pylist())
    assert told["days"] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert told["amount"] == pytest.approx(sum(expected["amount"].to_pylist()))
    assert {told["types"][name] for name in ("hf_time", "hf_score", "hf_decision", "hf_release")} == {
        "timestamp",
        "double",
        "boolean",
        "bigint",
    }
