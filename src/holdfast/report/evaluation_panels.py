"""What a report shows of an evaluation as pictures: plain numbers, computed here from the evidence, drawn elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from holdfast.evidence import Estimate
from holdfast.numerals import number
from holdfast.report.estimates import ends, point, told
from holdfast.report.evaluation_shapes import Axis, Intervals, Lines, Picture, Point, Scale
from holdfast.report.words import moment, share

if TYPE_CHECKING:
    from holdfast.evidence import Curve, Dependence, Evidence, Goal, Group, Period, Versus

MODEL = "this model"
RANDOM = "a random split would say"

SHARES = frozenset({"reliability", "roc", "precision_recall", "gain", "risk_coverage"})
"""Curves, by key, both axes of which are shares."""
APART = frozenset({"reliability"})
"""Curves whose points are measured each by itself."""
DIAGONAL = frozenset({"reliability", "roc", "gain"})
"""Curves with a diagonal that means something: honest probabilities, or a model that knows nothing."""

MOST_FEATURES = 20
"""Features whose importance is drawn; the table has all."""


def earnings(evidence: Evidence) -> Intervals | None:
    """The objective beside that of simple rules, and what a random split would have said; None if there is neither."""
    named = [(MODEL, evidence.objective), *((rule.title, rule.objective) for rule in evidence.baselines)]
    if evidence.inflated is not None:
        named.append((RANDOM, evidence.inflated))
    points = _points(named)
    return Intervals(title="Beside simple rules", x=axis(evidence.goal), points=points) if len(points) > 1 else None


def is_by_threshold(curve: Curve) -> bool:
    """Whether a curve shows what a threshold is worth, and so belongs to the business page."""
    return "threshold" in curve.key


def drawn(curve: Curve, goal: Goal) -> Lines:
    """A curve of the evidence."""
    shares = curve.key in SHARES
    scale: Scale = "share" if shares or goal.unit == "share" else "number"
    unit = "share" if scale == "share" else goal.unit
    lows, highs = (side or (None,) * len(curve.x) for side in (curve.low, curve.high))
    across: Scale = "share" if shares else "number"
    points = tuple(
        Point(
            label=share(x) if shares else number(x, 3),
            value=y,
            low=low,
            high=high,
            x=x,
            told=told(Estimate(value=y, low=low, high=high, unit=unit)),
        )
        for x, y, low, high in zip(curve.x, curve.y, lows, highs, strict=True)
        if y is not None
    )
    return Lines(
        title=curve.title,
        x=Axis(curve.x_title, across),
        y=Axis(curve.y_title, scale),
        points=points,
        joined=curve.key not in APART,
        steps=is_by_threshold(curve),
        marks=tuple((f"{name}: {number(place, 3)}", place) for name, place in curve.marks.items()),
        diagonal=curve.key in DIAGONAL,
    )


def over_time(title: str, periods: Sequence[Period], key: str, y: Axis) -> Lines | None:
    """A figure of each period, in the middle of it; None if fewer than two periods have it."""
    points = tuple(
        Point(
            label=span(period.start, period.end),
            value=figure.value,
            low=figure.low,
            high=figure.high,
            x=(period.start + period.end) / 2,
            told=told(figure),
        )
        for period in periods
        if (figure := period.figures.get(key)) is not None and figure.value is not None
    )
    return Lines(title=title, x=Axis(scale="time"), y=y, points=points, joined=False) if len(points) > 1 else None


def by_group(title: str, groups: Iterable[Group], key: str, x: Axis, whole: Estimate | None = None) -> Intervals | None:
    """A figure of each group, beside that of all rows; None if fewer than two groups have it."""
    points = _points([(", ".join(group.values), group.figures.get(key)) for group in groups])
    reference = None if whole is None else whole.value
    return Intervals(title=title, x=x, points=points, reference=reference) if len(points) > 1 else None


def importances(evidence: Evidence) -> Intervals | None:
    """What the objective loses when a feature is shuffled, the features that matter most; else their Shapley shares."""
    features = evidence.importances
    measured = [(one.feature, one.permutation) for one in features if one.permutation is not None]
    if measured:
        measured.sort(key=lambda pair: -((pair[1].value if pair[1] else None) or 0.0))
        loss = axis(evidence.goal)
        title = f"Loss when shuffled: {loss.title}"
        points = _points(measured[:MOST_FEATURES])
        return Intervals(title=title, x=loss, points=points, reference=0.0) if points else None
    shares = [(one.feature, Estimate(value=one.shapley, unit="share")) for one in features if one.shapley is not None]
    points = _points(shares[:MOST_FEATURES])
    return Intervals(title="Share of all contributions", x=Axis("", "share"), points=points) if points else None


def dependence(found: Dependence, score: Scale) -> Picture:
    """Mean score by the values of a feature, and single rows where they were kept."""
    title = f"{found.feature} ({found.output})" if found.output else found.feature
    estimates = [Estimate(value=value, unit="share" if score == "share" else "") for value in found.mean]
    if found.labels:
        points = _points(list(zip(found.labels, estimates, strict=True)))
        return Intervals(title=title, x=Axis("", score), points=points)
    points = tuple(
        Point(label=number(x), value=estimate.value or 0.0, x=x, told=told(estimate))
        for x, estimate in zip(found.x, estimates, strict=True)
    )
    return Lines(title=title, x=Axis(""), y=Axis("", score), points=points, thin=found.single)


def differences(title: str, versus: Iterable[Versus]) -> Intervals | None:
    """How much better the candidate is than the champion, of figures in the same unit."""
    named = [(one.slice or "all rows", one.difference) for one in versus]
    points = _points(named)
    unit = named[0][1].unit if named else ""
    return Intervals(title=title, x=_unit_axis(unit), points=points, reference=0.0) if points else None


def axis(goal: Goal) -> Axis:
    """The axis of the objective."""
    return Axis(f"{goal.title}, {goal.unit}" if goal.unit not in {"", "share"} else goal.title, _scale(goal.unit))


def _unit_axis(unit: str) -> Axis:
    return Axis("" if unit == "share" else unit, _scale(unit))


def _scale(unit: str) -> Scale:
    return "share" if unit == "share" else "number"


def _points(named: Sequence[tuple[str, Estimate | None]]) -> tuple[Point, ...]:
    return tuple(
        Point(label=label, value=estimate.value, low=estimate.low, high=estimate.high, told=told(estimate))
        for label, estimate in named
        if estimate is not None and estimate.value is not None
    )


def span(start: float, end: float) -> str:
    """A span of time; of whole days, their dates alone.

    >>> span(0.0, 86_400.0), span(0.0, 3600.0)
    ('1970-01-01 to 1970-01-02', '1970-01-01 00:00 to 01:00')
    """
    first, last = moment(start), moment(end)
    if end - start >= 86_400:
        return f"{first[:10]} to {last[:10]}"
    return f"{first} to {last[11:] if first[:10] == last[:10] else last}"


def cells(estimate: Estimate | None) -> tuple[str, str]:
    """Value and interval, for two cells of a table."""
    return point(estimate), ends(estimate)
