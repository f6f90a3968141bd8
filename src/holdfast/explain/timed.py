"""Contributions by sampling for as long as there is time: what a request has."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.explain.mixing import Array
from holdfast.explain.shapley import effects_of, shared_out

MOST_PAIRS = 128
"""Pairs of orders of each row: what fits into the time gives the same values each time, once it is all of these."""

FIRST_PAIRS = 2
"""Pairs that are drawn however long they take: standard errors need two."""

FLAGS = 2_000_000
"""Flags that say which feature of which mixed row is its own, held at once: 2 MB."""

GOLDEN = (np.sqrt(5) - 1) / 2

Mixed = Callable[[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]], Array]
"""Scores of mixed rows: which features row m keeps, shape `(m, P)`, and places of the row and of the background row, `(m,)`."""


class Sampled(NamedTuple):
    """Contributions, shape (n, P), their standard errors, and how many pairs of orders they rest on."""

    values: Array
    errors: Array
    pairs: int


def timed_contributions(
    mixed: Mixed,
    features: int,
    answers: Array,
    known: Array,
    targets: NDArray[np.intp],
    numbers: Sequence[int],
    *,
    seconds: float,
    seed: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> Sampled:
    """Contributions of features to one score of each row, in the way of `shapley.contributions`.

    Each round draws as many pairs of orders as all before it, up to 128, and as many as the time allows: with enough time a row
    has the same contributions whenever it is asked for, whatever stands beside it. The background rows of a row's pairs
    follow the golden ratio through the ranks of their score, so that any number of them is spread evenly.

    Parameters
    ----------
    mixed
        Asks the model.
    features
        How many there are, P.
    answers
        The score of each row, (n,).
    known
        Scores of background rows, shape (K, B).
    targets
        Which of the K scores each row's is, (n,).
    numbers
        A number of at least 0 that is made of each row's values.
    seconds
        What the whole may take; two pairs are drawn in any case.
    seed
        Of the draws, with the number of the row.

    Returns
    -------
    Sampled
        With the mean score of the background the values add up to the answer.

    Notes
    -----
    Sources: as of `shapley.contributions`; Niederreiter, *Random number generation and quasi-Monte Carlo methods* (1992), for
    the golden ratio.
    """
    started = clock()
    ranked = np.argsort(known, axis=1, kind="stable")[targets]
    scores = known[targets]
    streams = [np.random.default_rng([seed, number]) for number in numbers]
    begins = np.array([stream.random() for stream in streams])
    total, squares = np.zeros((len(answers), features)), np.zeros((len(answers), features))
    at_once = FLAGS // (2 * features**2)
    done, todo = 0, FIRST_PAIRS
    while todo > 0:
        round_started = clock()
        block = max(1, at_once // todo)
        for start in range(0, len(answers), block):
            some = slice(start, start + block)
            place = np.array([_orders(stream, todo, features) for stream in streams[some]])
            ranks = (begins[some, None] + GOLDEN * np.arange(done, done + todo)) % 1.0
            other = np.take_along_axis(ranked[some], (ranks * known.shape[1]).astype(np.intp), axis=1)
            first = np.take_along_axis(scores[some], other, axis=1)
            effects = effects_of(_asking(mixed, other, start), place, first, answers[some])
            total[some] += effects.sum(axis=1)
            squares[some] += (effects**2).sum(axis=1)
        done += todo
        now = clock()
        fit = (started + seconds - now) / max((now - round_started) / todo, 1e-9)
        todo = int(min(done, max(at_once, FIRST_PAIRS), MOST_PAIRS - done, max(fit, 0)))
    values = total / done
    errors = np.sqrt(np.maximum(squares / done - values**2, 0) / (done - 1))
    base = known.mean(axis=1)[targets]
    return Sampled(values + shared_out(answers - base - values.sum(axis=1), values, errors), errors, done)


def _orders(stream: np.random.Generator, pairs: int, features: int) -> NDArray[np.intp]:
    return stream.permuted(np.tile(np.arange(features), (pairs, 1)), axis=1)


def _asking(
    mixed: Mixed, other: NDArray[np.intp], start: int
) -> Callable[[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]], Array]:
    """Scores of mixes of some rows and their background rows."""
    return lambda own, row, pair: mixed(own, row + start, other[row, pair])
