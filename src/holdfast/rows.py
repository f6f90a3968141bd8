"""Which rows show it: the most responsible rows of a failing column, found by a second reading of that column alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.profile.arrays import valid_text
from holdfast.profile.column import ColumnProfile
from holdfast.profile.numeric import numbers
from holdfast.profile.table import Profile
from holdfast.profile.text import token_sums, tokens
from holdfast.records import Finding, Status
from holdfast.schema import Role
from holdfast.tables import Table

MOST = 20
"""Rows named per column."""

MISSING = frozenset({"drift.missing", "quality.missing_rate", "quality.new_nulls"})
EXTREME = frozenset({"quality.range", "quality.outliers", "quality.infinite"})
NEW = frozenset({"quality.unseen_category"})
SHIFTED = frozenset(
    {"drift.numeric", "drift.categories", "drift.text", "drift.time", "drift.label", "drift.prediction"}
)

Array = NDArray[np.float64]


class ResponsibleRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the current table that show a finding.

    Attributes
    ----------
    column, code
        The column, and the check that failed on it.
    positions
        Positions of the rows in the current table, from 0, most responsible first.
    ids
        Their identifiers as text; empty without a column of the role id.
    values
        Their values as text, for the local report only: they are left out of every export.
    reason
        What makes these rows responsible.
    """

    column: str
    code: str
    positions: tuple[int, ...]
    ids: tuple[str, ...]
    values: tuple[str, ...]
    reason: str


def responsible_rows(
    findings: Iterable[Finding], table: Table, current: Profile, reference: Profile, most: int = MOST
) -> dict[str, ResponsibleRows]:
    """The responsible rows of each column with a failing finding, by column; one reading per column.

    Parameters
    ----------
    findings
        Ranked: the first failing finding of a column decides what is looked for.
    table
        The current table.
    current, reference
        Its profile and that of the reference.
    most
        Rows named per column.
    """
    leading: dict[str, Finding] = {}
    for finding in findings:
        known = finding.subject in current.columns and finding.code in MISSING | EXTREME | NEW | SHIFTED
        if finding.status is Status.FAIL and known:
            leading.setdefault(finding.subject, finding)
    ids = [c.name for c in reference.edges.schema.by_role(Role.ID) if c.name in current.types]
    return {
        name: rows
        for name, finding in leading.items()
        # None are responsible where the finding is that something has gone, such as nulls.
        if (rows := _rows_of(finding, table, current, reference, ids[:1], most)).positions
    }


def _rows_of(
    finding: Finding, table: Table, current: Profile, reference: Profile, ids: Sequence[str], most: int
) -> ResponsibleRows:
    name = finding.subject
    wanted = [name, *(i for i in ids if i != name)]
    weights = np.empty(0)
    positions = np.empty(0, dtype=np.int64)
    chosen: list[tuple[str, str]] = []
    first = 0
    for batch in table.batches(wanted):
        weight = _weights(finding, batch.column(name), current.columns[name], reference.columns[name])
        places = np.argsort(-weight, kind="stable")[:most]
        places = places[weight[places] > 0]
        merged = np.concatenate([weights, weight[places]])
        best = np.argsort(-merged, kind="stable")[:most]
        index = pa.array(places)
        texts = chosen + list(zip(*(_texts(batch.column(c).take(index)) for c in (name, wanted[-1])), strict=True))
        weights, positions = merged[best], np.concatenate([positions, first + places])[best]
        chosen = [texts[i] for i in best]
        first += batch.num_rows
    return ResponsibleRows(
        column=name,
        code=finding.code,
        positions=tuple(int(p) for p in positions),
        ids=tuple(text for _, text in chosen) if ids else (),
        values=tuple(text for text, _ in chosen),
        reason=_reason(finding),
    )


def _weights(finding: Finding, column: pa.Array, current: ColumnProfile, reference: ColumnProfile) -> Array:
    """How responsible each row is: positive for those that may be named."""
    code = finding.code
    cells = reference.edges.place(column)
    if code in MISSING:
        return np.asarray(cells < 0, dtype=np.float64)
    if code in NEW:
        return np.asarray(cells == 0, dtype=np.float64)
    if code in EXTREME:
        values, _ = numbers(column)
        if code == "quality.infinite":
            return np.isinf(values).astype(np.float64)
        low, high = finding.evidence.get("fences", (reference.low, reference.high))
        with np.errstate(over="ignore"):
            return np.asarray(np.nan_to_num(np.maximum(low - values, values - high), nan=0.0, posinf=np.inf))
    if _by_words(finding):
        return token_sums(column, _excess(tokens(current), tokens(reference)))
    excess = _excess(current.grouped, reference.grouped)[reference.edges.groups]
    return np.asarray(np.append(excess, 0.0)[cells])


def _by_words(finding: Finding) -> bool:
    return finding.evidence.get("measure") == "words"


def _excess(current: NDArray[np.int64], reference: NDArray[np.int64]) -> Array:
    """By how much each is more frequent than in the reference: rows there brought the change about."""
    share, usual = (current + 0.5) / (current.sum() + 1), (reference + 0.5) / (reference.sum() + 1)
    return np.where(share > usual, (share - usual) * np.log(share / usual), 0.0)


def _texts(cells: pa.Array) -> list[str]:
    """Arrow's own texts: Python has none for bytes that are not UTF-8, for nanoseconds, or for the year 10,000."""
    plain = cells.dictionary_decode() if pa.types.is_dictionary(cells.type) else cells
    return [text or "" for text in valid_text(plain).to_pylist()]


def _reason(finding: Finding) -> str:
    code = finding.code
    if code in MISSING:
        return "the value is missing, or cannot be read as before"
    if code in NEW:
        return "the reference does not have the value"
    if code in EXTREME:
        return "the value lies farthest out"
    if _by_words(finding):
        return "its words are more frequent than in the reference"
    return "the value is more frequent than in the reference"
