"""Predicted numbers beside their truth: sums of errors by prediction, the products that their intervals need, residuals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import InputError, ProfileError
from holdfast.profile.envelope import array_in, array_out, digest_of, seal, unseal
from holdfast.profile.numeric import NumberEdges
from holdfast.profile.rowwise import columns_of, weights_of

Floats = NDArray[np.float64]

MAGIC = b"HOLDFAST-RESIDUALS\n"
VERSION = 1

ERRORS = ("weight", "truth", "truth_squared", "error", "error_squared", "absolute", "relative", "nonzero")
"""What is summed of every row, each times its weight; the quantile losses and the columns come after them.

`"weight"` stands for 1; the relative error is that of rows whose truth is not 0, which `"nonzero"` counts.
"""


@dataclass(frozen=True, eq=False)
class ResidualEdges:
    """What is fixed before counting, learned from the reference.

    Attributes
    ----------
    predictions, residuals
        Strictly increasing cuts between bins, shapes (p,) and (r,): p + 1 and r + 1 bins.
    centre, scale
        Of the truth, in its unit: sums are taken of `(truth - centre) / scale` and of errors divided by `scale`, so that
        neither a large mean nor the unit drowns what varies.
    quantiles
        Levels of the quantile losses, above 0 and below 1.
    """

    predictions: Floats
    residuals: Floats
    centre: float = 0.0
    scale: float = 1.0
    quantiles: tuple[float, ...] = ()

    @staticmethod
    def learn(predicted: Floats, truth: Floats, quantiles: tuple[float, ...] = ()) -> ResidualEdges:
        """Cuts at the quantiles of the predictions and of the residuals `truth - predicted`, both of shape (n,)."""
        residuals = NumberEdges.learn(truth - predicted).cuts
        known = truth[np.isfinite(truth)]
        centre = float(np.median(known)) if len(known) else 0.0
        deviation = float(known.std()) if len(known) else 0.0
        # A power of two: to divide by it is exact.
        scale = 2.0 ** round(np.log2(deviation)) if deviation > 0 else 1.0
        return ResidualEdges(NumberEdges.learn(predicted).cuts, residuals, centre, scale, quantiles)

    @cached_property
    def digest(self) -> str:
        """Identity: tables merge only when it is the same."""
        numbers = np.array([self.centre, self.scale, *self.quantiles])
        return digest_of(*(array.astype("<f8").tobytes() for array in (self.predictions, self.residuals, numbers)))

    @property
    def names(self) -> tuple[str, ...]:
        """What is summed, but for columns."""
        return (*ERRORS, *(f"quantile_{quantile:g}" for quantile in self.quantiles))


@dataclass(frozen=True, eq=False, slots=True)
class ResidualTable:
    """Rows and sums by bin of the prediction.

    Attributes
    ----------
    edges
        The bins.
    columns
        Names of further numbers of the rows, such as a cost.
    counts
        Rows by bin of the prediction.
    sums
        Sums of weight x number by bin of the prediction, shape (numbers, bins), in the order of `names`.
    products
        Sums over all rows of weight squared x number x number, shape (numbers, numbers).
    residuals
        Weight by bin of the residual `truth - prediction`.
    unknown
        Rows whose truth is not known.
    missing
        Rows whose prediction is NaN or infinite. They stand in no bin.
    """

    edges: ResidualEdges
    columns: tuple[str, ...]
    counts: NDArray[np.int64]
    sums: Floats
    products: Floats
    residuals: Floats
    unknown: int = 0
    missing: int = 0

    @staticmethod
    def count(
        edges: ResidualEdges,
        predicted: Floats,
        truth: Floats,
        weight: Floats | None = None,
        columns: Mapping[str, Floats] | None = None,
    ) -> ResidualTable:
        """Table of one batch of n rows.

        Parameters
        ----------
        edges
            The bins.
        predicted, truth
            Numbers, shape (n,). What is not finite among the predictions is counted apart, and so are truths of NaN.
        weight
            Weights of the rows, finite and >= 0, shape (n,); None if all count alike.
        columns
            Further numbers of the rows, by name, finite, each of shape (n,).

        Raises
        ------
        InputError
            If the shapes differ, or a truth is infinite, or a weight or a column is not as above.

        Examples
        --------
        >>> predicted, truth = np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, np.nan])
        >>> table = ResidualTable.count(ResidualEdges.learn(predicted, truth), predicted, truth)
        >>> table.rows, table.unknown
        (2, 1)
        """
        predicted, truth = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
        rows = len(predicted)
        if truth.shape != (rows,):
            raise InputError(f"Expected {rows:,} truths, one for each prediction; got the shape {truth.shape}.")
        if np.isinf(truth).any():
            raise InputError(f"Expected finite truths, or NaN where unknown; {np.isinf(truth).sum():,} are infinite.")
        weight, others = weights_of(weight, rows), columns_of(columns, rows)
        there = np.isfinite(predicted)
        used = there & ~np.isnan(truth)
        numbers = np.array([*_numbers(edges, predicted[used], truth[used]), *(other[used] for other in others)])
        bins = np.searchsorted(edges.predictions, predicted[used], side="right")
        size = len(edges.predictions) + 1
        weighted = weight[used] * numbers
        return ResidualTable(
            edges,
            tuple(columns or {}),
            np.bincount(bins, minlength=size),
            np.array([np.bincount(bins, row, size) for row in weighted], dtype=np.float64),
            weighted @ weighted.T,
            np.bincount(
                np.searchsorted(edges.residuals, (truth - predicted)[used], side="right"),
                weight[used],
                len(edges.residuals) + 1,
            ).astype(np.float64),
            unknown=int((there & ~used).sum()),
            missing=int((~there).sum()),
        )

    def __add__(self, other: ResidualTable) -> ResidualTable:
        """Rows of both."""
        return self._with(other, 1)

    def __sub__(self, other: ResidualTable) -> ResidualTable:
        """Rows of `self` without those of `other`."""
        return self._with(other, -1)

    def __eq__(self, other: object) -> bool:
        """Same bins, columns, counts and sums, to the last digit."""
        return isinstance(other, ResidualTable) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    @property
    def rows(self) -> int:
        """Rows with a prediction and a known truth."""
        return int(self.counts.sum())

    @property
    def names(self) -> tuple[str, ...]:
        """Numbers of which there are sums."""
        return (*self.edges.names, *self.columns)

    def to_bytes(self) -> bytes:
        """The table as bytes, in the envelope of `profile.envelope`."""
        edges = self.edges
        body = {
            "cuts": [array_out(edges.predictions), array_out(edges.residuals)],
            "fixed": [edges.centre, edges.scale, edges.quantiles],
            "columns": self.columns,
            "counts": array_out(self.counts),
            "sums": [array_out(array) for array in (self.sums, self.products, self.residuals)],
            "apart": [self.unknown, self.missing],
        }
        return seal(MAGIC, VERSION, edges.digest, body)

    @staticmethod
    def from_bytes(data: bytes, where: str = "these bytes") -> ResidualTable:
        """The table that `to_bytes` wrote; `ProfileError` if the bytes are damaged or no residual table."""
        body = unseal(MAGIC, VERSION, data, where, "residual table")
        centre, scale, quantiles = body["fixed"]
        predictions, residuals = map(array_in, body["cuts"])
        edges = ResidualEdges(predictions, residuals, centre, scale, tuple(quantiles))
        counts, columns = array_in(body["counts"]), tuple(body["columns"])
        sums, products, weights = map(array_in, body["sums"])
        numbers = len(edges.names) + len(columns)
        return ResidualTable(
            edges,
            columns,
            counts,
            sums.reshape(numbers, -1),
            products.reshape(numbers, numbers),
            weights,
            *body["apart"],
        )

    def _with(self, other: ResidualTable, sign: int) -> ResidualTable:
        if self.edges.digest != other.edges.digest:
            raise ProfileError("The two residual tables have different bins. Make both with the same edges.")
        if self.columns != other.columns:
            raise ProfileError(
                "The two residual tables have sums of different columns. Make both with the same columns."
            )
        return ResidualTable(
            self.edges,
            self.columns,
            self.counts + sign * other.counts,
            self.sums + sign * other.sums,
            self.products + sign * other.products,
            self.residuals + sign * other.residuals,
            self.unknown + sign * other.unknown,
            self.missing + sign * other.missing,
        )


def _numbers(edges: ResidualEdges, predicted: Floats, truth: Floats) -> list[Floats]:
    """What is summed of each row, in the order of `ResidualEdges.names`."""
    error = (predicted - truth) / edges.scale
    place = (truth - edges.centre) / edges.scale
    nonzero = truth != 0
    relative = np.divide(np.abs(predicted - truth), np.abs(truth), out=np.zeros(len(truth)), where=nonzero)
    losses = [np.maximum((level - 1) * -error, level * -error) for level in edges.quantiles]
    plain = [np.ones(len(truth)), place, place**2, error, error**2, np.abs(error), relative, nonzero.astype(np.float64)]
    return [*plain, *losses]
