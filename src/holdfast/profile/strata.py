"""Rows by score and answer, and what is known of the truth in each of these strata: what weighting is computed from.

Where the answer decides whether the truth can come to be known at all (a blocked payment is never charged back), rows are
in one of four states: their truth can come; it cannot, but rows like them were answered otherwise at random, and stand for
them; it cannot, and nothing stands for them; they are those that were answered otherwise at random.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]

SEEN, STOOD_FOR, UNSEEN, EXPLORED = 0, 1, 2, 3
"""States of rows, in the order of their strata."""

MOST_ANSWERS = 8
"""Of more answers the strata are those of the scores alone."""

COLUMNS = 11
"""Of a stratum: labelled rows n, their weights w and w^2, then w x, w^2 x, w^2 x^2 of loss x and of truth less score x, and
w x, w^2 x of being right x."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How strata lie behind one another: by state, then by answer, then by cell of the scores.

    Attributes
    ----------
    cells
        Of the scores.
    answers
        Answers that are told apart; at least 1.
    states
        1 where the truth of every row can come, else 4.
    """

    cells: int
    answers: int
    states: int

    @staticmethod
    def of(cells: int, answers: int, selective: bool) -> Layout:
        """The layout for so many answers, of which only some let the truth come, or all."""
        return Layout(cells=cells, answers=answers if 0 < answers <= MOST_ANSWERS else 1, states=4 if selective else 1)

    @property
    def size(self) -> int:
        """Number of strata."""
        return self.states * self.answers * self.cells

    def groups(self) -> Iterator[tuple[int, int, slice]]:
        """State and answer of each group of strata, and where they lie, in the order of the scores."""
        for place in range(self.states * self.answers):
            yield *divmod(place, self.answers), slice(place * self.cells, (place + 1) * self.cells)

    def strata(
        self,
        cell: NDArray[np.intp],
        decision: NDArray[np.int64] | None,
        seen: NDArray[np.bool_] | None,
        propensity: Array | None,
    ) -> NDArray[np.intp]:
        """The stratum of each row, (n,); -1 of rows without a score or an answer.

        Parameters
        ----------
        cell
            Of the score; `cells` without one.
        decision
            Code of the answer, -1 without one; None of numbers.
        seen
            Whether the truth of the row can come to be known; None: of every row.
        propensity
            Probability of this answer; below 1 others like it were answered otherwise.
        """
        answer = np.zeros(len(cell), np.intp) if self.answers == 1 or decision is None else decision
        state = np.zeros(len(cell), np.intp)
        if seen is not None and self.states > 1:
            random = np.zeros(len(cell), bool) if propensity is None or self.answers != 2 else propensity < 1
            state = np.where(seen, np.where(random, EXPLORED, SEEN), np.where(random, STOOD_FOR, UNSEEN))
        found = (state * self.answers + answer) * self.cells + cell
        out = cell >= self.cells
        return np.where(out if decision is None else out | (decision < 0), -1, found)

    def stood_for(self, stratum: NDArray[np.intp]) -> NDArray[np.intp]:
        """The strata that explored rows stand for: of the other of two answers, where the truth cannot come."""
        answer, cell = np.divmod(stratum, self.cells)
        return np.asarray((STOOD_FOR * self.answers + 1 - answer % self.answers) * self.cells + cell)


def rows_in(
    layout: Layout,
    cell: NDArray[np.intp],
    decision: NDArray[np.int64] | None,
    seen: NDArray[np.bool_] | None,
    propensity: Array | None,
) -> Counts:
    """Rows in each stratum, as `Layout.strata` has them."""
    if seen is None and decision is not None and layout.answers > 1:
        # Those without a score or an answer are counted, too, and left out: that is the quickest.
        cells, answers = layout.cells + 1, layout.answers + 1
        table = np.bincount((decision + 1) * cells + cell, minlength=answers * cells).reshape(answers, cells)[1:, :-1]
        found = np.zeros(layout.size, np.int64)
        found[: table.size] = table.ravel()
        return found
    stratum = layout.strata(cell, decision, seen, propensity)
    return np.bincount(stratum[stratum >= 0], minlength=layout.size)


def truths_in(
    layout: Layout,
    stratum: NDArray[np.intp],
    loss: Array,
    residual: Array,
    right: NDArray[np.bool_],
    propensity: Array | None = None,
    other_loss: Array | None = None,
) -> Array:
    """What is known of the truth in each stratum, flattened from (size, `COLUMNS`).

    Parameters
    ----------
    stratum
        Of each labelled row, (n,); -1: not counted.
    loss, residual, right
        Of each labelled row: its loss, truth less score (0 where that is not one number), and whether the answer was right.
    propensity, other_loss
        Probability p of the answer, and the loss that the other answer would have had. Explored rows stand, with weight
        (1 - p) / p, for those like them whose truth cannot come, so that on average each row of either answer counts once
        (Horvitz & Thompson, *A generalization of sampling without replacement from a finite universe*, JASA 47 (1952)).
    """
    used = stratum >= 0
    found = _sums(layout.size, stratum[used], loss[used], residual[used], right[used])
    if layout.states > 1 and propensity is not None and other_loss is not None:
        stands = (
            used & (stratum >= EXPLORED * layout.answers * layout.cells) & (propensity > 0) & np.isfinite(other_loss)
        )
        if stands.any():
            p, place = propensity[stands], layout.stood_for(stratum[stands])
            weight = (1 - p) / p
            found += _sums(layout.size, place, other_loss[stands], residual[stands], ~right[stands], weight)
    return found.ravel()


def _sums(
    size: int,
    place: NDArray[np.intp],
    loss: Array,
    residual: Array,
    right: NDArray[np.bool_],
    weight: Array | None = None,
) -> Array:
    def total(values: Array | None = None) -> Array:
        return np.bincount(place, values, minlength=size).astype(np.float64)

    found = np.empty((size, COLUMNS))
    if weight is None:
        found[:, 0] = found[:, 1] = found[:, 2] = total()
        for first, x in ((3, loss), (6, residual)):
            found[:, first] = found[:, first + 1] = total(x)
            found[:, first + 2] = total(x * x)
        found[:, 9] = found[:, 10] = total(right.astype(np.float64))
        return found
    square = weight**2
    hit = right.astype(np.float64)
    columns = (
        None,
        weight,
        square,
        *(w * y for x in (loss, residual) for w, y in ((weight, x), (square, x), (square, x * x))),
    )
    for place_of, values in enumerate((*columns, weight * hit, square * hit)):
        found[:, place_of] = total(values)
    return found
