"""Delivery, with real servers that take, refuse, hang or are away."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.alerts import sinks
from holdfast.alerts.alert import Alert
from holdfast.alerts.delivering import Delivered, deliver
from holdfast.alerts.outbox import waiting
from holdfast.alerts.routes import Route
from holdfast.book.opening import Book, open_book

from .conftest import Hook
from .test_outbox import put

Make = Callable[..., Alert]
NOW = datetime(2025, 5, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_what_is_due_is_sent_in_its_order_and_once(book: Book, hook: Hook, alert: Make) -> None:
    put(book, alert("fraud-1"))
    put(book, alert("fraud-2"), at=NOW + timedelta(seconds=1))
    route = Route(name="hook", url=hook.url)
    done = deliver(book, [route], now=NOW + MINUTE)
    assert (done.sent, done.problems) == (2, ())
    assert [headers["webhook-id"] for headers, _ in hook.posted] == ["fraud-1:1:opened", "fraud-2:1:opened"]
    assert deliver(book, [route], now=NOW + MINUTE).sent == 0
    assert len(hook.posted) == 2


def test_what_fails_is_said_and_tried_again_under_the_same_key(book: Book, hook: Hook, alert: Make) -> None:
    put(book, alert())
    route = Route(name="hook", url=hook.url)
    hook.status = 503
    problem = "An alert could not be delivered to 'hook': it answered with status 503. It is tried again."
    assert deliver(book, [route], now=NOW).problems == (problem,)
    # Not before its time, but it is still said.
    assert deliver(book, [route], now=NOW + 0.5 * MINUTE).problems == (problem,)
    assert len(hook.posted) == 1
    hook.status = 200
    assert deliver(book, [route], now=NOW + 2 * MINUTE) == Delivered(sent=1)
    assert {headers["webhook-id"] for headers, _ in hook.posted} == {"fraud-1:1:opened"}
    assert len(hook.posted) == 2


def test_a_route_that_hangs_delays_no_other_and_loses_nothing(
    book: Book, hook: Hook, alert: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "ANSWER_SECONDS", 300.0)
    slow = "http://" + hook.url.removeprefix("http://")
    hook.answers.clear()
    said: list[str] = []
    put(book, alert(), route="slow")
    put(book, alert(), route="out")
    done = deliver(
        book, [Route(name="slow", url=slow), Route(name="out", url="stdout")], said.append, patience=5.0, now=NOW
    )
    assert hook.posted == []  # it has not answered yet
    assert said == ["[high] fraud: amount moved (fraud-1)"]
    assert done.sent == 1
    assert done.problems == (
        "An alert could not be delivered to 'slow': it did not answer in time. It is tried again.",
    )
    # What was taken after all is written down when the answer comes.
    hook.answers.set()
    for thread in threading.enumerate():
        if thread.name == "alerts to slow":
            thread.join()
    assert waiting(book) == ()


def test_a_route_that_site_toml_no_longer_names_is_said(book: Book, alert: Make) -> None:
    put(book, alert(), route="former")
    assert deliver(book, [], now=NOW).problems == (
        "An alert waits for a route that site.toml does not name any more: 'former'.",
    )
    assert len(waiting(book)) == 1


def test_after_a_failure_the_rest_of_a_route_waits_for_the_next_round(book: Book, hook: Hook, alert: Make) -> None:
    put(book, *(alert(f"fraud-{number}") for number in range(3)))
    hook.status = 500
    (problem,) = deliver(book, [Route(name="hook", url=hook.url)], now=NOW).problems
    assert problem.startswith("3 alerts could not be delivered")
    assert len(hook.posted) == 1
    # One that is never taken stops nobody behind it.
    hook.status = 200
    assert deliver(book, [Route(name="hook", url=hook.url)], now=NOW).sent == 2
    assert [one.alert.incident for one in waiting(book)] == ["fraud-0"]


def _deliver(place: str, url: str) -> None:
    book = open_book(place)
    deliver(book, [Route(name="hook", url=url)], now=NOW)
    book.close()


def test_of_two_monitors_at_once_each_alert_is_sent_by_one(location: str, book: Book, hook: Hook, alert: Make) -> None:
    put(book, *(alert(f"fraud-{number}") for number in range(20)))
    start = multiprocessing.get_context("spawn")
    both = [start.Process(target=_deliver, args=(location, hook.url)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(120)
    assert [one.exitcode for one in both] == [0, 0]
    keys = [headers["webhook-id"] for headers, _ in hook.posted]
    assert len(keys) == len(set(keys)) == 20
    assert waiting(book) == ()
