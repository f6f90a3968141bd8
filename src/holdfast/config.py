"""`holdfast.toml`: one model, its data, what the business pays, and what must hold before a release.

Small for the simple case (data, time, target, model, objective), complete for the hard one. Read once at the edge into
a frozen `Project`, then passed as an argument. Unknown keys and wrong values are refused with their path.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from holdfast.checks.context import Positive, Settings
from holdfast.checks.limits import ReleaseLimits
from holdfast.durations import PATTERN, seconds
from holdfast.errors import SettingError
from holdfast.kinds import Kind, Role
from holdfast.metric_keys import OBJECTIVE, RANKED, is_of_class, metric_keys
from holdfast.names import meant, no_such_column
from holdfast.objective import FBeta, Objective
from holdfast.validated import read_toml, validated
from holdfast.windows import CountedWindows, Windows, windows_by

FILE = "holdfast.toml"

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Length = Annotated[str, Meta(pattern=PATTERN)]
"""A length of time such as 7d."""
OpenShare = Annotated[float, Meta(gt=0, lt=1)]
Size = Annotated[int, Meta(ge=1)]


class Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[data]`: the labelled history.

    Attributes
    ----------
    path
        Parquet, CSV, Delta or Arrow: a file, folder, glob or URI; relative to the folder of the configuration.
    query
        SQL whose result is the table; `path` is then the database.
    target
        The column that the model predicts.
    time, id, weight
        When a row happened, what identifies it, and how many rows it stands for.
    positive
        Which value of the target is the positive class; by default true, 1, or the rarer of two.
    features
        What the model is given; by default every column with the role of a feature, or what the model names.
    roles
        Roles of further columns, such as `note = "ignore"`, `country = "segment"`, `sex = "protected"`.
    zone
        Time zone of times that have none.
    """

    path: str
    target: str
    query: str | None = None
    time: str | None = None
    id: str | None = None
    weight: str | None = None
    positive: bool | int | float | str | None = None
    features: tuple[str, ...] = ()
    roles: dict[str, Role] = {}
    zone: str | None = None


class ModelSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[model]`: the fitted model, and how far it has seen the history.

    Attributes
    ----------
    path
        A file or folder, or `module:function` for a Python callable. Without it, what was predicted elsewhere can be
        watched, and nothing evaluated or released.
    task
        What it predicts; by default as the model says.
    trained_until
        Moment (ISO 8601) up to which rows were used to fit it. Rows up to it are never judged.
    time_limit_seconds
        Of a Python callable, for each call.
    """

    path: str | None = None
    task: Literal["binary", "classes", "regression"] | None = None
    trained_until: str | None = None
    time_limit_seconds: Positive = 60.0


class Splitting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[split]`: which rows are for what.

    Attributes
    ----------
    test, validation
        A share of the rows, or a length of time at the end; validation comes before test.
    delay
        How long the truth takes to arrive: so much is left out before validation and before test.
    folds
        Rolling origins to judge besides, each with a test part of the same length; 0: none.
    group
        No value of this column (a customer) is in two parts.
    seed
        Of random splits, where there is no time.
    """

    test: OpenShare | Length = 0.2
    validation: OpenShare | Length = 0.2
    delay: Length | None = None
    folds: Annotated[int, Meta(ge=0, le=100)] = 0
    group: str | None = None
    seed: int = 0

    @property
    def delay_seconds(self) -> float:
        """The delay in seconds."""
        return seconds(self.delay, "split.delay") if self.delay else 0.0


class Guarantee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Most errors among the decided rows, and the confidence with which it holds."""

    risk: OpenShare
    confidence: OpenShare = 0.95


