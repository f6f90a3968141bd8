"""What clients are told of the server and its models."""

from __future__ import annotations

import json

from holdfast.column import Column
from holdfast.kinds import Kind
from holdfast.log.columns import type_at_rest
from holdfast.serve.fields import Field
from holdfast.serve.inference_metadata import LIVE, READY, model_metadata, model_ready, server_metadata
from holdfast.serve.outputs import outputs_of


def test_health() -> None:
    assert json.loads(LIVE) == {"live": True}
    assert json.loads(READY) == {"ready": True}
    assert json.loads(model_ready("fraud")) == {"name": "fraud", "ready": True}


def test_the_server_says_that_it_takes_raw_bytes() -> None:
    assert json.loads(server_metadata("1.2")) == {
        "name": "holdfast",
        "version": "1.2",
        "extensions": ["binary_tensor_data"],
    }


def test_a_model_s_inputs_and_outputs() -> None:
    kinds = {"amount": (Kind.NUMBER, "double"), "count": (Kind.NUMBER, "uint8"), "new": (Kind.BOOLEAN, "bool")}
    kinds |= {"card": (Kind.CATEGORY, "string"), "note": (Kind.TEXT, "string"), "when": (Kind.TIME, "timestamp[us]")}
    columns = [Column(name=name, physical=name, kind=kind, type=type_) for name, (kind, type_) in kinds.items()]
    fields = [Field(column, column.name != "when", type_at_rest(column)) for column in columns]
    told = json.loads(model_metadata("iris", [1, 3], fields, outputs_of("classes", ("x", "y", "z"), ("amount",))))
    assert (told["name"], told["versions"], told["platform"]) == ("iris", ["1", "3"], "onnxruntime_onnx")
    assert told["inputs"] == [
        {"name": "amount", "datatype": "FP64", "shape": [-1]},
        {"name": "count", "datatype": "INT64", "shape": [-1]},
        {"name": "new", "datatype": "BOOL", "shape": [-1]},
        {"name": "card", "datatype": "BYTES", "shape": [-1]},
        {"name": "note", "datatype": "BYTES", "shape": [-1]},
        {"name": "when", "datatype": "BYTES", "shape": [-1], "parameters": {"optional": True}},
    ]
    assert told["outputs"][:2] == [
        {"name": "score", "datatype": "FP64", "shape": [-1, 3], "parameters": {"labels": ["x", "y", "z"]}},
        {"name": "decision", "datatype": "BYTES", "shape": [-1]},
    ]
