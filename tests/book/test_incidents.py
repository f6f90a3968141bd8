"""What people do about incidents, and the changes that they know of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.book import audit
from holdfast.book.incidents import acts, annotate, do, known_changes
from holdfast.book.monitoring import Kept, Run, now, record_run
from holdfast.book.opening import Book
from holdfast.errors import SettingError

MAY = datetime(2025, 5, 3, tzinfo=UTC)


@pytest.fixture
def watched(book: Book) -> Book:
    """A book with an incident."""
    run = Run(number=1, model="fraud", release=1, at=now(), received_until=0, labelled_until=0)
    record_run(book, run, Kept(watch=b"", incidents={"fraud-1": {"id": "fraud-1"}}))
    return book


def test_acts_are_kept_in_their_order_with_who_and_why(watched: Book) -> None:
    until = datetime.now(UTC) + timedelta(days=3)
    do(watched, "fraud-1", "acknowledge", author="ada")
    do(watched, "fraud-1", "snooze", until=until, author="grace", reason="vendor is asked")
    first, second = acts(watched)["fraud-1"]
    assert (first.act, first.author, first.until) == ("acknowledge", "ada", None)
    assert (second.act, second.author, second.reason, second.until) == ("snooze", "grace", "vendor is asked", until)


def test_an_incident_that_is_not_there_is_refused_and_nothing_is_written(watched: Book) -> None:
    with pytest.raises(SettingError, match=r"There is no incident 'fraud-2'"):
        do(watched, "fraud-2", "resolve", author="ada")
    assert acts(watched) == {}
    assert audit.entries(watched) == ()


@pytest.mark.parametrize("until", [None, datetime(2020, 1, 1, tzinfo=UTC)])
def test_a_snooze_ends_in_the_future(watched: Book, until: datetime | None) -> None:
    with pytest.raises(SettingError):
        do(watched, "fraud-1", "snooze", until=until, author="ada")


def test_only_a_snooze_has_an_end(watched: Book) -> None:
    with pytest.raises(SettingError, match="for a snooze only"):
        do(watched, "fraud-1", "resolve", until=datetime.now(UTC) + timedelta(days=1), author="ada")


def test_known_changes_are_of_their_model_and_last_a_day(book: Book) -> None:
    annotate(book, "fraud", "price rise", since=MAY, columns=("amount",), author="ada")
    annotate(book, "churn", "new shop", since=MAY, until=MAY + timedelta(days=7), author="ada")
    (one,) = known_changes(book, "fraud")
    assert (one.reason, one.columns, one.since, one.until) == ("price rise", ("amount",), MAY, MAY + timedelta(days=1))
    assert [other.model for other in known_changes(book)] == ["fraud", "churn"]


def test_a_change_that_ends_before_it_begins_or_says_nothing_is_refused(book: Book) -> None:
    with pytest.raises(SettingError, match="ends before"):
        annotate(book, "fraud", "price rise", since=MAY, until=MAY - timedelta(days=1), author="ada")
    with pytest.raises(SettingError, match="a few words"):
        annotate(book, "fraud", " ", since=MAY, author="ada")


def test_acts_and_known_changes_are_in_the_audit(watched: Book) -> None:
    do(watched, "fraud-1", "resolve", author="ada", reason="fixed")
    annotate(watched, "fraud", "price rise", since=MAY, author="ada")
    assert [entry.action for entry in audit.entries(watched)] == ["resolve incident", "annotate"]
    assert audit.verify(watched).problems == ()
