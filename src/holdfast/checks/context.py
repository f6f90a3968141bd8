"""What checks are told besides the two profiles: limits and switches, importance, and the moment of asking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]

NumberDistance = Literal[
    "location",
    "total_variation",
    "psi",
    "jensen_shannon",
    "hellinger",
    "kolmogorov_smirnov",
    "wasserstein",
]
CategoryDistance = Literal["total_variation", "psi", "jensen_shannon", "hellinger"]


class ColumnLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one column; what is None is taken from `Settings`.

    Attributes
    ----------
    minimum_effect
        Smallest change of the distribution that matters, in the unit of its distance.
    missing
        Smallest change of the share of missing values that matters.
    importance
        Weight of the column when findings are ordered, 0 to infinity.
    ignore
        Leave the column out of all checks.
    """

    minimum_effect: Positive | None = None
    missing: Positive | None = None
    importance: Annotated[float, Meta(ge=0)] | None = None
    ignore: bool = False


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of all checks; the defaults are the same for every number of rows.

    Attributes
    ----------
    error_budget
        Chance that a result has any drift finding that fails although nothing has changed.
    location
        Smallest shift of a number that matters, in reference standard deviations on the rank scale.
    variation
        Smallest total variation above its value by chance that matters, for categories and for the shape of numbers.
    missing
        Smallest change of the share of missing values that matters.
    dependence
        Smallest change of a correlation that matters.
    number_distance, category_distance, test
        What the size and the certainty of a change are measured by.
    new_values, out_of_range, outliers, duplicates, conflicts
        Shares of rows that are tolerable: values that the reference does not have; values outside its range; far-out
        values, repeated rows and rows of conflicting labels beyond the reference's own share.
    almost_constant
        Share of one value from which a column says next to nothing.
    rows_ratio
        Smallest ratio of the number of rows to that of a reference window that matters.
    stale_after_seconds
        Age of the newest row from which a table is stale; None: not judged.
    skip
        Codes of checks (or families, such as `quality`) that are switched off.
    columns
        Limits per column.
    """

    error_budget: Annotated[float, Meta(gt=0, lt=1)] = 0.04
    location: Positive = 0.25
    variation: Positive = 0.10
    missing: Positive = 0.05
    dependence: Positive = 0.20
    number_distance: NumberDistance = "location"
    category_distance: CategoryDistance = "total_variation"
    test: Literal["chi2", "g"] = "chi2"
    new_values: Share = 0.0
    out_of_range: Share = 0.001
    outliers: Share = 0.01
    duplicates: Share = 0.01
    conflicts: Share = 0.01
    almost_constant: Share = 0.999
    rows_ratio: Annotated[float, Meta(gt=1)] = 3.0
    stale_after_seconds: Positive | None = None
    skip: tuple[str, ...] = ()
    columns: dict[str, ColumnLimits] = {}

    def skips(self, code: str) -> bool:
        """Whether a check is switched off, by its code or with its family."""
        return code in self.skip or code.partition(".")[0] in self.skip

    def of(self, column: str) -> ColumnLimits:
        """Limits of a column."""
        return self.columns.get(column, _DEFAULT)


_DEFAULT = ColumnLimits()


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Settings, and what else a check may ask for.

    Attributes
    ----------
    settings
        Limits and switches.
    importance
        Importance of columns, for instance from a model; 1 where nothing is said.
    now_seconds
        Moment of asking, in seconds since 1970, for freshness; None: not judged.
    """

    settings: Settings = Settings()
    importance: Mapping[str, float] = {}
    now_seconds: float | None = None

    def weight(self, column: str) -> float:
        """Importance of a column."""
        own = self.settings.of(column).importance
        return own if own is not None else self.importance.get(column, 1.0)
