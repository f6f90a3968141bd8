"""Identifiers of predictions that the client gave none: ULIDs, which sort by time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _DIGITS for b in _DIGITS)
_RANDOM_BITS = 80


class Ulids:
    """Makes ULIDs that rise, also within a millisecond and when the clock is set back. For one thread.

    Source: the ULID specification, with its monotonic variant: 48 bits of milliseconds since 1970, 80 random bits, 26
    characters of Crockford's base 32; within a millisecond the random part is counted up.

    Examples
    --------
    >>> ids = Ulids(clock=lambda: 1.7e9)
    >>> first, second = ids.next(), ids.next()
    >>> len(first), first < second, milliseconds(first)
    (26, True, 1700000000000)
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last = -1
        self._random = 0

    def next(self) -> str:
        """The next identifier."""
        return self.many(1)[0]

    def many(self, count: int) -> list[str]:
        """The next identifiers, of the same millisecond."""
        now = int(self._clock() * 1000)
        if now > self._last:
            self._last = now
            # Half of the range is left to count up in.
            self._random = secrets.randbits(_RANDOM_BITS - 1)
        first = (self._last << _RANDOM_BITS | self._random) + 1
        self._last, self._random = divmod(first + count - 1, 1 << _RANDOM_BITS)
        made: list[str] = []
        while len(made) < count:  # all that have the last two characters only of their own, at once
            place = (first + len(made)) & 1023
            stem = encoded(first + len(made))[:-2]
            made += map(stem.__add__, _PAIRS[place : place + count - len(made)])
        return made


def encoded(number: int) -> str:
    """128 bits as 26 characters."""
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)]
    return "".join(pairs)


def milliseconds(identifier: str) -> int | None:
    """When a ULID was made, in milliseconds since 1970; None for what is no ULID.

    >>> milliseconds("order-17") is None
    True
    """
    if len(identifier) != 26:
        return None
    try:
        digits = [_DIGITS.index(character) for character in identifier[:10]]
    except ValueError:
        return None
    if digits[0] > 7:
        return None
    number = 0
    for digit in digits:
        number = number << 5 | digit
    return number
