"""The labelled rows that a model is judged on: features, truth, and what the objective and the slices ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.evaluation.bands import grouped
from holdfast.evaluation.clock import seconds_of
from holdfast.evaluation.codes import Codes, codes_of, label_text
from holdfast.objective import Judged
from holdfast.profile.arrays import text_codes
from holdfast.profile.numeric import numbers
from holdfast.schema import Role, Schema

if TYPE_CHECKING:
    from holdfast.evidence import Task
    from holdfast.tables import Table

Array: TypeAlias = NDArray[np.float64]
Truth: TypeAlias = NDArray[Any]
"""bool, int64 or float64, by the task."""
Labels: TypeAlias = bool | int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Rows with a known truth, in the order of their time where there is one.

    Attributes
    ----------
    features
        What the model is given, one column each.
    truth
        (n,) bool for two classes (True: positive), codes into `classes` for several, floats for a number.
    columns
        (n,) floats of the columns that the objective asks for, by name; entities and queries as codes.
    time
        (n,) seconds since 1970, or None.
    weight
        (n,) how many rows each stands for, or None.
    groups
        Segments, protected columns and the column that keeps rows together, by name.
    ids
        (n,) what identifies the rows, or None.
    others
        Columns that only the release in place is given, or None.
    place
        (n,) which rows of the data they are, from 0, or None.
    """

    task: Task
    classes: tuple[str, ...]
    features: pa.Table
    truth: Truth
    columns: Mapping[str, Array] = field(default_factory=dict)
    time: Array | None = None
    weight: Array | None = None
    groups: Mapping[str, Codes] = field(default_factory=dict)
    ids: pa.Array | None = None
    others: pa.Table | None = None
    place: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: NDArray[np.intp]) -> Labelled:
        """Some of the rows, in the order given."""
        return Labelled(
            task=self.task,
            classes=self.classes,
            features=self.features.take(pa.array(rows)),
            truth=self.truth[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
            time=None if self.time is None else self.time[rows],
            weight=None if self.weight is None else self.weight[rows],
            groups={n: Codes(codes=g.codes[rows], values=g.values) for n, g in self.groups.items()},
            ids=None if self.ids is None else self.ids.take(pa.array(rows)),
            others=None if self.others is None else self.others.take(pa.array(rows)),
            place=None if self.place is None else self.place[rows],
        )

    def judged(self, score: NDArray[np.float64], answer: NDArray[Any] | None = None) -> Judged:
        """The rows as an objective reads them, with the model's scores and the answers that were made of them."""
        return Judged(
            truth=self.truth,
            score=score,
            answer=answer,
            columns=self.columns,
            weight=self.weight,
            time=self.time,
            classes=self.classes,
        )

    @property
    def positives(self) -> int | None:
        """Rows of the positive class; None where there is none."""
        return int(np.count_nonzero(self.truth)) if self.task == "binary" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Rows that cannot be judged, by the reason."""

    no_truth: int = 0
    no_time: int = 0
    no_weight: int = 0


def read_labelled(
    table: Table,
    schema: Schema,
    *,
    task: Task,
    features: Sequence[str],
    classes: Sequence[str] = (),
    positive: Labels | None = None,
    objective_columns: Iterable[str] = (),
    grouping: Iterable[str] = (),
    slicing: Iterable[str] = (),
    others: Sequence[str] = (),
    zone: str | None = None,
) -> tuple[Labelled, Dropped]:
    """Read labelled rows into memory, drop those that cannot be judged, and sort the rest by time.

    Parameters
    ----------
    table, schema
        The history, and what its columns are; one has the role `target`.
    task
        What the model predicts.
    features
        Columns that the model is given.
    classes
        The model's classes, in its order; empty: those of the data, sorted.
    positive
        The value of the target that is the positive class, for two classes; None: the model's last class; true or 1, where
        the target is written otherwise; the rarer one, where no classes are given.
    objective_columns
        Numbers that the objective asks for; entities and queries are told apart.
    grouping, slicing
        Columns that keep rows together, by their values; and those that slices are made of, numbers by bands.
    others
        Columns that only the release in place is given.
    zone
        Time zone of times that have none, such as `Europe/Vienna`; None: UTC.

    Raises
    ------
    InputError
        A column is not there, the target does not fit the task, or no row can be judged.

    Examples
    --------
    >>> from holdfast.schema import infer
    >>> from holdfast.tables import open_table
    >>> table = open_table({"x": [1.0, 2.0, 3.0], "bad": ["no", None, "yes"]})
    >>> schema = infer(table, roles={"bad": "target"})
    >>> rows, dropped = read_labelled(table, schema, task="binary", features=["x"], positive="yes")
    >>> rows.truth.tolist(), dropped.no_truth
    ([False, True], 1)
    """
    target = _single(schema, Role.TARGET)
    if target is None:
        raise InputError(f"{table.name}: there is no target; name it as data.target, or with the role `target`")
    time, weight, identity = (_single(schema, role) for role in (Role.TIME, Role.WEIGHT, Role.ID))
    for name in {*features, *objective_columns, *grouping, *slicing} - set(table.schema.names):
        raise InputError(f"{table.name}: there is no column {name!r}; check the name against `holdfast schema`")
    numeric, together, sliced = (list(dict.fromkeys(names)) for names in (objective_columns, grouping, slicing))
    wanted = [
        target,
        *features,
        *others,
        *numeric,
        *together,
        *sliced,
        *(name for name in (time, weight, identity) if name),
    ]
    batches = list(table.batches(list(dict.fromkeys(wanted))))
    if not batches:
        raise InputError(f"{table.name}: there are no rows; a model is judged on labelled ones")
    read = pa.Table.from_batches(batches)
    when = None if time is None else seconds_of(_whole(read, time), zone)
    weights = None if weight is None else numbers(_whole(read, weight))[0]
    truth, known, names = _truth(_whole(read, target), task, classes, positive, table.name)
    timed = np.ones(len(known), bool) if when is None else ~np.isnan(when)
    weighed = np.ones(len(known), bool) if weights is None else np.isfinite(weights) & (weights >= 0)
    kept = np.flatnonzero(known & timed & weighed)
    if not len(kept):
        raise InputError(
            f"{table.name}: no row has a target in {target!r}, and a time and a weight where they are named"
        )
    if weights is not None and not (weights[kept] > 0).any():
        raise InputError(f"{table.name}: all weights in {weight!r} are zero; at least one row must count")
    if when is not None:
        kept = kept[np.argsort(when[kept], kind="stable")]
    everything = Labelled(
        task=task,
        classes=names,
        features=read.select(list(features)),
        others=read.select(list(others)) if others else None,
        truth=truth,
        columns={name: _column(_whole(read, name)) for name in numeric},
        time=when,
        weight=weights,
        groups={name: grouped(_whole(read, name)) for name in sliced}
        | {name: codes_of(_whole(read, name)) for name in together},
        ids=None if identity is None else _whole(read, identity),
        place=np.arange(read.num_rows),
    )
    dropped = Dropped(
        no_truth=int(np.count_nonzero(~known)),
        no_time=int(np.count_nonzero(known & ~timed)),
        no_weight=int(np.count_nonzero(known & timed & ~weighed)),
    )
    in_order = len(kept) == len(known) and bool((np.diff(kept) > 0).all())
    return (everything if in_order else everything.take(kept)), dropped


def _single(schema: Schema, role: Role) -> str | None:
    found = schema.by_role(role)
    return found[0].name if found else None


def _whole(table: pa.Table, name: str) -> pa.Array:
    chunked = table[name]
    if pa.types.is_dictionary(chunked.type):
        chunked = chunked.unify_dictionaries()
    return chunked.combine_chunks() if chunked.num_chunks != 1 else chunked.chunk(0)


def _column(column: pa.Array) -> Array:
    """Numbers as they are, and anything else as codes: entities and queries are only told apart."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        return text_codes(column)[1].astype(np.float64)
    return numbers(column)[0]


def _truth(
    column: pa.Array, task: Task, classes: Sequence[str], positive: Labels | None, name: str
) -> tuple[Truth, NDArray[np.bool_], tuple[str, ...]]:
    """Truth, where it is known, and the classes."""
    if task == "regression":
        values = numbers(column)[0]
        if np.isnan(values).all() and column.null_count < len(column):
            raise InputError(
                f"{name}: the model predicts a number, and the target is {column.type}; name another target"
            )
        return values, np.isfinite(values), ()
    found = codes_of(column)
    known = found.codes >= 0
    if not known.any():
        raise InputError(f"{name}: no row has a target; a model is judged on labelled rows")
    if task == "binary":
        codes, names = _two_classes(found, positive, classes, name)
        return codes == 1, known, names
    names = tuple(map(label_text, classes)) or found.values
    unknown = [value for value in found.values if value not in names]
    if unknown:
        raise InputError(
            f"{name}: the target has {len(found.values)} classes, of which the model does not know {len(unknown)} "
            f"(it knows {len(names)}); retrain it, or leave their rows out"
        )
    return _moved(found, names), known, names


def _two_classes(
    found: Codes, positive: Labels | None, classes: Sequence[str], name: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if len(found.values) > 2:
        raise InputError(
            f"{name}: the model knows two classes, and the target has {len(found.values)}; name another target"
        )
    as_the_model = len(classes) == 2 and set(found.values) <= set(classes)
    if positive is not None:
        yes = label_text(positive)
        if yes not in found.values and len(found.values) == 2:
            raise InputError(
                f"{name}: no row of the target has the value that data.positive names; check how it is written"
            )
    elif as_the_model:
        yes = classes[1]
    elif known := [value for value in ("true", "1") if value in found.values]:
        yes = known[0]
    elif set(found.values) <= {"false", "0"}:
        yes = "1"
    elif classes:
        raise InputError(
            f"{name}: the values of the target are not the classes that the model names ({', '.join(classes)}); say with "
            "data.positive which value is the positive class"
        )
    elif len(found.values) == 2:
        rows = np.bincount(found.codes[found.codes >= 0], minlength=2)
        yes = found.values[int(np.argmin(rows))]
    else:
        raise InputError(
            f"{name}: every target has the same value; say with data.positive whether it is the positive class"
        )
    among = classes if as_the_model else found.values
    no = next((value for value in among if value != yes), "other")
    return _moved(found, (no, yes)), (no, yes)


def _moved(found: Codes, names: Sequence[str]) -> NDArray[np.int64]:
    places = np.array([*(names.index(value) if value in names else -1 for value in found.values), -1])
    return places[found.codes]
