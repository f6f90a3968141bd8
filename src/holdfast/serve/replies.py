"""What comes back, as OpenAPI describes it: answers of each kind, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from holdfast.serve.formats import MEDIA_TYPES

REF = "#/components/schemas/{name}"
JSON = "application/json"
_TABLES: dict[str, Any] = {name: {} for name in MEDIA_TYPES if name != JSON}


class Refused(msgspec.Struct):
    """Why there is no answer; `problems` lists those of single values."""

    error: str
    problems: list[dict[str, int | str]] | None = None


def record(**properties: Any) -> dict[str, Any]:
    """The schema of an object that has these keys, all of them."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def listed(items: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list."""
    return {"type": "array", "items": items}


TEXT: dict[str, Any] = {"type": "string"}
BOOLEAN: dict[str, Any] = {"type": "boolean"}
_NUMBER: dict[str, Any] = {"type": "integer"}
TRUTH: dict[str, Any] = {"type": ["boolean", "number", "string"]}
_TENSOR = record(name=TEXT, datatype=TEXT, shape=listed(_NUMBER))
MODELS = record(models=listed(record(model=TEXT, champion={"type": ["integer", "null"]}, versions=listed(_NUMBER))))
ABOUT = record(
    model=TEXT,
    release=_NUMBER,
    identity=TEXT,
    task=TEXT,
    classes=listed(TEXT),
    id=TEXT,
    fields=listed(record(name=TEXT, expected=TEXT, needed=BOOLEAN)),
)
SERVER = record(name=TEXT, version=TEXT, extensions=listed(TEXT))
METADATA = record(name=TEXT, versions=listed(TEXT), platform=TEXT, inputs=listed(_TENSOR), outputs=listed(_TENSOR))
MODEL_READY = record(name=TEXT, ready=BOOLEAN)
INFERRED = record(model_name=TEXT, model_version=TEXT, outputs=listed(_TENSOR))

_TOLD = {
    "400": "The request cannot be read",
    "401": "A key is needed",
    "403": "The key does not allow it",
    "404": "There is no such model, version or review",
    "408": "The body came too slowly",
    "409": "The review has a verdict already, or the release is not as it was sealed",
    "413": "The body is too large",
    "415": "The body is packed otherwise",
    "422": "Rows or labels do not fit",
    "429": "Too often",
    "503": "Too much at once, or not ready",
}
GET = ("401", "403", "404", "429", "503")
POST = tuple(status for status in _TOLD if status != "409")


def responses(
    schema: dict[str, Any], media: str = JSON, *, tables: bool = False, statuses: Sequence[str] = POST
) -> dict[str, Any]:
    """The answer to a request, and how it may be refused.

    Parameters
    ----------
    schema, media
        Of the answer.
    tables
        Whether it may come as CSV and Arrow, too.
    statuses
        Of refusals.
    """
    refused = {"content": {JSON: {"schema": {"$ref": REF.format(name="Refused")}}}}
    return {
        "200": {"description": "The answer", "content": {media: {"schema": schema}} | (_TABLES if tables else {})},
        **{status: {"description": _TOLD[status], **refused} for status in sorted(statuses)},
    }
