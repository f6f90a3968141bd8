"""Champions are what was promoted last, and every promotion is kept."""

from __future__ import annotations

from datetime import UTC, datetime

from holdfast.book.audit import newest_entry
from holdfast.book.opening import Book
from holdfast.book.stages import champions, in_force, promote, stages


def test_the_champion_is_what_was_promoted_last_not_the_newest(book: Book) -> None:
    promote(book, "fraud", 1, "sha256:a", author="ada")
    promote(book, "fraud", 2, "sha256:b", author="ada")
    promote(book, "churn", 7, "sha256:c", author="bob")
    promote(book, "fraud", 1, "sha256:a", author="eve", reason="back: 2 is slow")
    assert champions(book) == {"churn": 7, "fraud": 1}
    assert in_force(book)["fraud"].reason == "back: 2 is slow"


def test_a_promotion_says_when_by_whom_and_why(book: Book) -> None:
    began = datetime.now(UTC)
    before, stage = promote(book, "fraud", 1, "sha256:a", author="ada", reason="first, über 'all'")
    assert before is None
    assert began <= stage.at <= datetime.now(UTC)
    assert stage.at.tzinfo is UTC
    assert (stage.model, stage.version, stage.identity, stage.stage) == ("fraud", 1, "sha256:a", "champion")
    assert (stage.author, stage.reason) == ("ada", "first, über 'all'")
    assert stages(book) == (stage,)


def test_promoting_the_champion_again_adds_nothing(book: Book) -> None:
    _, first = promote(book, "fraud", 1, "sha256:a", author="ada")
    assert promote(book, "fraud", 1, "sha256:a", author="bob") == (first, first)
    assert newest_entry(book) == 1


def test_a_promotion_says_what_was_in_force_before(book: Book) -> None:
    _, first = promote(book, "fraud", 1, "sha256:a", author="ada")
    promote(book, "churn", 1, "sha256:c", author="ada")
    assert promote(book, "fraud", 2, "sha256:b", author="ada").before == first


def test_another_release_under_the_same_number_is_another_champion(book: Book) -> None:
    promote(book, "fraud", 1, "sha256:a", author="ada")
    promote(book, "fraud", 1, "sha256:b", author="ada")
    assert [stage.identity for stage in stages(book)] == ["sha256:a", "sha256:b"]


def test_stages_of_one_model_are_in_order(book: Book) -> None:
    for model, version in (("fraud", 1), ("churn", 1), ("fraud", 2)):
        promote(book, model, version, "sha256:a", author="ada")
    assert [stage.version for stage in stages(book, "fraud")] == [1, 2]
    assert [stage.model for stage in stages(book)] == ["fraud", "churn", "fraud"]
    assert stages(book, "none") == ()
