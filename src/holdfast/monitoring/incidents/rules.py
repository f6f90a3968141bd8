"""Rules for Prometheus and its Alertmanager, over the gauges of the monitor and of the server."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

STALE_SECONDS = 93_600
"""After so long without a run, the monitor counts as stopped: a run each day is the least, with two hours to spare."""


class Rule(NamedTuple):
    """A rule: its name, what holds when it fires, for how long, how bad that is, and what is said."""

    name: str
    expression: str
    held: str
    severity: str
    summary: str


RULES = (
    *(
        Rule(
            f"HoldfastIncident{severity.title()}",
            f'sum by (model) (holdfast_incidents_open{{state="open",severity="{severity}"}}) > 0',
            "0m",
            severity,
            f"{{{{ $labels.model }}}} has {{{{ $value }}}} open incidents of {severity} severity",
        )
        for severity in ("high", "medium", "low")
    ),
    Rule(
        "HoldfastMonitorStopped",
        f"time() - holdfast_monitor_last_run_timestamp_seconds > {STALE_SECONDS}",
        "5m",
        "high",
        "{{ $labels.model }} has not been watched for {{ $value | humanizeDuration }}",
    ),
    Rule(
        "HoldfastAlertsWaiting",
        "holdfast_alerts_waiting > 0",
        "15m",
        "high",
        "{{ $value }} alerts could not be delivered to {{ $labels.route }}",
    ),
    Rule(
        "HoldfastRowsNotLogged",
        "increase(holdfast_log_unlogged_rows_total[1h]) > 0",
        "0m",
        "high",
        "{{ $value }} rows were answered and could not be logged",
    ),
    Rule(
        "HoldfastLogNotCommitted",
        "holdfast_log_oldest_uncommitted_seconds > 900",
        "5m",
        "medium",
        "Rows have waited for the lake for {{ $value | humanizeDuration }}",
    ),
)


def rules() -> str:
    """The rules as YAML, for `rule_files` of Prometheus."""
    lines = ["groups:", "  - name: holdfast", "    rules:"]
    for rule in RULES:
        lines += [
            f"      - alert: {rule.name}",
            f"        expr: {_quoted(rule.expression)}",
            f"        for: {rule.held}",
            "        labels:",
            f"          severity: {rule.severity}",
            "        annotations:",
            f"          summary: {_quoted(rule.summary)}",
        ]
    return "".join(f"{line}\n" for line in lines)


def _quoted(text: str) -> str:
    """As JSON, which YAML reads."""
    return msgspec.json.encode(text).decode()
