"""Gauges and rules, as Prometheus' own tool reads them."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfast.monitoring.incidents.exposed import FILE, FOLDER, HELP, MOST_SIGNALS, expose, samples
from holdfast.monitoring.incidents.rules import RULES, rules
from holdfast.monitoring.incidents.standing import standing
from holdfast.serve.metrics import METRICS, monitored
from holdfast.testing.monitored import calm
from holdfast.watched import Over, Shown, Watched

from .test_standing import act, incident

NOW = datetime(2025, 6, 1, tzinfo=UTC)


def watched(model: str = "fraud", **more: Any) -> Watched:
    windows = (
        Shown(
            start=0.0,
            end=1.0,
            figures={"loss": (2.0, 1.0, 3.0)},
            effects={"a": 9.0},
            segments={"sex=F": {"gaps": {"yes": (0.2, 0.1, 0.3)}}},
        ),
        Shown(
            start=1.0,
            end=2.0,
            estimates={"loss": (4.0, 1.0, 5.0)},
            effects={"a": -0.6, "b": 0.3, "c": 0.1},
            rolling=Over(
                start=0.0,
                end=2.0,
                windows=2,
                rows=8,
                labelled=6,
                figures={"loss": (2.5, 2.0, 3.0)},
                estimates={"loss": (3.5, 2.0, 5.0)},
            ),
        ),
    )
    given = {"windows": windows, "minimum": {"a": 0.3, "b": 0.3, "c": 0.0}, **more}
    return Watched(
        model=model,
        release=1,
        zone="UTC",
        loss_title="Cost",
        unit="EUR",
        usual=(1.0, 0.5, 1.5),
        incidents=(),
        **given,
    )


def values(found: list[Any], name: str) -> dict[tuple[str, ...], float]:
    return {tuple(labels.values()): value for metric, labels, value in found if metric == name}


def test_gauges_say_what_was_found() -> None:
    stands = [
        standing(incident(cost=1.0, usual=100.0), (), (), NOW),
        standing(incident(), (), (), NOW),
        standing(incident(), [act("acknowledge")], (), NOW),
        standing(incident(), [act("resolve")], (), NOW),
    ]
    found = samples(watched(), stands, NOW)
    counts = values(found, "holdfast_incidents_open")
    assert {labels: count for labels, count in counts.items() if count} == {
        ("fraud", "low", "open"): 1,
        ("fraud", "medium", "open"): 1,
        ("fraud", "medium", "acknowledged"): 1,
    }
    assert values(found, "holdfast_loss_realised") == {("fraud",): 2.0}
    assert values(found, "holdfast_loss_estimated") == {("fraud",): 4.0}
    assert values(found, "holdfast_loss_usual") == {("fraud",): 1.0}
    assert values(found, "holdfast_loss_rolling_realised") == {("fraud",): 2.5}
    assert values(found, "holdfast_loss_rolling_estimated") == {("fraud",): 3.5}
    assert values(found, "holdfast_labelled_rolling_ratio") == {("fraud",): 0.75}
    assert values(found, "holdfast_monitor_judged_until_timestamp_seconds") == {("fraud",): 2.0}
    assert values(found, "holdfast_signal_effect_ratio") == {("fraud", "a"): 2.0, ("fraud", "b"): 1.0}


def test_of_many_signals_the_farthest_are_shown() -> None:
    effects = {f"column:c{number}:location": float(number) for number in range(100)}
    one = watched(windows=(Shown(start=0.0, effects=effects),), minimum=dict.fromkeys(effects, 1.0))
    found = values(samples(one, (), NOW), "holdfast_signal_effect_ratio")
    assert list(found.values()) == [99.0 - number for number in range(MOST_SIGNALS)]


def test_a_model_without_windows_has_its_last_run() -> None:
    found = samples(watched(windows=()), (), NOW)
    assert values(found, "holdfast_monitor_last_run_timestamp_seconds") == {("fraud",): NOW.timestamp()}
    assert values(found, "holdfast_monitor_windows") == {("fraud",): 0}


def test_the_server_shows_the_gauges_of_all_models(tmp_path: Path) -> None:
    assert monitored(tmp_path) == ""
    odd = 'na"me\\with\nodd signs'
    expose(tmp_path, watched(minimum={odd: 0.1}, windows=(Shown(start=0.0, effects={odd: 1.0}),)), (), {}, NOW)
    expose(tmp_path, watched("churn"), (), {"pager": 2}, NOW)
    shown = monitored(tmp_path)
    assert 'holdfast_monitor_windows{model="churn"} 2.0\nholdfast_monitor_windows{model="fraud"} 1.0\n' in shown
    assert 'holdfast_alerts_waiting{route="pager"} 2.0\n' in shown
    assert 'signal="na\\"me\\\\with\\nodd signs"} 10.0\n' in shown
    assert shown == (tmp_path / FOLDER / FILE).read_text()
    assert {line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")} == HELP.keys()


def test_no_gauge_has_the_name_of_a_metric_of_the_server() -> None:
    assert HELP.keys().isdisjoint(METRICS)


def test_rules_are_about_metrics_that_there_are() -> None:
    known = [*HELP, *METRICS]
    assert all(any(name in rule.expression for name in known) for rule in RULES)


promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")


@promtool
def test_prometheus_reads_the_gauges(tmp_path: Path) -> None:
    stands = [standing(incident(), (), (), NOW)]
    expose(tmp_path, watched(), stands, {"pager": 2}, NOW)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=monitored(tmp_path), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@promtool
def test_prometheus_reads_the_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(rules())
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert (done.returncode, f"{len(RULES)} rules found" in done.stdout) == (0, True)


@promtool
def test_rules_fire_when_they_should(tmp_path: Path) -> None:
    """An incident at once; a monitor that stopped after a day and two hours."""
    (tmp_path / "rules.yml").write_text(rules())
    (tmp_path / "test.yml").write_text(
        """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'holdfast_incidents_open{model="fraud",severity="high",state="open"}'
        values: '0 2x9'
      - series: 'holdfast_monitor_last_run_timestamp_seconds{model="fraud"}'
        values: '0x2000'
    alert_rule_test:
      - eval_time: 0m
        alertname: HoldfastIncidentHigh
        exp_alerts: []
      - eval_time: 1m
        alertname: HoldfastIncidentHigh
        exp_alerts:
          - exp_labels: {severity: high, model: fraud}
            exp_annotations: {summary: fraud has 2 open incidents of high severity}
      - eval_time: 25h
        alertname: HoldfastMonitorStopped
        exp_alerts: []
      - eval_time: 27h
        alertname: HoldfastMonitorStopped
        exp_alerts:
          - exp_labels: {severity: high, model: fraud}
            exp_annotations: {summary: fraud has not been watched for 1d 3h 0m 0s}
"""
    )
    done = subprocess.run(
        ["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_gaps_of_protected_groups_are_those_of_the_newest_window_that_has_any() -> None:
    model = calm(3)
    gaps = {"yes": (0.2, 0.1, 0.3), "loss": (-0.5, -0.6, -0.4)}
    segment = {"rows": 300, "labelled": 0, "figures": {}, "gaps": gaps, "left_out": {}}
    windows = (
        model.windows[0],
        msgspec.structs.replace(model.windows[1], segments={"sex=F": segment}),
        model.windows[2],
    )
    found = samples(dataclasses.replace(model, windows=windows), (), NOW)
    assert [one for one in found if one[0] == "holdfast_group_gap"] == [
        ("holdfast_group_gap", {"model": "calm", "group": "sex=F", "figure": "loss"}, -0.5),
        ("holdfast_group_gap", {"model": "calm", "group": "sex=F", "figure": "yes"}, 0.2),
    ]
    assert not [one for one in samples(model, (), NOW) if one[0] == "holdfast_group_gap"]
