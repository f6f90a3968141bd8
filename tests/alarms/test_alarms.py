"""The alarm budget of a model: what alarms, what does not, what is kept between two runs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import pytest

from holdfast.alarms.alarms import adjusted, begin, rebase, step
from holdfast.alarms.budget import AlarmSettings
from holdfast.alarms.changes import Alarm
from holdfast.alarms.observation import Observation
from holdfast.alarms.season import DAY, HOUR
from holdfast.alarms.state import Watch
from holdfast.errors import InputError
from holdfast.testing.signals import REFERENCE, World, drawn, watched

SCORE, NULLS = "score:location", "column:age:missing"
ROWS = 2_000


class Stream:
    """Days of a score, and of missing values, of which there are none until told."""

    def __init__(self, seed: int = 0, rows: int = ROWS, spacing: float = DAY) -> None:
        self.rng, self.rows, self.spacing = np.random.default_rng(seed), rows, spacing

    def window(
        self, at: int, shift: float = 0.0, nulls: float = 0.0, rows: int = 0
    ) -> tuple[float, dict[str, Observation]]:
        n = rows or self.rows
        share = self.rng.binomial(n, nulls) / n
        return at * self.spacing, {
            SCORE: Observation(shift + self.rng.standard_normal() / n**0.5, n**-0.5, n),
            NULLS: Observation(share, (max(share, 3 / n) / n) ** 0.5, n),
        }

    def begin(self, windows: int = REFERENCE, **settings: float) -> Watch:
        return begin([self.window(at - windows) for at in range(windows)], AlarmSettings(**settings))


def run(watch: Watch, windows: list[tuple[float, Mapping[str, Observation]]]) -> tuple[Watch, list[tuple[int, Alarm]]]:
    """The watch after some windows, and each alarm with the place of its window."""
    alarms = []
    for place, window in enumerate(windows):
        watch, found = step(watch, *window)
        alarms += [(place, alarm) for alarm in found]
    return watch, alarms


# --- What alarms ---


def test_a_large_change_opens_an_incident_at_once_and_only_once() -> None:
    stream = Stream()
    watch, alarms = run(stream.begin(), [stream.window(day, 0.5 if day >= 20 else 0.0) for day in range(60)])
    ((place, alarm),) = alarms
    (change,) = alarm.changes
    assert (place, alarm.start, alarm.material, alarm.followed_up) == (20, 20 * DAY, True, False)
    assert (change.signal, change.direction, change.windows) == (SCORE, "up", 1)
    assert change.low < 0.5 < change.high
    assert change.effect == pytest.approx(0.5, abs=0.08)
    assert change.since == 20 * DAY
    assert (watch.alarms, watch.days) == (1, 60.0)
    assert alarm.evidence >= alarm.threshold == 90


def test_a_small_change_is_noted_and_opens_no_incident() -> None:
    stream = Stream()
    _, alarms = run(stream.begin(), [stream.window(day, 0.15 if day >= 20 else 0.0) for day in range(60)])
    assert [(place <= 22, alarm.material) for place, alarm in alarms] == [(True, False)]
    change = alarms[0][1].changes[0]
    assert change.earliest <= 20 * DAY <= change.latest
    assert change.effect == pytest.approx(0.15, abs=0.06)


def test_nulls_that_never_came_before_are_seen_when_they_come() -> None:
    stream = Stream()
    _, alarms = run(stream.begin(), [stream.window(day, nulls=0.02 if day >= 5 else 0.0) for day in range(12)])
    ((place, alarm),) = alarms
    assert (place, [change.signal for change in alarm.changes]) == (5, [NULLS])
    assert alarm.changes[0].effect == pytest.approx(0.02, abs=0.01)


def test_a_single_row_that_never_came_before_is_no_alarm() -> None:
    stream = Stream()
    days = [stream.window(day) for day in range(12)]
    days[5][1][NULLS] = Observation(1 / ROWS, 3**0.5 / ROWS, ROWS)
    assert run(stream.begin(), days)[1] == []


def test_a_change_that_creeps_opens_an_incident_when_it_adds_up() -> None:
    """No step of it matters, all together do."""
    stream = Stream()
    _, alarms = run(stream.begin(), [stream.window(day, 0.12 * (day // 8)) for day in range(48)])
    assert not alarms[0][1].material
    material = [alarm for _, alarm in alarms if alarm.material]
    assert material
    assert material[0].changes[0].distance == pytest.approx(0.36, abs=0.1)


def test_a_signal_that_comes_back_has_recovered() -> None:
    stream = Stream()
    _, alarms = run(stream.begin(), [stream.window(day, 0.5 if 10 <= day < 30 else 0.0) for day in range(40)])
    (_, first), (_, second) = alarms
    assert first.material
    assert (second.material, second.changes[0].recovered, second.changes[0].direction) == (False, True, "down")
    assert second.changes[0].distance == pytest.approx(0.0, abs=0.08)


def test_a_change_that_was_noted_is_followed_up_when_it_turns_out_to_matter() -> None:
    """Of 400 rows a day, the first one shows less than there is; no further budget is spent."""
    stream = Stream(rows=400)
    start, first = stream.window(5)
    days = [stream.window(day) for day in range(5)]
    days += [
        (start, {**first, SCORE: Observation(0.27, 0.05, 400)}),
        *(stream.window(day, 0.45) for day in range(6, 20)),
    ]
    watch, alarms = run(stream.begin(), days)
    (found, noted), (later, grown) = alarms
    assert (found, noted.material, noted.followed_up) == (5, False, False)
    assert (later < 12, grown.material, grown.followed_up) == (True, True, True)
    (change,) = grown.changes
    assert (change.since, change.evidence) == (noted.changes[0].since, noted.changes[0].evidence)
    assert 0.3 < change.low < 0.45 < change.high
    assert watch.alarms == 1


def test_several_signals_that_change_at_once_are_one_alarm() -> None:
    stream = Stream()
    _, alarms = run(stream.begin(), [stream.window(day, *((0.6, 0.3) if day >= 8 else (0, 0))) for day in range(20)])
    ((_, alarm),) = alarms
    assert {change.signal for change in alarm.changes} == {SCORE, NULLS}


# --- Windows as they come ---


def test_a_small_window_is_judged_by_its_own_size() -> None:
    """Thirty rows scatter by 0.18: what would be eight deviations of a full window is less than one of theirs."""
    false = 0
    for seed in range(10):
        stream = Stream(seed)
        days = [stream.window(day, rows=30) if day % 3 == 0 else stream.window(day) for day in range(90)]
        false += len(run(stream.begin(), days)[1])
    assert false <= 5


def test_small_windows_teach_no_more_than_they_know() -> None:
    stream = Stream()
    watch, _ = run(stream.begin(), [stream.window(day, rows=30) for day in range(30)])
    _, alarms = run(watch, [stream.window(day, 0.5) for day in range(30, 32)])
    assert alarms[0][1].changes[0].effect == pytest.approx(0.5, abs=0.1)


def test_a_signal_that_is_not_there_stays_as_it_is() -> None:
    stream = Stream()
    watch = stream.begin()
    for nothing in ({}, {SCORE: Observation(np.nan, np.nan, 0)}, {SCORE: Observation(0.1, 0.1, 0)}):
        after, alarms = step(watch, 0.0, nothing)
        assert alarms == []
        assert after.signals == watch.signals


def test_a_new_signal_learns_before_it_alarms() -> None:
    stream, rng = Stream(), np.random.default_rng(9)

    def window(day: int) -> tuple[float, dict[str, Observation]]:
        start, seen = stream.window(day)
        level = 5.0 if day < 40 else 6.0
        return start, {**seen, "column:new:location": Observation(level + rng.standard_normal() / 50, 0.02, 2_500)}

    _, alarms = run(stream.begin(), [window(day) for day in range(45)])
    assert [(place, alarm.changes[0].signal) for place, alarm in alarms] == [(40, "column:new:location")]
    assert alarms[0][1].changes[0].effect == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("windows", [0, 1, 3])
def test_with_hardly_a_reference_there_are_no_false_alarms_and_the_rest_is_learned(windows: int) -> None:
    false = 0
    for seed in range(15):
        stream = Stream(seed)
        watch, alarms = run(stream.begin(windows), [stream.window(day) for day in range(60)])
        false += len(alarms)
        assert watch.reference_windows == windows
        _, alarms = run(watch, [stream.window(day, 0.6) for day in range(60, 62)])
        assert alarms
    assert false <= 60 / 90 * 15


def test_a_weekly_pattern_is_no_alarm() -> None:
    stream, pattern = Stream(), [0.0, 0.1, 0.2, 0.3, -0.3, -0.2, -0.1]
    reference = [stream.window(day, pattern[day % 7]) for day in range(91)]
    watch, alarms = run(
        begin(reference, AlarmSettings()), [stream.window(day, pattern[day % 7]) for day in range(91, 181)]
    )
    assert alarms == []
    _, alarms = run(watch, [stream.window(181, pattern[181 % 7] + 0.3)])
    assert alarms[0][1].changes[0].effect == pytest.approx(0.3, abs=0.08)


def test_hours_of_the_week_are_told_apart() -> None:
    stream = Stream(spacing=HOUR)
    level = np.random.default_rng(2).standard_normal(168) * 0.3
    reference = [stream.window(hour, level[hour % 168]) for hour in range(24 * 28)]
    watch, alarms = run(
        begin(reference, AlarmSettings()), [stream.window(hour, level[hour % 168]) for hour in range(24 * 28, 24 * 32)]
    )
    assert (watch.season.number, alarms) == (168, [])
    _, alarms = run(watch, [stream.window(hour, level[hour % 168] + 0.5) for hour in range(24 * 32, 24 * 32 + 3)])
    assert alarms[0][0] == 0


def test_missing_days_and_an_outage_are_no_alarm() -> None:
    stream = Stream()
    days = [day for day in range(120) if day % 7 < 5 and not 40 <= day < 70]
    watch, alarms = run(stream.begin(), [stream.window(day) for day in days])
    assert alarms == []
    assert watch.days < 90


def test_days_count_what_was_watched() -> None:
    """In order, after a gap, out of order, and the same one in two parts."""
    stream = Stream()
    watch, _ = run(stream.begin(), [stream.window(day) for day in (5, 6, 9, 7, 8)])
    assert watch.days == 5
    watch, _ = run(watch, [stream.window(8)])
    assert (watch.days, watch.latest) == (5, 8 * DAY)


def test_a_clock_that_jumped_stops_nothing() -> None:
    stream = Stream()
    days = [*range(5), 9_000, *range(5, 30)]
    watch, alarms = run(stream.begin(), [stream.window(day, 0.5 if 20 <= day < 9_000 else 0.0) for day in days])
    assert [(alarm.start, alarm.material) for _, alarm in alarms] == [(20 * DAY, True)]
    assert watch.days == len(days)


def test_a_budget_of_many_alarms_a_day_is_no_error() -> None:
    stream = Stream()
    watch, alarms = run(stream.begin(0, false_alarms=50.0, days=1.0), [stream.window(day) for day in range(20)])
    assert len(alarms) == watch.alarms <= 20 * 50


def test_a_weekday_that_the_reference_never_had_is_learned() -> None:
    """Only Monday to Friday were in it."""
    stream = Stream()
    reference = [stream.window(day) for day in range(4, 4 + 91) if day % 7 < 5]
    watch = begin(reference, AlarmSettings())
    weekend = [stream.window(day, 0.8) for day in range(95, 130) if day % 7 >= 5]
    watch, alarms = run(watch, weekend[:1])
    assert alarms == []
    assert watch.signals[SCORE].latest == weekend[0][0]


# --- Signals that come late ---


def test_signals_that_come_late_have_their_own_clock_and_share_the_budget() -> None:
    stream, rng = Stream(), np.random.default_rng(3)

    def truth(day: int, risk: float) -> tuple[float, dict[str, Observation]]:
        return day * DAY, {"loss": Observation(rng.binomial(500, risk) / 500, 0.0134, 500)}

    reference = [
        (start, {**seen, **truth(0, 0.1)[1]}) for start, seen in (stream.window(day - 91) for day in range(91))
    ]
    watch, alarms = run(begin(reference, AlarmSettings()), [stream.window(day) for day in range(40)])
    watch, more = run(watch, [truth(day, 0.1 if day < 20 else 0.2) for day in range(30)])
    assert alarms == []
    assert [(place, alarm.changes[0].signal) for place, alarm in more] == [(20, "loss")]
    assert (watch.latest, watch.latest_late, watch.alarms) == (39 * DAY, 29 * DAY, 1)


# --- What is kept ---


def test_a_watch_goes_to_json_and_msgpack_and_back_and_goes_on_the_same() -> None:
    stream = Stream()
    watch, _ = run(stream.begin(), [stream.window(day, 0.5 if day >= 5 else 0.0) for day in range(10)])
    window = stream.window(10, 0.9)
    expected = step(watch, *window)
    assert expected[1]
    for codec in (msgspec.json, msgspec.msgpack):
        back = codec.decode(codec.encode(watch), type=Watch)
        assert back == watch
        assert step(back, *window) == expected


def test_a_step_leaves_what_was_kept_before_as_it_was() -> None:
    stream = Stream()
    watch = stream.begin()
    kept = msgspec.msgpack.encode(watch)
    step(watch, *stream.window(0, 5.0))
    assert msgspec.msgpack.encode(watch) == kept


def test_a_new_release_keeps_what_was_spent_and_learns_its_own_reference() -> None:
    stream = Stream()
    watch, _ = run(stream.begin(), [stream.window(day, 0.5 if day >= 5 else 0.0) for day in range(30)])
    fresh = rebase(watch, [stream.window(day, 0.5) for day in range(-61, 30)], AlarmSettings(), {SCORE: 0.2})
    assert (fresh.alarms, fresh.days, fresh.latest) == (watch.alarms, watch.days, watch.latest)
    assert fresh.signals[SCORE].minimum == 0.2
    assert run(fresh, [stream.window(day, 0.5) for day in range(30, 50)])[1] == []
    assert run(fresh, [stream.window(30)])[1][0][1].changes[0].direction == "down"


def test_settings_may_change_while_a_model_is_watched() -> None:
    stream = Stream()
    watch, _ = run(stream.begin(), [stream.window(day) for day in range(10)])
    same = adjusted(watch, watch.settings, {SCORE: 0.7})
    assert (same.signals[SCORE].minimum, same.signals[NULLS].minimum) == (0.7, 0.0)
    assert same.signals[SCORE].evidence == watch.signals[SCORE].evidence
    eager = adjusted(watch, AlarmSettings(days=10))
    assert eager.settings.threshold == 10
    assert eager.signals[SCORE].minimum == 0.3
    split = adjusted(watch, AlarmSettings(late_share=0.5))
    assert set(split.signals[SCORE].evidence) == {0.0}


def test_a_reference_out_of_order_is_refused() -> None:
    with pytest.raises(InputError, match="in order of time"):
        begin([(DAY, {}), (0.0, {})], AlarmSettings())


@pytest.mark.parametrize("asked", ['{"false_alarms": 0}', '{"days": -1}', '{"late_share": 1}'])
def test_impossible_budgets_are_refused(asked: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(asked, type=AlarmSettings)


def test_nothing_to_watch_is_no_error() -> None:
    watch, alarms = step(begin([], AlarmSettings()), 0.0, {})
    assert (watch.signals, alarms) == ({}, [])


# --- The promise ---


def test_many_streams_at_once_alarm_as_one_by_one() -> None:
    """What simulations of the budget run on is what a model runs on."""
    streams = drawn(World(), 3, np.random.default_rng(4))
    streams.values[REFERENCE + 20 :, 1, 7] += 0.15
    streams.values[REFERENCE + 50 :, 1, 7] += 0.5
    expected = {(one.stream, one.day, one.signal, one.material) for one in watched(streams, AlarmSettings(), 0.3)}
    found = set()
    # Angles of shares are undone, so that they become the same again.
    counts = np.round((2_000.75) * np.sin(streams.values[..., 60:90]) ** 2 - 0.375) / 2_000
    for stream in range(3):

        def window(day: int, stream: int = stream) -> tuple[float, dict[str, Observation]]:
            values = streams.values[day, stream].copy()
            values[60:90] = counts[day, stream]
            return (day + 4) * DAY, {
                key: Observation(float(value), float(deviation), 2_000)
                for key, value, deviation in zip(streams.keys, values, streams.deviations[day, stream], strict=True)
            }

        minimum = dict.fromkeys(streams.keys, 0.3)
        watch = begin([window(day) for day in range(REFERENCE)], AlarmSettings(), minimum)
        order = list(watch.signals)
        for day in range(REFERENCE, len(streams.values)):
            watch, alarms = step(watch, *window(day))
            found |= {
                (stream, day - REFERENCE + 1, streams.keys.index(change.signal), change.material)
                for alarm in alarms
                for change in alarm.changes
            }
        assert sorted(order) == sorted(streams.keys)
    assert found == expected
    assert {(1, 51, 7, True)} <= found


def hours(number: int, seed: int, changed: int | None = None) -> list[tuple[float, dict[str, Observation]]]:
    """Hours with a strong daily cycle, of volume too, and other weekends; from an hour on, 15 o'clock is another one."""
    rng = np.random.default_rng(seed)
    found = []
    for at in range(number):
        hour, weekend = at % 24, at // 24 % 7 >= 5
        cycle = np.sin(2 * np.pi * (hour - 6) / 24) + 0.7 * weekend * np.cos(2 * np.pi * hour / 24)
        n = int(rng.poisson(np.exp(6 + cycle)))
        level = 0.5 * cycle + 0.05 * rng.standard_normal()
        level += 1.0 * (changed is not None and at >= changed and hour == 15)
        signals = {
            "volume": Observation(float(np.log1p(n)), float(np.exp(-3)), n),
            SCORE: Observation(level + rng.standard_normal() / n**0.5, n**-0.5, n),
        }
        found.append(((at + 4 * 24) * HOUR, signals))
    return found


