"""The scale on which a signal is judged: the one where windows scatter like a normal variable.

A share near 0 is skew, and a bet that takes it for normal would win too often. Effects are told in the signal's own unit.
"""

from __future__ import annotations

from math import asin, isnan, nan, pi, sin, sqrt
from typing import Literal, TypeAlias

from holdfast.alarms.observation import Observation

Scale: TypeAlias = Literal["plain", "share"]

SHARES = {"missing", "new", "share", "value", "decision", "review", "label"}
"""Kinds of signals that are shares of rows."""


def kind_of(key: str) -> str:
    """What a signal says of its subject, by its key.

    Examples
    --------
    >>> [kind_of(key) for key in ("column:age:missing", "column:state:value:3", "decision:yes", "score:location", "loss")]
    ['missing', 'value', 'decision', 'location', 'loss']
    """
    parts = key.split(":")
    if parts[0] in SHARES or parts[0] in {"group", "fairness"}:
        return parts[0]
    return "value" if len(parts) > 3 and parts[-2] == "value" else parts[-1]


def scale_of(key: str) -> Scale:
    """The scale of a signal by its key.

    Examples
    --------
    >>> scale_of("column:age:missing"), scale_of("score:location")
    ('share', 'plain')
    """
    return "share" if kind_of(key) in SHARES else "plain"


def onto(scale: Scale, seen: Observation) -> tuple[float, float]:
    """An observation and its deviation on the scale; NaN where it says nothing.

    A share becomes the angle ``asin(sqrt((r + 3/8) / (n + 3/4)))`` of its r of n rows, whose deviation is ``1 / (2 sqrt(n))``
    whatever the share (Anscombe, *The transformation of Poisson, binomial and negative-binomial data*, Biometrika 35, 1948).

    Examples
    --------
    >>> angle, deviation = onto("share", Observation(0.25, 0.01, 1_875))
    >>> round(angle, 3), round(deviation, 4)
    (0.524, 0.0115)
    """
    if isnan(seen.value) or seen.rows <= 0:
        return nan, nan
    if scale == "share":
        share, rows = min(max(seen.value, 0.0), 1.0), seen.rows
        return asin(sqrt((share * rows + 0.375) / (rows + 0.75))), 0.5 / sqrt(rows)
    return seen.value, seen.deviation if seen.deviation > 0 else nan


def back(scale: Scale, level: float) -> float:
    """A level on the scale, in the signal's own unit.

    Examples
    --------
    >>> round(back("share", 0.5235988), 6), back("plain", 2.0)
    (0.25, 2.0)
    """
    return sin(min(max(level, 0.0), pi / 2)) ** 2 if scale == "share" else level
