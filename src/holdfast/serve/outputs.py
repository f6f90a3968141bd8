"""What an answer consists of, by column: the tensors of the inference protocol, and the columns of CSV and Arrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from holdfast.serve.request import Reply

Datatype: TypeAlias = Literal["BOOL", "FP64", "BYTES"]

BASE = "base"
"""The score without any contribution."""

CONTRIBUTIONS = "contributions"


class Output(NamedTuple):
    """One part of an answer.

    Attributes
    ----------
    name
        As a client asks for it.
    datatype
        Of its values, as the inference protocol calls it; `BYTES` are texts.
    of
        Its values in a reply, one for each row; a list of them where there are labels.
    labels
        What the values of a row are, where there are several: classes, or features.
    """

    name: str
    datatype: Datatype
    of: Callable[[Reply], Sequence[Any]]
    labels: tuple[str, ...] = ()


def outputs_of(
    task: str, classes: Sequence[str], features: Sequence[str], *, intervals: bool = False, sets: bool = False
) -> tuple[Output, ...]:
    """The parts of a release's answers, in order. Contributions come last, and only to those who ask.

    Parameters
    ----------
    task, classes, features
        Of its model.
    intervals, sets
        Whether intervals around numbers, or sets of classes, were calibrated.

    Examples
    --------
    >>> [output.name for output in outputs_of("regression", (), ("area",), intervals=True)]
    ['score', 'lower', 'upper', 'review', 'reason', 'warnings', 'id', 'contributions']
    """
    labels = tuple(classes) if task == "classes" else ()
    parts = [Output("score", "FP64", _answered("score"), labels)]  # first, for clients that look at one output
    if task != "regression":
        decision = Output("decision", "BYTES" if labels else "BOOL", _answered("decision"))
        parts += [decision, Output("confidence", "FP64", _answered("confidence"))]
    if intervals:
        parts += [Output("lower", "FP64", _answered("lower")), Output("upper", "FP64", _answered("upper"))]
    if sets:
        parts.append(Output("classes", "BYTES", _classes))
    return (
        *parts,
        Output("review", "BOOL", _answered("review")),
        Output("reason", "BYTES", _answered("reason")),
        Output("warnings", "BYTES", _warnings),
        Output("id", "BYTES", lambda reply: reply.ids),
        _contributions((*features, BASE)),
    )


def _answered(name: str) -> Callable[[Reply], Sequence[Any]]:
    """The part of a group's answers that is the reply's."""
    of = attrgetter(name)

    def cut(reply: Reply) -> Sequence[Any]:
        values: Sequence[Any] | None = of(reply.answered)
        return [None] * reply.rows if values is None else values[reply.first : reply.first + reply.rows]

    return cut


def _contributions(labels: tuple[str, ...]) -> Output:
    def of(reply: Reply) -> Sequence[Any]:
        return [[row.get(label) for label in labels] for row in reply.contributions or [{}] * reply.rows]

    return Output(CONTRIBUTIONS, "FP64", of, labels)


def _classes(reply: Reply) -> list[str]:
    """The classes in doubt of each row, as a JSON list: a class may have any name."""
    return [_json(names) for names in _answered("sets")(reply)]


def _warnings(reply: Reply) -> list[str]:
    """What is unusual of each row, as a JSON list of `code:field`; empty if nothing is."""
    found: dict[int, list[str]] = {}
    for problem in reply.problems:
        found.setdefault(problem.row, []).append(f"{problem.code}:{problem.field}")
    return [_json(found[row]) if row in found else "" for row in range(reply.rows)]


def _json(texts: Sequence[str] | None) -> str:
    return msgspec.json.encode(texts).decode()
