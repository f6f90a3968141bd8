"""A model as ONNX bytes, with what is needed to feed it: the file alone says its features, task and classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from holdfast.decoding import ready
from holdfast.errors import MissingExtraError, ModelError
from holdfast.models.protocol import FittedModel, Task

KEY = "holdfast"
"""Key of the signature in the file's metadata."""

NULL_TEXT = "\ue000"
"""What stands for a missing string in models converted here: ONNX strings cannot be missing, and "" may be a category."""

Element = Literal["float", "double", "int64", "int32", "bool", "string"]


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor that the model is fed: shape (n, number of features), or (n,) when `flat`."""

    name: str
    element: Element
    features: tuple[str, ...]
    flat: bool = False


class Signature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How columns become inputs, and outputs become scores.

    Attributes
    ----------
    family
        Of the model that was converted.
    output
        Name of the output that holds the scores.
    column
        Its column with the probability of the positive class; None where all of it is the score.
    null_text
        Fed where a string is missing.
    """

    family: str
    task: Task
    classes: tuple[str, ...] = ()
    features: tuple[str, ...]
    inputs: tuple[Input, ...]
    output: str
    column: int | None = None
    null_text: str = NULL_TEXT


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """ONNX bytes and their signature, which the bytes hold too."""

    content: bytes
    signature: Signature


def signature_of(model: FittedModel, inputs: tuple[Input, ...], output: str) -> Signature:
    """The signature of a conversion whose scores are as the model's: for two classes, one column each."""
    return Signature(
        family=model.family,
        task=model.task,
        classes=model.classes,
        features=model.features,
        inputs=inputs,
        output=output,
        column=model.positive if model.task == "binary" else None,
    )


def sealed(proto: Any, signature: Signature) -> OnnxModel:
    """Write the signature into the metadata of a model, and serialise it.

    Parameters
    ----------
    proto
        An `onnx.ModelProto`; its metadata are changed.
    """
    kept = [(entry.key, entry.value) for entry in proto.metadata_props if entry.key != KEY]
    del proto.metadata_props[:]
    for key, value in (*kept, (KEY, msgspec.json.encode(signature).decode())):
        proto.metadata_props.add(key=key, value=value)
    proto.producer_name = "holdfast"
    return OnnxModel(proto.SerializeToString(), signature)


def stored_signature(metadata: dict[str, str]) -> Signature | None:
    """The signature in a model's metadata; None in a file that was made elsewhere.

    Raises
    ------
    ModelError
        When there is one that cannot be read.
    """
    if KEY not in metadata:
        return None
    try:
        return msgspec.json.decode(metadata[KEY], type=ready(Signature))
    except msgspec.MsgspecError as error:
        raise ModelError(f"the ONNX file's signature cannot be read: {error}; convert the model again") from None


def import_onnx(purpose: str) -> Any:
    """The `onnx` package, for converting models; serving does not need it."""
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingExtraError("onnx", "onnx", purpose) from None
    return onnx
