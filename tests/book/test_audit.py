"""The audit names whatever was changed behind its back, and many writers make one chain."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from holdfast.book.audit import BEGINNING, entries, newest_entry, verify
from holdfast.book.keys import add_key, revoke_key
from holdfast.book.opening import Book, writing
from holdfast.book.policies import revise_policy
from holdfast.book.stages import promote

PROMOTE = """
import sys
from holdfast.book.opening import open_book
from holdfast.book.stages import promote
book = open_book(sys.argv[1])
for version in range(1, 16):
    promote(book, sys.argv[2], version, "sha256:a", author="ada")
"""


@pytest.fixture
def written(book: Book) -> Book:
    """A book with four entries: promotion, new key, revoked key, policy revision."""
    promote(book, "fraud", 1, "sha256:a", author="ada", reason="first")
    add_key(book, "scoring", ["predict"], rate=2, author="ada")
    revoke_key(book, "scoring", author="ada")
    revise_policy(book, "fraud", 1, {"offset": 0.1}, author="monitor")
    return book


def tampered(book: Book, statement: str) -> tuple[str, ...]:
    """What is found after a change that no entry tells of."""
    with writing(book) as connection:
        connection.execute(text(statement))
    return verify(book).problems


def test_an_untouched_book_has_no_problem(written: Book) -> None:
    found = verify(written)
    assert (found.entries, found.problems) == (4, ())
    assert found.head == entries(written)[-1].hash


def test_an_empty_book_has_no_problem(book: Book) -> None:
    assert (verify(book).entries, verify(book).head, verify(book).problems) == (0, BEGINNING, ())
    assert newest_entry(book) == 0


def test_a_hash_is_of_the_hash_before_and_the_entry_as_json(book: Book) -> None:
    """Derived by hand, so that other programs can do it, too."""
    promote(book, "fraud", 1, "sha256:a", author="ada")
    (entry,) = entries(book)
    at = entry.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    row = (
        rf"{{\"at\":\"{at}\",\"author\":\"ada\",\"id\":1,\"identity\":\"sha256:a\",\"model\":\"fraud\","
        r"\"reason\":\"\",\"stage\":\"champion\",\"version\":1}"
    )
    written = f'{{"action":"promote","at":"{at}","author":"ada","content":"{row}","entry":1,"subject":"stages"}}'
    assert entry.hash == hashlib.sha256((BEGINNING + written).encode()).hexdigest()


@pytest.mark.parametrize(
    ("statement", "problems"),
    [
        ("UPDATE stages SET version = 2", ("1 of stages is not as entry 1 of the audit has it",)),
        ("DELETE FROM stages", ("1 of stages is gone; entry 1 of the audit has it",)),
        (
            "UPDATE policy_revisions SET content = '{}'",
            ("1 of policy_revisions is not as entry 4 of the audit has it",),
        ),
        (
            "INSERT INTO stages SELECT 9, model, 2, identity, stage, at, author, reason FROM stages",
            ("9 of stages is in no sound entry of the audit",),
        ),
        (
            "UPDATE audit SET author = 'eve' WHERE entry = 1",
            ("entry 1 of the audit is not as it was written", "1 of stages is in no sound entry of the audit"),
        ),
        (
            "UPDATE audit SET content = 'x' WHERE entry = 4",
            (
                "entry 4 of the audit is not as it was written",
                "1 of policy_revisions is in no sound entry of the audit",
            ),
        ),
        (
            "DELETE FROM audit WHERE entry = 1",
            (
                "the audit lacks what was between the entries 0 and 2",
                "1 of stages is in no sound entry of the audit",
            ),
        ),
        ("DELETE FROM audit WHERE entry = 4", ("1 of policy_revisions is in no sound entry of the audit",)),
    ],
)
def test_what_was_changed_is_named(written: Book, statement: str, problems: tuple[str, ...]) -> None:
    assert tampered(written, statement) == problems


def test_a_key_that_is_in_use_again_is_named(written: Book) -> None:
    (problem,) = tampered(written, "UPDATE keys SET revoked = NULL")
    assert problem.endswith(" of keys is not as entry 3 of the audit has it")


def test_an_end_that_was_cut_off_is_seen_by_the_noted_hash(written: Book) -> None:
    head = verify(written).head
    promote(written, "fraud", 2, "sha256:b", author="ada")
    assert verify(written, head).problems == ()
    problems = tampered(written, "DELETE FROM policy_revisions")
    assert problems == ("1 of policy_revisions is gone; entry 4 of the audit has it",)
    tampered(written, "DELETE FROM stages WHERE id = 2")
    tampered(written, "DELETE FROM audit WHERE entry >= 4")
    assert verify(written).problems == ()
    assert verify(written, head).problems == (
        "the audit does not hold the hash that was noted: entries were removed or rewritten",
    )


def test_nothing_is_noted_of_an_empty_book(written: Book) -> None:
    assert verify(written, BEGINNING).problems == ()


def test_writers_at_once_make_one_chain(book: Book, location: str) -> None:
    """Threads of one process, which share the book, and two other processes."""
    running = [subprocess.Popen([sys.executable, "-c", PROMOTE, location, model]) for model in ("a", "b")]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: add_key(book, f"key{i}", ["predict"], author="ada"), range(30)))
    assert [process.wait() for process in running] == [0, 0]
    found = verify(book)
    assert (found.entries, found.problems) == (60, ())
    assert newest_entry(book) == 60
