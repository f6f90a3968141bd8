"""What the monitor knows of models: windows, figures and incidents, for people and for pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import msgspec

from holdfast.monitoring.incident import Incident
from holdfast.monitoring.skewed import Skew
from holdfast.numerals import several


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
    plain: tuple[float, float, float] | None = None
    delays: tuple[tuple[int, int], ...] = ()
    delay: tuple[float, float] | None = None
    usual: tuple[float, float, float] | None = None


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
    figures: dict[str, tuple[float, float, float]] = {}
    estimates: dict[str, tuple[float, float, float]] = {}
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
    figures: dict[str, tuple[float, float, float]] = {}
    estimates: dict[str, tuple[float, float, float]] = {}
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
    usual: tuple[float, float, float] | None
    windows: tuple[Shown, ...]
    incidents: tuple[Incident, ...]
    importance: Mapping[str, float] = field(default_factory=dict)
    minimum: Mapping[str, float] = field(default_factory=dict)
    judged: int = 0
    rows: int = 0
    labels: int = 0
    opened: tuple[str, ...] = ()
    unmatched: int = 0
    skew: Skew | None = None
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


@dataclass(frozen=True)
class Monitored:
    """What `monitor` returns.

    Attributes
    ----------
    models
        What is known of each model.
    undelivered
        Alerts that could not be delivered, and why: they are tried again.
    failed
        Models that could not be watched, and why.
    """

    models: tuple[Watched, ...]
    undelivered: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Open incidents of all models, the costliest first."""
        found = [one for model in self.models for one in model.incidents if one.status == "open"]
        return tuple(sorted(found, key=lambda one: one.rank, reverse=True))

    @property
    def opened(self) -> tuple[Incident, ...]:
        """Incidents that this run opened."""
        new = {name for model in self.models for name in model.opened}
        return tuple(one for model in self.models for one in model.incidents if one.id in new)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Windows and incidents of each model as plain values."""
        return [
            {
                "model": one.model,
                "release": one.release,
                "warnings": list(one.warnings),
                "windows": msgspec.to_builtins(one.windows),
                "incidents": msgspec.to_builtins(one.incidents),
            }
            for one in self.models
        ]

    def to_json(self) -> str:
        """The same as JSON text."""
        return msgspec.json.format(msgspec.json.encode(self.to_dicts())).decode()

    @overload
    def to_html(self, path: None = None) -> str: ...

    @overload
    def to_html(self, path: str | Path) -> None: ...

    def to_html(self, path: str | Path | None = None) -> str | None:
        """The report as one HTML page that works offline; written to `path` if given."""
        from holdfast.report.monitoring import page

        text = page(self.models)
        if path is None:
            return text
        Path(path).write_text(text, encoding="utf-8")
        return None

    def _repr_html_(self) -> str:
        from holdfast.report.monitoring import notebook

        return notebook(self.models)

    def __repr__(self) -> str:
        return f"Monitored({several(len(self.models), 'model')}, {several(len(self.incidents), 'open incident')})"


def shown_windows(contents: Iterable[Mapping[str, Any]]) -> tuple[Shown, ...]:
    """Windows as the book has them."""
    return tuple(sorted((msgspec.convert(one, Shown) for one in contents), key=lambda one: one.start))
