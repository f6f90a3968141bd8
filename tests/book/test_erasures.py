"""Erasures are written down with their number, and nothing else of them."""

from __future__ import annotations

from holdfast.book.audit import entries, verify
from holdfast.book.erasures import erasures, record_erasure
from holdfast.book.opening import Book


def test_an_erasure_is_a_fact_with_an_entry(book: Book) -> None:
    fact = record_erasure(book, "fraud", ids=2, predictions=3, labels=1, author="ada", reason="asked for it")
    record_erasure(book, "churn", ids=1, predictions=0, labels=0, author="ada")
    assert [(one.model, one.ids, one.predictions, one.labels) for one in erasures(book)] == [
        ("fraud", 2, 3, 1),
        ("churn", 1, 0, 0),
    ]
    assert erasures(book)[0] == fact
    entry = entries(book)[0]
    assert (entry.action, entry.subject, entry.author) == ("erase", "erasures", "ada")
    assert verify(book).problems == ()
