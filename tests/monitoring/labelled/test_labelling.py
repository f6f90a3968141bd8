"""Labels that come for some rows first: figures of all rows, a finding that says so, and neither when the rest has come."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from holdfast.book import monitoring as recorded
from holdfast.log.reading import open_log
from holdfast.monitoring.labelled.labelling import CODE
from holdfast.monitoring.monitor import watched_of
from holdfast.testing.answered import answer_rows, commit
from holdfast.watched import Shown

from ..conftest import DAY, HISTORY_DAYS, Service, day, label, payments

FIRST = HISTORY_DAYS


def answered(
    service: Service, chosen: Callable[[np.ndarray, pa.Table], np.ndarray]
) -> tuple[pa.Table, list[str], np.ndarray]:
    """A day of payments, of which some are labelled within an hour; which."""
    rows = payments(FIRST, 1, seed=3, rows_a_day=3_000)
    ids = answer_rows(service.root, service.sealed, rows, "time")
    commit(service.root)
    found = open_log(service.root).predictions("fraud", columns=["hf_id", "hf_score"]).read_all()
    scores = dict(zip(found["hf_id"].to_pylist(), found["hf_score"].to_pylist(), strict=True))
    some = chosen(np.array([scores[one] for one in ids]), rows)
    label(service, rows, ids, np.flatnonzero(some), 3_600.0)
    return rows, ids, some


def shown(service: Service) -> Shown:
    return watched_of(service.reference, service.book).windows[0]


def by_score(score: np.ndarray, _: pa.Table) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.random(len(score)) < np.where(score > np.median(score), 0.9, 0.2)


def by_region(score: np.ndarray, rows: pa.Table) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.random(len(score)) < np.where(np.asarray(rows["region"]) == "north", 0.8, 0.4)


def test_labels_by_the_score_are_weighed_and_said_until_the_rest_has_come(service: Service) -> None:
    rows, ids, some = answered(service, by_score)
    service.monitor(day(FIRST + 2))
    early = shown(service)
    assert early.labelled == some.sum()
    assert early.truth.plain is not None
    assert early.truth.effective < early.labelled
    (finding,) = (one for one in early.findings if one["code"] == CODE)
    assert finding["status"] == "warn"
    assert finding["message"].endswith("Figures weigh both.")
    label(service, rows, ids, np.flatnonzero(~some), 2 * DAY)
    service.monitor(day(FIRST + 4))
    whole = shown(service)
    assert whole.labelled == whole.rows
    assert whole.truth.plain is None
    assert whole.truth.effective == whole.rows
    assert CODE not in {one["code"] for one in whole.findings}
    for key in ("accuracy", "recall", "bias"):
        _, low, high = early.figures[key]
        assert low <= whole.figures[key][0] <= high, key
    alone = early.truth.plain[0]
    assert abs(early.figures["loss"][0] - whole.figures["loss"][0]) < abs(alone - whole.figures["loss"][0])


def test_figures_of_segments_are_weighed_too(service: Service) -> None:
    rows, ids, some = answered(service, by_score)
    service.monitor(day(FIRST + 2))
    early = shown(service).segments
    label(service, rows, ids, np.flatnonzero(~some), 2 * DAY)
    service.monitor(day(FIRST + 4))
    for name, one in shown(service).segments.items():
        _, low, high = early[name]["figures"]["accuracy"]
        assert low <= one["figures"]["accuracy"][0] <= high


def test_labels_by_a_segment_are_named(service: Service) -> None:
    answered(service, by_region)
    service.monitor(day(FIRST + 2))
    (finding,) = (one for one in shown(service).findings if one["code"] == CODE)
    assert finding["subject"] == "region"
    assert "Figures do not take account of that." in finding["message"]


def test_labels_that_come_alike_are_no_finding(service: Service) -> None:
    answered(service, lambda score, _: np.random.default_rng(0).random(len(score)) < 0.4)
    service.monitor(day(FIRST + 2))
    assert CODE not in {one["code"] for one in shown(service).findings}
    assert set(shown(service).truth.unmeasured) == set()


def test_an_incident_says_that_labels_do_not_come_alike(service: Service) -> None:
    rows = payments(FIRST, 8, seed=1)
    ids = answer_rows(service.root, service.sealed, rows, "time")
    small = np.asarray(rows["amount"]) < 60
    fraud = np.asarray(rows["fraud"].to_numpy(zero_copy_only=False)) | (small & (np.arange(len(small)) % 3 == 0))
    worse = rows.set_column(rows.schema.get_field_index("fraud"), "fraud", pa.array(fraud))
    some = np.random.default_rng(0).random(len(small)) < np.where(np.asarray(rows["region"]) == "north", 0.9, 0.3)
    label(service, worse, ids, np.flatnonzero(some), 3_600.0)
    service.monitor(day(FIRST + 8))
    found = recorded.incidents(service.book, "fraud").values()
    (upstream,) = (one["upstream"] for one in found if one["kind"] == "performance")
    assert any(text.startswith("Labels do not come alike for all values of region") for text in upstream)
