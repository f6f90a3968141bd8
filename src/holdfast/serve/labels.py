"""Labels over HTTP: the truth of a row that was answered, whenever it comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from holdfast.log.columns import label_layout
from holdfast.log.frames import encode, microseconds
from holdfast.log.spool import Group
from holdfast.serve.errors import ServeError
from holdfast.serve.request import LONGEST_ID, MOST_ROWS

Source = Literal["outcome", "review", "import"]


class Label(msgspec.Struct, forbid_unknown_fields=True):
    """The truth of one row.

    Attributes
    ----------
    id
        What the row is called: the answer's `id`.
    label
        Yes or no (true, false, 1, 0), the name of a class, or the number.
    model
        Whose answer it was; may be left out where a server has one model.
    source
        `outcome`: it came to pass; `review`: a person decided; `import`: from elsewhere.
    time
        When it came to pass, with its zone.
    """

    id: Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)] | int
    label: bool | float | str | None
    model: str | None = None
    source: Source = "outcome"
    time: Annotated[datetime, Meta(tz=True)] | None = None


class Labels(msgspec.Struct):
    """A body with labels; keys beside `labels` are ignored."""

    labels: Annotated[list[Label], Meta(min_length=1, max_length=MOST_ROWS)]


class Task(msgspec.Struct, frozen=True):
    """What a model predicts, and the names of its classes."""

    task: str
    classes: tuple[str, ...]


_decode = msgspec.json.Decoder(Labels).decode


def read(body: bytes) -> list[Label]:
    """The labels of a body; `ServeError` 400 where it is none."""
    try:
        return _decode(body).labels
    except msgspec.ValidationError as error:
        raise ServeError(400, f'Expected {{"labels": [{{"id": ..., "label": ...}}, ...]}}: {error}') from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ServeError(400, f"The body is no JSON: {error}") from None


def truth(task: Task, label: object) -> Any:
    """A label as the log has it; None where it is none of this task.

    Examples
    --------
    >>> truth(Task("binary", ("no", "yes")), 1), truth(Task("binary", ("no", "yes")), "yes")
    (True, True)
    >>> truth(Task("classes", ("a", "b", "c")), "d") is None
    True
    """
    if task.task == "regression":
        return float(label) if isinstance(label, int | float) and not isinstance(label, bool) else None
    if task.task == "classes":
        return label if label in task.classes else None
    if label in (0, 1):  # also false and true
        return bool(label)
    return task.classes.index(label) == 1 if isinstance(label, str) and label in task.classes else None


def group(model: str, task: Task, labels: Sequence[Label], giver: str, now: float) -> Group:
    """Labels of one model, for the spool.

    Parameters
    ----------
    giver
        Who sent them.
    now
        Seconds since 1970.

    Raises
    ------
    ServeError
        422: labels that are none of the model's task.
    """
    truths = [truth(task, label.label) for label in labels]
    wrong = [place for place, one in enumerate(truths) if one is None]
    if wrong:
        told = ", ".join(f"labels[{place}]" for place in wrong[:20])
        expected = {"binary": "true or false", "regression": "a number"}.get(task.task, "the name of a class")
        raise ServeError(422, f"{told}: expected {expected}.")
    columns = [
        [str(label.id) for label in labels],
        truths,
        [label.source for label in labels],
        [giver],
        [int(now * 1_000_000)],
        [None if label.time is None else microseconds(label.time) for label in labels],
    ]
    return Group(label_layout(model, task.task), len(labels), encode(columns))
