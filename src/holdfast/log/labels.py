"""Labels on their way into the log: what is the truth of a task, and how labels are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from holdfast.log.columns import label_layout
from holdfast.log.frames import encode, microseconds
from holdfast.log.spool import Group

Source = Literal["outcome", "review", "import"]
"""`outcome`: it came to pass; `review`: a person decided; `import`: from elsewhere."""


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
    >>> truth(Task("classes", ("a", "b", "c")), "d") is None
    True
    """
    if task.task == "regression":
        if isinstance(label, bool) or not isinstance(label, int | float) or not math.isfinite(label):
            return None
        return float(label)
    if task.task == "classes":
        return label if label in task.classes else None
    if label in (0, 1):  # also false and true
        return bool(label)
    return task.classes.index(label) == 1 if isinstance(label, str) and label in task.classes else None


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
