"""What `holdfast.toml` may write as `[objective]`: one record per `kind`.

Each says its `task`, `direction`, `unit`, `title`, which columns it `needs`, and whether it `decides`: judges answers,
and not the ranking by score.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta

from holdfast.durations import PATTERN
from holdfast.evidence import Task

Name = Annotated[str, Meta(min_length=1)]
Amount: TypeAlias = float | Name
"""A number, or the name of the column that holds it for each row."""
Length = Annotated[str, Meta(pattern=PATTERN)]
Positive = Annotated[float, Meta(gt=0)]
Inside = Annotated[float, Meta(gt=0, lt=1)]
Size = Annotated[int, Meta(ge=1)]


class Common(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"
):
    """What holds unless a record says otherwise."""

    task: ClassVar[Task] = "binary"
    direction: ClassVar[Literal["higher", "lower"]] = "higher"
    decides: ClassVar[bool] = True

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns of the data that it reads."""
        return ()


class FBeta(Common, frozen=True, kw_only=True, tag="f_beta"):
    """F-beta: the balance of precision and recall, recall counting `beta` times as much.

    With `average`, of several classes: their mean, each alike ("macro") or by its share of the truth ("weighted").
    """

    beta: Positive = 1.0
    average: Literal["macro", "weighted"] | None = None

    unit: ClassVar[str] = ""

    @property
    def task(self) -> Task:  # type: ignore[override]
        """Two classes, or several if an average is named."""
        return "classes" if self.average else "binary"

    @property
    def title(self) -> str:
        """Such as `F2 score, macro average`."""
        return f"F{self.beta:g} score" + (f", {self.average} average" if self.average else "")


class Cost(Common, frozen=True, kw_only=True, tag="cost"):
    """Mean cost of a row, of two classes; an entry is a number or a column, and negative where something is earned."""

    false_positive: Amount
    false_negative: Amount
    true_positive: Amount = 0.0
    true_negative: Amount = 0.0
    currency: str = ""

    direction: ClassVar[Literal["higher", "lower"]] = "lower"
    title: ClassVar[str] = "Cost per row"

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns among the entries."""
        return columns_among(self.true_negative, self.false_positive, self.false_negative, self.true_positive)

    @property
    def unit(self) -> str:
        """The currency."""
        return self.currency


class CostMatrix(Common, frozen=True, kw_only=True, tag="cost_matrix"):
    """Mean cost of a row, of several classes: `costs[truth][answer]` is a number or a column.

    Right answers cost 0 unless stated; a wrong one that is not stated costs `otherwise`.
    """

    costs: dict[str, dict[str, Amount]]
    otherwise: Amount | None = None
    currency: str = ""

    task: ClassVar[Task] = "classes"
    direction: ClassVar[Literal["higher", "lower"]] = "lower"
    title: ClassVar[str] = "Cost per row"

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns among the entries."""
        stated = [entry for row in self.costs.values() for entry in row.values()]
        return columns_among(*stated, *([] if self.otherwise is None else [self.otherwise]))

    @property
    def unit(self) -> str:
        """The currency."""
        return self.currency


class PrecisionAtCapacity(Common, frozen=True, kw_only=True, tag="precision_at_capacity"):
    """Precision among the rows with the highest scores, as many as can be looked at.

    `capacity` is a share of all rows; or, with `per`, the number of rows in each period of that length (UTC).
    """

    capacity: Positive
    per: Length | None = None

    decides: ClassVar[bool] = False
    unit: ClassVar[str] = "share"

    def __post_init__(self) -> None:
        # A ValueError, because msgspec then adds the path in the configuration.
        if self.per is None and self.capacity > 1:
            raise ValueError("capacity is a share of the rows, 0 to 1; a number of rows needs per, such as per = '1d'")

    @property
    def title(self) -> str:
        """Such as `Precision in the top 1%`."""
        of = f"{self.capacity:g} rows per {self.per}" if self.per else f"{100 * self.capacity:.4g}%"
        return f"Precision in the top {of}"


