"""Where a layout's columns lie in a table that other layouts were written to before.

A table only gains columns. A column of the same name and type goes where it always went; one whose type has changed gets
a place of its own, `<name>_<type>`, so that no value is ever cast; its field says which name it stands for, and readers
put the places of a name together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple

from holdfast.errors import LogError
from holdfast.log.frames import Type

STANDS_FOR = "holdfast.column"
"""Metadata of a field: the name of the column whose values are there."""


class Place(NamedTuple):
    """A column of a table: what it is called there, its type, and the column of the layouts that it holds."""

    physical: str
    type: Type
    name: str


def placed(there: Sequence[Place], columns: Iterable[tuple[str, Type]]) -> tuple[list[Place], list[Place]]:
    """The place of each column of a layout, and which of them the table does not have yet.

    Names are alike if they differ in case only, as Delta has it.

    Examples
    --------
    >>> known = [Place("amount", "float64", "amount")]
    >>> placed(known, [("amount", "string"), ("age", "int64")])[1]
    [Place(physical='amount_string', type='string', name='amount'), Place(physical='age', type='int64', name='age')]
    """
    known = {(place.name.lower(), place.type): place for place in there}
    taken = {place.physical.lower() for place in there}
    # A name that a column of this layout has by itself is not given to another one of its columns.
    wanted = list(columns)
    own = {name.lower() for name, _ in wanted}
    found, new = [], []
    for name, kind in wanted:
        place = known.get((name.lower(), kind))
        if place is None:
            place = Place(_free(name, kind, taken, own), kind, name)
            known[name.lower(), kind] = place
            taken.add(place.physical.lower())
            new.append(place)
        found.append(place)
    if len({place.physical for place in found}) < len(found):
        raise LogError("A layout has two columns of one name and type: the names of a schema differ, ignoring case.")
    return found, new


def together(there: Iterable[Place]) -> dict[str, list[Place]]:
    """The places of each column, in the order in which the table got them.

    >>> known = [Place("amount", "float64", "amount"), Place("amount_string", "string", "amount")]
    >>> {name: [place.physical for place in of] for name, of in together(known).items()}
    {'amount': ['amount', 'amount_string']}
    """
    found: dict[str, list[Place]] = {}
    for place in there:
        found.setdefault(place.name, []).append(place)
    return found


def _free(name: str, kind: Type, taken: set[str], own: set[str]) -> str:
    if name.lower() not in taken:
        return name
    first = f"{name}_{kind}"
    names = (first if n == 1 else f"{first}_{n}" for n in count(1))
    return next(free for free in names if free.lower() not in taken | own)
