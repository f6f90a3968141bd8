"""The OpenAPI description of a server, with the fields of its models and examples that can be sent as they stand."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from holdfast import __version__
from holdfast.serve import labels, promoting, replies, reviews
from holdfast.serve.described import Described, example, row_schema
from holdfast.serve.json_tensors import ELEMENTS
from holdfast.serve.records import Answers
from holdfast.serve.replies import BOOLEAN, GET, JSON, POST, REF, TEXT, TRUTH, Refused, record, responses
from holdfast.serve.request import MOST_ROWS


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
        (Answers, labels.Labels, reviews.Reviews, reviews.Verdict, promoting.Wanted, promoting.Promoted, Refused),
        ref_template=REF,
    )
    paths: dict[str, Any] = {}
    label = components["Label"]
    label["properties"]["label"] = TRUTH
    if len(versions) > 1:
        label["properties"]["model"] = {"type": "string", "enum": list(versions)}
        label["required"] = [*label["required"], "model"]
    for model, loaded in models.items():
        components[f"{model}.Row"] = row_schema(loaded)
        components[f"{model}.Rows"] = _rows_schema(model)
        paths |= _of_model(model, loaded)
        if versions.get(model):
            paths |= _of_version(model, loaded, versions[model])
    for model in versions:
        paths[f"/v1/models/{model}/champion"] = {"post": _promote(model, models.get(model))}
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


def _rows_schema(model: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "rows": {
                "type": "array",
                "items": {"$ref": REF.format(name=f"{model}.Row")},
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
        f"/v1/models/{model}": {"get": _plain(f"What {model} is and wants", replies.ABOUT)},
        f"/v1/models/{model}/reviews": {"get": _reviews(model)},
        f"/v1/models/{model}/reviews/{{id}}": {"post": _verdict(model, loaded)},
        f"/v2/models/{model}": {"get": _plain(f"{model} in the Open Inference Protocol", replies.METADATA, open_=True)},
        f"/v2/models/{model}/ready": {"get": _plain(f"Whether {model} answers", replies.MODEL_READY, open_=True)},
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
    schema = {"$ref": REF.format(name=f"{model}.Rows")}
    return {
        "summary": summary,
        "tags": [model],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": schema, "example": {"rows": [example(loaded)]}},
                "text/csv": {"schema": {"type": "string"}, "example": _csv(loaded)},
            },
        },
        "responses": responses({"$ref": REF.format(name="Answers")}, tables=True),
    }


def _reviews(model: str) -> dict[str, Any]:
    limit = {"type": "integer", "minimum": 1, "maximum": reviews.MOST, "default": reviews.USUAL}
    return {
        "summary": f"Rows of {model} that a person should decide, those that may cost most first",
        "tags": ["reviews"],
        "parameters": [{"name": "limit", "in": "query", "schema": limit}],
        "responses": responses({"$ref": REF.format(name="Reviews")}, statuses=("400", *GET)),
    }


def _verdict(model: str, loaded: Described) -> dict[str, Any]:
    schema = {"$ref": REF.format(name="Verdict")}
    verdict = {"verdict": _label(loaded), "reviewer": "ada"}
    return {
        "summary": f"Decide a row of {model}",
        "tags": ["reviews"],
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}],
        "requestBody": {"required": True, "content": {JSON: {"schema": schema, "example": verdict}}},
        "responses": responses(record(id=TEXT, verdict=TRUTH, overruled=BOOLEAN), statuses=(*POST, "409")),
    }


def _promote(model: str, champion: Described | None) -> dict[str, Any]:
    # Sent as it stands, the example changes nothing.
    wanted = {"version": champion.version if champion else 1, "reason": "0.2 EUR a row cheaper on March"}
    return {
        "summary": f"Let a version answer for {model} from now on, for the role operate",
        "tags": ["operation"],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"$ref": REF.format(name="Wanted")}, "example": wanted}},
        },
        "responses": responses({"$ref": REF.format(name="Promoted")}, statuses=(*POST, "409")),
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
            "content": {JSON: {"schema": _inference_schema(loaded), "example": {"inputs": inputs}}},
        },
        "responses": responses(replies.INFERRED),
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
                    "content": {JSON: {"schema": {"$ref": REF.format(name="Labels")}, "example": {"labels": [label]}}},
                },
                "responses": responses(record(accepted={"type": "integer"})),
            }
        },
        "/v1/models": {"get": _plain("The models", replies.MODELS)},
        "/v2": {"get": _plain("The server", replies.SERVER, open_=True)},
        "/v2/health/live": {"get": _plain("Whether the server lives", record(live=BOOLEAN), open_=True)},
        "/v2/health/ready": {"get": _plain("Whether every model answers", record(ready=BOOLEAN), open_=True)},
        "/metrics": {"get": _plain("What is counted, for Prometheus", TEXT, media="text/plain")},
    }


def _plain(summary: str, schema: dict[str, Any], *, open_: bool = False, media: str = JSON) -> dict[str, Any]:
    found = {"summary": summary, "tags": ["server"], "responses": responses(schema, media, statuses=GET)}
    return found | ({"security": []} if open_ else {})
