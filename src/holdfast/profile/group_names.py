"""What a group of rows is called: `column=value`, from which both are read again, whatever signs they have.

So is a figure of a group: `column=value:figure`.
"""

from __future__ import annotations

import re

_COLUMN = re.compile(r"((?:[^\\=]|\\.)*)=", re.DOTALL)
"""A column up to the sign that ends it; those of its own have a backslash before them."""


def group_name(column: str, value: str) -> str:
    r"""What the rows with a value of a column are called.

    >>> group_name("sex", "F"), group_name("a=b", "c=d")
    ('sex=F', 'a\\=b=c=d')
    """
    escaped = column.replace("\\", "\\\\").replace("=", "\\=")
    return f"{escaped}={value}"


def group_parts(name: str) -> tuple[str, str]:
    r"""The column and the value of a group.

    >>> group_parts("sex=F"), group_parts("a\\=b=c=d")
    (('sex', 'F'), ('a=b', 'c=d'))
    """
    found = _COLUMN.match(name)
    if found is None:
        return name, ""
    return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL), name[found.end() :]


def group_title(name: str) -> str:
    """A group as it is told to people.

    >>> group_title("sex=F")
    'sex = F'
    """
    return " = ".join(group_parts(name))


def figure_name(group: str, figure: str) -> str:
    r"""What a figure of a group is called, such as the share of an answer: it may be the name of a class with any signs.

    >>> figure_name("sex=F", "yes"), figure_name("sex=F", "card: stolen")
    ('sex=F:yes', 'sex=F:card\\. stolen')
    """
    escaped = figure.replace("\\", "\\\\").replace(":", "\\.")
    return f"{group}:{escaped}"


def figure_parts(name: str) -> tuple[str, str]:
    r"""The group and the figure.

    >>> figure_parts("sex=F:yes"), figure_parts("time=12:30:card\\. stolen")
    (('sex=F', 'yes'), ('time=12:30', 'card: stolen'))
    """
    group, _, figure = name.rpartition(":")
    return group, re.sub(r"\\(.)", lambda found: ":" if found[1] == "." else found[1], figure, flags=re.DOTALL)
