"""The Open Inference Protocol, version 2, over REST: tensors in, tensors out.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
A tensor is a field of the rows, or all features of the model in its order. Tensors may lie behind the JSON as raw bytes; see
`binary_tensors`. What cannot be a request of this protocol is refused with 400, and values that do not fit the schema are
problems of their rows, as in the record API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from holdfast.serve import binary_tensors, json_tensors
from holdfast.serve.columnar import Columnar, check_rows
from holdfast.serve.errors import ServeError, misfit
from holdfast.serve.lenient import decoded
from holdfast.serve.outputs import CONTRIBUTIONS, Output
from holdfast.serve.request import Reply, Request

_Parameters: TypeAlias = dict[str, Any] | None


class _Input(msgspec.Struct):
    name: str
    shape: Annotated[list[Annotated[int, Meta(ge=0)]], Meta(min_length=1, max_length=2)]
    datatype: str
    parameters: _Parameters = None
    data: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def width(self) -> int:
        return self.shape[1] if len(self.shape) == 2 else 1


class _Wanted(msgspec.Struct):
    name: str
    parameters: _Parameters = None


class _Body(msgspec.Struct):
    inputs: Annotated[list[_Input], Meta(min_length=1)]
    id: str | None = None
    parameters: _Parameters = None
    outputs: list[_Wanted] | None = None


_decode = msgspec.json.Decoder(_Body).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client wants back.

    Attributes
    ----------
    outputs
        Each with whether it is to come as raw bytes.
    id
        What the client calls its request.
    """

    outputs: tuple[tuple[Output, bool], ...]
    id: str | None = None


class Tensors:
    """Reads rows of a release from tensors.

    Parameters
    ----------
    columnar
        Of the release's fields.
    features
        Of its model, in their order: the columns of a tensor that holds all of them.
    outputs
        Parts of its answers. Those who name none get all but the contributions.
    """

    def __init__(self, columnar: Columnar, features: Sequence[str], outputs: Sequence[Output]) -> None:
        self._columnar = columnar
        self._features = tuple(features)
        self._outputs = {output.name: output for output in outputs}

    def read(self, body: bytes, json_length: bytes | None = None) -> tuple[Request, Wanted]:
        """The rows of a body and what is wrong with them, and what is wanted back.

        Parameters
        ----------
        body
            JSON, whatever its content type says, with or without raw bytes behind it.
        json_length
            Value of the header `Inference-Header-Content-Length`, where it was sent.

        Raises
        ------
        ServeError
            400 it is no request of the protocol, or one for what there is not; 413 too many rows; 422 far too many problems.
        """
        header, raw = binary_tensors.split(body, json_length)
        decoded = _decoded(header)
        columns: dict[str, Sequence[Any]] = {}
        rows, strange = decoded.inputs[0].shape[0], 0
        check_rows(rows)
        for place, tensor in enumerate(decoded.inputs):
            where = f"inputs[{place}]"
            names = self._names(tensor, where, alone=len(decoded.inputs) == 1)
            if tensor.shape[0] != rows:
                raise ServeError(400, f"{where}: expected {rows} rows, as in inputs[0]; got {tensor.shape[0]}.")
            values, raw = _values(tensor, raw, where)
            width = len(names)
            for column, name in enumerate(names):
                if name in columns:
                    raise ServeError(400, f"{where}: a field that another input holds as well.")
                if name in self._columnar.used:
                    columns[name] = values[column::width] if width > 1 else values
                strange += name not in self._columnar.known
        if not columns:
            raise self._no_field("inputs[0]")
        if len(raw):
            raise ServeError(400, f"{len(raw)} bytes lie behind the last tensor that has a binary_data_size.")
        wanted = self._wanted(decoded)
        explain = any(output.name == CONTRIBUTIONS for output, _ in wanted.outputs)
        request = self._columnar.request(columns, rows, strange=strange, own=decoded.id, explain=explain)
        return request, wanted

    def _names(self, tensor: _Input, where: str, *, alone: bool) -> tuple[str, ...]:
        """Fields that a tensor holds, one for each of its columns."""
        if tensor.name in self._columnar.known:
            if tensor.width != 1:
                raise ServeError(400, f"{where}: expected the shape [rows] or [rows, 1] of one field.")
            return (tensor.name,)
        if tensor.width != 1 or (alone and len(self._features) == 1):
            if tensor.width != len(self._features):
                raise self._no_field(where)
            return self._features
        return (tensor.name,)

    def _no_field(self, where: str) -> ServeError:
        return ServeError(
            400,
            f"{where}: expected the name of a field, or the shape [rows, {len(self._features)}] of all features of the model "
            "in their order.",
        )

    def _wanted(self, body: _Body) -> Wanted:
        as_bytes = _flag(body.parameters, "binary_data_output", "parameters")
        if not body.outputs:
            default = (output for output in self._outputs.values() if output.name != CONTRIBUTIONS)
            return Wanted(tuple((output, as_bytes) for output in default), body.id)
        wanted: dict[str, tuple[Output, bool]] = {}
        for place, one in enumerate(body.outputs):
            where = f"outputs[{place}]"
            if one.name not in self._outputs:
                raise ServeError(400, f"{where}: expected one of {', '.join(self._outputs)}.")
            for unknown in ("classification", "shared_memory_region"):
                if (one.parameters or {}).get(unknown):
                    raise ServeError(400, f"{where}: {unknown} is not supported; leave it out.")
            output = self._outputs[one.name]
            wanted[one.name] = (output, _flag(one.parameters, "binary_data", where, default=as_bytes))
        return Wanted(tuple(wanted.values()), body.id)


