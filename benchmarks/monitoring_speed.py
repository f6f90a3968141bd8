"""How long does watching take: months of a busy model at once, one more day, and a monitor that looked every few minutes?

The log is that of a released LightGBM model of 30 inputs and a segment of 10 values, with a file for each day. A day takes
1,000 random blocks of a pool of rows that the model has answered, so that days differ as samples do; numbers have eight
binary places, so that months of rows find room on a disk.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from bars import Bar, Effort, at_most, for_information
from speed import Run, measured, output

DAYS, SECONDS, MEGABYTES, ONE_DAY_SECONDS = 90, 180, 1_000, 3
NUMBERS, VALUES, SEGMENTS = 25, (5, 20, 50, 200, 1_000), 10
"""Inputs: numbers, and distinct values of each string; values of the segment."""

HISTORY_DAYS, HISTORY_ROWS = 91, 2_000
BLOCKS = 1_000
"""Of which a day's rows consist."""

LABELS = 1_000
"""A day; they arrive the day after."""

PROJECT = """
name = "bench"

[data]
path = "history.parquet"
target = "bad"
time = "time"
roles = {{ region = "segment" }}

[model]
path = "model.joblib"
trained_until = "{trained_until}"

[objective]
kind = "cost"
false_positive = 5
false_negative = "n0"

[split]
validation = 0.2
test = 0.4

[gate]
warnings = ["drift", "explain", "leakage"]

[explain]
rows = 20
background = 10
"""


def watching(effort: Effort) -> Iterator[Bar]:
    """Months at once, a day more, and a run without news; labels arrive the day after."""
    a_day, days = (50_000, 10) if effort == "quick" else (1_000_000, DAYS)
    with tempfile.TemporaryDirectory() as place:
        # Made in a process of its own: this one stays small, for a child's peak is never told below its parent's.
        output([sys.executable, __file__, "write", place, str(a_day), str(days + 1)])
        yield from measuring(place, a_day, days)


def measuring(place: str, a_day: int, days: int) -> Iterator[Bar]:
    """Whole processes, each of which says what it has read and judged."""
    setting = f"{NUMBERS + len(VALUES)} columns, {SEGMENTS} segments, {a_day:,} rows and {LABELS:,} labels a day"
    first, found = watched(place, days)
    assert found == {"rows": days * a_day, "judged": days, "labels": (days - 1) * LABELS}, found
    note = f" ({first.cpu_seconds:.0f} s of the processors)"
    yield at_most(f"{setting}: {days} days at once", first.seconds, SECONDS, "s", 1, note)
    yield at_most(f"{setting}: memory", first.megabytes, MEGABYTES, "MB", 0)
    again, found = watched(place, days)
    assert found == {"rows": 0, "judged": 0, "labels": 0}, found
    yield for_information(f"{setting}: again, with nothing new", f"{again.seconds:.2f} s")
    more, found = watched(place, days + 1)
    assert found == {"rows": a_day, "judged": 1, "labels": LABELS}, found
    note = f" ({more.cpu_seconds:.1f} s of the processors)"
    yield at_most(f"{setting}: one more day, of which alone rows are read", more.seconds, ONE_DAY_SECONDS, "s", 2, note)


def watched(place: str, days: int) -> tuple[Run, dict[str, int]]:
    """A run as of the end of a day, in a process of its own, and what it has read and judged."""
    run = measured([sys.executable, __file__, "watch", place, str(days)])
    found: dict[str, int] = json.loads(Path(place, "ran.json").read_text(encoding="utf-8"))
    return run, found


def watch(place: Path, days: int) -> None:
    """What a user does."""
    from holdfast.startup import prepare

    prepare()
    import holdfast as hf
    from holdfast.monitoring.sources.source import MARGIN_SECONDS
    from holdfast.site import Site
    from log_reading import FIRST_DAY

    now = FIRST_DAY + timedelta(days=days, seconds=MARGIN_SECONDS)
    (found,) = hf.monitor("bench", site=Site(folder=str(place)), backfill=f"{DAYS + 1}d", now=now).models
    told = {"rows": found.rows, "judged": found.judged, "labels": found.labels}
    (place / "ran.json").write_text(json.dumps(told), encoding="utf-8")


