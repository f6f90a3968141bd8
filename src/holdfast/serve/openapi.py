"""The OpenAPI description of a server, with the fields of its models and examples that can be sent as they stand."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from holdfast import __version__
from holdfast.kinds import Kind, Role
from holdfast.serve import labels, reviews
from holdfast.serve.fields import LONGEST_TEXT, WHOLE, Field
from holdfast.serve.formats import MEDIA_TYPES
from holdfast.serve.json_tensors import ELEMENTS
from holdfast.serve.loaded import Loaded
from holdfast.serve.records import Answers
from holdfast.serve.request import LONGEST_ID, MOST_ROWS

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_TABLES: dict[str, Any] = {name: {} for name in MEDIA_TYPES if name != _JSON}
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


def document(
    models: Mapping[str, Described], versions: Mapping[str, Sequence[int]], *, keys: bool = False
) -> dict[str, Any]:
    """The description.

    Parameters
    ----------
    models
        What answers where no version is asked for, by model.
    versions
        All versions that answer, by model.
    keys
        Whether a key is needed.
    """
    _, components = msgspec.json.schema_components(
        (Answers, labels.Labels, reviews.Reviews, reviews.Verdict, Refused), ref_template=_REF
    )
    paths: dict[str, Any] = {}
    label = components["Label"]
    label["properties"]["label"] = {"type": ["boolean", "number", "string"]}
    if len(versions) > 1:
        label["properties"]["model"] = {"type": "string", "enum": list(versions)}
        label["required"] = [*label["required"], "model"]
    for model, loaded in models.items():
        components[f"{model}.Row"] = row_schema(loaded)
        components[f"{model}.Rows"] = _rows_schema(model)
        paths |= _of_model(model, loaded)
        if versions.get(model):
            paths |= _of_version(model, loaded, versions[model])
    paths |= _fixed(list(models.values()))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast",
            "version": __version__,
            "description": "Answers of sealed releases. Each prediction is logged before it is sent.",
        },
        "paths": paths,
        "security": [{"key": []}, {"bearer": []}] if keys else [],
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


class Refused(msgspec.Struct):
    """Why there is no answer; `problems` lists those of single values."""

    error: str
    problems: list[dict[str, int | str]] | None = None


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


def _rows_schema(model: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "rows": {
                "type": "array",
                "items": {"$ref": _REF.format(name=f"{model}.Row")},
                "minItems": 1,
                "maxItems": MOST_ROWS,
            },
            "explain": {"type": "boolean", "default": False, "description": "What each feature brings to the score."},
        },
        "required": ["rows"],
    }


def _of_model(model: str, loaded: Described) -> dict[str, Any]:
    return {
        f"/v1/models/{model}/predict": {"post": _predict(model, loaded, f"Answer rows with the champion of {model}")},
        f"/v1/models/{model}": {"get": _plain(f"What {model} is and wants")},
        f"/v1/models/{model}/reviews": {"get": _reviews(model)},
        f"/v1/models/{model}/reviews/{{id}}": {"post": _verdict(model, loaded)},
        f"/v2/models/{model}": {"get": _plain(f"{model} in the Open Inference Protocol", open_=True)},
        f"/v2/models/{model}/ready": {"get": _plain(f"Whether {model} answers", open_=True)},
        f"/v2/models/{model}/infer": {"post": _infer(model, loaded)},
    }


def _of_version(model: str, loaded: Described, versions: Sequence[int]) -> dict[str, Any]:
    asked = {
        "name": "version",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "enum": list(versions)},
    }
    operation = _predict(model, loaded, f"Answer rows with a version of {model}") | {"parameters": [asked]}
    return {f"/v1/models/{model}/versions/{{version}}/predict": {"post": operation}}


def _predict(model: str, loaded: Described, summary: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name=f"{model}.Rows")}
    return {
        "summary": summary,
        "tags": [model],
        "requestBody": {
            "required": True,
            "content": {
                _JSON: {"schema": schema, "example": {"rows": [example(loaded)]}},
                "text/csv": {"schema": {"type": "string"}, "example": _csv(loaded)},
            },
        },
        "responses": _responses({"$ref": _REF.format(name="Answers")}, tables=True),
    }


def _reviews(model: str) -> dict[str, Any]:
    limit = {"type": "integer", "minimum": 1, "maximum": reviews.MOST, "default": reviews.USUAL}
    return {
        "summary": f"Rows of {model} that a person should decide, those that may cost most first",
        "tags": ["reviews"],
        "parameters": [{"name": "limit", "in": "query", "schema": limit}],
        "responses": _responses({"$ref": _REF.format(name="Reviews")}),
    }


def _verdict(model: str, loaded: Described) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="Verdict")}
    verdict = {"verdict": _label(loaded), "reviewer": "ada"}
    return {
        "summary": f"Decide a row of {model}",
        "tags": ["reviews"],
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}],
        "requestBody": {"required": True, "content": {_JSON: {"schema": schema, "example": verdict}}},
        "responses": _responses({"type": "object"}),
    }


def _label(loaded: Described) -> bool | float | str:
    """A label of a model's task."""
    return 1.0 if loaded.task == "regression" else loaded.classes[0] if loaded.task == "classes" else True


