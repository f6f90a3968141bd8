"""What the monitor knows of a model in service: windows, figures and incidents, as they are kept and shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import msgspec

from holdfast.incident import Incident

Figure: TypeAlias = tuple[float, float, float]
"""Value, and the ends of its 95% interval."""


class Compared(Protocol):
    """What was served, row by row beside what was made again."""

    @property
    def summed_up(self) -> str:
        """In a sentence."""
        ...

    def to_dicts(self) -> dict[str, Any]:
        """All of it as plain values."""
        ...


class Known(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of the truth of a window's rows.

    Attributes
    ----------
    observable
        Rows whose truth can come to be known.
    spoken
        Rows that the figures speak of: these, and those for which others stand that were answered at random.
    silent
        Rows whose truth cannot come, and for which none stand.
    effective
        So many labelled rows, each weighing the same, would tell as much as those that there are.
    explored
        Labelled rows that stand for others.
    strays
        Truths of rows of which they could not have come by themselves; they are in no figure.
    unmeasured
        Figures that cannot be had, and why.
    plain
        The loss of the labelled rows as they are, where rows are weighed.
    delays
        Labelled rows by the time until their truth arrived: pairs of a step of `profile.delays` and rows.
    delay
        Seconds within which half of these truths arrived, and nine tenths of them.
    usual
        Share of the truths of older windows that was known when they were as old as this one: half of them had more, and
        four fifths lie between the two others. None where too few windows were ever as old.
    """

    observable: int = 0
    spoken: int = 0
    silent: int = 0
    effective: float = 0.0
    explored: int = 0
    strays: int = 0
    unmeasured: dict[str, str] = {}
    plain: Figure | None = None
    delays: tuple[tuple[int, int], ...] = ()
    delay: tuple[float, float] | None = None
    usual: Figure | None = None


class Over(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Figures over several windows, of what was counted of them all; times in seconds since 1970.

    Attributes
    ----------
    start, end
        From when to when.
    windows
        How many there are.
    rows, labelled
        Rows, and those whose truth is known by now.
    figures, estimates, unknown
        Realised figures, those that were expected before the truth came, and those that cannot be estimated, and why; as of
        a window.
    truth
        What is known of the truth of its rows.
    release
        Which answered, where that is not that of a window beside it.
    """

    start: float
    end: float
    windows: int
    release: int = 0
    rows: int = 0
    labelled: int = 0
    figures: dict[str, Figure] = {}
    estimates: dict[str, Figure] = {}
    unknown: dict[str, str] = {}
    truth: Known = Known()


class Shown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One window, as the monitor shows it; times in seconds since 1970.

    Attributes
    ----------
    start, end
        From when to when.
    rows, labelled
        Rows, and those whose truth is known by now.
    release
        Which answered.
    figures
        Realised figures by their keys: value, and the ends of the 95% interval; `loss` is in the unit of the objective.
    estimates
        The same, expected before the truth came.
    unknown
        Figures that cannot be estimated, and why.
    unreliable
        Figures whose estimates did not come true of late.
    scored
        Whether the estimates of each figure can be believed, after the labels of this window.
    effects
        How far each signal is away from its mean in the reference, in its unit.
    segments
        Rows, labelled rows and figures of each segment.
    truth
        What is known of the truth of its rows; of windows from before that was counted, nothing.
    findings
        What the quality checks found wrong with its rows: code, status, subject and message of each.
    alarms
        What alarmed in this window, whether it matters or not.
    rolling
        Figures of the time that ends with the window, where such are asked for.
    """

    start: float
    end: float = 0.0
    rows: int = 0
    labelled: int = 0
    release: int = 0
    figures: dict[str, Figure] = {}
    estimates: dict[str, Figure] = {}
    unknown: dict[str, str] = {}
    unreliable: tuple[str, ...] = ()
    scored: dict[str, str] = {}
    effects: dict[str, float] = {}
    segments: dict[str, dict[str, Any]] = {}
    truth: Known = Known()
    findings: list[dict[str, str]] = []
    alarms: list[dict[str, Any]] = []
    rolling: Over | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is known of one model.

    Attributes
    ----------
    model, release
        The model, and the version in force.
    zone
        Whose days the windows are.
    rolling
        Of how long a time, such as `7d`, figures are shown besides those of the windows; None: of none.
    longer
        Merges windows; see `over`.
    loss_title, unit
        What the loss is called, and its unit.
    usual
        What the loss was in the reference: value, and the ends of its interval; None without labelled windows.
    windows
        In the order of time.
    incidents
        Open ones first, by what they cost.
    importance
        Of columns.
    minimum
        The smallest effect of each signal that matters.
    judged, rows, labels
        What the newest run did: windows that it judged, rows and labels that it read.
    waiting
        Rows that it left to the next run, where it read none: they had only just been received.
    due
        When the window ends in which rows were received at the time of that run; of windows by count that is not known.
    opened
        Ids of the incidents that it opened.
    unmatched
        Labels of a table whose id no prediction has.
    skew
        What was served beside what was made again, where that was given.
    warnings
        What is wrong with how it is watched, and what to do.
    """

    model: str
    release: int
    zone: str
    loss_title: str
    unit: str
    usual: Figure | None
    windows: tuple[Shown, ...]
    incidents: tuple[Incident, ...]
    importance: Mapping[str, float] = field(default_factory=dict)
    minimum: Mapping[str, float] = field(default_factory=dict)
    judged: int = 0
    rows: int = 0
    labels: int = 0
    waiting: int = 0
    due: float | None = None
    opened: tuple[str, ...] = ()
    unmatched: int = 0
    skew: Compared | None = None
    warnings: tuple[str, ...] = ()
    rolling: str | None = None
    longer: Callable[[Sequence[Shown], str], tuple[Over, ...]] | None = field(default=None, compare=False, repr=False)

    def over(self, by: str) -> tuple[Over, ...]:
        """Figures over times that are longer than a window, in the order of time: what was counted is merged.

        Parameters
        ----------
        by
            `week`, from Monday on; `month`; or a length such as `30d`, for stretches of which the newest ends with the newest
            window. A stretch in which the release changed is told in parts.

        Raises
        ------
        SettingError
            It is none of these.
        ReleaseError
            A release that answered then is not there any more.
        """
        return () if self.longer is None else self.longer(self.windows, by)

    @property
    def findings(self) -> Sequence[Mapping[str, str]]:
        """What the quality checks found wrong with the rows of the newest window that has any."""
        return next((window.findings for window in reversed(self.windows) if window.rows), [])


Measured: TypeAlias = Shown | Over
"""What figures are told of: a window, or a longer time."""
