"""What the Open Inference Protocol tells of a server and of its models, besides their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from holdfast.kinds import Kind
from holdfast.serve.fields import Field
from holdfast.serve.outputs import Output

LIVE = b'{"live":true}'
READY = b'{"ready":true}'
NOT_READY = b'{"ready":false}'
PLATFORM = "onnxruntime_onnx"
"""Of every release, in the protocol's form `<project>_<format>`."""

_DATATYPES = {Kind.BOOLEAN: "BOOL", Kind.CATEGORY: "BYTES", Kind.TEXT: "BYTES", Kind.TIME: "BYTES"}


def server_metadata(version: str) -> bytes:
    """What a client is told of the server."""
    return msgspec.json.encode({"name": "holdfast", "version": version, "extensions": ["binary_tensor_data"]})


def model_metadata(model: str, versions: Sequence[int], fields: Sequence[Field], outputs: Sequence[Output]) -> bytes:
    """What a client is told of a model: its inputs, of which the optional ones are marked, and its outputs.

    Parameters
    ----------
    versions
        Those that can be asked for.
    """
    inputs: list[dict[str, Any]] = []
    for field in fields:
        number = "INT64" if field.at_rest == "int64" else "FP64"
        datatype = _DATATYPES.get(field.column.kind, number)
        inputs.append({"name": field.name, "datatype": datatype, "shape": [-1]})
        if not field.wanted:
            inputs[-1]["parameters"] = {"optional": True}
    tensors: list[dict[str, Any]] = []
    for output in outputs:
        tensors.append({"name": output.name, "datatype": output.datatype, "shape": [-1]})
        if output.labels:
            tensors[-1] |= {"shape": [-1, len(output.labels)], "parameters": {"labels": output.labels}}
    return msgspec.json.encode(
        {
            "name": model,
            "versions": [str(version) for version in versions],
            "platform": PLATFORM,
            "inputs": inputs,
            "outputs": tensors,
        }
    )


def model_ready(model: str) -> bytes:
    """That a model answers."""
    return msgspec.json.encode({"name": model, "ready": True})
