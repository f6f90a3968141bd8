"""The alarm budget of a model: its signals are followed from window to window, and alarms are as rare as was asked for.

Every signal is predicted one window ahead (`follow`), and bets on being surprised (`stats.shiryaev_roberts`). The evidence of
all signals is one weighted sum; an alarm spends as many days' worth of it as a false alarm may take to come. So the budget
is that of the model: it holds for all signals together, at every look, and goes on over releases (`rebase`).

How the budget is split: signals that come late, since they need the truth, have `late_share` of it where there are such
signals, the others have the rest; within each group a location, and the loss, count `HEAVY` times as much as others. A
weight is a head start, not a wall: a signal of half the weight needs twice the evidence.

Evidence is consumed in order of arrival. A window that was stepped is never stepped again, so that no e-value changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.monitoring.changes import Alarm, Past
from holdfast.monitoring.follow import Followed, Surprise, observe, relearn
from holdfast.monitoring.follow import start as learn_reference
from holdfast.monitoring.measured import change_of, estimated, grown
from holdfast.monitoring.observation import Observation
from holdfast.monitoring.scale import onto, scale_of
from holdfast.monitoring.season import DAY, Season, place_of, season_of, usual_spacing
from holdfast.monitoring.state import Signal, numbers, pack
from holdfast.stats.shiryaev_roberts import carriers, shares, spend, together

HEAVY = 8.0
"""A location, and the loss, has so many times the share of the budget of another signal."""

FARTHEST = 4
"""A value of more windows ago says nothing of the next one: weekends and holidays are bridged, outages are not."""

MOST_PAST = 90
"""Windows that are kept of a signal, to find the moment of a change."""

NOTHING = Observation(value=np.nan, deviation=np.nan, rows=0)

Array = NDArray[np.float64]


class AlarmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a user tolerates.

    Attributes
    ----------
    false_alarms, days
        So many false alarms in so many days, on average at most, over all signals of a model.
    late
        First parts of the keys of signals that need the truth, and so come late.
    late_share
        Their share of the budget, above 0 and below 1.
    minimum
        Smallest effect that opens an incident, by the last part of a key, for signals of which nothing else is said; none:
        whatever alarms matters.
    zone
        Zone whose weekdays and hours are meant.
    """

    false_alarms: float = 1.0
    days: float = 90.0
    late: tuple[str, ...] = ("loss", "calibration", "label", "realised", "fairness")
    late_share: float = 0.2
    minimum: dict[str, float] = msgspec.field(default_factory=lambda: {"location": 0.3, "spread": 0.3})
    zone: str = "UTC"

    def __post_init__(self) -> None:
        # ValueErrors, because msgspec then adds the place in the file.
        if not (self.false_alarms > 0 and self.days > 0):
            raise ValueError("a budget allows for more than no false alarms, in more than no days")
        if not 0 < self.late_share < 1:
            raise ValueError("late_share is expected between 0 and 1")

    def is_late(self, key: str) -> bool:
        """Whether a signal needs the truth."""
        return key.partition(":")[0] in self.late

    @property
    def threshold(self) -> float:
        """Days for which one false alarm is tolerated."""
        return self.days / self.false_alarms


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is kept of one model's alarms; to JSON or msgpack and back, exactly.

    Attributes
    ----------
    settings
        The budget.
    season
        Which windows are alike by the calendar.
    spacing
        Usual time between the starts of two windows, seconds.
    reference_windows
        How many windows the reference had. With few of them, little alarms at first, since what is natural has yet to be
        learned; with none, everything is.
    signals
        By key.
    latest, latest_late
        Latest start of a window stepped with signals that come at once, and late.
    days, alarms
        What was spent of the budget since the model is watched, over all releases: days watched, and alarms.
    """

    settings: AlarmSettings
    season: Season
    spacing: float
    reference_windows: int
    signals: dict[str, Signal]
    latest: float | None = None
    latest_late: float | None = None
    days: float = 0.0
    alarms: int = 0


def begin(
    reference: Sequence[tuple[float, Mapping[str, Observation]]],
    settings: AlarmSettings,
    minimum: Mapping[str, float] | None = None,
) -> Watch:
    """Start to watch a model.

    Parameters
    ----------
    reference
        Start of each reference window, seconds since 1970 UTC, and its signals; in order of time, and it may be empty.
    settings
        The budget.
    minimum
        Smallest effect of each signal that opens an incident, in its unit; those of the settings for others.

    Raises
    ------
    InputError
        If the windows are not in order of time.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> def day(at, shift=0.0):
    ...     return at * DAY, {"score:location": Observation(shift + rng.normal() / 50, 1 / 50, 2_500)}
    >>> watch = begin([day(at) for at in range(91)], AlarmSettings())
    >>> watch, alarms = step(watch, *day(91))
    >>> alarms
    []
    >>> watch, alarms = step(watch, *day(92, shift=0.5))
    >>> [(change.signal, change.direction, round(change.effect, 1), change.material) for change in alarms[0].changes]
    [('score:location', 'up', 0.5, True)]
    """
    starts = [start for start, _ in reference]
    if starts != sorted(starts):
        raise InputError("expected reference windows in order of time, got others: sort them by their start")
    spacing = usual_spacing(starts)
    season = season_of(starts, spacing, settings.zone)
    watch = Watch(settings=settings, season=season, spacing=spacing, reference_windows=len(starts), signals={})
    keys = sorted({key for _, observations in reference for key in observations})
    return _joined(watch, keys, reference, minimum or {})


def step(watch: Watch, start: float, observations: Mapping[str, Observation]) -> tuple[Watch, list[Alarm]]:
    """Take in one window: once, in order of arrival.

    Parameters
    ----------
    watch
        What is kept.
    start
        Start of the window, seconds since 1970 UTC.
    observations
        Signals by key. NaN, or a signal that is not there, leaves it as it is; one that was never seen joins, and learns
        before it alarms. Signals that come late may be given by themselves, when they come.

    Returns
    -------
    tuple
        What is to be kept, and the alarms; several where one that was noted before has come to matter.
    """
    watch = _joined(watch, sorted(observations.keys() - watch.signals.keys()), (), {})
    if not watch.signals:
        return watch, []
    signals = watch.signals
    watch, days = _passed(watch, start, {signals[key].late for key in observations})
    gaps = np.array([np.inf if one.latest is None else start - one.latest for one in signals.values()])
    values, deviations = _scaled(signals, observations)
    followed, surprise = observe(
        pack(list(signals.values())),
        place_of(watch.season, start, watch.spacing),
        values,
        deviations,
        np.array([days[one.late] for one in signals.values()]),
        adjacent=(gaps > 0) & (gaps < (FARTHEST + 0.5) * watch.spacing),
    )
    signals = {
        key: one if np.isnan(surprise.error[place]) else _remembered(one, start, surprise, place)
        for place, (key, one) in enumerate(signals.items())
    }
    followed, signals, alarms = _judged(watch.settings, start, followed, signals)
    signals, more = _followed_up(watch.settings, start, followed, signals)
    signals = {
        key: msgspec.structs.replace(one, **numbers(followed, place))
        for place, (key, one) in enumerate(signals.items())
    }
    return msgspec.structs.replace(watch, signals=signals, alarms=watch.alarms + len(alarms)), [*alarms, *more]


def rebase(
    watch: Watch,
    reference: Sequence[tuple[float, Mapping[str, Observation]]],
    minimum: Mapping[str, float] | None = None,
) -> Watch:
    """Watch a new release of the same model: signals are learned from its own reference, and what was spent stays spent.

    Evidence begins anew, since a change against the old reference is none against the new one. That gives no new budget: the
    budget is so many days for each alarm, and the days go on.
    """
    fresh = begin(reference, watch.settings, minimum)
    return msgspec.structs.replace(
        fresh, latest=watch.latest, latest_late=watch.latest_late, days=watch.days, alarms=watch.alarms
    )


def weights(keys: Sequence[str], settings: AlarmSettings) -> Array:
    """The share of the budget that each signal has; they sum to 1.

    Examples
    --------
    >>> weights(["column:age:location", "column:age:missing", "loss"], AlarmSettings()).round(3).tolist()
    [0.711, 0.089, 0.2]
    """
    heavy = np.array([HEAVY if key.rpartition(":")[2] in {"location", "loss"} else 1.0 for key in keys])
    late = np.array([settings.is_late(key) for key in keys])
    share = (
        np.where(late, settings.late_share, 1 - settings.late_share)
        if 0 < late.sum() < len(keys)
        else np.ones(len(keys))
    )
    return np.asarray(share * heavy / np.where(late, heavy[late].sum(), heavy[~late].sum()))


def _joined(
    watch: Watch,
    keys: Sequence[str],
    reference: Sequence[tuple[float, Mapping[str, Observation]]],
    minimum: Mapping[str, float],
) -> Watch:
    """With more signals, learned from reference windows."""
    if not keys:
        return watch
    settings, starts = watch.settings, [start for start, _ in reference]
    scales = [scale_of(key) for key in keys]
    scaled = np.array(
        [
            [onto(scale, seen.get(key, NOTHING)) for key, scale in zip(keys, scales, strict=True)]
            for _, seen in reference
        ]
    ).reshape(len(starts), len(keys), 2)
    kinds = [key.rpartition(":")[2] for key in keys]
    followed = learn_reference(
        watch.season.number,
        [place_of(watch.season, start, watch.spacing) for start in starts],
        scaled[..., 0],
        scaled[..., 1],
        [np.flatnonzero([other == kind for other in kinds]) for kind in sorted(set(kinds))],
    )
    seen = ~np.isnan(scaled[..., 0])
    joined = {
        key: Signal(
            scale=scales[place],
            late=settings.is_late(key),
            minimum=minimum.get(key, settings.minimum.get(kinds[place], 0.0)),
            latest=max((start for start, there in zip(starts, seen[:, place], strict=True) if there), default=None),
            **numbers(followed, place),
        )
        for place, key in enumerate(keys)
    }
    return msgspec.structs.replace(watch, signals=watch.signals | joined)


def _passed(watch: Watch, start: float, groups: set[bool]) -> tuple[Watch, dict[bool, float]]:
    """The days that have passed, for signals that come at once and for those that come late.

    Windows that are missing, or come out of order, add no more than one usual window: their time was not watched, or was
    counted already. So the days of a group never sum to more than have passed.
    """
    days = {}
    for late, latest in ((False, watch.latest), (True, watch.latest_late)):
        since = watch.spacing if latest is None else start - latest
        days[late] = min(max(since, 0.0), watch.spacing) / DAY if late in groups else 0.0
    newest = {
        name: start if late in groups and (latest is None or start > latest) else latest
        for name, late, latest in (("latest", False, watch.latest), ("latest_late", True, watch.latest_late))
    }
    return msgspec.structs.replace(watch, **newest, days=watch.days + days[False]), days


def _scaled(signals: Mapping[str, Signal], observations: Mapping[str, Observation]) -> tuple[Array, Array]:
    """Values and deviations on the scales, NaN where there are none."""
    scaled = np.array([onto(one.scale, observations.get(key, NOTHING)) for key, one in signals.items()])
    return scaled[:, 0], scaled[:, 1]


def _remembered(signal: Signal, start: float, surprise: Surprise, place: int) -> Signal:
    """With one more window of its past."""
    window = Past(
        start=start,
        error=float(surprise.error[place]),
        deviation=float(surprise.deviation[place]),
        memory=float(surprise.memory[place]),
        level=float(surprise.level[place]),
    )
    past = signal.past if np.isnan(window.deviation) or window.deviation == 0 else (*signal.past, window)[-MOST_PAST:]
    return msgspec.structs.replace(signal, latest=start, past=past)


def _judged(
    settings: AlarmSettings, start: float, followed: Followed, signals: Mapping[str, Signal]
) -> tuple[Followed, dict[str, Signal], list[Alarm]]:
    """Alarms, and what is kept after them."""
    parts = shares(followed.evidence, weights(list(signals), settings))
    named = carriers(parts, settings.threshold)
    after, alarms = dict(signals), []
    if named.any():
        keys, own = list(signals), together(followed.evidence)
        effect, error, windows = np.zeros((3, len(keys)))
        changes = []
        for place in sorted(np.flatnonzero(named).tolist(), key=lambda at: -float(parts[at])):
            signal, offset = signals[keys[place]], float(followed.offset[place])
            found = estimated(signal.past, signal.fading, float(followed.regression.weight[place].sum()))
            change = change_of(keys[place], signal, found, offset=offset, evidence=float(own[place]))
            effect[place], error[place], windows[place] = found.effect, found.error, found.windows
            mattered = change.material or change.recovered
            after[keys[place]] = msgspec.structs.replace(
                signal,
                past=(),
                baseline=offset + found.effect if mattered else signal.baseline,
                noted=None if mattered else change,
            )
            changes.append(change)
        followed = relearn(followed, effect, error, windows)
        followed = replace(followed, evidence=spend(followed.evidence, parts, named, settings.threshold))
        alarms.append(
            Alarm(start=start, evidence=float(parts.sum()), threshold=settings.threshold, changes=tuple(changes))
        )
    return followed, after, alarms


def _followed_up(
    settings: AlarmSettings, start: float, followed: Followed, signals: Mapping[str, Signal]
) -> tuple[dict[str, Signal], list[Alarm]]:
    """Changes that were noted as too small to matter, and turn out to matter: no new evidence, so none is spent."""
    after, alarms = dict(signals), []
    for place, (key, signal) in enumerate(signals.items()):
        if signal.noted is None or not signal.past or signal.past[-1].start != start:
            continue
        offset, variance = float(followed.offset[place]), float(followed.offset_variance[place])
        change = grown(signal.noted, signal, offset=offset, variance=variance)
        if change is None:
            continue
        after[key] = msgspec.structs.replace(signal, baseline=offset, noted=None)
        alarms.append(
            Alarm(
                start=start,
                evidence=change.evidence,
                threshold=settings.threshold,
                changes=(change,),
                followed_up=True,
            )
        )
    return after, alarms