class Deciding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[policy]`: how scores become decisions.

    Attributes
    ----------
    threshold
        A fixed threshold; by default the best one for the objective on validation.
    rule
        `threshold`, or `expected_cost`: each row by its own costs; by default what validation prefers.
    calibrate
        `auto` chooses on validation among none, isotonic, platt and beta.
    review_cost, review_capacity, guarantee
        At most one: what a person's look at a row costs, the share of rows that persons can look at, or a guarantee.
    support
        Send rows to review that are unlike all that the train part has; by default where others go to review, too.
    explore
        Share of rows that are decided the other way at random, so that their truth becomes known.
    """

    threshold: float | None = None
    rule: Literal["auto", "threshold", "expected_cost"] = "auto"
    calibrate: Literal["auto", "none", "isotonic", "platt", "beta"] = "auto"
    review_cost: Positive | None = None
    review_capacity: OpenShare | None = None
    guarantee: Guarantee | None = None
    support: bool | None = None
    explore: Annotated[float, Meta(ge=0, lt=0.5)] = 0.0

    def __post_init__(self) -> None:
        given = [n for n in ("review_cost", "review_capacity", "guarantee") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: keep one")


class Uncertainty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[uncertainty]`: intervals around predicted numbers, or sets of classes.

    Attributes
    ----------
    level
        Share of rows whose truth they hold.
    method
        `auto` is `cqr` where `lower` and `upper` are given, else `normalised` for numbers, and `aps` for classes.
    lower, upper
        Files of two models that predict a lower and an upper quantile.
    segment
        Column within whose values the level shall hold, too.
    """

    level: OpenShare = 0.9
    method: Literal["auto", "split", "normalised", "cqr", "lac", "aps"] = "auto"
    lower: str | None = None
    upper: str | None = None
    segment: str | None = None


class Slices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[slices]`: whom the figures are given for apart.

    Attributes
    ----------
    columns, protected
        Columns whose values make segments, and protected groups; besides those with these roles.
    crossings
        Look at pairs of protected columns, too.
    minimum_rows
        Rows below which nothing is said of a group.
    search
        Look for weak segments among the features, on one half, and confirm them on the other.
    """

    columns: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    crossings: bool = True
    minimum_rows: Size = 100
    search: bool = True


