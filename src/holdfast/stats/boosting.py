"""Gradient boosting of shallow trees on binned features, in NumPy: enough to correct a mean by what features say.

It corrects, and does not start from nothing: each row has a value on the scale of the link to begin with (the logit of a
calibrated score, the logarithm of an expected loss), and the number of trees is chosen on rows that they were not grown
on. None may be the best.

Source: Friedman, *Greedy function approximation: a gradient boosting machine*, Annals of Statistics 29 (2001), with the
second-order gain of Chen & Guestrin, *XGBoost*, KDD (2016), section 2.2, and *Stochastic gradient boosting* (2002).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

Link = Literal["logit", "log"]
"""`logit`: the mean is a probability, with the log loss; `log`: it is a positive number, with the Poisson deviance."""

BINS = 129
"""Codes of a feature at most, 0 to 128."""
RATE = 0.1
"""Share of its best step that a leaf takes."""
PATIENCE = 15
"""Rounds without a smaller held-out loss, after which no further tree is grown."""


class Growth(NamedTuple):
    """How trees grow.

    Attributes
    ----------
    depth
        Of each tree.
    most
        Trees of a member at most.
    share
        Of the rows that each tree is grown on.
    smoothing
        Added to the weight of a leaf: a leaf of few rows moves little.
    least
        Weight (sum of second derivatives) that a leaf must have at least.
    stops
        Whether as many trees are kept as lower the held-out loss most; otherwise all, if they lower it. What is to be
        averaged over many rows bears noise better than bias, and gains from more trees than single rows do.
    """

    depth: int = 3
    most: int = 150
    share: float = 0.5
    smoothing: float = 5.0
    least: float = 2.0
    stops: bool = True


USUAL = Growth()
NEAR = 30.0
"""Values on the scale of the link stay within this distance of 0: beyond it `exp` says nothing."""
TOGETHER = 8
"""Trees that rows are put through at once: what is compared then stays near the processor."""


class Trees(msgspec.Struct, frozen=True, kw_only=True):
    """Complete trees of one depth, each in the order of a heap: node i has the children 2i + 1 and 2i + 2.

    Attributes
    ----------
    features, cuts
        Of each inner node: a row goes right if its code of the feature is above the cut.
    leaves
        What each leaf adds, from left to right, on the scale of the link.
    """

    features: tuple[tuple[int, ...], ...] = ()
    cuts: tuple[tuple[int, ...], ...] = ()
    leaves: tuple[tuple[float, ...], ...] = ()


def added(trees: Trees, codes: Codes) -> Floats:
    """What the trees add to the rows' values, shape (n,); codes have the shape (features, n).

    Examples
    --------
    >>> stump = Trees(features=((0,),), cuts=((2,),), leaves=((-1.0, 1.0),))
    >>> added(stump, np.array([[1, 2, 3]])).tolist()
    [-1.0, -1.0, 1.0]
    """
    total = np.zeros(codes.shape[1])
    narrow = np.ascontiguousarray(codes, dtype=np.uint8)
    for first in range(0, len(trees.leaves), TOGETHER):
        some = slice(first, first + TOGETHER)
        found = _leaves(np.asarray(trees.features[some]), np.asarray(trees.cuts[some]), narrow)
        for leaves, leaf in zip(trees.leaves[some], found, strict=True):
            total += np.asarray(leaves).take(leaf)
    return total


def mean(values: Floats, link: Link) -> Floats:
    """From the scale of the link to the mean."""
    bounded = np.exp(np.clip(values, -NEAR, NEAR))
    result: Floats = bounded / (1 + bounded) if link == "logit" else bounded
    return result


def cross_fitted(
    codes: Codes,
    truth: Floats,
    start: Floats,
    fold: NDArray[np.intp],
    weight: Floats,
    link: Link,
    growth: Growth = USUAL,
    seed: int = 0,
) -> tuple[Trees, ...]:
    """Members of trees, each grown on the rows of all folds but one, as many as lower the loss of the fold left out.

    Parameters
    ----------
    codes
        Features in bins, 0 to `BINS` - 1, shape (features, n).
    truth
        0 or 1, or numbers >= 0 for the link `log`, shape (n,).
    start
        Where each member begins, on the scale of the link, shape (members, n).
    fold
        The member that does not see the row, 0 to members - 1, shape (n,).
    weight
        Of the rows, >= 0, shape (n,).
    growth
        How the trees grow.

    Returns
    -------
    tuple of Trees
        A member for each fold, all with the same number of trees: none, unless they lower the loss over all rows, each
        judged by the member that did not see it, by more than its standard error.
    """
    random = np.random.default_rng(seed)
    grown = [_Member(codes, truth, first, fold != k, link, growth) for k, first in enumerate(start)]
    rows = np.arange(len(truth))
    before = _loss(truth, start[fold, rows], link)
    share = weight / weight.sum()
    gains: list[float] = [0.0]
    chosen = 0
    for count in range(1, growth.most + 1):
        for member in grown:
            member.grow(weight, random)
        if not growth.stops and count < growth.most:
            continue
        gained = before - _loss(truth, np.stack([member.values for member in grown])[fold, rows], link)
        gain = float(share @ gained)
        error = float(np.sqrt(share**2 @ (gained - gain) ** 2))
        if gain > gains[chosen if growth.stops else 0] and gain > error:
            chosen = count
        gains.append(gain)
        if growth.stops and count - int(np.argmax(gains)) >= PATIENCE:
            break
    return tuple(member.first(chosen) for member in grown)


class _Member:
    """Trees that are being grown, and the values of all rows with them."""

    def __init__(
        self, codes: Codes, truth: Floats, start: Floats, seen: NDArray[np.bool_], link: Link, growth: Growth
    ) -> None:
        self.codes, self.truth, self.link, self.growth = codes, truth, link, growth
        self.narrow = codes.astype(np.uint8)
        self.bins = int(codes.max(initial=0)) + 1
        self.values = start.copy()
        self.seen = np.flatnonzero(seen)
        self.trees: list[tuple[NDArray[np.intp], NDArray[np.intp], Floats]] = []

    def grow(self, weight: Floats, random: np.random.Generator) -> None:
        """One tree more."""
        drawn = np.sort(random.permutation(self.seen)[: max(1, int(self.growth.share * len(self.seen)))])
        expected = mean(self.values[drawn], self.link)
        gradient = weight[drawn] * (self.truth[drawn] - expected)
        curvature = weight[drawn] * (expected * (1 - expected) if self.link == "logit" else expected)
        features, cuts, leaves = _tree(self.codes[:, drawn], gradient, curvature, self.bins, self.growth)
        self.trees.append((features, cuts, leaves))
        self.values += leaves.take(_leaves(features[None], cuts[None], self.narrow)[0])

    def first(self, count: int) -> Trees:
        """The first so many trees."""
        kept = self.trees[:count]
        return Trees(
            features=tuple(tuple(features.tolist()) for features, _, _ in kept),
            cuts=tuple(tuple(cuts.tolist()) for _, cuts, _ in kept),
            leaves=tuple(tuple(float(f"{leaf:.6g}") for leaf in leaves) for _, _, leaves in kept),
        )


def _tree(
    codes: Codes, gradient: Floats, curvature: Floats, bins: int, growth: Growth
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """A tree: at each node the split with the largest gain, or, where none gains, all rows to the left."""
    node = np.zeros(codes.shape[1], dtype=np.intp)
    rows = np.arange(len(node))
    size = 2**growth.depth
    features, cuts = np.zeros(size - 1, dtype=np.intp), np.full(size - 1, BINS)
    for level in range(growth.depth):
        nodes = 2**level
        sums = np.empty((2, nodes, len(codes), bins))
        for f, column in enumerate(codes):
            cell = node * bins + column
            for place, values in enumerate((gradient, curvature)):
                sums[place, :, f] = np.bincount(cell, values, nodes * bins).reshape(nodes, bins)
        feature, cut = _best(sums[0], sums[1], growth)
        here = slice(nodes - 1, 2 * nodes - 1)
        features[here], cuts[here] = feature, cut
        node = 2 * node + (codes[feature[node], rows] > cut[node])
    weight = np.bincount(node, curvature, size) + growth.smoothing
    leaves: Floats = RATE * np.bincount(node, gradient, size) / weight
    return features, cuts, leaves


def _best(gradient: Floats, curvature: Floats, growth: Growth) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Feature and cut of each node, from sums of shape (nodes, features, bins)."""
    left, weight = np.cumsum(gradient, axis=-1)[..., :-1], np.cumsum(curvature, axis=-1)[..., :-1]
    total, both = gradient.sum(axis=-1, keepdims=True), curvature.sum(axis=-1, keepdims=True)
    right, rest, smoothing = total - left, both - weight, growth.smoothing
    gain = left**2 / (weight + smoothing) + right**2 / (rest + smoothing) - total**2 / (both + smoothing)
    gain = np.where((weight >= growth.least) & (rest >= growth.least), gain, 0.0)
    cuts, flat = gain.shape[-1], gain.reshape(len(gain), -1)
    if not cuts:
        return np.zeros(len(gain), dtype=np.intp), np.full(len(gain), BINS)
    best = flat.argmax(axis=-1)
    found = flat[np.arange(len(flat)), best] > 0
    feature, cut = np.divmod(best, cuts)
    return np.where(found, feature, 0), np.where(found, cut, BINS)


