"""Names of classes: what a model calls them, and which of two is the positive one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from holdfast.errors import SettingError


def class_names(labels: Iterable[Any]) -> tuple[str, ...]:
    """Labels as Arrow writes them as text, so that they compare with a target column cast to strings.

    Examples
    --------
    >>> class_names([False, True]), class_names([1.0, 2.5]), class_names(["no", "yes"])
    (('false', 'true'), ('1', '2.5'), ('no', 'yes'))
    """
    return tuple(_name(label) for label in labels)


def positive_last(classes: tuple[str, ...], positive: Any | None) -> tuple[tuple[str, ...], int]:
    """Two classes with the positive one last, and its place among those given.

    Raises
    ------
    SettingError
        When `positive` is none of them.

    Examples
    --------
    >>> positive_last(("bad", "good"), "bad")
    (('good', 'bad'), 0)
    """
    if positive is None:
        return classes, 1
    name = _name(positive)
    if name not in classes:
        raise SettingError(f"the positive class is given as {name!r}; the model's classes are {', '.join(classes)}")
    place = classes.index(name)
    return (classes[1 - place], name), place


def _name(label: Any) -> str:
    if isinstance(label, bool | np.bool_):
        return "true" if label else "false"
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return str(int(label))
    return str(label)
