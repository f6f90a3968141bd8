"""Labels from a table: a file of the truth, however it came about."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import msgspec
import pyarrow as pa

from holdfast.errors import InputError, SettingError
from holdfast.log.joining import Labels
from holdfast.log.labels import Given, Source, Task, group, truth
from holdfast.log.lake import Key
from holdfast.log.pending import FOLDER as SPOOLS
from holdfast.log.pieces import Between
from holdfast.log.recent import waiting
from holdfast.log.snapshot import snapshot
from holdfast.log.spool import Spool
from holdfast.names import no_such_column
from holdfast.tables import Table

BATCH_ROWS = 200_000
GROUP_ROWS = 5_000

TOLD = 20
"""Rows that are told of one table."""


class Columns(NamedTuple):
    """Which columns of a table hold what; None: it has none."""

    id: str = "id"
    label: str = "label"
    time: str | None = None
    model: str | None = None
    source: str | None = None


class Imported(msgspec.Struct, kw_only=True):
    """What became of a table's rows.

    Attributes
    ----------
    added
        Labels that are now in the spool.
    known
        Rows that say what is known already.
    unlabelled
        Rows without a label, or without an id.
    """

    added: int = 0
    known: int = 0
    unlabelled: int = 0


def add_labels(
    root: Path,
    table: Table,
    task_of: Callable[[str], Task],
    *,
    columns: Columns,
    model: str | None = None,
    source: Source = "import",
    giver: str,
) -> Imported:
    """Add the labels of a table; those that are known already are not added again, so that it may be done twice.

    A label is known if the last one of its id has the same truth, source and time. Of several rows of an id that are read
    together, the last one counts.

    Parameters
    ----------
    root
        The folder of spools and lake.
    table
        Where they are.
    task_of
        What a model predicts.
    columns
        Where in the table.
    model, source
        Of the rows that do not tell their own.
    giver
        Who gives them.

    Raises
    ------
    InputError
        A row has no label of its model's task; then nothing is added.
    SettingError
        A column is not there, or it is not said whose labels they are.
    """
    for name in columns:
        if name is not None and name not in table.schema.names:
            raise no_such_column(name, table.schema.names, "The table of labels")
    if model is None and columns.model is None:
        raise SettingError("Name the model whose labels they are, or the column that does.")
    task_of = cache(task_of)
    problems = [row for rows in _read(table, columns, model, source, task_of) for row in rows.problems]
    if problems:
        told = "; ".join(problems[:TOLD]) + (f"; and {len(problems) - TOLD} more" if len(problems) > TOLD else "")
        raise InputError(f"Nothing is added: {told}.")
    done = Imported()
    spool = Spool(root / SPOOLS, "sync")
    try:
        for rows in _read(table, columns, model, source, task_of):
            done.unlabelled += rows.unlabelled
            for of, labels in rows.labels.items():
                new = _unknown(root, of, list(labels.values()))
                for start in range(0, len(new), GROUP_ROWS):
                    spool.write([group(of, task_of(of).task, new[start : start + GROUP_ROWS], giver, time.time())])
                done.added += len(new)
                done.known += len(labels) - len(new)
    finally:
        spool.close()
    return done


class _Rows(NamedTuple):
    """Labels by model and id, rows without one, and what is wrong, in words."""

    labels: dict[str, dict[str, Given]]
    unlabelled: int
    problems: list[str]


def _read(
    table: Table, columns: Columns, model: str | None, source: Source, task_of: Callable[[str], Task]
) -> Iterator[_Rows]:
    number = 0
    for batch in table.batches([name for name in dict.fromkeys(columns) if name], batch_rows=BATCH_ROWS):
        values = batch.to_pydict()
        nothing: list[Any] = [None] * batch.num_rows
        rows = zip(*(values[name] if name else nothing for name in columns), strict=True)
        labels: dict[str, dict[str, Given]] = {}
        problems, unlabelled = [], 0
        for own_id, label, moment, own_model, own_source in rows:
            number += 1
            if own_id is None or label is None or label != label:  # NaN
                unlabelled += 1
                continue
            of = model if own_model is None else str(own_model)
            try:
                given = _given(own_id, label, moment, own_source or source, of, task_of)
            except ValueError as error:
                problems.append(f"row {number}: expected {error}")
                continue
            labels.setdefault(of or "", {})[given.id] = given
        yield _Rows(labels, unlabelled, problems)


def _given(
    own_id: object, label: object, moment: object, source: str, model: str | None, task_of: Callable[[str], Task]
) -> Given:
    """A row as a label; `ValueError` with what was expected."""
    if model is None:
        raise ValueError("the name of a model")
    if source not in get_args(Source):
        raise ValueError(f"a source, one of {', '.join(get_args(Source))}")
    task = task_of(model)
    found = truth(task, _number(label) if task.task == "regression" and isinstance(label, str) else label)
    if found is None:
        raise ValueError(task.expected)
    if isinstance(own_id, float) and own_id.is_integer():  # as pandas writes whole numbers where some are missing
        own_id = int(own_id)
    return Given(str(own_id), found, cast("Source", source), _moment(moment))


def _number(cell: str) -> float | None:
    """A number that came as text, as all do where one cell of their column is something else."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _moment(given: object) -> datetime | None:
    expected = "a time with its zone, such as 2025-01-31T12:00:00Z"
    if given is None:
        return None
    try:
        moment = given if isinstance(given, datetime) else msgspec.convert(given, datetime)
    except msgspec.ValidationError:
        raise ValueError(expected) from None
    if moment.tzinfo is None:
        raise ValueError(expected)
    return moment


def _unknown(root: Path, model: str, labels: Sequence[Given]) -> list[Given]:
    """Those that say something else than the last label of their id."""
    key: Key = (model, "labels")
    taken = snapshot(root, key, waiting(root, {key}).get(key, []))
    if taken.table is None and not taken.recent.num_rows:
        return list(labels)
    ids = pa.array([label.id for label in labels], pa.string())
    places, known = Labels(snapshot=taken, pieces=taken.pieces(Between())).of(ids, ())
    told = zip(*(known.column(n).to_pylist() for n in ("hf_label", "hf_label_source", "hf_outcome_time")), strict=True)
    last = dict(zip(places.tolist(), told, strict=True))
    return [label for k, label in enumerate(labels) if last.get(k) != (label.truth, label.source, label.time)]
