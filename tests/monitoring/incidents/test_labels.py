"""Of worse answers the labels may come after the days that are looked at: then those rows are looked at that have them."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import Derived
from holdfast.incident import Incident
from holdfast.log.reading import open_log
from holdfast.monitoring.rebuild import rebuild
from holdfast.monitoring.sources.source import LogSource

from ..conftest import HISTORY_DAYS, ROWS_A_DAY, Service, day, payments

DELAY = 10


def northern_fraud(begins: int, days: int) -> tuple[pa.Table, list[bool]]:
    """From a day on, truths of the north are turned."""
    rows = payments(HISTORY_DAYS, days, seed=4)
    fraud = rows["fraud"].to_numpy(zero_copy_only=False)
    north = np.array(rows["region"].to_pylist()) == "north"
    turned = north & (np.arange(len(rows)) >= begins * ROWS_A_DAY)
    return rows, (fraud ^ turned).tolist()


@pytest.mark.parametrize("often", [False, True], ids=["once", "daily"])
def test_ten_days_late_what_it_costs_and_where_is_told(service: Service, often: bool) -> None:
    rows, truths = northern_fraud(6, 20)
    service.answer(rows, delay_days=DELAY, truth=lambda _: truths)
    for number in range(14, 21) if often else (20,):
        service.monitor(day(HISTORY_DAYS + number))
        service.monitor(day(HISTORY_DAYS + number + 0.4))  # judges nothing
    before = recorded.derived(service.book, "fraud")
    found = [msgspec.convert(one, Incident) for one in recorded.incidents(service.book, "fraud").values()]
    (one,) = [one for one in found if one.kind == "performance"]
    assert one.since >= day(HISTORY_DAYS + 15)  # in labels, and of the newest five days there is none
    assert not one.needs_labels
    assert one.cost is not None
    assert one.cost_low is not None
    assert one.cost_high is not None
    assert 0 < one.cost_low < one.cost < one.cost_high
    amounts = pc.filter(rows["amount"], pa.array(np.arange(len(rows)) >= 6 * ROWS_A_DAY)).to_numpy()
    assert one.cost < amounts.mean() * ROWS_A_DAY
    assert one.where == ("region = north",)
    assert "because the same rows have other truths" in one.story
    runs = recorded.runs(service.book, "fraud")
    recorded.record_again(service.book, "fraud", Derived(), after=runs[-1].number)
    source = LogSource(open_log(service.root), "fraud")
    assert rebuild(source, "fraud", lambda _: service.reference, service.book, service.root) == len(runs)
    assert recorded.derived(service.book, "fraud") == before
    assert service.monitor(day(HISTORY_DAYS + 20.4)).judged == []
    assert recorded.incidents(service.book, "fraud") == {name: one for name, (_, one) in before.incidents.items()}
