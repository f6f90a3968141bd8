"""What is counted of groups of rows, by the values of some columns: what they were answered, and how far that was right.

Of groups no inputs are counted, so that a window of ten of them is a kilobyte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import ProfileError
from holdfast.profile.arrays import text_codes
from holdfast.profile.categorical import CategoryEdges, as_text
from holdfast.profile.envelope import array_in, array_out, digest_of, seal, unseal
from holdfast.profile.group_names import group_name
from holdfast.profile.table import Edges
from holdfast.profile.window import AnswerEdges, AnsweredRows, Counted, count_answers

MAGIC = b"HOLDFAST-GROUPS\n"
VERSION = 1

MOST_VALUES = 50
"""Values of a column that are counted one by one."""

Values: TypeAlias = Mapping[str, Sequence[str]]
"""Of columns, by name: what is known of their values, the commonest first."""

Groups: TypeAlias = Mapping[float, Mapping[str, Counted]]
"""Counts without inputs and cells of scores, by the beginning of the window and `column=value`."""

KEPT = ("rows", "decisions", "reviews", "widths", "truths", "confusion", "losses", "residuals")
REST: dict[str, Any] = {one.name: np.zeros(0, np.int64) for one in fields(Counted) if one.name not in KEPT}


def groups_of(inputs: pa.RecordBatch, name: str, known: Values) -> tuple[list[str], NDArray[np.intp]]:
    """Values of a column that are counted one by one, as `column=value`; and the place of each row's, -1 for others.

    They are the commonest of the known ones, the same in each batch, so that a value is counted wholly or not at all; where
    these are fewer, also the commonest of the others.
    """
    words, codes = text_codes(as_text(inputs.column(name)))
    values, sizes = words.to_pylist(), np.bincount(codes[codes >= 0], minlength=len(words))
    usual = {value: place for place, value in enumerate(known.get(name, ())[:MOST_VALUES])}
    there = [code for code in np.flatnonzero(sizes).tolist() if values[code] is not None]
    room = MOST_VALUES - len(usual)
    new = sorted((code for code in there if values[code] not in usual), key=lambda code: -int(sizes[code]))[:room]
    common = np.array(
        [*sorted((c for c in there if values[c] in usual), key=lambda c: usual[values[c]]), *new], np.intp
    )
    places = np.full(len(words) + 1, -1)  # the last one is of rows without a value
    places[common] = np.arange(len(common))
    return [group_name(name, values[code]) for code in common.tolist()], places[codes]


def category_values(edges: Edges) -> dict[str, tuple[str, ...]]:
    """The values of each category of the reference."""
    return {name: one.values for name, one in edges.columns.items() if isinstance(one, CategoryEdges)}


def ranked_values(sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Values that are counted one by one, from the rows of each."""
    return tuple(sorted(sizes, key=lambda value: (-sizes[value], value))[:MOST_VALUES])


def by_value(rows: AnsweredRows, columns: Sequence[str], known: Values) -> Iterator[tuple[str, AnsweredRows]]:
    """The rows of each value of some columns, as `groups_of` has them."""
    for name in columns:
        if name not in rows.inputs.schema.names:
            continue
        groups, places = groups_of(rows.inputs, name, known)
        # In the order of the groups once, so that the rows of each lie together. Short numbers are sorted by their digits.
        ordered = rows.take(np.argsort(places.astype(np.int16), kind="stable"))
        ends = np.cumsum(np.bincount(places + 1, minlength=len(groups) + 1)).tolist()
        for group, first, last in zip(groups, ends, ends[1:], strict=False):
            yield group, ordered.slice(first, last)


def count_groups(
    edges: Edges, answers: AnswerEdges, rows: AnsweredRows, columns: Sequence[str], known: Values
) -> dict[str, Counted]:
    """Counts of the rows of each value of some columns."""
    return {group: _bare(count_answers(edges, answers, own)) for group, own in by_value(rows, columns, known)}


def _bare(counted: Counted) -> Counted:
    return replace(counted, **REST)


def to_bytes(answers: AnswerEdges, windows: Iterable[tuple[float, Mapping[str, Counted]]]) -> bytes:
    """Groups of windows as bytes, each with its beginning in seconds since 1970."""
    names: dict[str, int] = {}
    lines = [
        (start, names.setdefault(group, len(names)), one) for start, groups in windows for group, one in groups.items()
    ]
    body = {
        "groups": list(names),
        "places": [[start, group] for start, group, _ in lines],
        "counts": {name: array_out(np.concatenate([getattr(one, name) for _, _, one in lines])) for name in KEPT}
        if lines
        else {},
    }
    return seal(MAGIC, VERSION, _digest(answers), body)


def from_bytes(answers: AnswerEdges, data: bytes, where: str = "these bytes") -> Groups:
    """What `to_bytes` wrote.

    Raises
    ------
    ProfileError
        The bytes are damaged, something else, or of other answers.
    """
    body: dict[str, Any] = unseal(MAGIC, VERSION, data, where, "groups of windows")
    if _digest(answers).encode() not in data[: len(MAGIC) + 80]:
        raise ProfileError(
            f"The groups of windows in {where} were counted of other answers than the windows beside them."
        )
    found: dict[float, dict[str, Counted]] = {}
    if not body["places"]:
        return found
    columns = {name: array_in(stored).reshape(len(body["places"]), -1) for name, stored in body["counts"].items()}
    for line, (start, group) in enumerate(body["places"]):
        own = {name: column[line] for name, column in columns.items()}
        found.setdefault(float(start), {})[body["groups"][group]] = Counted(**{**REST, **own})
    return found


def _digest(answers: AnswerEdges) -> str:
    return digest_of(answers.task.encode(), *(name.encode() for name in answers.classes))