def _csv(loaded: Described) -> str:
    row, text = example(loaded), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([row, ["true" if value is True else value for value in row.values()]])
    return text.getvalue()


def _infer(model: str, loaded: Described) -> dict[str, Any]:
    inputs = [
        {"name": name, "shape": [1], "datatype": _datatype(value), "data": [value]}
        for name, value in example(loaded).items()
    ]
    return {
        "summary": "Answer rows, as the Open Inference Protocol has it",
        "tags": [model],
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": _inference_schema(loaded), "example": {"inputs": inputs}}},
        },
        "responses": _responses({"type": "object"}),
    }


def _inference_schema(loaded: Described) -> dict[str, Any]:
    tensor = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": sorted(loaded.known)},
            "datatype": {"type": "string", "enum": list(ELEMENTS)},
            "shape": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
                "minItems": 1,
                "maxItems": 2,
            },
            "data": {"type": "array"},
        },
        "required": ["name", "datatype", "shape", "data"],
    }
    return {
        "type": "object",
        "properties": {"id": {"type": ["string", "null"]}, "inputs": {"type": "array", "items": tensor, "minItems": 1}},
        "required": ["inputs"],
    }


def _datatype(value: Any) -> str:
    names = {bool: "BOOL", int: "INT64", float: "FP64"}
    return names.get(type(value), "BYTES")


def _fixed(loaded: Sequence[Described]) -> dict[str, Any]:
    label: dict[str, Any] = {"id": "01J00000000000000000000000", "label": True}
    if loaded:
        label["label"] = _label(loaded[0])
        label["model"] = loaded[0].model
    return {
        "/v1/labels": {
            "post": {
                "summary": "Say what came to pass",
                "tags": ["labels"],
                "requestBody": {
                    "required": True,
                    "content": {
                        _JSON: {"schema": {"$ref": _REF.format(name="Labels")}, "example": {"labels": [label]}}
                    },
                },
                "responses": _responses({"type": "object"}),
            }
        },
        "/v1/models": {"get": _plain("The models")},
        "/v2": {"get": _plain("The server", open_=True)},
        "/v2/health/live": {"get": _plain("Whether the server lives", open_=True)},
        "/v2/health/ready": {"get": _plain("Whether every model answers", open_=True)},
        "/metrics": {"get": _plain("What is counted, for Prometheus", media="text/plain")},
    }


def _plain(summary: str, *, open_: bool = False, media: str = _JSON) -> dict[str, Any]:
    schema = {"type": "object"} if media == _JSON else {"type": "string"}
    found = {"summary": summary, "tags": ["server"], "responses": _responses(schema, media)}
    return found | ({"security": []} if open_ else {})


def _responses(schema: dict[str, Any], media: str = _JSON, *, tables: bool = False) -> dict[str, Any]:
    refused = {"content": {_JSON: {"schema": {"$ref": _REF.format(name="Refused")}}}}
    told = {
        "400": "The body cannot be read",
        "401": "A key is needed",
        "403": "The key does not allow it",
        "404": "There is no such model or version here",
        "408": "The body came too slowly",
        "409": "The review has a verdict already",
        "413": "The body is too large",
        "422": "Rows or labels do not fit",
        "429": "Too often",
        "503": "Too much at once, or not ready",
    }
    return {
        "200": {"description": "The answer", "content": {media: {"schema": schema}} | (_TABLES if tables else {})},
        **{status: {"description": words, **refused} for status, words in told.items()},
    }
