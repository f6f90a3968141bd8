"""Labels of other rows than all are named where the answers seem to have become worse."""

from __future__ import annotations

import numpy as np

from holdfast.monitoring.incidents.labels import known_since
from holdfast.monitoring.incidents.selected import selected
from holdfast.monitoring.incidents.upstream import upstream

from ..conftest import HISTORY_DAYS, Service, day, label, payments
from .test_upstream import incident

FIRST, DAYS, ROWS = HISTORY_DAYS, 3, 1_000


def found(service: Service, chance: np.ndarray) -> list[str]:
    """What is told of labels that come for each row with a chance."""
    rows = payments(FIRST, DAYS, seed=4, rows_a_day=ROWS)
    ids = service.answer(rows, delay_days=None)
    some = np.random.default_rng(0).random(len(rows)) < chance
    label(service, rows, ids, np.flatnonzero(some), 3_600.0)
    service.monitor(day(FIRST + DAYS + 1))
    looking = service.looking(day(FIRST + DAYS + 1))
    starts, labels = known_since(looking, day(FIRST))
    return selected(looking, starts, labels)


def test_an_input_that_is_no_segment_is_named(service: Service) -> None:
    """Age hardly moves the score."""
    age = payments(FIRST, DAYS, seed=4, rows_a_day=ROWS)["age"].to_numpy()
    assert found(service, np.where(age > 45, 0.6, 0.2)) == [
        "Labels depend on the values of age, also where score and answer are the same"
    ]
    looking, since = service.looking(day(FIRST + DAYS + 1)), day(FIRST)
    starts, labels = known_since(looking, since)
    one = incident(1, "performance", "performance", since)
    told = upstream(looking, one, starts, [], labels)
    assert told[-1].startswith("Labels depend on the values of age, ")
    said = (*told[:-1], told[-1].replace("age", "amount, age"))  # with other inputs it is not told again
    one = incident(1, "performance", "performance", since, said)
    assert upstream(looking, one, starts, [], labels) == said


def test_labels_that_come_alike_are_not(service: Service) -> None:
    assert found(service, np.full(DAYS * ROWS, 0.4)) == []
