"""Which columns of a table hold what was answered: as roles say, else by their usual names."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.config import Project
from holdfast.errors import InputError, SettingError
from holdfast.evaluation.codes import Codes, codes_of, label_text
from holdfast.kinds import Role
from holdfast.names import listed
from holdfast.numerals import several
from holdfast.schema import Schema

YES, NO = frozenset({"true", "1"}), frozenset({"false", "0"})


class Named(NamedTuple):
    """Columns of answers; None where there is none.

    Attributes
    ----------
    scores
        One: the probability of the positive class, or the predicted number; of several classes one each, in their order.
    decision, review, lower, upper, propensity
        What was decided, whether a person was asked, the interval, and the probability of this decision.
    """

    scores: tuple[str, ...]
    decision: str | None = None
    review: str | None = None
    lower: str | None = None
    upper: str | None = None
    propensity: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """All that there are."""
        others = (self.decision, self.review, self.lower, self.upper, self.propensity)
        return (*self.scores, *(name for name in others if name is not None))


def named(
    project: Project, schema: Schema, there: Collection[str], classes: tuple[str, ...], where: str = "the data"
) -> Named:
    """Find the columns of answers.

    Parameters
    ----------
    project
        Its `data.roles` may name them: `score` and `prediction`.
    schema
        Of the history, whose roles count where the project gives none.
    there
        Columns that there are.
    classes
        Names, where there are more than two.

    Raises
    ------
    SettingError
        There is no score.
    """
    scores, predictions = (_with_role(project, schema, there, role) for role in (Role.SCORE, Role.PREDICTION))
    number = project.objective.task == "regression"
    if classes:
        # A class may be a part of another's name: the whole name first, then the end of it.
        candidates = scores or [name for name in there if name.startswith("score_")]
        found = [
            next((name for name in candidates if name == one), None)
            or next((name for name in candidates if name.endswith(f"_{one}")), None)
            for one in classes
        ]
    else:
        usual = ["score", "prediction"] if number else ["score"]
        found = [next(iter([*scores, *(predictions if number else []), *(n for n in usual if n in there)]), None)]
    if None in found:
        what = "a column for each class, whose name ends with it, such as score_high" if classes else "its column"
        raise SettingError(
            f'There is no score in {where}: name {what}, in data.roles of the configuration, as in `my_score = "score"`.'
        )
    decision = None if number else next(iter([*predictions, *(n for n in ["decision"] if n in there)]), None)
    others = [name if name in there else None for name in ("review", "lower", "upper", "propensity")]
    return Named(tuple(name for name in found if name is not None), decision, *others)


def positives(column: pa.Array, classes: tuple[str, ...], where: str = "The column") -> NDArray[np.int64]:
    """1 for the positive one of two classes, 0 for the other, -1 where there is none.

    True and 1 are the positive one, and false and 0 the other, whatever the classes are called, unless one of them is called
    so.

    Raises
    ------
    InputError
        A value is neither. It would be taken for the wrong class, and the model for worse or better than it is.

    Examples
    --------
    >>> positives(pa.array(["bad", None, "good"]), ("good", "bad")).tolist()
    [1, -1, 0]
    >>> positives(pa.array([True, False]), ("good", "bad")).tolist()
    [1, 0]
    """
    yes, no = {classes[-1]} if classes else set(), {classes[0]} if classes else set()
    if not (YES | NO) & {*classes} or yes & YES:
        yes, no = yes | YES, no | NO
    found = codes_of(column)
    values = [value.casefold() if value.casefold() in YES | NO else value for value in found.values]
    named = " or ".join(map(repr, classes)) + ", or " if classes else ""
    return _coded(
        found, [1 if value in yes else 0 if value in no else None for value in values], where, f"{named}true or false"
    )


def places(column: pa.Array, classes: tuple[str, ...], where: str = "The column") -> NDArray[np.int64]:
    """Places of classes by their names; -1 where there is none.

    Raises
    ------
    InputError
        A value is none of the classes.

    Examples
    --------
    >>> places(pa.array(["b", "a", None]), ("a", "b")).tolist()
    [1, 0, -1]
    """
    known = {label_text(name): place for place, name in enumerate(classes)}
    found = codes_of(column)
    return _coded(found, [known.get(value) for value in found.values], where, listed(classes))


def _coded(found: Codes, places: list[int | None], where: str, expected: str) -> NDArray[np.int64]:
    """The code of each row, where each value has one."""
    table = np.array([*(-2 if place is None else place for place in places), -1], dtype=np.int64)
    code = np.asarray(table[found.codes])
    if strange := int(np.count_nonzero(code == -2)):
        raise InputError(
            f"{where}: expected {expected}; got something else in {several(strange, 'row')}. Write the classes as the history"
            " does, and leave it empty where nothing is known."
        )
    return code


def _with_role(project: Project, schema: Schema, there: Collection[str], role: Role) -> list[str]:
    given = [name for name, one in project.data.roles.items() if one == role]
    return [name for name in dict.fromkeys([*given, *(c.name for c in schema.by_role(role))]) if name in there]
