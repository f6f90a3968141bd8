"""Which releases answer: what the book says and what is asked for beside it, sound ones only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import BookError
from holdfast.releases.store import Store, open_store
from holdfast.serve.errors import ServeError
from holdfast.serve.live import Rules
from holdfast.serve.metrics import Metrics
from holdfast.serve.roster import Champion, Named, Roster
from holdfast.testing.releases import seal_otherwise, seal_small


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = open_store(tmp_path / "releases")
    seal_small(found, "binary")
    seal_small(found, "binary", seed=7)
    return found


def champion(store: Store, version: int) -> Named:
    return Named({"binary": Champion(version, store.get("binary", version).identity)})


def following(
    store: Store, names: tuple[str, ...], named: Callable[[], Named], act: Callable[[Roster], Awaitable[Any]]
) -> Any:
    """What a coroutine gives that is handed a roster which has looked once."""

    async def go() -> Any:
        roster = Roster(store, names, named, None, lambda _: Rules(), Metrics())
        await roster.refresh()
        return await act(roster)

    return asyncio.run(go())


def test_versions_answer_beside_the_champion(store: Store) -> None:
    async def look(roster: Roster) -> tuple[Any, ...]:
        with pytest.raises(ServeError, match="versions: 1, 2"):
            roster.find("binary", 3)
        found = [roster.find("binary", version).loaded.version for version in (None, 1, 2)]
        return roster.ready, roster.versions("binary"), found

    assert following(store, ("binary", "binary/1"), lambda: champion(store, 2), look) == (True, [1, 2], [2, 1, 2])


def test_a_champion_that_cannot_be_loaded_does_not_take_over(store: Store, tmp_path: Path) -> None:
    said = [champion(store, 1), champion(store, 2)]
    (tmp_path / "releases" / "binary" / "2" / "policy.json").write_bytes(b"{}")

    async def look(roster: Roster) -> tuple[bool, int]:
        await roster.refresh()
        return roster.ready, roster.find("binary").loaded.version

    assert following(store, ("binary",), lambda: said.pop(0), look) == (True, 1)


def test_the_champion_that_was_known_last_stays_while_the_book_is_away(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[Named | None] = [champion(store, 1), None, None, champion(store, 2)]

    def named() -> Named:
        if (found := said.pop(0)) is None:
            raise BookError("no connection")
        return found

    async def look(roster: Roster) -> list[tuple[bool, int]]:
        found = []
        for _ in range(3):
            await roster.refresh()
            found.append((roster.ready, roster.find("binary").loaded.version))
        return found

    with caplog.at_level("INFO", "holdfast.serve"):
        assert following(store, ("binary",), named, look) == [(True, 1), (True, 1), (True, 2)]
    told = [line for line in caplog.messages if "book" in line]
    assert told == ["the book cannot be read: no connection", "the book can be read again"]


def test_a_release_that_answers_otherwise_than_when_it_was_sealed_does_not_become_ready(store: Store) -> None:
    """Every file is as it was sealed; on this machine the scores come out otherwise."""
    other = seal_otherwise(store, "binary")

    async def look(roster: Roster) -> bool:
        with pytest.raises(ServeError, match="scores 1 of 20 rows otherwise than when it was sealed") as refused:
            roster.find("binary")
        assert (refused.value.status, refused.value.retry_after) == (503, 5)
        return roster.ready

    assert following(store, ("binary",), lambda: champion(store, other.manifest.version), look) is False


def test_another_release_under_the_number_that_was_promoted_is_not_served(store: Store) -> None:
    async def look(roster: Roster) -> bool:
        with pytest.raises(ServeError, match="binary/2 is another release than the one that was promoted"):
            roster.find("binary")
        return roster.ready

    promoted = Named({"binary": Champion(2, store.get("binary", 1).identity)})
    assert following(store, ("binary",), lambda: promoted, look) is False