@pytest.mark.parametrize(("weeks", "seasons"), [(5, 168), (2, 24)])
def test_an_hour_is_held_against_the_same_hours(weeks: int, seasons: int) -> None:
    """30 days of hours alarm no oftener than a month of days may; a change of one hour of the day is found in that hour."""
    first, alarms = weeks * 168, 0
    for seed in range(3):
        stream = hours(first + 720, seed)
        watch = begin(stream[:first], AlarmSettings())
        assert watch.season.number == seasons
        _, found = run(watch, stream[first:])
        assert not any(alarm.material for _, alarm in found)
        alarms += len(found)
    assert alarms <= 1
    stream = hours(first + 480, 9, changed=first + 300)
    _, found = run(begin(stream[:first], AlarmSettings()), stream[first:])
    place, alarm = next((place, alarm) for place, alarm in found if place >= 300)
    assert place in {303, 327}
    assert alarm.changes[0].signal == SCORE


@pytest.mark.simulation
def test_false_alarms_are_no_more_than_the_budget() -> None:
    """100 streams of a quarter, 92 signals each; the full measurement is in the benchmarks."""
    alarms = watched(drawn(World(), 100, np.random.default_rng(5)), AlarmSettings(), 0.0)
    assert len({(one.stream, one.day) for one in alarms}) / 200 <= 0.6
