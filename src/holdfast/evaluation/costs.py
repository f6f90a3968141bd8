"""What a threshold costs, and saves beside simple rules, read from a score table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import nan, prod

from holdfast.evaluation.figures import metric, standard_error
from holdfast.evidence import Direction, Metric
from holdfast.objective import Amount, Cost
from holdfast.profile.scores import NEGATIVE, POSITIVE, UNKNOWN, ScoreTable
from holdfast.stats.intervals import skewed_mean_interval

Form = dict[str, float]
"""A cost per row as a sum of columns times numbers; `"weight"` stands for the constant 1."""


@dataclass(frozen=True, slots=True)
class Mean:
    """Weighted mean of a number per row, its standard error, and the skewness of the mean."""

    value: float
    error: float
    skewness: float

    def metric(self, key: str, title: str, unit: str, direction: Direction, rows: int, level: float) -> Metric:
        """With Hall's interval, which allows for skewed amounts."""
        ends = skewed_mean_interval(self.value, self.error, self.skewness, level)
        return metric(key, title, self.value, ends, rows=rows, level=level, unit=unit, direction=direction)


_UNKNOWN = Mean(nan, nan, 0.0)


def cost_metrics(table: ScoreTable, place: int, cost: Cost, level: float) -> list[Metric]:
    """Cost of a row at a threshold, of the rules *never* and *always*, and what is saved beside them."""
    unit, rows = cost.unit, table.rows
    found = [cost_at(table, cost, place).metric("cost", "Cost per row", unit, "lower", rows, level)]
    for rule, simple in (("never", len(table.edges.starts)), ("always", 0)):
        alone = cost_at(table, cost, simple)
        saving, share = saving_at(table, cost, place, simple), saved_share_at(table, cost, place, simple)
        found += [
            alone.metric(f"cost_{rule}", f"Cost per row, {rule} positive", unit, "", rows, level),
            saving.metric(f"saving_{rule}", f"Saving per row beside {rule} positive", unit, "higher", rows, level),
            share.metric(f"saved_{rule}", f"Saved share beside {rule} positive", "share", "higher", rows, level),
        ]
    return found


def cost_at(table: ScoreTable, cost: Cost, place: int) -> Mean:
    """Mean cost of a row if those from bin `place` on are answered "positive"; see `ScoreEdges.place`.

    Place 0 is the rule *always*, the number of bins the rule *never*.
    """
    return _mean(table, cost, [(1.0, place)])


def saving_at(table: ScoreTable, cost: Cost, place: int, simple: int) -> Mean:
    """How much less a row costs on average than with the simple rule at place `simple`, compared row by row."""
    return _mean(table, cost, [(1.0, simple), (-1.0, place)])


def saved_share_at(table: ScoreTable, cost: Cost, place: int, simple: int) -> Mean:
    """The saving as a share of what the simple rule costs; NaN unless that is above 0.

    Source: delta method for a ratio, Cochran, *Sampling Techniques*, 3rd ed. (1977), section 2.11.
    """
    base = cost_at(table, cost, simple).value
    if not base > 0:
        return _UNKNOWN
    share = saving_at(table, cost, place, simple).value / base
    rest = _mean(table, cost, [(1 - share, simple), (-1.0, place)])
    return Mean(share, rest.error / base, rest.skewness)


def _mean(table: ScoreTable, cost: Cost, rules: Sequence[tuple[float, int]]) -> Mean:
    """Mean over rows of a combination of the costs of several rules: (factor, place) of each."""
    weight = float(table.sums_of("weight")[:UNKNOWN].sum())
    if not weight > 0:
        return _UNKNOWN
    regions = _regions(table, cost, rules)
    mean = sum(_power(table, *region, 1) for region in regions) / weight
    centred = [(state, bins, form | {"weight": form["weight"] - mean}) for state, bins, form in regions]
    squares, cubes = (sum(_power(table, *region, degree) for region in centred) for degree in (2, 3))
    if not any(any(form.values()) for _, _, form in regions):
        return Mean(mean, 0.0, 0.0)
    error = standard_error(squares, weight, float(table.sums_of("weight", "weight")[:UNKNOWN].sum()))
    return Mean(mean, error, cubes / squares**1.5 if squares > 0 else 0.0)


def _regions(table: ScoreTable, cost: Cost, rules: Sequence[tuple[float, int]]) -> list[tuple[int, slice, Form]]:
    """Cells in which all rules answer alike, and what a row costs there: state of the truth, bins, form."""
    answers: dict[int, tuple[Amount, Amount]] = {
        NEGATIVE: (cost.true_negative, cost.false_positive),
        POSITIVE: (cost.false_negative, cost.true_positive),
    }
    ends = sorted({0, len(table.edges.starts), *(place for _, place in rules)})
    regions = []
    for state, (first, last) in product(answers, pairwise(ends)):
        form = {"weight": 0.0}
        for factor, place in rules:
            entry = answers[state][first >= place]
            name, number = (entry, factor) if isinstance(entry, str) else ("weight", factor * entry)
            form[name] = form.get(name, 0.0) + number
        regions.append((state, slice(first, last), form))
    return regions


def _power(table: ScoreTable, state: int, bins: slice, form: Form, degree: int) -> float:
    """Sum over the rows of a region of (weight x form) to the power of 1, 2 or 3."""
    return sum(
        prod(form[name] for name in names) * float(table.sums_of(*names)[state, bins].sum())
        for names in product(form, repeat=degree)
        if all(form[name] for name in names)
    )
