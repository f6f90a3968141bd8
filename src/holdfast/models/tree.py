"""A decision tree, as every library's is read before it becomes ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Split(NamedTuple):
    """Rows whose value is at most (or below) a threshold go to `left`; with `members`, rows whose value is one of them.

    Attributes
    ----------
    column
        Of the matrix that the trees read.
    missing_left
        Whether rows without a value go left.
    left, right
        Places of the children in the tree.
    """

    column: int
    threshold: float
    missing_left: bool
    left: int
    right: int
    members: tuple[float, ...] | None = None


class Leaf(NamedTuple):
    """What a tree adds to the score."""

    value: float


Tree = Sequence[Split | Leaf]
"""Nodes by place; the root is the first."""
