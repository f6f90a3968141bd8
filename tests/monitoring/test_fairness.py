"""Fairness over time: groups that are treated alike alarm as rarely as was asked for, and a gap that opens is found."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.alarms.alarms import begin, step
from holdfast.alarms.budget import AlarmSettings
from holdfast.alarms.observation import Observation
from holdfast.kinds import Role
from holdfast.monitoring.counts.arrived import Arrived
from holdfast.monitoring.gaps import answer_gaps, error_gaps
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.signals import Signals
from holdfast.profile.window import AnswerEdges, Counted

from .conftest import DAY, HISTORY_DAYS, Service, day, payments
from .test_run import incidents, windows

TWO = AnswerEdges(task="binary")
SIZES = {"sex=F": 900, "sex=X": 250, "sex=tiny": 60}
"""Rows a day; with 1,500 others."""
OTHERS = 1_500
POSITIVE, FOUND, FALSE = 0.25, 0.8, 0.1
"""Shares of positives, of those that are found, and of negatives that are taken for positive."""
MINIMUM = dict.fromkeys(("yes", "true_positive_rate", "false_positive_rate"), 0.05) | {"loss": 0.02}


def truths(rng: np.random.Generator, rows: int, found: float = FOUND) -> np.ndarray:
    """Rows of a day by truth and answer."""
    positive = rng.binomial(rows, POSITIVE)
    hits, alarms = rng.binomial(positive, found), rng.binomial(rows - positive, FALSE)
    return np.array([[rows - positive - alarms, alarms], [positive - hits, hits]])


def sums(table: np.ndarray) -> Arrived:
    """A wrong answer loses 1."""
    wrong = float(table[0, 1] + table[1, 0])
    return Arrived(losses=(float(table.sum()), wrong, wrong), confusion=tuple(table.ravel().tolist()))


def signals(rng: np.random.Generator, found: float = FOUND) -> Signals:
    """Gaps of a day; of the first group so many positives are found."""
    groups = {name: truths(rng, n, found if name == "sex=F" else FOUND) for name, n in SIZES.items()}
    whole = sum(groups.values(), truths(rng, OTHERS))
    seen: Signals = {}
    for name, table in groups.items():
        gaps = {f"group:{name}:{one}": gap for one, gap in answer_gaps(TWO, table.sum(0), whole.sum(0)).found.items()}
        errors = error_gaps(TWO, sums(table), sums(whole)).found
        gaps |= {f"fairness:{name}:{one}": gap for one, gap in errors.items()}
        seen |= {key: Observation(gap.value, gap.deviation, gap.rows) for key, gap in gaps.items()}
    return seen


def watched(seed: int, days: int, changed: int = 10**6, found: float = FOUND) -> list[tuple[int, str, bool]]:
    """Day, signal and whether it mattered, of each alarm after 60 days of history."""
    rng = np.random.default_rng(seed)
    settings = AlarmSettings(minimum=MINIMUM)
    watch = begin([(at * DAY, signals(rng)) for at in range(60)], settings)
    told = []
    for at in range(days):
        watch, alarms = step(watch, (60 + at) * DAY, signals(rng, found if at >= changed else FOUND))
        told += [(at, alarm.changes[0].signal, alarm.material) for alarm in alarms]
    return told


def test_groups_that_are_treated_alike_hold_the_budget() -> None:
    """One false alarm a quarter at most, on average; none of them opens an incident here."""
    alarms = [watched(seed, days=90) for seed in range(16)]
    assert sum(map(len, alarms)) <= 16
    assert sum(mattered for one in alarms for _, _, mattered in one) <= 2


def test_a_gap_of_errors_that_opens_is_found() -> None:
    for seed in range(5):
        (at, key, mattered), *_ = [one for one in watched(seed, days=30, changed=15, found=0.65) if one[0] >= 15]
        assert at <= 17
        assert key.startswith("fairness:sex=F:")
        assert mattered


def test_a_group_that_is_too_small_never_speaks() -> None:
    rng = np.random.default_rng(0)
    keys = {key for _ in range(50) for key in signals(rng, found=0.2)}
    assert any(key.startswith("fairness:sex=X:") for key in keys)
    assert not any("tiny" in key for key in keys)


def larger(reference: Reference) -> Reference:
    """The reference with `region` protected and four times the rows, so that its groups are large enough to speak of."""

    def four(one: Counted) -> Counted:
        return one + one + one + one

    columns = tuple(
        msgspec.structs.replace(column, role=Role.PROTECTED) if column.name == "region" else column
        for column in reference.schema.columns
    )
    return replace(
        reference,
        schema=msgspec.structs.replace(reference.schema, columns=columns),
        history=tuple((start, four(one)) for start, one in reference.history),
        groups={start: {name: four(one) for name, one in own.items()} for start, own in reference.groups.items()},
    )


def test_a_gap_in_the_log_is_shown_and_is_an_incident(service: Service) -> None:
    """Frauds of one region stop being what they were; the gap of that region is shown with its interval."""
    reference = larger(service.reference)
    (group,) = {"region=north", "region=south"} - reference.mirrored
    rows = payments(HISTORY_DAYS, 8, seed=16, rows_a_day=800)
    changed = np.logical_and(
        pc.equal(rows["region"], group.partition("=")[2]).to_numpy(),
        rows["time"].to_numpy() >= np.datetime64("2026-03-10"),
    )

    def truth(rows: pa.Table) -> list[bool]:
        cheap = pc.less(rows["amount"], 20.0).to_numpy()
        return np.where(changed, cheap, rows["fraud"].to_numpy(zero_copy_only=False)).tolist()

    service.answer(rows, truth=truth)
    service.monitor(day(HISTORY_DAYS + 9), reference)
    found = {start: one for start, one in windows(service).items() if one["rows"]}
    gaps = [one["segments"][group]["gaps"]["true_positive_rate"] for one in found.values()]
    assert all(low <= value <= high for value, low, high in gaps)
    assert all(high < 0 for _, _, high in gaps[-4:])
    keys = {sign["key"] for one in incidents(service) for sign in one["signs"]}
    assert any(key.startswith(f"fairness:{group}:") for key in keys)
    (other,) = {"region=north", "region=south"} & reference.mirrored
    assert not any(other in key for key in keys)


def test_groups_that_are_too_small_say_so(service: Service) -> None:
    rows = payments(HISTORY_DAYS, 1, seed=17, rows_a_day=150)
    service.answer(rows)
    service.monitor(day(HISTORY_DAYS + 3), larger(service.reference))
    first = next(iter(windows(service).values()))
    assert first["segments"]["region=north"]["gaps"] == {}
    assert "fewer than 100" in first["segments"]["region=north"]["left_out"]["yes"]
