"""Contributions to the margins of trees, against background rows: exact interventional Shapley values.

A row *allows* a leaf, as far as one feature goes, if each test of that feature on the way to the leaf sends it there. So a row
and a leaf have a pattern: one bit for each feature on the way. A row that takes some features from x and the others from b
reaches the leaf if each feature allows it in the row that it comes from. So the leaf's part of the game is: all features
that only x allows must come from x, and all that only b allows from b; the Shapley values of such a game are known. Background
rows with the same pattern are one.

Sources: Lundberg et al., *From local explanations to global understanding with explainable AI for trees*, Nature Machine
Intelligence 2 (2020), for interventional values; Laberge & Pequignot, *Understanding interventional TreeSHAP* (2022), for
the game of a leaf; Nadel & Wettenstein, *From decision trees to Boolean logic* (2025), for patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import comb
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ModelError
from holdfast.explain.mixing import Array
from holdfast.explain.tree_nodes import LEAF, Trees, ends_of_chains, steps

Patterns: TypeAlias = NDArray[np.unsignedinteger[Any]]

MOST_BITS = 64
"""Features on the way to a leaf."""

CELLS = 500_000
"""Steps of rows that are looked at at once."""

TESTS: Mapping[str, Callable[[Any, Any], NDArray[np.bool_]]] = {
    "BRANCH_LEQ": np.less_equal,
    "BRANCH_LT": np.less,
    "BRANCH_GTE": np.greater_equal,
    "BRANCH_GT": np.greater,
    "BRANCH_EQ": np.equal,
    "BRANCH_NEQ": np.not_equal,
}

_EACH = np.array([[1 / (p * comb(p + q, q)) if p else 0.0 for q in range(MOST_BITS + 1)] for p in range(MOST_BITS + 1)])
"""What each of p players brings that must be in, where q others must be out, for 1 to be won."""


class Forest:
    """Trees that know background rows.

    Parameters
    ----------
    owners
        Of each column, the feature that it is made of; P where it is made of none.
    features
        How many there are, P.
    known
        The matrix of the background rows, shape (B, C), at most 65,535 of them.

    Raises
    ------
    ModelError
        The nodes are no trees, or have more than 64 features on a way.
    """

    def __init__(self, trees: Trees, owners: NDArray[np.intp], features: int, known: NDArray[Any]) -> None:
        self._features = features
        last = ends_of_chains(trees)
        leaf, node, passes = steps(trees, last)
        owner = owners[trees.column[node]]
        order = np.lexsort((owner, leaf))
        leaf, node, owner = leaf[order], node[order], owner[order]
        self._tests = _Tests(trees, last)
        self._step_test, self._step_passes = self._tests.place[node], passes[order]
        self._bit_starts = np.flatnonzero(np.diff(leaf, prepend=-1) | np.diff(owner, prepend=-1))
        self._bit_owner = owner[self._bit_starts]
        leaves, self._leaf_starts, bits = np.unique(leaf[self._bit_starts], return_index=True, return_counts=True)
        most = int(bits.max(initial=1))
        if most > MOST_BITS:
            raise ModelError("a tree of the ONNX model has too many features on one way")
        place = np.arange(len(owner[self._bit_starts])) - np.repeat(self._leaf_starts, bits)
        self._bit = (np.uint64(1) << place.astype(np.uint64)).astype(np.min_scalar_type((1 << most) - 1))
        self._full = _joined(self._bit[None], self._leaf_starts)[0]
        self._values = trees.values[leaves]
        # Trees that are a leaf add the same to all rows.
        self._base = trees.base + trees.values.sum(axis=0) - self._values.sum(axis=0)
        self._group(self.read(known))

    def read(self, matrix: NDArray[Any]) -> Patterns:
        """Which features of each row allow each leaf, shape (n, L)."""
        size = max(1, CELLS // max(1, len(self._step_test)))
        parts = [np.zeros((0, len(self._full)), dtype=self._full.dtype)]
        for start in range(0, len(matrix), size):
            allows = self._tests.passed(matrix[start : start + size])[:, self._step_test] == self._step_passes
            allowed = np.logical_and.reduceat(allows, self._bit_starts, axis=1) if len(self._bit) else allows
            parts.append(_joined(allowed * self._bit, self._leaf_starts))
        return np.concatenate(parts)

    def margins(self, patterns: Patterns) -> Array:
        """Shape (n, J), of rows that were read."""
        return np.asarray((patterns == self._full) @ self._values + self._base)

    def _group(self, known: Patterns) -> None:
        """Groups of background rows that have the same pattern at a leaf."""
        order = np.argsort(known.T, axis=1, kind="stable")
        patterns = np.take_along_axis(known.T, order, axis=1)
        first = np.ones(patterns.shape, dtype=bool)
        first[:, 1:] = patterns[:, 1:] != patterns[:, :-1]
        self._rows = order.astype(np.uint16).ravel()
        self._starts = np.flatnonzero(first).astype(np.uint32)
        self._sizes = np.diff(self._starts, append=np.uint32(first.size))
        self._leaf = np.nonzero(first)[0].astype(np.uint32)
        self._lacks = self._full[self._leaf] & ~patterns[first]

    def contributions(self, pattern: Patterns, slopes: Array) -> Array:
        """What each feature brings, times the slope of each background row and margin, summed over both.

        Parameters
        ----------
        pattern
            Of a row that was read, shape (L,).
        slopes
            Shape (B, J).

        Returns
        -------
        array, shape (P,)
        """
        at = np.flatnonzero((pattern[self._leaf] & self._lacks) == self._lacks)
        leaf, only_own, only_others = self._leaf[at], self._lacks[at], self._full & ~pattern
        worth = (self._summed(slopes, at) * self._values[leaf]).sum(axis=1)
        p, q = np.bitwise_count(only_own), np.bitwise_count(only_others)[leaf]
        # What only other rows allow is the same for all groups at a leaf.
        lost = np.bincount(leaf, worth * _EACH[q, p], minlength=len(pattern))
        own = self._by_feature(only_own, self._leaf_starts[leaf], worth * _EACH[p, q])
        return np.asarray(own - self._by_feature(only_others, self._leaf_starts, lost))

    def _by_feature(self, bits: Patterns, starts: NDArray[np.intp], brings: NDArray[Any]) -> Array:
        """What each bit of patterns brings, summed by feature, shape (P,); at `starts` are the first bits of their leaves."""
        pattern, bit = _places(bits)
        owner = self._bit_owner[starts[pattern] + bit]
        return np.bincount(owner, brings[pattern], minlength=self._features + 1)[: self._features].astype(np.float64)

    def _summed(self, slopes: Array, groups: NDArray[np.intp]) -> Array:
        """Sums of slopes over the background rows of groups, shape (groups, J)."""
        if not len(groups):
            return np.zeros((0, slopes.shape[1]))
        sizes = self._sizes[groups]
        ends = np.cumsum(sizes, dtype=np.intp)
        rows = self._rows[np.arange(ends[-1]) + np.repeat(self._starts[groups] - (ends - sizes), sizes)]
        return np.stack([np.add.reduceat(column[rows], ends - sizes) for column in slopes.T], axis=1)


def _joined(bits: Patterns, starts: NDArray[np.intp]) -> Patterns:
    """Patterns of bits of each leaf."""
    return np.bitwise_or.reduceat(bits, starts, axis=1) if len(starts) else bits


def _places(numbers: Patterns) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which numbers have which bits."""
    # Little-endian: bit k of a number is bit k of its bytes.
    content = numbers.astype(numbers.dtype.newbyteorder("<")).view(np.uint8)
    places = np.flatnonzero(np.unpackbits(content, bitorder="little").view(bool))
    return places // (8 * numbers.itemsize), places % (8 * numbers.itemsize)


