"""What a person wrote, in TOML or as a mapping, as a record; what makes no sense is refused with its place and a way out.

msgspec says where a value is wrong. What it leaves out is told here: which values are allowed, which key was meant, and
which entry of a table it was.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from holdfast.decoding import ready
from holdfast.durations import PATTERN
from holdfast.errors import SettingError
from holdfast.names import meant

Record = TypeVar("Record")

_PLACE = re.compile(r"^(.*) - at `(\$.*)`$", re.DOTALL)
_STEP = re.compile(r"\[\.\.\.\]|\[\d+\]|\.[^.\[\]]+")


def read_toml(path: str | Path, what: str) -> dict[str, Any]:
    """The tables of a TOML file; `what` is what messages call it.

    Raises
    ------
    SettingError
        It cannot be read.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
        raise SettingError(f"Cannot read {what} {path}: {reason}.") from error


def validated(values: Mapping[str, Any], kind: type[Record], where: str) -> Record:
    """Plain values as a record.

    Parameters
    ----------
    values
        As TOML or JSON give them.
    kind
        A msgspec record.
    where
        What messages begin with, such as the name of the file.

    Raises
    ------
    SettingError
        An unknown key, or a value that makes no sense; the message gives the place and what is allowed there.

    Examples
    --------
    >>> class Split(msgspec.Struct, forbid_unknown_fields=True):
    ...     kind: Literal["time", "random"] = "time"
    >>> validated({"kind": "tine"}, Split, "holdfast.toml")
    Traceback (most recent call last):
        ...
    holdfast.errors.SettingError: holdfast.toml: Invalid enum value 'tine' - at `$.kind`: did you mean 'time'?
    """
    try:
        return msgspec.convert(dict(values), ready(kind))
    except msgspec.ValidationError as error:
        told = _told(str(error), kind, values)
        raise SettingError(f"{where}: {told}{'' if told.endswith('?') else '.'}") from error


def _told(message: str, kind: Any, values: Any) -> str:
    """The message of msgspec with the place in full, and what is allowed there."""
    message = message.replace(f"Expected `str` matching regex {PATTERN!r}", "Expected a length of time such as 7d")
    found = _PLACE.match(message)
    problem, place = found.groups() if found else (message, "$")
    told = "$"
    for step in _STEP.findall(place):
        if step == f".{_tag_field(kind)}":
            names = [str(one.__struct_config__.tag) for one in get_args(kind)]
            return f"{problem} - at `{told}{step}`: {meant(str(values.get(step[1:])), names)}"
        kind, values, step = _below(_fitting(kind, values), values, step)  # noqa: PLW2901  # [...] becomes the entry's name
        told += step
    allowed = _allowed(_fitting(kind, values), problem)
    at = f" - at `{told}`" if found else ""
    name = re.search(r"unknown field `(.*)`|enum value '(.*)'", problem)
    return f"{problem}{at}" + (f": {meant(name[1] or name[2], allowed)}" if name and allowed else "")


def _below(kind: Any, values: Any, step: str) -> tuple[Any, Any, str]:
    """Type and value one step further, and the step as a person would write it."""
    if step == "[...]":
        inner = get_args(kind)[-1]
        for name, value in values.items():
            try:
                msgspec.convert(value, inner)
            except msgspec.ValidationError:
                return inner, value, f".{name}"
    if step.startswith("["):
        return get_args(kind)[0], values[int(step[1:-1])], step
    name = step[1:]
    hints = get_type_hints(kind, include_extras=True)
    return hints.get(name), values.get(name), step


def _fitting(kind: Any, value: Any) -> Any:
    """A type without its bounds; of several, the record that the value is tagged with, else the first that is not None."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    members = [member for member in get_args(kind) if member is not type(None)]
    tag = value.get(_tag_field(kind)) if isinstance(value, Mapping) else None
    tagged = [member for member in members if tag is not None and _tag(member) == tag]
    return _fitting((tagged or members)[0], value)


def _tag_field(kind: Any) -> str | None:
    """The key that says which of several records it is."""
    if get_origin(kind) not in {Union, UnionType}:
        return None
    fields = (getattr(getattr(one, "__struct_config__", None), "tag_field", None) for one in get_args(kind))
    return next((name for name in fields if name), None)


def _tag(kind: Any) -> Any:
    return getattr(getattr(kind, "__struct_config__", None), "tag", None)


def _allowed(kind: Any, problem: str) -> list[str]:
    """Names of keys, or values, that would have been right."""
    if "unknown field" in problem:
        return list(getattr(kind, "__struct_fields__", ()))
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    return [str(one.value) for one in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []
