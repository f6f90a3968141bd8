"""What an evaluation found out, as frozen records: the report, the model card, the gate and the store all read them.

Numbers only, and names of columns and groups; nothing here needs the rows again.
"""

from __future__ import annotations

import math
from typing import Any, Literal

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

    `flips` is the number of rows whose decision differs, `flipped` are the first of their positions; `worst` is the
    largest difference of a score, in the measure of `tolerance` (of predicted values relative to their size).
    """

    rows: int
    worst: float
    tolerance: float
    beyond: int
    flips: int = 0
    flipped: tuple[int, ...] = ()


class RunningCost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What running the model takes: seconds per call, and memory."""

    single_row_ms: float
    batch_us_per_row: float
    batch_rows: int
    model_bytes: int
    memory_mb: float | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The model that was judged: its family (`"lightgbm"`, ...), task, classes and features, in its own order."""

    name: str
    family: str
    task: Task
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    digest: str = ""

    @property
    def positive(self) -> str:
        """The value of the target that is the positive class; empty where there are not two classes."""
        return self.classes[-1] if self.task == "binary" and self.classes else ""


class Goal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The objective in words: its title, unit and direction, and the settings that define it."""

    title: str
    direction: Direction
    unit: str = ""
    settings: dict[str, Any] = {}


class Decided(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the policy makes of the test part.

    Attributes
    ----------
    rule, threshold, review
        `"threshold"` or `"expected_cost"`; the threshold on the model's score; the band `[low, high)` sent to review.
    calibration
        `"none"`, `"isotonic"`, `"platt"` or `"beta"`.
    decided, reviewed, explored, positive
        Shares of the test rows: decided by the model, sent to review (for each reason), decided at random the other way,
        called positive.
    guarantee
        In words, what is promised of the decided rows; empty: nothing.
    """

    rule: str
    threshold: float | None = None
    review: tuple[float, float] | None = None
    calibration: str = "none"
    decided: float = 1.0
    reviewed: dict[str, float] = {}
    explored: float = 0.0
    positive: float | None = None
    guarantee: str = ""


class Coverage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often intervals (or sets of classes) hold the truth, and how wide (or large) they are.

    `groups` are segments, `periods` the same over time; figures are `coverage` and `width` (or `size`).
    """

    method: str
    level: float
    coverage: Estimate
    width: Estimate
    groups: tuple[Group, ...] = ()
    periods: tuple[Period, ...] = ()


class Versus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A paired comparison with the champion on the same rows: difference, positive where the candidate is better."""

    release: str
    metric: str
    candidate: Estimate
    champion: Estimate
    difference: Estimate
    margin: float = 0.0
    slice: str = ""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that an evaluation found out; the report and the model card are drawn from it alone.

    Attributes
    ----------
    created
        UTC, ISO 8601.
    parts
        Train, validation and test.
    dropped
        Rows that could not be judged, by the reason.
    objective
        Its value on the test part, under the chosen policy.
    total
        The same for all test rows together, where it is money.
    metrics
        All others, on the test part; `validation` on the validation part, for the gap.
    inflated
        What a random split would have said of the objective (same kind of model, fitted again); `inflated_metrics` of
        the main metrics.
    periods, folds
        Figures over time in the test part, and of rolling origins.
    trend
        Change of the objective per period, with its interval.
    curves
        Cost against threshold, risk against coverage, reliability, gain, ROC, precision-recall, ...
    explained_rows, explained_by
        Rows whose contributions were computed, and how: `sampling`, or exactly (`path-dependent`, `interventional`).
    unsealable
        Why the model has no ONNX form, and so cannot be sealed; empty: it has one.
    weak
        Segments that were searched for, and whether the other half confirms them.
    notes
        Sentences that a reader should know, such as what a split may hide.
    """

    created: str
    subject: Subject
    goal: Goal
    parts: tuple[Part, ...]
    objective: Estimate
    total: Estimate | None = None
    metrics: tuple[Metric, ...] = ()
    validation: tuple[Metric, ...] = ()
    train: tuple[Metric, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    inflated: Estimate | None = None
    inflated_metrics: tuple[Metric, ...] = ()
    dropped: dict[str, int] = {}
    periods: tuple[Period, ...] = ()
    folds: tuple[Period, ...] = ()
    trend: Estimate | None = None
    curves: tuple[Curve, ...] = ()
    decided: Decided | None = None
    coverage: tuple[Coverage, ...] = ()
    importances: tuple[Importance, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    dependences: tuple[Dependence, ...] = ()
    explained_rows: int = 0
    explained_by: str = ""
    groups: tuple[Group, ...] = ()
    disparities: tuple[Disparity, ...] = ()
    equalised: tuple[Equalised, ...] = ()
    weak: tuple[Group, ...] = ()
    parity: Parity | None = None
    unsealable: str = ""
    running: RunningCost | None = None
    champion: tuple[Versus, ...] = ()
    notes: tuple[str, ...] = ()
