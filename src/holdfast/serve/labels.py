"""Labels over HTTP: the truth of a row that was answered, whenever it comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from holdfast.log import labels as log
from holdfast.log.labels import Given, Source, Task, truth
from holdfast.log.spool import Group
from holdfast.serve.errors import ServeError, misfit
from holdfast.serve.lenient import decoded
from holdfast.serve.request import LONGEST_ID, MOST_ROWS


class Label(msgspec.Struct, forbid_unknown_fields=True):
    """The truth of one row.

    Attributes
    ----------
    id
        What the row is called: the answer's `id`.
    label
        Yes or no (true, false, 1, 0, also as text in any case), the name of a class, or the number.
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

    labels: Annotated[list[Label], Meta(min_length=1, extra_json_schema={"maxItems": MOST_ROWS})]


_decode = msgspec.json.Decoder(Labels).decode


def read(body: bytes) -> list[Label]:
    """The labels of a body; `ServeError` 400 where it is none, 413 where there are too many."""
    try:
        given: Labels = decoded(_decode, body)
    except msgspec.ValidationError as error:
        sources = " or ".join(f"`{source}`" for source in get_args(Source))
        raise misfit(error, '{"labels": [{"id": ..., "label": ...}, ...]}', sources) from None
    if len(given.labels) > MOST_ROWS:
        raise ServeError(413, f"Expected at most {MOST_ROWS} labels in a request.")
    return given.labels


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
    given = [Given(str(label.id), truth(task, label.label), label.source, label.time) for label in labels]
    wrong = [place for place, one in enumerate(given) if one.truth is None]
    if wrong:
        told = ", ".join(f"labels[{place}]" for place in wrong[:20])
        raise ServeError(422, f"{told}: expected {task.expected}.")
    return log.group(model, task.task, given, giver, now)
