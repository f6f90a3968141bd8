"""A release as its description tells of it: its fields, what the history has of them, and an example of a row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from holdfast.kinds import Kind, Role
from holdfast.serve.fields import LONGEST_TEXT, WHOLE, Field
from holdfast.serve.loaded import Loaded
from holdfast.serve.request import LONGEST_ID

EXAMPLE_TIME = "2025-01-31T12:00:00Z"


class Described(NamedTuple):
    """A release, as far as a description tells of it."""

    model: str
    version: int
    task: str
    classes: Sequence[str]
    id_field: str
    fields: Sequence[Field]
    known: Collection[str]


def described(loaded: Loaded, *, history: bool = True) -> Described:
    """What is told of a release.

    Parameters
    ----------
    history
        Whether that holds ranges and categories of its history; without them examples are made up.
    """
    fields = loaded.engine.fields if history else [_bare(field) for field in loaded.engine.fields]
    model = loaded.released.model
    known, own = loaded.columnar.known, loaded.engine.id_field
    return Described(loaded.model, loaded.version, model.task, model.classes, own, fields, known)


def _bare(field: Field) -> Field:
    return field._replace(column=replace(field.column, minimum=None, maximum=None, categories=None))


def row_schema(loaded: Described) -> dict[str, Any]:
    """The JSON schema of a row of a model."""
    fields = loaded.fields
    properties = {field.name: _field_schema(field) for field in fields}
    own = "What the row is called; made up where there is none. A row that is sent again is logged once."
    properties[loaded.id_field] = {"type": "string", "description": own} | properties.get(loaded.id_field, {})
    properties[loaded.id_field] |= {"minLength": 1, "maxLength": LONGEST_ID}
    return {
        "type": "object",
        "properties": properties,
        "required": [field.name for field in fields if field.wanted],
        "example": example(loaded),
    }


def example(loaded: Described) -> dict[str, Any]:
    """A row that the model answers without a warning."""
    return {field.name: _example(field) for field in loaded.fields if field.wanted}


def _example(field: Field) -> Any:
    column = field.column
    match column.kind:
        case Kind.NUMBER:
            low = (
                column.minimum if column.minimum is not None else column.maximum if column.maximum is not None else 0.0
            )
            high = column.maximum if column.maximum is not None else low
            middle = (low + high) / 2
            return int(middle) if field.at_rest == "int64" else float(f"{middle:.6g}")
        case Kind.BOOLEAN:
            return True
        case Kind.TIME:
            return EXAMPLE_TIME
        case _:
            return column.categories[0] if column.categories else "text"


def _field_schema(field: Field) -> dict[str, Any]:
    column = field.column
    found: dict[str, Any]
    match column.kind:
        case Kind.NUMBER if field.at_rest == "int64":
            found = {"type": "integer", "minimum": -WHOLE, "maximum": WHOLE}
        case Kind.NUMBER:
            found = {"type": "number"}
        case Kind.BOOLEAN:
            found = {"type": "boolean"}
        case Kind.TIME:
            found = {"type": "string", "format": "date-time"}
        case _:
            found = {"type": "string", "maxLength": LONGEST_TEXT}
    if column.nullable or not field.wanted:
        found["type"] = [found["type"], "null"]
    return found | ({"description": told} if (told := about(field)) else {})


def about(field: Field) -> str:
    """What the history has of a field, in words."""
    column = field.column
    told = []
    if column.role is not Role.FEATURE:
        told.append(f"{column.role}, logged beside the features" if not field.wanted else str(column.role))
    elif not field.wanted:
        return "logged beside the features"
    # Names of rows and of owners are nobody's business.
    if not (column.identifier or column.personal or column.role in (Role.ID, Role.TIME, Role.GROUP)):
        if column.minimum is not None and column.maximum is not None:
            told.append(f"{column.minimum:g} to {column.maximum:g} in the history")
        elif column.categories:
            shown = ", ".join(column.categories[:10])
            told.append(f"in the history {shown}{', …' if len(column.categories) > 10 else ''}")
    return "; ".join(told)
