"""How fast are rows taken into the spool, and how fast is one day of a long log read, each row with its label beside it?"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa

from bars import Bar, Effort, at_least, at_most, for_information
from holdfast.log import parquet
from holdfast.log.columns import label_layout, prediction_layout
from holdfast.log.following import match
from holdfast.log.frames import Layout, Type
from holdfast.log.ids import Ulids
from holdfast.log.lake import folder
from holdfast.log.spool import Spool
from holdfast.log.table import create
from holdfast.testing.logged import predictions

MODEL = "bench"
FEATURES: tuple[tuple[str, Type], ...] = tuple((f"feature_{k}", "float64") for k in range(14))
"""With Holdfast's own 21 they make 35 columns."""

GROUP_ROWS = 1_000
FIRST_DAY, DAYS = datetime(2026, 1, 1, tzinfo=UTC), 10
READS = 5

READ = """
import sys, time
from holdfast.startup import prepare
prepare()
import deltalake
import holdfast as hf
log = hf.open_log(sys.argv[1])
for _ in range(int(sys.argv[4])):
    began, rows, labelled = time.perf_counter(), 0, 0
    for some in log.predictions("bench", since=sys.argv[2], until=sys.argv[3], with_labels=True):
        rows += some.num_rows
        labelled += some.num_rows - some.column("hf_label").null_count
    print(rows, labelled, time.perf_counter() - began)
"""


def appending(effort: Effort) -> Iterator[Bar]:
    """Rows a second into the spool: from values to what is acknowledged."""
    groups = {"quick": 50, "usual": 500, "thorough": 2_000}[effort]
    rng, ids = random.Random(0), Ulids()
    values = [[rng.random() for _ in range(GROUP_ROWS)] for _ in FEATURES]
    with tempfile.TemporaryDirectory() as place, closing(Spool(Path(place, "spool"))) as spool:
        began = time.perf_counter()
        for _ in range(groups):
            spool.write([predictions(ids.many(GROUP_ROWS), columns=FEATURES, values=values)])
        rate = groups * GROUP_ROWS / (time.perf_counter() - began)
    setting = f"{groups * GROUP_ROWS:,} rows of 35 columns in groups of {GROUP_ROWS:,} into the spool: rows a second"
    yield at_least(setting, rate, 50_000, 0)


def reading(effort: Effort) -> Iterator[Bar]:
    """A day in the middle of ten; another process reads, which has loaded what it needs."""
    a_day = 50_000 if effort == "quick" else 1_000_000
    since = FIRST_DAY + timedelta(days=DAYS // 2)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        fill(root, a_day)
        unmatched = read(root, since, a_day)
        began = time.perf_counter()
        match(root, MODEL)
        matching = time.perf_counter() - began
        matched = read(root, since, a_day)
    setting = f"one day of {DAYS * a_day:,} rows of 35 columns, each with its label"
    yield at_most(f"{setting}: {a_day:,} rows", matched, 2.0, "s")
    yield for_information(f"{setting}, before labels are matched with their days", f"{unmatched:.2f} s")
    rate = DAYS * a_day / matching
    yield for_information("labels that are matched with the days of their predictions", f"{rate:,.0f} a second")


def read(root: Path, since: datetime, expected: int) -> float:
    """Median seconds."""
    until = since + timedelta(days=1)
    command = [sys.executable, "-c", READ, str(root), since.isoformat(), until.isoformat(), str(READS)]
    told = [line.split() for line in subprocess.check_output(command, text=True).splitlines()]
    assert all((int(rows), int(labelled)) == (expected, expected) for rows, labelled, _ in told), told
    return median(float(seconds) for *_, seconds in told)


def fill(root: Path, a_day: int) -> None:
    """A lake as the committer leaves it once days are closed: a file for each; labels came the day after, in another order."""
    rng, ids = np.random.default_rng(0), Ulids()
    layouts = prediction_layout(MODEL, "binary", (), FEATURES), label_layout(MODEL, "binary")
    for number in range(DAYS):
        names = np.array(ids.many(a_day), dtype=object)
        numbers: dict[str, Any] = {name: rng.normal(size=a_day) for name, _ in FEATURES}
        score = rng.random(a_day)
        told = {
            "hf_id": names,
            "hf_score": score,
            "hf_decision": score > 0.5,
            "hf_confidence": np.fmax(score, 1 - score),
        }
        add(root, layouts[0], number, number, a_day, {**numbers, **told})
        add(root, layouts[1], number, number + 1, a_day, {"hf_id": rng.permutation(names)})


def add(root: Path, layout: Layout, number: int, day: int, count: int, told: Mapping[str, Any]) -> None:
    """Commit rows of a day; where nothing is told of a column all have the same."""
    table = create(folder(root, MODEL, layout.kind), layout.kind, layout.columns)
    received = FIRST_DAY + timedelta(days=day)
    times = np.datetime64(received.replace(tzinfo=None), "us") + np.arange(count) * (86_400_000_000 // count)
    date = f"{received:%Y-%m-%d}"
    known = {"hf_time": times, "hf_row": np.arange(count), "hf_seq": np.full(count, number + 1), **told}
    usual = {"string": "", "bool": False, "int64": 1, "double": None, "timestamp[us, tz=UTC]": None}
    columns = [
        pa.array(known[field.name], type=field.type)
        if field.name in known
        else pa.repeat(pa.scalar({"hf_date": date}.get(field.name, usual[str(field.type)]), type=field.type), count)
        for field in table.arrow
    ]
    rows = pa.table(columns, schema=table.arrow)
    table.commit(add=[parquet.write(table.path, date, f"rows-{number}", [rows], table.arrow)])
