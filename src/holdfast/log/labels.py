"""Labels on their way into the log: what is the truth of a task, and how labels are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from holdfast.log.columns import label_layout
from holdfast.log.frames import encode, microseconds
from holdfast.log.spool import Group

Source = Literal["outcome", "review", "import"]
"""`outcome`: it came to pass; `review`: a person decided; `import`: from elsewhere."""

WORDS = {"true": True, "1": True, "false": False, "0": False}
"""Yes and no, in small letters; text that is written otherwise may still be the name of a class."""


class Task(NamedTuple):
    """What a model predicts, and the names of its classes."""

    task: str
    classes: tuple[str, ...]

    @property
    def expected(self) -> str:
        """What its labels are, in words."""
        words = {"binary": "true or false", "regression": "a number"}
        return words.get(self.task, f"one of the classes {', '.join(self.classes)}")


class Given(NamedTuple):
    """A label as the log has it: an id, its truth, where that is from, and when it came to pass, if that is known."""

    id: str
    truth: Any
    source: Source
    time: datetime | None = None


def truth(task: Task, label: object) -> Any:
    """A label as the log has it; None where it is none of this task.

    Examples
    --------
    >>> truth(Task("binary", ("no", "yes")), 1), truth(Task("binary", ("no", "yes")), "yes")
    (True, True)
    >>> truth(Task("binary", ("no", "yes")), "True"), truth(Task("binary", ("no", "yes")), "perhaps")
    (True, None)
    >>> truth(Task("classes", ("1", "2", "3")), 2.0), truth(Task("classes", ("a", "b", "c")), "d")
    ('2', None)
    """
    if task.task == "regression":
        if isinstance(label, bool) or not isinstance(label, int | float) or not math.isfinite(label):
            return None
        return float(label)
    if label is None:
        return None
    name = _text(label)
    if task.task == "classes":
        return name if name in task.classes else None
    words = [one.lower() for one in task.classes]
    if isinstance(label, str) or not set(words) <= WORDS.keys():
        if name in task.classes:
            return task.classes.index(name) == 1
        name = name.strip().lower()
        # A model whose yes is `false` has classes of these names, and `False` is the same one.
        if name in words and name in WORDS:
            return words.index(name) == 1
    return WORDS.get(name)


def _text(label: object) -> str:
    """A label as the name of a class: whole numbers without a fraction, whatever their type."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(int(label)) if isinstance(label, float | Decimal) and label % 1 == 0 else str(label)


def group(model: str, task: str, labels: Sequence[Given], giver: str, now: float) -> Group:
    """Labels of one model, for the spool.

    Parameters
    ----------
    model, task
        Whose they are, and what it predicts.
    labels
        The labels.
    giver
        Who gave them.
    now
        Seconds since 1970.
    """
    columns = [
        [label.id for label in labels],
        [label.truth for label in labels],
        [label.source for label in labels],
        [giver],
        [int(now * 1_000_000)],
        [None if label.time is None else microseconds(label.time) for label in labels],
    ]
    return Group(label_layout(model, task), len(labels), encode(columns))