class Explaining(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[explain]`: how much is spent on explanation.

    Attributes
    ----------
    rows
        Rows of the seeded sample that is explained; 0: no explanation.
    background
        Rows that stand for "not known".
    seed
        Of both samples.
    """

    rows: Annotated[int, Meta(ge=0, le=100_000)] = 500
    background: Size = 100
    seed: int = 0


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[gate.limits]]`: what must hold of a metric on the test part.

    Attributes
    ----------
    metric
        Its key, such as `roc_auc`, or `objective`.
    at_least, at_most
        Absolute limits, in the unit of the metric.
    against
        `champion`: the release that is in place, on the same rows; or a baseline: `never`, `always`, `simple`.
    margin
        By how much it may be worse (non-inferiority), in the unit of the metric; negative: must be better by so much.
    slice
        Values of columns that the limit is for, such as `{country = "DE"}`.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    against: Literal["champion", "never", "always", "simple"] | None = None
    margin: float = 0.0
    slice: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.at_least is None and self.at_most is None and self.against is None:
            raise ValueError("a limit needs at_least, at_most or against")


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[gate]`: what a release must pass.

    Attributes
    ----------
    limits
        What must hold.
    error_budget
        Chance that a release which is worse by exactly the margin passes one of the comparisons with the champion.
    refuse_inconclusive
        Whether too few rows to say refuse a release.
    warnings
        Codes of checks (or families) whose failure only warns.
    parity_tolerance
        Largest difference of a score between the model and its ONNX form.
    checks
        Limits of the checks before a release.
    """

    limits: tuple[Limit, ...] = (Limit(metric="objective", against="simple"),)
    error_budget: OpenShare = 0.05
    refuse_inconclusive: bool = True
    warnings: tuple[str, ...] = ()
    parity_tolerance: Positive = 1e-4
    checks: ReleaseLimits = ReleaseLimits()


def not_crossed(name: str) -> SettingError:
    """The error for a column that cannot be watched together with another one."""
    return SettingError(
        f"monitor.crossings: expected categories or booleans that are features, segments or protected; {name!r} is none. "
        "Make a column of its bands or groups, and name that."
    )


class Monitoring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[monitor]`: how the model is watched once it answers.

    Attributes
    ----------
    window, zone
        What is judged together: a length of time, or so many rows such as `5000 rows`; and the zone whose days are meant,
        by default the zone of the data, else UTC.
    rolling
        Figures are shown of so long a time that ends with each window, besides those of the window.
    smallest
        A window of fewer rows is shown and not judged.
    lateness
        How long after the end of a window its rows may come and still be judged with it.
    segments
        Columns whose values are watched one by one; by default those with the role of a segment, or protected.
    crossings
        Columns that are watched together besides, such as `[["country", "channel"]]`: each pair of values is a segment.
    freshness
        Times that tell how fresh the features of a row are, although the model is not given them.
    observed
        After which answers the truth can come to be known: `yes`, `no` or names of classes, and `review` for rows that a
        person is asked about; by default after all.
    failing
        A quality check that fails in so many of the newest windows, such as `3 of 5`, opens an incident; by default none
        does.
    false_alarms, per
        How many false alarms are tolerable in which time, for the model as a whole.
    location, share, worse
        Smallest changes that open an incident: of a number's location, in standard deviations of the reference; of a
        share of rows; and of the objective, as a share of what it was.
    """

    window: str = "1d"
    zone: str | None = None
    rolling: Length | None = None
    smallest: Annotated[int, Meta(ge=1)] = 100
    lateness: Length | None = None
    segments: tuple[str, ...] | None = None
    crossings: tuple[Annotated[tuple[str, ...], Meta(min_length=2)], ...] = ()
    freshness: tuple[str, ...] = ()
    observed: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    failing: Annotated[str, Meta(pattern="^[1-9][0-9]* of [1-9][0-9]*$")] | None = None
    false_alarms: Positive = 1.0
    per: Length = "90d"
    location: Positive = 0.3
    share: Positive = 0.05
    worse: Positive = 0.1

    def __post_init__(self) -> None:
        try:
            cut = windows_by(self.window, self.zone or "UTC")
        except ValueError as error:
            raise ValueError(f"window and zone: {error}") from None
        for columns in self.crossings:
            if len(set(columns)) < len(columns):
                raise ValueError(f"crossings: {' and '.join(map(repr, columns))} are not all different columns")
        if self.failing_of is not None and self.failing_of[0] > self.failing_of[1]:
            raise ValueError(f"failing: no check fails in {self.failing} windows")
        if isinstance(cut, CountedWindows) and cut.rows < self.smallest:
            raise ValueError(f"no window of {cut.rows} rows would be judged while smallest is {self.smallest}")
        if isinstance(cut, Windows) and self.rolling is not None and seconds(self.rolling) <= cut.width:
            raise ValueError(f"rolling: {self.rolling} is not longer than a window of {self.window}")

    def check_columns(self, kinds: Mapping[str, Kind]) -> None:
        """Refuse segments and crossings that are not in the data, given the kinds of its columns by their names.

        Raises
        ------
        SettingError
            There is no such column, or one that is crossed has neither categories nor booleans.
        """
        for name in self.segments or ():
            if name not in kinds:
                raise no_such_column(name, kinds, "monitor.segments: the data")
        for name in chain.from_iterable(self.crossings):
            if name not in kinds:
                raise no_such_column(name, kinds, "monitor.crossings: the data")
            if kinds[name] not in {Kind.CATEGORY, Kind.BOOLEAN}:
                raise not_crossed(name)

    @property
    def failing_of(self) -> tuple[int, int] | None:
        """In how many of how many windows a check fails that opens an incident; None: it opens none.

        >>> Monitoring(failing="3 of 5").failing_of
        (3, 5)
        """
        if self.failing is None:
            return None
        times, _, windows = self.failing.partition(" of ")
        return int(times), int(windows)


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[store]`: where releases and evaluations are kept; folders are relative to that of the configuration."""

    releases: str = "releases"
    evaluations: str = ".holdfast/evaluations"


class Project(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All of `holdfast.toml`. `folder` is where it lies: paths in it are relative to that.

    `intended_use` says in a sentence what the model is for; report and model card begin with it.
    """

    name: Name
    intended_use: str = ""
    data: Data
    model: ModelSource = ModelSource()
    objective: Objective
    split: Splitting = Splitting()
    policy: Deciding = Deciding()
    uncertainty: Uncertainty = Uncertainty()
    slices: Slices = Slices()
    explain: Explaining = Explaining()
    gate: Gate = Gate()
    checks: Settings = Settings()
    monitor: Monitoring = Monitoring()
    store: Store = Store()
    folder: str = "."

    def __post_init__(self) -> None:
        for limit in self.gate.limits:
            self._check(limit)
        task, answers = self.objective.task, ("no", "yes", "review")
        for name in self.monitor.observed or ():
            if task == "regression" or (task == "binary" and name not in answers):
                known = "numbers are no decisions" if task == "regression" else meant(name, answers)
                raise ValueError(f"monitor.observed names the decision {name!r}, which there is not here: {known}")

    def _check(self, limit: Limit) -> None:
        """Refuse a limit of what no evaluation has, before anything is read."""
        task, named = self.objective.task, f"gate.limits names the metric {limit.metric!r}"
        if limit.against in {"never", "always"} and task != "binary":
            raise ValueError(f"gate.limits compares with {limit.against!r}, which there is for two classes only")
        if limit.against is not None:
            compared = (OBJECTIVE, *RANKED) if limit.against == "champion" and task == "binary" else (OBJECTIVE,)
            if limit.metric not in compared:
                raise ValueError(f"{named}, and against {limit.against} these are compared: {', '.join(compared)}")
        known = metric_keys(task, self.objective.beta if isinstance(self.objective, FBeta) else None)
        if limit.metric not in known and not (task == "classes" and is_of_class(limit.metric)):
            raise ValueError(f"{named}, which there is not here: {meant(limit.metric, known)}")

    def path(self, relative: str) -> str:
        """A path of the configuration, from where the program runs; URIs and absolute paths stay."""
        return relative if "://" in relative else str(Path(self.folder) / relative)


def load_project(path: str | Path = FILE) -> Project:
    """Read a configuration.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    SettingError
        It cannot be read, has an unknown key or a value that makes no sense; the message gives the place.

    Examples
    --------
    >>> import tempfile
    >>> text = '''
    ... name = "fraud"
    ... [data]
    ... path = "transactions.parquet"
    ... target = "is_fraud"
    ... [model]
    ... path = "model.txt"
    ... [objective]
    ... kind = "cost"
    ... false_positive = 5
    ... false_negative = "amount"
    ... '''
    >>> file = Path(tempfile.mkdtemp()) / "holdfast.toml"
    >>> _ = file.write_text(text)
    >>> load_project(file).objective.false_negative
    'amount'
    """
    file = Path(path)
    if not file.exists():
        raise SettingError(
            f"Cannot read the configuration {file}: No such file or directory; `holdfast init` writes one."
        )
    read = read_toml(file, "the configuration")
    if "folder" in read:
        raise SettingError(f"{file}: Object contains unknown field `folder`.")
    return project_of({**read, "folder": str(file.parent)}, str(file))


def project_of(values: dict[str, Any], where: str = "the configuration") -> Project:
    """A project from plain values, as `load_project` reads them from a file.

    Raises
    ------
    SettingError
        An unknown key, or a value that makes no sense; the message gives the place.
    """
    for place, number in _numbers(values, "$"):
        if not math.isfinite(number):
            raise SettingError(f"{where}: Expected a finite number - at `{place}`.")
    return validated(values, Project, where)


def _numbers(value: Any, place: str) -> Iterator[tuple[str, float]]:
    """All numbers below a value, with their places."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _numbers(below, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for i, below in enumerate(value):
            yield from _numbers(below, f"{place}[{i}]")
    elif isinstance(value, float):
        yield place, value
