"""Which releases answer when a server starts, and why others do not: told by each worker, and said at the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with a release that is asked for.

    Attributes
    ----------
    name
        Such as `fraud/3`; or the model, where no version of it is known.
    champion
        Whether it answers where no version is asked for.
    problem
        Why it does not answer; empty where it does.
    """

    name: str
    champion: bool
    problem: str = ""


def over(workers: Iterable[Sequence[Standing]]) -> list[Standing]:
    """How it stands with each release over all workers: it answers where it does so in each of them.

    Examples
    --------
    >>> one, other = Standing(name="fraud/3", champion=True), Standing(name="fraud/3", champion=True, problem="is gone")
    >>> over([[one], [other]]) == [other]
    True
    """
    found: dict[str, Standing] = {}
    for worker in workers:
        for standing in worker:
            if standing.name not in found or not found[standing.name].problem:
                found[standing.name] = standing
    return [found[name] for name in sorted(found)]
