"""Who is treated differently: gaps between protected groups, and what closing them would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from holdfast.numerals import number
from holdfast.report.estimates import ends, point, scaled, told
from holdfast.report.sections import Section, Table

if TYPE_CHECKING:
    from holdfast.evidence import Disparity, Evidence

RATES = {
    "demographic_parity": "Called positive",
    "equal_opportunity": "Found, of the truly positive",
    "equalised_odds": "Found or falsely alarmed, whichever lies farther apart",
}
"""What the groups of a measure are compared in."""


def treated(evidence: Evidence) -> Section:
    """The section."""
    return Section(
        anchor="treated",
        title="Who is treated differently",
        items=disparity_texts(evidence),
        tables=(*disparity_tables(evidence), *equalised_tables(evidence)),
    )


def disparity_texts(evidence: Evidence) -> tuple[str, ...]:
    """The gaps between protected groups in sentences, as sure as their intervals are."""
    return tuple(text for one in evidence.disparities if (text := _gap(one)) and one.measure.endswith("_difference"))


def _gap(one: Disparity) -> str:
    value = one.estimate.value
    if value is None:
        return ""
    size = told(scaled(one.estimate, 100.0, unit="points"))
    measure = one.measure.removesuffix("_difference")
    match measure:
        case "demographic_parity":
            rate = "rows called positive"
        case "equal_opportunity":
            rate = "the truly positive that are found"
        case _:
            return ""
    chance = one.estimate.low is None or one.estimate.low <= 0
    said = f"The share of {rate} is higher by {size} where {one.highest} than where {one.lowest}"
    return f"{said}{'; this may be chance' if chance else ''}."


def disparity_tables(evidence: Evidence) -> tuple[Table, ...]:
    """All gaps between protected groups."""
    rows = tuple(
        (" × ".join(one.columns), _measure(one.measure), *_gap_cells(one), one.lowest, one.highest)
        for one in evidence.disparities
    )
    head = ("Groups by", "Compared in", "Gap", "Interval", "Lowest", "Highest")
    note = "Gaps between the groups that lie farthest apart; the intervals allow for all pairs having been looked at"
    return (Table(caption=note, head=head, rows=rows, words=frozenset({1, 4, 5}), folded=True),) if rows else ()


def _gap_cells(one: Disparity) -> tuple[str, str]:
    ratio = one.measure.endswith("_ratio")
    gap = point(one.estimate)
    return (f"× {gap}" if ratio and gap != "–" else gap), ends(one.estimate)


def _measure(measure: str) -> str:
    name, _, kind = measure.rpartition("_")
    told_as = RATES.get(name, name.replace("_", " "))
    return f"{told_as} ({kind})" if name else measure


def equalised_tables(evidence: Evidence) -> tuple[Table, ...]:
    """Thresholds of their own for groups, and what they would change."""
    unit = evidence.goal.unit
    rows = tuple(
        (
            f"{' × '.join(one.columns)}: {_measure(one.measure)}",
            ", ".join(f"{group} {number(place, 3)}" for group, place in one.thresholds.items()),
            f"{point(one.before)} → {point(one.after)}",
            f"{_plain(one.objective_before, evidence)} → {_plain(one.objective_after, evidence)}"
            + (f" {unit}" if unit not in {"", "share"} else ""),
        )
        for one in evidence.equalised
    )
    head = ("To close the gap in", "Thresholds", "Gap", evidence.goal.title)
    caption = "What thresholds of their own would change; nothing of this is applied"
    return (Table(caption=caption, head=head, rows=rows, words=frozenset({1})),) if rows else ()


def _plain(value: float | None, evidence: Evidence) -> str:
    """A value of the objective without an interval of its own, to the digits of the whole one's."""
    return point(replace(evidence.objective, value=value), bare=True)
