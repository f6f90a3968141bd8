"""A quality bar and what was measured, and how shares of simulated runs are judged."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal, TypeAlias

Effort: TypeAlias = Literal["quick", "usual", "thorough"]
"""How much is measured: minutes, about an hour, hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of a table; `met` is None where there is no bar, a figure being for information, and where it was not measured."""

    setting: str
    bar: str
    measured: str
    met: bool | None = None


def at_most(setting: str, value: float, limit: float, unit: str, digits: int = 2, note: str = "") -> Bar:
    """A number that may not exceed a limit."""
    return Bar(
        setting=setting,
        bar=f"≤ {limit:,g} {unit}".rstrip(),
        measured=f"{value:,.{digits}f} {unit}".rstrip() + note,
        met=value <= limit,
    )


def at_least(setting: str, value: float, limit: float, digits: int = 3, note: str = "") -> Bar:
    """A number that must reach a limit."""
    return Bar(
        setting=setting,
        bar=f"≥ {limit:.{digits}f}",
        measured=f"{value:.{digits}f}{note}",
        met=value >= limit,
    )


def within(setting: str, value: float, target: float, tolerance: float, digits: int = 3) -> Bar:
    """A number that must be near another one."""
    return Bar(
        setting=setting,
        bar=f"{target:.{digits}f} ± {tolerance:g}",
        measured=f"{value:.{digits}f}",
        met=abs(value - target) <= tolerance,
    )


def seldom(setting: str, hits: int, repeats: int, rate: float = 0.05, note: str = "") -> Bar:
    """A share of runs that may not exceed a rate by more than two standard errors of so many runs."""
    most = round(rate * repeats + 2 * sqrt(rate * (1 - rate) * repeats))
    return Bar(
        setting=setting,
        bar=f"≤ {most:,} of {repeats:,}",
        measured=f"{hits:,} ({hits / repeats:.1%}){note}",
        met=hits <= most,
    )


def often(setting: str, hits: int, repeats: int, rate: float, note: str = "") -> Bar:
    """A share of runs that must reach a rate."""
    return Bar(
        setting=setting,
        bar=f"≥ {rate:.0%}",
        measured=f"{hits / repeats:.1%} of {repeats:,}{note}",
        met=hits >= rate * repeats,
    )


def for_information(setting: str, measured: str) -> Bar:
    """A figure without a bar."""
    return Bar(setting=setting, bar="", measured=measured)
