"""What an evaluation found out, as frozen records: the report, the model card, the gate and the store all read them.

Numbers only, and names of columns and groups; nothing here needs the rows again.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Direction = Literal["higher", "lower", ""]
"""Which way a number is better; empty where neither is."""

Task = Literal["binary", "classes", "regression"]


class Estimate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A number and its interval; None where it cannot be had.

    Attributes
    ----------
    value, low, high
        Point and interval, in `unit`.
    level
        Confidence of the interval, 0 to 1.
    unit
        `"share"`, a currency, the target's unit, ...
    rows
        Rows that it rests on.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    unit: str = ""
    rows: int = 0

    def __post_init__(self) -> None:
        # NaN is not JSON, compares with nothing, and would pass a limit by accident: it is "cannot be had".
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                msgspec.structs.force_setattr(self, name, None)


class Metric(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named figure of one part of the data.

    `key` is stable and is what `[[gate.limits]]` names, such as `"roc_auc"`; `title` is for people.
    """

    key: str
    title: str
    estimate: Estimate
    direction: Direction = ""
    formula: str = ""


class Curve(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line to draw: the interval may be missing. `marks` are named places on its x axis."""

    key: str
    title: str
    x_title: str
    y_title: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    marks: dict[str, float] = {}


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part of a split: its rows, what they cover, and the digest that identifies them.

    `start` and `end` are seconds since 1970, both of rows that are in the part; `uses` is how often evaluations have
    looked at these rows, this one included.
    """

    name: str
    rows: int
    positives: int | None = None
    start: float | None = None
    end: float | None = None
    digest: str = ""
    uses: int = 0


class Period(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Figures of one period of the test part (or of one rolling fold), by the key of the metric."""

    start: float
    end: float
    rows: int
    positives: int | None = None
    figures: dict[str, Estimate] = {}


class Group(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Figures of the rows of a slice: one value of a column, or a crossing of several.

    `enough` says whether the rows support a statement; `confirmed` (of a weak slice that was searched for) whether the
    half that did not find it agrees.
    """

    columns: tuple[str, ...]
    values: tuple[str, ...]
    rows: int
    positives: int | None = None
    figures: dict[str, Estimate] = {}
    enough: bool = True
    confirmed: bool | None = None

    @property
    def name(self) -> str:
        """Such as `sex = female, race = other`."""
        return ", ".join(f"{column} = {value}" for column, value in zip(self.columns, self.values, strict=True))


class Disparity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the groups of a protected column lie apart in one measure, as a difference or a ratio."""

    columns: tuple[str, ...]
    measure: str
    estimate: Estimate
    lowest: str
    highest: str


class Equalised(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Thresholds per group that would equalise a measure, and what they would cost beside the single threshold."""

    columns: tuple[str, ...]
    measure: str
    thresholds: dict[str, float]
    before: Estimate
    after: Estimate
    objective_before: float | None
    objective_after: float | None


class Importance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a feature is worth: loss of the objective when its values are shuffled, and its Shapley share.

    `direction` is the rank correlation of the feature's values with its contributions, -1 to 1.
    """

    feature: str
    permutation: Estimate | None = None
    permutation_train: Estimate | None = None
    shapley: float | None = None
    direction: float | None = None


class Interaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Strength of what two features do together beyond what each does alone.

    It is the root mean square of the pair's Shapley interaction index over rows, as a share of that of the score's
    distance from its base, which all contributions of a row add up to.
    """

    features: tuple[str, str]
    strength: float


class Dependence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Partial dependence of the score on a feature: mean and, where asked, single rows (ICE). `labels` for categories.

    `output` is the class whose score it is, where there are several.
    """

    feature: str
    output: str = ""
    x: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...]
    single: tuple[tuple[float, ...], ...] = ()


class Baseline(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The objective of a simple rule (never, always, one feature, previous value, threshold 0.5) on the test part."""

    key: str
    title: str
    objective: Estimate
    saving: Estimate | None = None


class Parity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the converted model agrees with the original, row by row.

    `flipped` are positions of rows whose decision differs; `worst` the largest absolute difference of a score.
    """

    rows: int
    worst: float
    tolerance: float
    beyond: int
    flipped: tuple[int, ...] = ()


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What running the model takes: seconds per call, and memory."""

    single_row_ms: float
    batch_us_per_row: float
    batch_rows: int
    model_bytes: int
    memory_mb: float | None = None