class RecallAtPrecision(Common, frozen=True, kw_only=True, tag="recall_at_precision"):
    """The highest recall of any threshold whose precision is at least `precision`."""

    precision: Inside

    decides: ClassVar[bool] = False
    unit: ClassVar[str] = "share"

    @property
    def title(self) -> str:
        """Such as `Recall at 0.9 precision`."""
        return f"Recall at {self.precision:.4g} precision"


class TopK(Common, frozen=True, kw_only=True, tag="top_k"):
    """Precision among the `top` entities of each period, ranked by their highest score: card precision@k.

    Attributes
    ----------
    top
        How many are looked at.
    per
        Length of a period (UTC); None: all rows are one.
    by
        Column of the entity, such as the card; None: each row by itself.
    once
        Leave an entity out of later periods once it was rightly among the top: its card is blocked.
    """

    top: Size
    per: Length | None = None
    by: Name | None = None
    once: bool = False

    decides: ClassVar[bool] = False
    unit: ClassVar[str] = "share"

    def __post_init__(self) -> None:
        if self.once and (self.by is None or self.per is None):
            raise ValueError("once = true needs by, the column of the entity, and per, the length of a period")

    @property
    def needs(self) -> tuple[str, ...]:
        """The entity's column."""
        return () if self.by is None else (self.by,)

    @property
    def title(self) -> str:
        """Such as `Precision in the top 100 by customer per 1d`."""
        by = f" by {self.by}" if self.by else ""
        per = f" per {self.per}" if self.per else ""
        return f"Precision in the top {self.top}{by}{per}"


class OfQueries(Common, frozen=True, kw_only=True):
    """How well the first `k` rows of each `query`, which names a column, are ranked."""

    k: Size
    query: Name

    decides: ClassVar[bool] = False
    unit: ClassVar[str] = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The query's column."""
        return (self.query,)


class Ndcg(OfQueries, frozen=True, kw_only=True, tag="ndcg"):
    """Normalised discounted cumulative gain of the first `k` rows of each `query`."""

    @property
    def title(self) -> str:
        """Such as `NDCG@10`."""
        return f"NDCG@{self.k}"


class MeanAveragePrecision(OfQueries, frozen=True, kw_only=True, tag="map"):
    """Mean average precision of the first `k` rows of each `query`."""

    @property
    def title(self) -> str:
        """Such as `MAP@10`."""
        return f"MAP@{self.k}"


class Loss(Common, frozen=True, kw_only=True):
    """A loss of predicted numbers, in `unit`, which is the target's."""

    unit: str = ""

    task: ClassVar[Task] = "regression"
    direction: ClassVar[Literal["higher", "lower"]] = "lower"


class MeanAbsoluteError(Loss, frozen=True, kw_only=True, tag="mae"):
    """Mean absolute error: least for the median."""

    title: ClassVar[str] = "Mean absolute error"


class RootMeanSquaredError(Loss, frozen=True, kw_only=True, tag="rmse"):
    """Root of the mean squared error: least for the mean, and large errors count more than in proportion."""

    title: ClassVar[str] = "Root mean squared error"


class PinballLoss(Loss, frozen=True, kw_only=True, tag="pinball"):
    """Quantile loss: least for the `quantile`, so that the truth lies below the prediction that often."""

    quantile: Inside

    @property
    def title(self) -> str:
        """Such as `Pinball loss of the 0.9 quantile`."""
        return f"Pinball loss of the {self.quantile:g} quantile"


class AsymmetricCost(Loss, frozen=True, kw_only=True, tag="asymmetric"):
    """Cost of `over` for each unit predicted too high and of `under` for each too low; `unit` is the currency."""

    over: Amount
    under: Amount

    title: ClassVar[str] = "Cost per row"

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns among the entries."""
        return columns_among(self.over, self.under)


def columns_among(*entries: Amount) -> tuple[str, ...]:
    """The entries that are names, each once."""
    return tuple(dict.fromkeys(entry for entry in entries if isinstance(entry, str)))
