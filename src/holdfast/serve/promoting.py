"""Promotions over HTTP: the version of a model that answers where none is asked for, put in force and written into the book."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from holdfast.book.opening import Book
from holdfast.book.stages import promote
from holdfast.errors import BookError, HoldfastError
from holdfast.golden import verify_release
from holdfast.releases.store import Store
from holdfast.serve.errors import ServeError, misfit
from holdfast.serve.lenient import decoded

logger = logging.getLogger("holdfast.serve")

LONGEST_REASON = 2_000
_TEXT = r"^[^\x00]*$"  # PostgreSQL keeps no other


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What shall be in force.

    Attributes
    ----------
    version
        The version that shall answer for the model.
    reason
        Why, for those who read it later.
    """

    version: Annotated[int, Meta(ge=1)]
    reason: Annotated[str, Meta(max_length=LONGEST_REASON, pattern=_TEXT)] = ""


class Promoted(msgspec.Struct):
    """What is in force: the champion, the one before (the same one where nothing was changed), since when, and by whom."""

    model: str
    champion: int
    before: int | None
    since: datetime
    author: str


_decode = msgspec.json.Decoder(Wanted).decode


class Promoting:
    """Puts releases in force, one after the other. For the event loop's thread.

    Parameters
    ----------
    store
        Where releases are.
    book
        Opens the book, and begins it where there is none.
    """

    def __init__(self, store: Store, book: Callable[[], Book]) -> None:
        self._store, self._book = store, book
        self._one = asyncio.Lock()

    async def promoted(self, model: str, body: bytes, client: str) -> bytes:
        """Do what is asked for; see `promoted`. What is refused leaves a line in the server's log."""
        try:
            async with self._one:  # each loads a model
                return await asyncio.to_thread(promoted, self._store, self._book, model, body, client)
        except ServeError as error:
            logger.warning("%s asked in vain to promote a version of %s (%s): %s", client, model, error.status, error)
            raise


def promoted(store: Store, book: Callable[[], Book], model: str, body: bytes, client: str) -> bytes:
    """Let a version answer for its model, if it is as it was sealed: what `holdfast promote` does.

    Parameters
    ----------
    store, book
        See `Promoting`.
    model
        The model.
    body
        A `Wanted`.
    client
        Who asks.

    Returns
    -------
    bytes
        A `Promoted`, as JSON.

    Raises
    ------
    ServeError
        400: the body is none; 404: there is no such version; 409: it is not as it was sealed; 503: releases or book are away.
    """
    try:
        given: Wanted = decoded(_decode, body)
    except msgspec.ValidationError as error:
        raise misfit(error, '{"version": 3, "reason": "..."}') from None
    identity = _sound(store, model, given.version)
    try:
        before, now = promote(book(), model, given.version, identity, author=client, reason=given.reason)
    except BookError as error:
        logger.error("%s/%s is not promoted: %s", model, given.version, error)  # noqa: TRY400 - the reason is the message
        raise ServeError(503, "The book cannot be written: nothing was changed.", retry_after=5) from None
    if before != now:
        logger.info("%s/%s was promoted by %s", model, now.version, client)
    return msgspec.json.encode(
        Promoted(model, now.version, before.version if before else None, now.at, now.author),
    )


def _sound(store: Store, model: str, version: int) -> str:
    """The identity of a release that is as it was sealed."""
    try:
        known = store.versions(model)
    except HoldfastError as error:
        logger.error("the releases of %s cannot be read: %s", model, error)  # noqa: TRY400
        raise ServeError(503, "The releases cannot be read: nothing was changed.", retry_after=5) from None
    if version not in known:
        there = ", ".join(map(str, known)) or "none"
        raise ServeError(404, f"{model} has no such version; versions: {there}. What the gate refused has none.")
    name = f"{model}/{version}"
    try:
        identity = store.get(model, version).identity
        problems = [f"{problem.file} {problem.message}" for problem in verify_release(store, model, version)]
    except HoldfastError as error:
        logger.error("%s is not promoted: %s", name, error)  # noqa: TRY400
        problems = ["it cannot be loaded"]
    if problems:
        raise ServeError(409, f"{name} is not as it was sealed, and is not promoted: {'; '.join(problems[:20])}.")
    return identity