def write(place: Path, a_day: int, days: int) -> None:
    """The release, and the log of its days."""
    import numpy as np

    import holdfast as hf
    from holdfast.log.columns import label_layout, prediction_layout
    from holdfast.released import load_release
    from log_reading import FIRST_DAY, add

    fitted(place, FIRST_DAY)
    sealed = hf.release(hf.evaluate(project=place / "holdfast.toml", trust=True), store=place / "releases")
    block = max(a_day // BLOCKS, 1)
    pool, truth = rows_of(np.random.default_rng(1), min(3 * a_day, 1_000_000))
    score = joblib_model(place).predict_proba(frame_of(pool))[:, 1]
    answers = load_release(sealed).decide(
        score, pool, {"n0": pool["n0"].to_numpy()}, np.arange(len(score), dtype=np.uint64)
    )
    answered: dict[str, Any] = {name: pool[name].combine_chunks() for name in pool.column_names}
    answered |= {"hf_score": score, "hf_decision": answers.decision, "hf_review": answers.review}
    features = [(name, "float64" if name.startswith("n") else "string") for name in pool.column_names]
    layouts = prediction_layout("bench", "binary", (), features), label_layout("bench", "binary")  # type: ignore[arg-type]
    root, rng = place / ".holdfast", np.random.default_rng(2)
    known = {"hf_release": np.full(a_day, sealed.manifest.version), "hf_route": ["champion"] * a_day}
    for number in range(days):
        begin = FIRST_DAY + timedelta(days=number)
        names = ids(begin.timestamp(), a_day, block)
        chosen = (rng.integers(0, len(score) // block, a_day // block)[:, None] * block + np.arange(block)).ravel()
        told = {name: taken(values, chosen) for name, values in answered.items()}
        times = np.datetime64(begin.replace(tzinfo=None), "us") + np.arange(a_day) * (86_400_000_000 // a_day)
        add(root, layouts[0], number, number, a_day, {**told, **known, "hf_id": names, "hf_event_time": times})
        of = np.sort(rng.choice(a_day, LABELS, replace=False))
        labels = {"hf_id": names[of], "hf_label": truth[chosen[of]]}
        add(root, layouts[1], number, number + 1, LABELS, labels)


def ids(begin: float, count: int, block: int) -> Any:
    """Identifiers of a day, block by block as time goes on."""
    import numpy as np

    from holdfast.log.ids import Ulids

    now = [begin]
    made, step = Ulids(lambda: now[0]), 86_400 * block / count
    found: list[str] = []
    for place in range(count // block):
        now[0] = begin + place * step
        found += made.many(block)
    return np.array(found, dtype=object)


def taken(values: Any, places: Any) -> Any:
    """Some of the values of an array of NumPy or Arrow."""
    import pyarrow as pa

    return values.take(pa.array(places)) if isinstance(values, pa.Array) else values[places]


def rows_of(rng: Any, count: int) -> tuple[Any, Any]:
    """Inputs, and the truth of each row."""
    import numpy as np
    import pyarrow as pa

    numbers = rng.normal(size=(count, NUMBERS))
    numbers[:, 0] = np.exp(3 + numbers[:, 0])
    numbers = np.round(numbers * 256) / 256
    numbers[rng.random(count) < 0.02, 1] = np.nan
    logit = -3 + numbers[:, 2:8] @ np.linspace(1, 0.2, 6) + numbers[:, 8] * numbers[:, 9]
    columns: dict[str, Any] = {f"n{i}": column for i, column in enumerate(numbers.T)}
    for i, values in enumerate(VALUES):
        code = (values * rng.random(count) ** 2).astype(int)
        logit += 2 * code / values - 1
        columns[f"s{i}"] = pa.DictionaryArray.from_arrays(code, [f"value {value}" for value in range(values)]).cast(
            pa.string()
        )
    region = pa.DictionaryArray.from_arrays(rng.integers(0, SEGMENTS, count), [f"region {k}" for k in range(SEGMENTS)])
    columns["region"] = region.cast(pa.string())
    return pa.table(columns), rng.random(count) < 1 / (1 + np.exp(-logit))


def frame_of(rows: Any) -> Any:
    """As the model takes them."""
    frame = rows.drop_columns(["region"]).to_pandas()
    return frame.astype({name: "category" for name in frame if name.startswith("s")})


def joblib_model(place: Path) -> Any:
    """The model as it was fitted."""
    import joblib

    return joblib.load(place / "model.joblib")


def fitted(place: Path, end: Any) -> None:
    """A history that ends where the log begins, the model, fitted on its first days, and the configuration."""
    import joblib
    import numpy as np
    import pyarrow.parquet as pq
    from lightgbm import LGBMClassifier

    count = HISTORY_DAYS * HISTORY_ROWS
    rows, truth = rows_of(np.random.default_rng(0), count)
    begin: Any = np.datetime64(end.replace(tzinfo=None), "us") - np.timedelta64(HISTORY_DAYS, "D")
    time = begin + np.arange(count) * np.timedelta64(86_400_000_000 // HISTORY_ROWS, "us")
    early = slice(0, int(0.4 * count))
    model = LGBMClassifier(n_estimators=50, random_state=0, verbose=-1).fit(frame_of(rows).iloc[early], truth[early])
    joblib.dump(model, place / "model.joblib")
    pq.write_table(rows.append_column("bad", [truth]).append_column("time", [time]), place / "history.parquet")
    (place / "holdfast.toml").write_text(PROJECT.format(trained_until=time[early][-1]), encoding="utf-8")


if __name__ == "__main__":
    step, folder, *given = sys.argv[1:]
    if step == "write":
        write(Path(folder), *map(int, given))
    else:
        watch(Path(folder), *map(int, given))
