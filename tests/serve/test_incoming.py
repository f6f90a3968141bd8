"""Bodies as they come: in pieces, packed, too large, too slow, too many."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.serve import incoming as module
from holdfast.serve.errors import ServeError
from holdfast.serve.incoming import HELD_BODIES, LARGE_BYTES, MOST_VALUES, GoneError, Incoming

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]


def receiver(*pieces: bytes | None) -> Receive:
    """What ASGI hands over, piece by piece; None: the client goes away."""
    left = list(pieces)

    async def receive() -> MutableMapping[str, Any]:
        piece = left.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    return receive


def refused(asked: Coroutine[Any, Any, object]) -> int:
    with pytest.raises(ServeError) as caught:
        asyncio.run(asked)
    return caught.value.status


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=20))
def test_pieces_are_put_together(pieces: list[bytes]) -> None:
    assert asyncio.run(Incoming(1_000).body({}, receiver(*pieces))) == b"".join(pieces)


@pytest.mark.parametrize(
    "pieces",
    [[b"x" * 11], [b"x" * 5, b"x" * 6], [b"x" * 10, b"", b"x"]],
)
def test_no_body_is_larger_than_allowed(pieces: list[bytes]) -> None:
    assert refused(Incoming(10).body({}, receiver(*pieces))) == 413


def test_what_claims_to_be_larger_is_not_waited_for() -> None:
    assert refused(Incoming(10).body({b"content-length": b"11"}, receiver())) == 413


def test_a_packed_body_is_as_large_as_what_is_in_it() -> None:
    packed = gzip.compress(b"x" * 1_000)
    headers = {b"content-encoding": b"gzip"}
    assert asyncio.run(Incoming(1_000).body(headers, receiver(packed))) == b"x" * 1_000
    assert refused(Incoming(999).body(headers, receiver(packed))) == 413


@pytest.mark.parametrize("pieces", [[None], [b"x", None]])
def test_a_client_that_goes_away_is_told_nothing(pieces: list[bytes | None]) -> None:
    with pytest.raises(GoneError):
        asyncio.run(Incoming(10).body({}, receiver(*pieces)))


def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.05)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    assert refused(Incoming(10_000).body({}, receive)) == 408


def test_too_many_large_bodies_at_once_are_refused_until_there_is_room() -> None:
    half = b"x" * LARGE_BYTES
    incoming = Incoming(2 * len(half))

    async def ask() -> None:
        bodies = [await incoming.body({}, receiver(half, half)) for _ in range(HELD_BODIES)]
        with pytest.raises(ServeError) as caught:
            await incoming.body({}, receiver(half, half))
        assert (caught.value.status, caught.value.retry_after) == (503, 1)
        assert await incoming.body({}, receiver(b"small")) == b"small"
        incoming.release(bodies.pop())
        assert await incoming.body({}, receiver(half, half)) == half + half

    asyncio.run(ask())


def test_what_failed_takes_no_room() -> None:
    incoming = Incoming(LARGE_BYTES)

    async def ask() -> None:
        for _ in range(20):
            with pytest.raises(GoneError):
                await incoming.body({}, receiver(b"x" * LARGE_BYTES, None))
        assert len(await incoming.body({}, receiver(b"x" * LARGE_BYTES))) == LARGE_BYTES

    asyncio.run(ask())


@pytest.mark.parametrize("piece", [b"[],", b'{"a":1},', b"1\n", b",", b"["])
def test_more_values_than_anybody_sends_are_not_read(piece: bytes) -> None:
    def never(_: bytes) -> None:
        raise AssertionError

    assert refused(Incoming(1).parsed(never, piece * (MOST_VALUES + 1))) == 413


def test_bytes_that_are_no_text_are_not_counted() -> None:
    body = b"," * (MOST_VALUES + 1)
    assert asyncio.run(Incoming(1).parsed(len, body, text=100)) == len(body)


def test_large_bodies_are_read_one_at_a_time_and_others_meanwhile() -> None:
    reading: list[int] = []
    seen: list[int] = []

    def slow(_: bytes) -> None:
        reading.append(1)
        seen.append(len(reading))
        time.sleep(0.01)
        seen.append(len(reading))
        reading.pop()

    async def ask() -> None:
        incoming, large = Incoming(1), b"x" * (LARGE_BYTES + 1)
        await asyncio.gather(*(incoming.parsed(slow, large) for _ in range(8)), incoming.parsed(bytes, b"small"))

    asyncio.run(ask())
    assert set(seen) == {1}
