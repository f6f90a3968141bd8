"""The alarm budget of a model: its signals are followed from window to window, and alarms are as rare as was asked for.

Every signal is predicted one window ahead (`follow`), and bets on being surprised (`stats.shiryaev_roberts`). The evidence of
all signals is one weighted sum; an alarm spends as many days' worth of it as a false alarm may take to come. So the budget
is that of the model: it holds for all signals together, at every look, and goes on over releases (`rebase`).

Evidence is consumed in order of arrival. A window that was stepped is never stepped again, so that no e-value changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.alarms.budget import AlarmSettings, weights
from holdfast.alarms.changes import Alarm, Past
from holdfast.alarms.follow import Followed, Surprise, observe, relearn
from holdfast.alarms.learning import start as learn_reference
from holdfast.alarms.measured import change_of, estimated, grown
from holdfast.alarms.observation import Observation
from holdfast.alarms.scale import kind_of, onto, scale_of
from holdfast.alarms.season import DAY, Season, place_of, season_of, usual_spacing
from holdfast.alarms.state import Signal, Watch, numbers, pack
from holdfast.errors import InputError
from holdfast.stats.shiryaev_roberts import carriers, shares, spend, together

FARTHEST = 4
"""A value of more windows ago says nothing of the next one: weekends and holidays are bridged, outages are not."""

MOST_PAST = 90
"""Windows that are kept of a signal, to find the moment of a change."""

NOTHING = Observation(value=np.nan, deviation=np.nan, rows=0)

Array = NDArray[np.float64]


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
    season = season_of(starts, spacing, settings.zone) if settings.seasons else Season(weekdays=False, parts=1)
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
        days_apart=watch.season.days,
    )
    signals = {
        key: one if np.isnan(values[place]) else _remembered(one, start, surprise, place)
        for place, (key, one) in enumerate(signals.items())
    }
    followed, signals, alarms = _judged(watch.settings, start, followed, signals)
    signals, more = _followed_up(watch.settings, start, followed, signals)
    signals = {
        key: msgspec.structs.replace(one, **numbers(followed, place))
        for place, (key, one) in enumerate(signals.items())
    }
    return msgspec.structs.replace(watch, signals=signals, alarms=watch.alarms + len(alarms)), [*alarms, *more]


def adjusted(watch: Watch, settings: AlarmSettings, minimum: Mapping[str, float] | None = None) -> Watch:
    """Go on with other settings; parameters as in `begin`. The zone stays that of the reference's seasons.

    Where the budget is split in another way, evidence begins anew, since no weight may rise while evidence is gathered.
    """
    signals, found = watch.signals, minimum or {}
    anew = (settings.late, settings.late_share) != (watch.settings.late, watch.settings.late_share)
    return msgspec.structs.replace(
        watch,
        settings=settings,
        signals={
            key: msgspec.structs.replace(
                one,
                late=settings.is_late(key),
                minimum=found.get(key, settings.smallest(key)),
                evidence=[0.0] * len(one.evidence) if anew else one.evidence,
            )
            for key, one in signals.items()
        },
    )


def rebase(
    watch: Watch,
    reference: Sequence[tuple[float, Mapping[str, Observation]]],
    settings: AlarmSettings,
    minimum: Mapping[str, float] | None = None,
) -> Watch:
    """Watch a new release of the same model: signals are learned from its own reference, and what was spent stays spent.

    Evidence begins anew, since a change against the old reference is none against the new one. That gives no new budget: the
    budget is so many days for each alarm, and the days go on.
    """
    fresh = begin(reference, settings, minimum)
    return msgspec.structs.replace(
        fresh, latest=watch.latest, latest_late=watch.latest_late, days=watch.days, alarms=watch.alarms
    )


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
    kinds = [kind_of(key) for key in keys]
    followed = learn_reference(
        watch.season.number,
        [place_of(watch.season, start, watch.spacing) for start in starts],
        scaled[..., 0],
        scaled[..., 1],
        [np.flatnonzero([other == kind for other in kinds]) for kind in sorted(set(kinds))],
        watch.season.days,
    )
    seen = ~np.isnan(scaled[..., 0])
    joined = {
        key: Signal(
            scale=scales[place],
            late=settings.is_late(key),
            minimum=minimum.get(key, settings.smallest(key)),
            latest=max((start for start, there in zip(starts, seen[:, place], strict=True) if there), default=None),
            **numbers(followed, place),
        )
        for place, key in enumerate(keys)
    }
    return msgspec.structs.replace(watch, signals=watch.signals | joined)


def _passed(watch: Watch, start: float, groups: set[bool]) -> tuple[Watch, dict[bool, float]]:
    """The days that have passed, for signals that come at once and for those that come late.

    A window adds the time since the one before, and no more than is usual: what was not watched does not count. One that
    comes out of order adds what is usual, so that a clock that was wrong once stops nothing.
    """
    days = {}
    for late, latest in ((False, watch.latest), (True, watch.latest_late)):
        since = watch.spacing if latest is None or start < latest else min(start - latest, watch.spacing)
        days[late] = since / DAY if late in groups else 0.0
    return msgspec.structs.replace(
        watch,
        latest=start if False in groups else watch.latest,
        latest_late=start if True in groups else watch.latest_late,
        days=watch.days + days[False],
    ), days


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
    told = not np.isnan(window.error) and window.deviation > 0
    return msgspec.structs.replace(
        signal, latest=start, past=(*signal.past, window)[-MOST_PAST:] if told else signal.past
    )


def _judged(
    settings: AlarmSettings, start: float, followed: Followed, signals: Mapping[str, Signal]
) -> tuple[Followed, dict[str, Signal], list[Alarm]]:
    """Alarms, and what is kept after them."""
    # A signal that was expected to be anything has nothing to tell.
    tells = np.array([bool(signal.past) for signal in signals.values()])
    parts = np.where(tells, shares(followed.evidence, weights(list(signals), settings)), 0.0)
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
