"""Roles of columns: those that are given, and guesses where name and content agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from holdfast.column import Column
from holdfast.errors import SettingError
from holdfast.kinds import Kind, Role
from holdfast.names import listed, names_an_id, no_such_column
from holdfast.observed import Seen

if TYPE_CHECKING:
    from holdfast.tables import Table

# Names are compared as lower-case words, here written together: `Y_PRED`, `yPred` and `y pred` are all "ypred".
# Times, from what says most clearly that it is when the row happened; of two names in one line none is taken.
_TIME_NAMES = (
    {"timestamp", "datetime", "eventtime", "eventtimestamp", "eventdatetime"},
    {"time", "date", "eventdate"},
    {"created", "createdat", "createdon", "creationtime", "creationdate"},
)
_TIME_ENDINGS = {"time", "timestamp", "datetime", "date", "at", "ts"}
# A time with one of these words is another one.
_OTHER_TIMES = {"birth", "dob", "deleted", "due", "end", "ended", "expiration", "expiry", "modified", "updated"}
# Numbers may be times as well, if they only grow or look like seconds since 1970.
_COUNTER_NAMES = {"time", "timestamp", "eventtime", "eventtimestamp", "unixtime", "epoch"}
_TARGET_NAMES = {"target", "label", "y", "ytrue", "groundtruth", "truelabel"}
_OUTCOME_PREFIXES = {"is", "has", "was", "tx"}
_OUTCOMES = {"fraud", "churn", "churned", "converted", "defaulted", "readmitted", "repaid", "survived"}
_CLASS_NAMES = {"class", "outcome"}
_PREDICTION_NAMES = {"prediction", "pred", "ypred", "yhat"} | {
    "predicted" + what for what in ("", "class", "label", "target", "value")
}
_PROBABILITY_NAMES = {"score", "proba", "probability"} | {
    whose + what
    for whose in ("y", "pred", "ypred", "predicted", "prediction")
    for what in ("prob", "proba", "probability")
}
_SCORE_NAMES = {"yscore", "modelscore", "predictedscore", "predictionscore"}
_WEIGHT_NAMES = {"sampleweight", "sampleweights", "instanceweight", "caseweight"}  # a plain weight may be in kilograms

_ANSWERS = (Kind.NUMBER, Kind.BOOLEAN, Kind.CATEGORY)
_SINGLE_ROLES = (Role.TIME, Role.TARGET, Role.PREDICTION, Role.WEIGHT)
_KINDS_OF_ROLE = {
    Role.TIME: (Kind.TIME, Kind.NUMBER),
    Role.SCORE: (Kind.NUMBER,),
    Role.WEIGHT: (Kind.NUMBER,),
    Role.COST: (Kind.NUMBER,),
}


class Fact(NamedTuple):
    """What a role is guessed from."""

    column: Column
    seen: Seen
    words: list[str]

    @property
    def joined(self) -> str:
        """The words of the name, written together."""
        return "".join(self.words)


def _guess_time(facts: list[Fact]) -> list[str]:
    times = [fact for fact in facts if fact.column.kind is Kind.TIME and _OTHER_TIMES.isdisjoint(fact.words)]
    always = [fact for fact in times if not fact.column.nullable]
    return (
        _only(times, *(lambda fact, names=names: fact.joined in names for names in _TIME_NAMES))
        or _only(always, lambda fact: not _TIME_ENDINGS.isdisjoint(fact.words[-1:]), lambda _: True)
        or _only(facts, lambda fact: fact.joined in _COUNTER_NAMES and _is_counter(fact))
    )


def _is_counter(fact: Fact) -> bool:
    """Whether a number, if so named, is a time: it never falls, or is within 1990 to 2100 in s, ms, µs or ns."""
    seen = fact.seen
    epoch = any(631_152_000 * unit <= seen.low and seen.high < 4_102_444_800 * unit for unit in (1, 1e3, 1e6, 1e9))
    return fact.column.kind is Kind.NUMBER and not fact.column.nullable and (seen.ascending or epoch)


def _guess_target(facts: list[Fact]) -> list[str]:
    coordinates = any(fact.joined == "x" for fact in facts)
    return _only(
        [fact for fact in facts if fact.column.kind in _ANSWERS and not fact.column.identifier],
        lambda fact: fact.joined in _TARGET_NAMES and not (coordinates and fact.joined == "y"),
        lambda fact: fact.words[-1] in _OUTCOMES and _OUTCOME_PREFIXES.issuperset(fact.words[:-1]) and _is_binary(fact),
        lambda fact: fact.joined in _CLASS_NAMES,
    )


def _is_binary(fact: Fact) -> bool:
    if fact.column.kind is Kind.CATEGORY:
        return fact.column.categories is not None and len(fact.column.categories) <= 2
    return fact.seen.binary


def _guess_prediction(facts: list[Fact]) -> list[str]:
    return _only(facts, lambda fact: fact.column.kind in _ANSWERS and fact.joined in _PREDICTION_NAMES)


def _guess_score(facts: list[Fact]) -> list[str]:
    return _only(
        [fact for fact in facts if fact.column.kind is Kind.NUMBER and not fact.seen.is_integer],
        lambda fact: fact.joined in _PROBABILITY_NAMES and fact.seen.low >= 0 and fact.seen.high <= 1,
        lambda fact: fact.joined in _SCORE_NAMES,
    )


def _guess_weight(facts: list[Fact]) -> list[str]:
    numbers = [fact for fact in facts if fact.column.kind is Kind.NUMBER and not fact.column.nullable]
    return _only(numbers, lambda fact: fact.joined in _WEIGHT_NAMES and fact.seen.low > 0 and fact.seen.high < math.inf)


def _guess_ids(facts: list[Fact]) -> list[str]:
    identifiers = [fact for fact in facts if fact.column.identifier]
    return [fact.column.name for fact in identifiers if fact.seen.kind is Kind.CATEGORY or names_an_id(fact.words)]


def _only(facts: list[Fact], *wanted: Callable[[Fact], bool]) -> list[str]:
    """The name of the one column that is wanted first; none if several are wanted alike."""
    for is_wanted in wanted:
        if names := [fact.column.name for fact in facts if is_wanted(fact)]:
            return names if len(names) == 1 else []
    return []


_GUESSES = {
    Role.TIME: _guess_time,
    Role.TARGET: _guess_target,
    Role.PREDICTION: _guess_prediction,
    Role.SCORE: _guess_score,
    Role.WEIGHT: _guess_weight,
    Role.ID: _guess_ids,
}


def guessed_roles(facts: list[Fact], given: Mapping[str, Role]) -> dict[str, Role]:
    """Roles by column name, of columns and roles that are not given."""
    guessed: dict[str, Role] = {}
    for role, guess in _GUESSES.items():
        if role not in given.values():
            taken = {*given, *guessed}
            free = [fact for fact in facts if fact.seen.values and fact.words and fact.column.name not in taken]
            guessed |= dict.fromkeys(guess(free), role)
    return guessed


def given_roles(roles: Mapping[str, Role | str], table: Table) -> dict[str, Role]:
    """What a user has said, if the table has such columns."""
    given = {}
    for name, role in roles.items():
        if name in table.left_out:
            raise SettingError(f"roles: column {name!r} is left out: {table.left_out[name]}")
        if name not in table.schema.names:
            raise no_such_column(name, table.schema.names, f"roles: the {table.name} table")
        given[name] = as_role(role)
    for role in _SINGLE_ROLES:
        if len(names := [name for name in given if given[name] is role]) > 1:
            raise SettingError(f"roles: expected one column with the role {role}, got {listed(names)}: keep one")
    return given


def check_role(fact: Fact, role: Role) -> None:
    """`SettingError` if the column cannot have the role."""
    kinds = _KINDS_OF_ROLE.get(role, tuple(Kind))
    if fact.seen.values and fact.column.kind not in kinds:
        raise SettingError(
            f"roles: the role {role} needs a column of the kind {' or '.join(kinds)}, but {fact.column.name!r} is of "
            f"the kind {fact.column.kind} ({fact.column.type}): convert it, or name another column"
        )


def as_role(role: Role | str) -> Role:
    """The role of this name; `SettingError` if there is none."""
    try:
        return Role(role)
    except ValueError:
        raise SettingError(f"expected one of the roles {', '.join(Role)}, got {role!r}") from None
