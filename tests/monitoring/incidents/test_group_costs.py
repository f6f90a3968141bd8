"""What a protected group's answers cost more than those of others, beyond what they did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from holdfast.incident import Incident, Sign
from holdfast.log.reading import open_log
from holdfast.monitoring.incidents.triage import triaged
from holdfast.records import Severity

from ..conftest import HISTORY_DAYS, Service, day, payments
from ..test_fairness import larger

FIRST, DAYS, ROWS = HISTORY_DAYS, 4, 400
GROUP = "region=north"


@pytest.fixture
def fair(service: Service) -> Service:
    """The installation, with `region` protected."""
    return replace(service, reference=larger(service.reference))


def incident(subject: str, key: str) -> dict[str, Incident]:
    began = day(FIRST)
    sign = Sign(
        key=key, effect=0.2, low=0.1, high=0.3, e_value=9.0, since=began, earliest=began, latest=began, minimum=0.05
    )
    one = Incident(
        id="fraud-1",
        model="fraud",
        release=1,
        subject=subject,
        kind="groups",
        title="A gap",
        signs=(sign,),
        opened=began,
        updated=began,
    )
    return {one.id: one}


def told(service: Service, subject: str = GROUP, key: str = f"fairness:{GROUP}:true_positive_rate") -> Incident:
    (one,) = triaged(incident(subject, key), service.looking(day(FIRST + DAYS + 1))).values()
    return one


def answered(service: Service, turned: tuple[str, ...], *, delay_days: float | None = 0.5) -> pa.Table:
    """Four days, in which truths of some regions are turned for a fifth of the rows."""
    rows = payments(FIRST, DAYS, seed=4, rows_a_day=ROWS)
    some = np.isin(rows["region"].to_pylist(), turned) & (np.random.default_rng(0).random(len(rows)) < 0.2)
    truths = rows["fraud"].to_numpy(zero_copy_only=False) ^ some
    service.answer(rows, delay_days=delay_days, truth=lambda _: truths.tolist())
    service.monitor(day(FIRST + DAYS + 1))
    return rows.set_column(rows.schema.names.index("fraud"), "fraud", pa.array(truths))


def gap(service: Service, rows: pa.Table) -> float:
    """Loss of a northern row less that of a southern one: of the rows, by what was decided."""
    logged = open_log(service.root).predictions("fraud", columns=["hf_decision", "amount", "region"]).read_all()
    assert logged["amount"].to_pylist() == rows["amount"].to_pylist()
    decided, fraud = (np.array(column.to_pylist(), bool) for column in (logged["hf_decision"], rows["fraud"]))
    loss = np.where(fraud & ~decided, rows["amount"].to_numpy(), np.where(decided & ~fraud, 5.0, 0.0))
    north = pc.equal(rows["region"], "north").to_numpy(zero_copy_only=False)
    return float(loss[north].mean() - loss[~north].mean())


def gap_before(service: Service) -> float:
    inside = sum(one[GROUP].losses for one in service.reference.groups.values())
    everyone = sum(one.losses for start, one in service.reference.history if start in service.reference.groups)
    others = everyone - inside
    return float(inside[1] / inside[0] - others[1] / others[0])


def test_it_is_the_rise_of_the_gap_times_the_rows_of_a_day(fair: Service) -> None:
    rows = answered(fair, ("north",))
    one = told(fair)
    a_day = pc.sum(pc.equal(rows["region"], "north")).as_py() / DAYS
    assert one.cost == pytest.approx((gap(fair, rows) - gap_before(fair)) * a_day, rel=1e-6)
    assert one.cost is not None
    assert one.cost_low is not None
    assert 0 < one.cost_low < one.cost
    assert (one.unit, one.needs_labels) == ("EUR", False)
    assert "Beside others, answers for this group cost more than before: " in one.story


def test_what_all_rows_lose_more_is_no_cost_of_a_group(fair: Service) -> None:
    answered(fair, ("north", "south"))
    one = told(fair)
    assert one.cost is not None
    assert one.cost_low is not None
    assert one.cost_high is not None
    assert one.cost_low < 0 < one.cost_high


def test_a_gap_of_decisions_costs_what_labels_say(fair: Service) -> None:
    answered(fair, ("north",))
    assert told(fair, GROUP, f"group:{GROUP}:yes").cost == told(fair).cost


def test_without_labels_it_says_that_they_are_needed(fair: Service) -> None:
    answered(fair, (), delay_days=None)
    one = told(fair)
    assert (one.cost, one.needs_labels) == (None, True)
    assert one.story.endswith("What it costs can be said when labels have come.")


def test_of_a_group_that_the_history_does_not_have_nothing_is_said(fair: Service) -> None:
    answered(fair, ())
    one = told(fair, "region=west", "fairness:region=west:loss")
    assert (one.cost, one.needs_labels) == (None, False)


def test_a_small_cost_does_not_make_it_mild() -> None:
    (one,) = incident(GROUP, f"fairness:{GROUP}:true_positive_rate").values()
    fields = {name: getattr(one, name) for name in one.__struct_fields__}
    assert one.severity == Severity.HIGH  # four times the smallest effect that matters
    assert Incident(**fields | {"cost": 1.0, "usual": 100.0}).severity == Severity.HIGH
    assert Incident(**fields | {"cost": -1.0}).severity == Severity.HIGH
    assert Incident(**fields | {"cost": 1.0, "usual": 100.0, "kind": "input"}).severity == Severity.LOW