class _Tests:
    """All tests of the trees; those of a chain are one."""

    def __init__(self, trees: Trees, last: NDArray[np.intp]) -> None:
        inner = np.flatnonzero(trees.mode != LEAF)
        inner = inner[np.argsort(last[inner], kind="stable")]
        ends, self._starts = np.unique(last[inner], return_index=True)
        self.place = np.full(len(last), -1)
        self.place[ends] = np.arange(len(ends))
        self._column, self._threshold, self._missing = trees.column[inner], trees.threshold[inner], trees.missing[inner]
        mode = trees.mode[inner]
        self._by_mode = [(test, np.flatnonzero(mode == name)) for name, test in TESTS.items() if (mode == name).any()]

    def passed(self, matrix: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row passes each test, shape (n, tests)."""
        if matrix.dtype.kind != "f":
            matrix = matrix.astype(self._threshold.dtype)
        values, thresholds = matrix[:, self._column], self._threshold.astype(matrix.dtype)
        if len(self._by_mode) == 1:
            found = self._by_mode[0][0](values, thresholds)
        else:
            found = np.zeros(values.shape, dtype=bool)
            for test, places in self._by_mode:
                found[:, places] = test(values[:, places], thresholds[places])
        if self._missing.any():
            found |= np.isnan(values) & self._missing
        chains = len(self._starts) < len(self._column)
        return np.logical_or.reduceat(found, self._starts, axis=1) if chains else found
