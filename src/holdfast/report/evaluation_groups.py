"""How the model does on groups of rows: those that people name, and weak segments that were searched for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.report.estimates import cell
from holdfast.report.evaluation_panels import axis, by_group
from holdfast.report.sections import Section, Table

if TYPE_CHECKING:
    from holdfast.evidence import Evidence, Group
    from holdfast.report.evaluation_shapes import Picture

TITLES = {
    "selection_rate": "Called positive",
    "base_rate": "Truly positive",
    "recall": "Recall",
    "false_positive_rate": "False positive rate",
    "precision": "Precision",
    "accuracy": "Accuracy",
    "mae": "Mean absolute error",
    "bias": "Bias",
    "elsewhere": "Elsewhere",
    "worse_by": "Worse by",
}
"""Figures of groups, by key."""


def sliced(evidence: Evidence) -> Section:
    """Figures of segments, protected groups and their crossings; a picture and a table for each (pair of) columns."""
    pictures: list[Picture] = []
    for columns, groups in _by_columns(evidence).items():
        name = " × ".join(columns)
        picture = by_group(f"By {name}", groups, "objective", axis(evidence.goal), evidence.objective)
        pictures.extend([picture] if picture else [])
    said = []
    if any(not group.enough for group in evidence.groups):
        said.append("Groups of too few rows are named without figures: these would be luck.")
    if evidence.groups and evidence.decided is not None and evidence.decided.reviewed:
        said.append("Rates are of the rows that the model decides by itself.")
    return Section(
        anchor="groups",
        title="Groups of rows",
        text=tuple(said),
        pictures=tuple(pictures),
        tables=group_tables(evidence),
    )


def weak(evidence: Evidence) -> Section:
    """Segments in which the model is worse, confirmed ones first."""
    rows = tuple(
        (
            group.name,
            f"{group.rows:,}",
            *(cell(group.figures.get(key)) for key in ("objective", "elsewhere", "worse_by")),
            "yes" if group.confirmed else "no",
        )
        for group in evidence.weak
    )
    head = ("Segment", "Rows", axis(evidence.goal).title, "Elsewhere", "Worse by", "Confirmed")
    table = Table(caption="Weak segments", head=head, rows=rows, words=frozenset({5}))
    said = (
        "One half of the test rows proposed these segments, the other half judged them; the figures are of the second. "
        "Those that it does not confirm may be luck."
    )
    return Section(anchor="weak", title="Weak segments", text=(said,) if rows else (), tables=(table,) if rows else ())


def group_tables(evidence: Evidence) -> tuple[Table, ...]:
    """Figures of groups, a table for each (pair of) columns."""
    objective = axis(evidence.goal).title
    return tuple(
        _group_table(f"By {' × '.join(columns)}", groups, objective)
        for columns, groups in _by_columns(evidence).items()
    )


def _group_table(caption: str, groups: list[Group], objective: str) -> Table:
    keys = list(dict.fromkeys(key for group in groups for key in group.figures))
    names = [objective if key == "objective" else TITLES.get(key, key.replace("_", " ").capitalize()) for key in keys]
    counted = any(group.positives is not None for group in groups)
    rows = tuple(
        (
            ", ".join(group.values),
            f"{group.rows:,}",
            *(["–" if group.positives is None else f"{group.positives:,}"] if counted else []),
            *(cell(group.figures.get(key)) for key in keys),
        )
        for group in groups
    )
    return Table(
        caption=caption, head=("Group", "Rows", *(["Positives"] if counted else []), *names), rows=rows
    ).trimmed


def _by_columns(evidence: Evidence) -> dict[tuple[str, ...], list[Group]]:
    found: dict[tuple[str, ...], list[Group]] = {}
    for group in evidence.groups:
        found.setdefault(group.columns, []).append(group)
    return found
