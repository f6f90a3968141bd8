"""Does the incident of the harmful change stand first? A release, its log, late labels, and the monitor, as a user has them.

The streams are those of `monitoring_causes.ranking`: on one day four changes start, of which one is harmful.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

import holdfast as hf
from bars import Bar, Effort, often
from holdfast.config import project_of
from holdfast.gate.evaluate import evaluate
from holdfast.incident import Incident
from holdfast.releases.folder import SealedFolder
from holdfast.seal.release import release
from holdfast.site import Site
from holdfast.testing.answered import answer_rows, commit, label_rows
from monitoring_causes import (
    A_DAY,
    COEFFICIENTS,
    DAYS,
    FALSE_ALARM,
    KINDS,
    LABELS,
    MISS,
    NAMES,
    Changes,
    changes_of,
    drawn,
)

FITTED_DAYS, HISTORY_DAYS = 10, 40
"""Days of the history, and the first ones of them, on which the model was fitted."""

BEGIN, DAY = np.datetime64("2026-01-01", "us"), np.timedelta64(86_400_000_000, "us")

OF_STATISTICS = KINDS[2:]
"""Kinds of which the inputs alone tell nothing: their sign flipped, or what they mean."""


def ranking_of_incidents(effort: Effort) -> Iterator[Bar]:
    """Which incident stands first after five days, with the labels of four of them, and without any?"""
    runs = {"quick": 4, "usual": 24, "thorough": 200}[effort]
    first, silent, times = Counter[str](), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as place:
        for run in range(runs):
            changes = changes_of(run)
            kind = changes.kind
            with_labels, without, said = _incidents(Path(place, str(run)), changes, run)
            times[kind] += 1
            first[kind] += bool(with_labels) and _is(with_labels[0], changes)
            silent[kind] += said if kind in OF_STATISTICS else bool(without) and _is(without[0], changes)
    setting = f"{runs} released models, five days after four changes"
    yield often(f"{setting}: the harmful one's incident is first, with labels of four days", first.total(), runs, 0.95)
    for kind in KINDS:
        yield often(f"{setting}: the harmful one's incident is first: {kind}", first[kind], times[kind], 0.9)
    for kind in KINDS[:2]:
        yield often(f"{setting}: its incident is first without labels: {kind}", silent[kind], times[kind], 0.95)
    for kind in OF_STATISTICS:
        yield often(f"{setting}: without labels, says that they are needed: {kind}", silent[kind], times[kind], 0.95)


def _is(incident: Incident, changes: Changes) -> bool:
    """Whether an incident is the harmful change: of its column, or that the rows have other truths."""
    if changes.kind in OF_STATISTICS:
        return incident.kind == "performance" and not incident.needs_labels
    return incident.subject == NAMES[changes.column]


def _incidents(folder: Path, changes: Changes, run: int) -> tuple[list[Incident], list[Incident], bool]:
    """Incidents in their order, with labels and without, and whether the result without says that they are needed."""
    rng = np.random.default_rng([56, run])
    sealed = _released(folder, *drawn(HISTORY_DAYS * A_DAY, COEFFICIENTS, rng))
    rows, truth = changes.later(rng)
    table, found = _table(rows, HISTORY_DAYS), []
    for labelled in (True, False):
        root = folder / str(labelled)
        ids = answer_rows(root, sealed, table, "time")
        if labelled:
            told = np.sort(rng.permutation((DAYS - 1) * A_DAY)[: (DAYS - 1) * LABELS])
            when = _seconds(_times(len(rows), HISTORY_DAYS)[told] + DAY)
            label_rows(root, sealed, [ids[one] for one in told], truth[told].tolist(), when)
        commit(root)
        site = Site(folder=str(folder), releases="releases", root=str(labelled))
        now = datetime.fromtimestamp(float(_seconds(BEGIN + (HISTORY_DAYS + DAYS) * DAY)) + 60, UTC)
        (watched,) = hf.monitor("bench", site=site, now=now).models
        found.append([one for one in watched.incidents if one.status != "resolved"])
    return found[0], found[1], any("only labels can tell" in warning for warning in watched.warnings)


def _released(folder: Path, rows: np.ndarray, truth: np.ndarray) -> SealedFolder:
    """A logistic regression that was fitted on the first days, released with the rest of the history."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    table, early = _table(rows, 0).append_column("bad", pa.array(truth)), FITTED_DAYS * A_DAY
    frame = table.select(NAMES).slice(0, early).to_pandas()
    model = make_pipeline(SimpleImputer(), LogisticRegression()).fit(frame, truth[:early])
    project = project_of(
        {
            "name": "bench",
            "data": {"path": "history.parquet", "target": "bad", "time": "time"},
            "model": {"path": "model.joblib", "trained_until": str(BEGIN + FITTED_DAYS * DAY)},
            "objective": {"kind": "cost", "false_positive": FALSE_ALARM, "false_negative": MISS},
            "slices": {"search": False},
            "explain": {"rows": 20, "background": 10},
            "gate": {"warnings": ["drift", "explain", "leakage"]},
            "folder": str(folder),
        }
    )
    return release(evaluate(model, table, project, keep=False), store=folder / "releases")


def _table(rows: np.ndarray, first_day: int) -> pa.Table:
    columns = {name: pa.array(rows[:, i], from_pandas=True) for i, name in enumerate(NAMES)}
    return pa.table({"time": pa.array(_times(len(rows), first_day), pa.timestamp("us", "UTC")), **columns})


def _times(rows: int, first_day: int) -> np.ndarray:
    return BEGIN + first_day * DAY + np.arange(rows) * (DAY // A_DAY)


def _seconds(moments: np.ndarray | np.datetime64) -> np.ndarray:
    return np.asarray(moments).astype("datetime64[us]").astype(np.int64) / 1e6
