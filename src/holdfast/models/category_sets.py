"""Splits by sets of categories, made so that a single test decides each.

A set is a chain of equalities to ONNX, and ONNX Runtime (from 1.21) makes a chain one test of a bit where it compares
with whole numbers from 1 to 64 (to 32 in floats). Codes are not all of these, so columns of labels are added to the matrix,
each for several sets: codes that none of these sets tells apart share a label, and codes in none of them have 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.models.graph import Graph
from holdfast.models.onnx_model import Element
from holdfast.models.tree import Leaf, Split, Tree

CODES = 10_000
"""Sets with larger codes stay chains: a table of labels has a row for each code."""

COLUMNS = 1_000
"""Of labels; sets that find no place stay chains."""


def labelled(graph: Graph, matrix: str, trees: Sequence[Tree], element: Element) -> tuple[str, list[Tree]]:
    """Put labels before the columns of a matrix of `element`, and let the trees read these.

    Values that are no code of any set, and missing values, go where they went before.
    """
    sets: dict[int, list[Split]] = {}
    splits = (node for tree in trees for node in tree if isinstance(node, Split))
    for one in dict.fromkeys(_alone(split) for split in splits if _is_of_codes(split)):
        sets.setdefault(one.column, []).append(one)
    pieces, instead, width = [], {}, 0
    for column, some in sets.items():
        table, places = packed(some, 64 if element == "double" else 32, max(1, COLUMNS - width))
        for one, place in zip(some, places, strict=False):
            members = np.unique(table[_rows(one, len(table)), place]).astype(float)
            instead[one] = one._replace(column=width + place, missing_left=False, members=tuple(members.tolist()))
        pieces.append(graph.node("Gather", [graph.constant(table), _row(graph, matrix, column, len(table), element)]))
        width += table.shape[1]
    if not pieces:
        return matrix, list(trees)

    def moved(node: Split | Leaf) -> Split | Leaf:
        if isinstance(node, Leaf):
            return node
        found = instead.get(_alone(node)) or node._replace(column=width + node.column)
        return found._replace(left=node.left, right=node.right)

    labels = graph.cast(graph.node("Concat", pieces, axis=1), element)
    return graph.node("Concat", [labels, matrix], axis=1), [[moved(node) for node in tree] for tree in trees]


def packed(sets: Sequence[Split], largest: int, most: int) -> tuple[NDArray[np.uint8], list[int]]:
    """Labels up to `largest` in `most` columns, and where each set is; of the first sets only, if not all find a place.

    Returns
    -------
    ndarray of uint8, shape (codes + 2, columns)
        A row for each code, one for all other values, and one for missing ones.
    list of int
        Columns of the sets.
    """
    rows = 3 + int(max(max(one.members or ()) for one in sets))
    columns, places = [np.zeros(rows, dtype=np.intp)], []
    for one in sets:
        member = np.zeros(rows, dtype=np.intp)
        member[_rows(one, rows)] = 1
        found, merged = np.unique(2 * columns[-1] + member, return_inverse=True)
        if len(found) <= largest + 1:
            columns[-1] = merged
        elif len(columns) < most:
            columns.append(member)
        else:
            break
        places.append(len(columns) - 1)
    return np.column_stack(columns).astype(np.uint8), places


def _alone(split: Split) -> Split:
    """A split without its place in a tree."""
    return split._replace(left=0, right=0)


def _is_of_codes(split: Split) -> bool:
    """Whether a split asks for one of several codes."""
    members = split.members or ()
    return len(members) > 1 and all(0 <= value < CODES and value == int(value) for value in members)


def _rows(one: Split, rows: int) -> list[int]:
    """Which rows of a table belong to a set."""
    return [*map(int, one.members or ()), *([rows - 1] if one.missing_left else [])]


def _row(graph: Graph, matrix: str, column: int, rows: int, element: Element) -> str:
    """Which row of a table each value of a column has, shape (n,)."""
    dtype = np.float64 if element == "double" else np.float32
    value = graph.node("Gather", [matrix, graph.constant(column)], axis=1)
    whole = graph.node("Equal", [value, graph.node("Floor", [value])])
    least = graph.node("GreaterOrEqual", [value, graph.constant(0, dtype)])
    below = graph.node("Less", [value, graph.constant(rows - 2, dtype)])
    code = graph.node("And", [whole, graph.node("And", [least, below])])
    missing, other = graph.constant(rows - 1, dtype), graph.constant(rows - 2, dtype)
    otherwise = graph.node("Where", [graph.node("IsNaN", [value]), missing, other])
    return graph.cast(graph.node("Where", [code, value, otherwise]), "int64")