def _leaves(features: NDArray[np.intp], cuts: NDArray[np.intp], codes: NDArray[Any]) -> NDArray[np.uint8]:
    """The leaf of each of some trees that each row falls into, from left to right, shape (trees, n)."""
    right = codes[features] > cuts[..., None].astype(codes.dtype)
    leaf = np.zeros((len(right), codes.shape[1]), dtype=np.uint8)
    turns: list[NDArray[np.bool_]] = []
    for level in range((features.shape[1] + 1).bit_length() - 1):
        here = right[:, 2**level - 1 : 2 ** (level + 1) - 1]
        # Of the nodes of this level the one that the turns so far lead to: halves are chosen, bit by bit, which is faster
        # than places.
        for turn in turns:
            half = here.shape[1] // 2
            low, high = here[:, :half], here[:, half:]
            here = low ^ (turn[:, None] & (low ^ high))
        turns.append(here[:, 0])
        leaf = 2 * leaf + here[:, 0]
    return leaf


def _loss(truth: Floats, values: Floats, link: Link) -> Floats:
    """Loss of each row, up to a constant: the log loss, or half the Poisson deviance."""
    if link == "logit":
        return np.logaddexp(0, values) - truth * values
    loss: Floats = np.exp(np.clip(values, -NEAR, NEAR)) - truth * values
    return loss
