"""Keys are told once; the book knows their digests."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from holdfast.book.audit import entries, newest_entry
from holdfast.book.key import digest_of, public_part
from holdfast.book.keys import add_key, keys, revoke_key
from holdfast.book.opening import Book, reading
from holdfast.book.tables import KEYS
from holdfast.errors import SettingError


def test_a_key_is_not_in_the_book_and_its_digest_is(book: Book) -> None:
    key, token = add_key(book, "scoring", ["label", "predict"], rate=50, author="ada")
    assert token.startswith(f"holdfast_{key.id}_")
    assert len(bytes.fromhex(token.rpartition("_")[2])) == 32
    assert key.digest == hashlib.sha256(token.encode()).hexdigest() == digest_of(token)
    with reading(book) as connection:
        stored = str(connection.execute(select(KEYS)).all())
    assert token.rpartition("_")[2] not in stored + str(entries(book))
    assert (key.name, key.roles, key.rate, key.revoked) == ("scoring", ("predict", "label"), 50.0, None)
    assert keys(book) == (key,)


def test_no_two_keys_are_the_same(book: Book) -> None:
    tokens = {add_key(book, "scoring", ["predict"], author="ada")[1] for _ in range(5)}
    assert len(tokens) == len({public_part(token) for token in tokens}) == 5


def test_a_revoked_key_stays_in_the_book(book: Book) -> None:
    key, _ = add_key(book, "scoring", ["predict"], author="ada")
    before = datetime.now(UTC)
    revoked = revoke_key(book, "scoring", author="bob")
    assert revoked.revoked is not None
    assert before <= revoked.revoked <= datetime.now(UTC)
    assert keys(book) == (revoked,)
    assert (revoked.id, revoked.digest) == (key.id, key.digest)
    assert [(entry.action, entry.author) for entry in entries(book)] == [("add key", "ada"), ("revoke key", "bob")]


def test_one_of_two_keys_of_a_name_is_revoked_by_its_id(book: Book) -> None:
    first, second = (add_key(book, "scoring", ["predict"], author="ada")[0] for _ in range(2))
    with pytest.raises(SettingError) as caught:
        revoke_key(book, "scoring", author="ada")
    ids = " or ".join(sorted([first.id, second.id]))
    assert str(caught.value) == (
        f"Expected the id or the name of one key in use; 'scoring' is of several: give the id of one, {ids}."
    )
    revoke_key(book, first.id, author="ada")
    assert revoke_key(book, "scoring", author="ada").id == second.id


def test_what_is_not_in_use_cannot_be_revoked(book: Book) -> None:
    key, _ = add_key(book, "scoring", ["predict"], author="ada")
    revoke_key(book, key.id, author="ada")
    for name in (key.id, "scoring", "none"):
        with pytest.raises(SettingError, match=f"'{name}' is of none"):
            revoke_key(book, name, author="ada")


@pytest.mark.parametrize(
    ("name", "roles", "rate", "message"),
    [
        ("", ["predict"], None, "Expected a key to be named"),
        ("two words", ["predict"], None, "Expected a key to be named"),
        ("anonymous", ["predict"], None, "Expected a key to be named"),
        ("a" * 101, ["predict"], None, "Expected a key to be named"),
        ("scoring", [], None, "Expected at least one role of predict, label, read, operate; got none"),
        ("scoring", ["predict", "admin"], None, "Expected at least one role of .*; got 'admin'"),
        ("scoring", ["predict"], 0.0, "Expected a rate of requests a second above 0; got 0"),
        ("scoring", ["predict"], float("nan"), "Expected a rate of requests a second above 0; got nan"),
    ],
)
def test_what_makes_no_sense_is_refused(
    book: Book, name: str, roles: list[str], rate: float | None, message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        add_key(book, name, roles, rate=rate, author="ada")
    assert newest_entry(book) == 0


@pytest.mark.parametrize("text", ["", "secret", "holdfast_0123456789_abc", f"holdfast_012345678g_{'a' * 64}"])
def test_what_is_no_key_has_no_public_part(text: str) -> None:
    assert public_part(text) is None
