"""Names of columns: what their words say, how they are stored, how they are told to a person."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Collection

from holdfast.errors import SettingError

_ID_NAMES = {"index", "rowid", "rownumber", "unnamed0", "indexlevel0"}  # the last two are written by pandas
_ID_ENDINGS = {"id", "uuid", "guid", "key"}
_PERSONAL = {"address", "email", "iban", "ip", "passport", "phone", "ssn", "surname", "telephone", "username"} | {
    whose + "name" for whose in ("client", "customer", "family", "first", "full", "given", "last", "middle", "patient")
}


def words_of(name: str) -> list[str]:
    """The words of a name in lower case: `Y_PRED`, `yPred` and `y pred` all are y and pred."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.findall(r"[^\W\d_]+|\d+", spaced)]


def names_an_id(words: list[str]) -> bool:
    """Whether the words are those of a column that numbers or names the rows."""
    return "".join(words) in _ID_NAMES or not _ID_ENDINGS.isdisjoint(words[-1:])


def names_a_person(words: list[str]) -> bool:
    """Whether the words are those of data about a person."""
    return words == ["name"] or not _PERSONAL.isdisjoint([*words, *map("".join, itertools.pairwise(words))])


def physical_names(names: list[str]) -> list[str]:
    """Names fit to be stored: those that already are keep their own, the others get the nearest one that is free."""
    clean = [re.sub(r"[ ,;{}()\n\t=]", "_", name) or "column" for name in names]
    clean = [f"x_{name}" if name.lower().startswith("hf_") else name for name in clean]
    kept = {name.lower(): i for i, name in reversed(list(enumerate(names))) if name == clean[i]}
    for i, name in enumerate(clean):
        free = (name if n == 1 else f"{name}_{n}" for n in itertools.count(1))
        clean[i] = next(name for name in free if kept.setdefault(name.lower(), i) == i)
    return clean


ALIKE = 0.65
"""Names less alike than this were hardly meant for each other: by the usual 0.6, `income` would be for `time`."""


def no_such_column(name: str, names: Collection[str], where: str) -> SettingError:
    """The error for a name that is none of `names`, with the nearest of them."""
    return SettingError(f"{where} has no column {name!r}: {meant(name, names, 'it has')}")


def meant(name: str, names: Collection[str], otherwise: str = "there are") -> str:
    """Which of the names may have been meant; all of them, after the word `otherwise`, where none is near.

    >>> meant("recal", ["precision", "recall"]), meant("auc", ["precision", "recall"])
    ("did you mean 'recall'?", "there are 'precision', 'recall'")
    >>> meant("income", ["time", "amount"], "it has")
    "it has 'time', 'amount'"
    """
    folded = {known.casefold(): known for known in names}
    near = [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, cutoff=ALIKE)]
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"{otherwise} {listed(names)}"


def ended(sentence: str) -> str:
    """A sentence with a full stop, unless it ends already, as what was meant does by a question.

    >>> ended("it has 'a', 'b'"), ended("did you mean 'a'?")
    ("it has 'a', 'b'.", "did you mean 'a'?")
    """
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def listed(names: Collection[str]) -> str:
    """The names for a message: the first 20."""
    shown = ", ".join(repr(name) for name in itertools.islice(names, 20))
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown
