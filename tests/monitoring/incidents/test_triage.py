"""What is said of open incidents."""

from __future__ import annotations

from msgspec.structs import replace

from holdfast.book import monitoring as recorded
from holdfast.incident import Incident, Sign
from holdfast.monitoring.incidents.story import NO_ACTION
from holdfast.monitoring.incidents.triage import triaged

from ..conftest import HISTORY_DAYS, Service, day, payments

FIRST = HISTORY_DAYS


def incident(subject: str) -> Incident:
    sign = Sign(
        key=f"column:{subject}:location",
        effect=1,
        low=0,
        high=2,
        e_value=9.0,
        since=day(FIRST),
        earliest=day(FIRST),
        latest=day(FIRST),
    )
    return Incident(
        id="fraud-1",
        model="fraud",
        release=1,
        subject=subject,
        kind="input",
        title=f"{subject} moved",
        signs=(sign,),
        opened=day(FIRST),
        updated=day(FIRST),
    )


def test_a_column_that_no_answer_and_no_cost_depends_on_is_noted(service: Service) -> None:
    (one,) = triaged({"fraud-1": incident("region")}, service.looking(day(FIRST))).values()
    assert (one.status, one.advice, one.unit) == ("noted", NO_ACTION, "EUR")
    (one,) = triaged({"fraud-1": incident("amount")}, service.looking(day(FIRST))).values()
    assert (one.status, one.cost) == ("open", None)


def test_what_the_model_costs_anyway_is_told_of_each_day(service: Service) -> None:
    (one,) = triaged({"fraud-1": incident("amount")}, service.looking(day(FIRST))).values()
    history = [(start, counted) for start, counted in service.reference.history if counted.size]
    rows = sum(counted.size for _, counted in history)
    assert service.reference.loss is not None
    assert one.usual is not None
    assert abs(one.usual - service.reference.loss * rows / len(history)) < 1e-6 * one.usual


def test_a_column_that_was_tried_says_what_it_costs_and_shows_rows(service: Service) -> None:
    ids = service.answer(payments(FIRST, 2, seed=1))
    service.monitor(day(FIRST + 2))
    (one,) = triaged({"fraud-1": incident("amount")}, service.looking(day(FIRST + 2))).values()
    assert one.cost is not None
    assert one.cost_low is not None
    assert one.cost_high is not None
    assert one.cost_low < one.cost < one.cost_high
    assert set(one.rows) <= set(ids)
    assert one.rows


def test_what_is_resolved_stays_as_it_was(service: Service) -> None:
    over = replace(incident("amount"), status="resolved", resolved=day(FIRST))
    assert triaged({"fraud-1": over}, service.looking(day(FIRST))) == {"fraud-1": over}


def test_a_model_that_is_asked_no_more_has_one_incident_that_says_so(service: Service) -> None:
    """However long it lasts, and however often it is looked at; when rows come again, it is over after three windows."""
    service.answer(payments(FIRST, 3, seed=1), delay_days=None)

    def found(days: int) -> tuple[str, str, str]:
        service.monitor(day(FIRST + days))
        (one,) = recorded.incidents(service.book, "fraud").values()
        return one["kind"], one["status"], one["story"]

    told = "Fewer rows than usual since 9 March 2026: none came."
    assert found(5) == found(100) == ("volume", "open", told)
    service.answer(payments(FIRST + 100, 3, seed=2), delay_days=None)
    assert found(103) == ("volume", "resolved", told)
