"""What a client asks: rows as tuples, whichever way they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from holdfast.serve.engine import Answered
from holdfast.serve.fields import Problem
from holdfast.serve.rows import Row

MOST_ROWS = 100_000
"""Rows of one request."""

LONGEST_ID = 200
"""Characters of an id that a client gives."""


@dataclass(slots=True, kw_only=True)
class Request:
    """Rows to be answered.

    Attributes
    ----------
    rows
        Values of the release's fields, in their order; None where there is none. What follows them is not looked at.
    ids
        What the client calls each row; None where it gave no name.
    problems
        What is wrong with values.
    explain
        Whether contributions of the features are asked for.
    """

    rows: Sequence[Row]
    ids: Sequence[str | None]
    problems: list[Problem] = field(default_factory=list)
    explain: bool = False


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What contributions are.

    Attributes
    ----------
    scale
        What they add up to, with `base`: the score of the answer; of several classes, the probability of the decided one.
    method
        `interventional`: exact Shapley values of the score. `rescaled`: exact ones of the log-odds (or other margin), brought
        to the score. `sampling`: estimates. `none`: there are none, because the model has no score for mixed rows.
    background
        How many rows of the release stand for what is not known.
    pairs, error
        Of sampling: how many pairs of orders were drawn for each row, and the largest standard error of a contribution.
    """

    scale: Literal["score"]
    method: Literal["interventional", "rescaled", "sampling", "none"]
    background: int
    pairs: int | None = None
    error: float | None = None


@dataclass(slots=True, kw_only=True)
class Reply:
    """Answers to a request, for whoever writes them in the client's format.

    Attributes
    ----------
    model, version
        The release that answered.
    ids
        What each row is called in the log.
    answered
        The answers to a group of rows, of which `first` up to `first + rows` are this request's.
    problems
        By row of the request.
    contributions
        By row: of each feature to the score, and the score without any (`base`). Empty where the score is unknown.
    explanation
        What these are.
    """

    model: str
    version: int
    ids: Sequence[str]
    answered: Answered
    first: int
    rows: int
    problems: list[Problem]
    contributions: list[dict[str, float]] | None = None
    explanation: Explanation | None = None


Writer: TypeAlias = Callable[[Reply], bytes]
"""Writes a reply as the client wants it."""
