"""The outbox: what is in it leaves once, in its time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.alerts.alert import Alert
from holdfast.alerts.outbox import claim, conclude, enqueue, told, waiting, waiting_by_route
from holdfast.book.opening import Book, reading, writing

NOW = datetime(2025, 5, 5, tzinfo=UTC)
Make = Callable[..., Alert]


def put(book: Book, *alerts: Alert, route: str = "hook", at: datetime = NOW) -> None:
    with writing(book) as connection:
        for one in alerts:
            enqueue(connection, one, route, at)


def test_an_alert_waits_until_it_is_delivered(book: Book, alert: Make) -> None:
    put(book, alert())
    (one,) = waiting(book, due=NOW)
    assert (one.alert, one.route, one.attempts, one.error) == (alert(), "hook", 0, "")
    assert waiting_by_route(book) == {"hook": 1}
    assert claim(book, one, NOW)
    conclude(book, one, NOW, "")
    assert waiting(book) == ()
    assert waiting_by_route(book) == {}


def test_of_two_that_want_to_send_it_one_does(book: Book, alert: Make) -> None:
    put(book, alert())
    (one,) = waiting(book)
    assert claim(book, one, NOW)
    assert not claim(book, one, NOW)


def test_pauses_grow_to_an_hour(book: Book, alert: Make) -> None:
    put(book, alert())
    at, pauses = NOW, []
    for _ in range(9):
        (one,) = waiting(book, due=at)
        assert claim(book, one, at)
        conclude(book, one, at, "it answered with status 500")
        (after,) = waiting(book)
        assert waiting(book, due=after.next - timedelta(seconds=1)) == ()
        pauses.append((after.next - at).total_seconds())
        at = after.next
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert after.error == "it answered with status 500"


def test_what_was_delivered_is_never_taken_again(book: Book, alert: Make) -> None:
    put(book, alert())
    (one,) = waiting(book)
    claim(book, one, NOW)
    conclude(book, one, NOW, "")
    conclude(book, one, NOW, "it did not answer")  # a slower attempt
    assert waiting(book) == ()
    assert not claim(book, one, NOW)


def test_an_alert_belongs_to_the_transaction_that_found_it(book: Book, alert: Make) -> None:
    def fails() -> None:
        with writing(book) as connection:
            enqueue(connection, alert(), "hook", NOW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert waiting(book) == ()


def test_what_was_told_of_a_model_is_in_order(book: Book, alert: Make) -> None:
    first, second = alert(), alert(number=2, event="resolved")
    put(book, first, second)
    put(book, alert("churn-1", model="churn"))
    with reading(book) as connection:
        assert told(connection, "fraud") == {("hook", "fraud-1"): [(NOW, first), (NOW, second)]}