def _decoded(header: memoryview) -> _Body:
    try:
        body: _Body = decoded(_decode, header)
    except msgspec.ValidationError as error:
        raise misfit(error, "an inference request") from None
    return body


def _flag(parameters: _Parameters, name: str, where: str, *, default: bool = False) -> bool:
    value = (parameters or {}).get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ServeError(400, f"{where}: expected {name} to be true or false.")
    return value


def _values(tensor: _Input, raw: memoryview, where: str) -> tuple[Sequence[Any], memoryview]:
    """Values of a tensor, row-major, and the raw bytes that belong to the next ones."""
    if tensor.datatype not in json_tensors.ELEMENTS:
        raise ServeError(400, f"{where}: expected a datatype of {', '.join(json_tensors.ELEMENTS)}.")
    parameters = tensor.parameters or {}
    size = parameters.get("binary_data_size")
    values: Sequence[Any]
    if size is None:
        values = json_tensors.decode(tensor.datatype, tensor.data, tensor.shape[0], tensor.width, where)
    else:
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= len(raw):
            raise ServeError(400, f"{where}: expected a binary_data_size from 0 to the {len(raw)} bytes that are left.")
        if bytes(tensor.data) != b"null":
            raise ServeError(400, f"{where}: expected data or a binary_data_size, not both.")
        values = binary_tensors.decode(tensor.datatype, raw[:size], tensor.shape[0] * tensor.width, where)
        raw = raw[size:]
    if tensor.datatype == "BYTES":
        values = json_tensors.unpack(parameters.get("content_type"), values, where)
    return values, raw


_encode = msgspec.json.Encoder().encode


def write(reply: Reply, wanted: Wanted) -> tuple[bytes, int | None]:
    """The answers as tensors, row-major.

    Returns
    -------
    body, json_length
        How much of the body is JSON, for the header `Inference-Header-Content-Length`; None if all of it is.
    """
    tensors: list[dict[str, Any]] = []
    behind: list[bytes] = []
    for output, as_bytes in wanted.outputs:
        values, shape = output.of(reply), [reply.rows]
        if output.labels:
            values, shape = list(chain.from_iterable(values)), [reply.rows, len(output.labels)]
        tensor: dict[str, Any] = {"name": output.name, "shape": shape, "datatype": output.datatype}
        if as_bytes:
            behind.append(binary_tensors.encode(output.datatype, values))
            tensor["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            tensor["data"] = values
        tensors.append(tensor)
    answer: dict[str, Any] = {"model_name": reply.model, "model_version": str(reply.version), "outputs": tensors}
    own = wanted.id if wanted.id is not None else reply.ids[0] if reply.rows == 1 else None
    if own is not None:
        answer["id"] = own
    if reply.explanation is not None:
        answer["parameters"] = reply.explanation
    body = _encode(answer)
    return (b"".join([body, *behind]), len(body)) if behind else (body, None)
