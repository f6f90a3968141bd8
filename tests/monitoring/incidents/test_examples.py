"""The rows that are shown of a column that changed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from holdfast.incident import Sign
from holdfast.log.state import deny
from holdfast.monitoring.incidents.examples import SHOWN_ROWS, examples

from ..conftest import HISTORY_DAYS, ROWS_A_DAY, Service, day, payments

FIRST = HISTORY_DAYS


def sign(key: str, effect: float = 1.0) -> Sign:
    return Sign(key=key, effect=effect, low=0, high=2, e_value=9.0, since=0, earliest=0, latest=0)


def shown(service: Service, column: str, last: str, effect: float = 1.0, number: int = FIRST) -> tuple[str, ...]:
    looking = service.looking(day(FIRST + 2))
    return examples(looking, column, sign(f"column:{column}:{last}", effect), day(number))


def test_missing_and_new_values_are_shown_by_the_rows_that_have_them(service: Service) -> None:
    rows = payments(FIRST, 2, seed=1)
    age, country = rows["age"].to_pylist(), rows["country"].to_pylist()
    for place in (3, 17, ROWS_A_DAY + 5):
        age[place], country[place] = None, "XX"
    rows = rows.set_column(rows.schema.names.index("age"), "age", pa.array(age, pa.float64()))
    rows = rows.set_column(rows.schema.names.index("country"), "country", pa.array(country))
    ids = service.answer(rows)
    first, second = (ids[3], ids[17]), (ids[ROWS_A_DAY + 5],)
    for column, last in (
        ("age", "missing"),
        ("age", "quality.missing_rate"),
        ("country", "new"),
        ("country", "quality.unseen_category"),
    ):
        assert (shown(service, column, last), shown(service, column, last, number=FIRST + 1)) == (first, second)


def test_the_side_is_shown_to_which_a_number_moved_and_no_more_rows_than_a_person_reads(service: Service) -> None:
    rows = payments(FIRST, 2, seed=1)
    ids = service.answer(rows)
    amount = dict(zip(ids, rows["amount"].to_pylist(), strict=True))
    usual = np.quantile(payments(0, HISTORY_DAYS, seed=0)["amount"].to_numpy(), [0.15, 0.5, 0.85])
    high, low, spread, narrow = (
        [amount[one] for one in shown(service, "amount", last, effect)]
        for last, effect in (("location", 1.0), ("location", -1.0), ("spread", 1.0), ("spread", -1.0))
    )
    assert len(high) == SHOWN_ROWS
    assert min(high) > usual[2]
    assert max(low) < usual[0]
    assert max(narrow) < usual[0]
    assert min(spread) < usual[0] < usual[2] < max(spread)


def test_nothing_is_shown_of_what_is_not_logged_and_of_checks_of_other_things(service: Service) -> None:
    service.answer(payments(FIRST, 1, seed=1))
    assert shown(service, "nowhere", "missing") == ()
    assert shown(service, "amount", "quality.type") == ()


def test_a_row_whose_id_was_erased_is_not_shown(service: Service) -> None:
    """A table that is watched may still have it."""
    rows = payments(FIRST, 1, seed=1)
    age = rows["age"].to_pylist()
    age[3] = age[17] = None
    ids = service.answer(rows.set_column(rows.schema.names.index("age"), "age", pa.array(age, pa.float64())))
    deny(service.root, "fraud", [ids[3]])
    assert shown(service, "age", "missing") == (ids[17],)
