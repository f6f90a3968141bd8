"""ONNX models that were made elsewhere: find out how to feed them and which output is the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from holdfast.errors import ModelError, SettingError
from holdfast.models.labels import class_names, positive_last
from holdfast.models.onnx_model import Element, Input, OnnxModel, Signature, import_onnx, sealed, stored_signature
from holdfast.models.protocol import Task
from holdfast.models.session import DTYPES, OnnxSession, start


def load_onnx(
    content: bytes,
    features: Sequence[str] | None = None,
    positive: Any | None = None,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    family: str = "onnx",
) -> OnnxSession:
    """A model from ONNX bytes.

    Bytes that `to_onnx` made say everything about themselves. Of others, inputs of one column give their names to the
    features; wider ones need `features`. The score is the output of probabilities, or the only one.

    Raises
    ------
    ModelError
        When inputs or outputs are of a kind that a table cannot feed or a score cannot be.
    SettingError
        When features, task or classes cannot be known and are not given.
    """
    session = start(content)
    stored = stored_signature(session.get_modelmeta().custom_metadata_map)
    if stored is not None:
        if features is not None and tuple(features) != stored.features:
            raise SettingError("the ONNX model names its features itself, and they differ from those given")
        if positive is not None and stored.task == "binary" and class_names([positive]) != stored.classes[1:]:
            raise SettingError(
                "the ONNX model was converted with the other class as the positive one; convert it again"
            )
        return OnnxSession(OnnxModel(content, stored))
    inputs = _inputs(session, features)
    names = tuple(feature for piece in inputs for feature in piece.features)
    output, probe = _output(session, inputs)
    labels = tuple(probe[0]) if isinstance(probe, list) else None
    width = len(labels) if labels else (probe.shape[1] if probe.ndim == 2 else 1)
    task = task or _task(session, output, width)
    found: tuple[str, ...] = ()
    column = None
    if task != "regression":
        count = max(width, 2) if task == "binary" else width
        found = class_names(classes if classes is not None else labels or range(count))
        if len(found) != count:
            raise SettingError(f"{len(found)} classes are given, and the model has scores of {count}")
    if task == "binary":
        if width > 2:
            raise SettingError(f"a binary model has scores of 1 or 2 classes; output {output!r} has {width}")
        if width == 1 and positive is not None and class_names([positive]) != found[1:]:
            raise SettingError("a single score is of the last class: name it last in `classes`")
        found, place = positive_last(found, positive)
        column = place if width == 2 else None
    signature = Signature(
        family=family,
        task=task,
        classes=found,
        features=names,
        inputs=inputs,
        output=output,
        column=column,
        null_text="",
    )
    return OnnxSession(OnnxModel(content, signature))


def resealed(model: OnnxSession) -> OnnxModel:
    """The model with its signature in its metadata, whether it came with one or not."""
    onnx = import_onnx("Writing the features and classes into an ONNX file")
    return sealed(onnx.load_model_from_string(model.content), model.signature)


def _inputs(session: Any, features: Sequence[str] | None) -> tuple[Input, ...]:
    """Inputs with the features that each takes."""
    held = session.get_inputs()
    widths = []
    for tensor in held:
        element = _element(tensor.type)
        if element is None or len(tensor.shape) > 2:
            raise ModelError(
                f"the ONNX input {tensor.name!r} is {tensor.type} of {len(tensor.shape)} dimensions; a table can feed "
                "numbers and strings of shape (rows, columns)"
            )
        second = tensor.shape[1] if len(tensor.shape) == 2 else 1
        widths.append(second if isinstance(second, int) else 0)
    if features is None:
        if any(width != 1 for width in widths):
            raise SettingError(
                "the ONNX model has an input of several columns: give their names in order as `features`"
            )
        features = [tensor.name for tensor in held]
    if widths.count(0) == 1:
        widths[widths.index(0)] = len(features) - sum(widths)
    if sum(widths) != len(features) or min(widths, default=0) < 1:
        raise SettingError(f"{len(features)} features are named, and the ONNX model takes {sum(widths)} columns")
    names = iter(features)
    return tuple(
        Input(
            name=tensor.name,
            element=_element(tensor.type) or "float",
            features=tuple(next(names) for _ in range(width)),
            flat=len(tensor.shape) == 1,
        )
        for tensor, width in zip(held, widths, strict=True)
    )


def _element(kind: str) -> Element | None:
    """Element type from `tensor(float)`; None for what a table cannot feed."""
    name = kind.removeprefix("tensor(").removesuffix(")")
    return next((element for element in get_args(Element) if element == name), None)


def _output(session: Any, inputs: Sequence[Input]) -> tuple[str, Any]:
    """Name of the output with the scores, and what it gives for one row of zeros."""
    outputs = session.get_outputs()
    scores = [out.name for out in outputs if out.type in {"tensor(float)", "tensor(double)"} or "map(" in out.type]
    likely = [name for name in scores if "prob" in name.lower()] or scores[-1:]
    if not likely:
        raise ModelError("the ONNX model has no output of numbers that could be a score")
    row: dict[str, Any] = {}
    for piece in inputs:
        shape = (1,) if piece.flat else (1, len(piece.features))
        text = piece.element == "string"
        row[piece.name] = np.full(shape, "", dtype=object) if text else np.zeros(shape, dtype=DTYPES[piece.element])
    try:
        (probe,) = session.run([likely[0]], row)
    except Exception as error:
        raise ModelError(f"the ONNX model cannot score one row of zeros ({type(error).__name__})") from error
    if not isinstance(probe, list) and probe.ndim > 2:
        raise ModelError(
            f"the output {likely[0]!r} has {probe.ndim} dimensions; a score has one number per row and class"
        )
    return likely[0], probe


def _task(session: Any, output: str, width: int) -> Task:
    """What the scores are, as far as the outputs tell."""
    others = [out for out in session.get_outputs() if out.name != output]
    classifier = "prob" in output.lower() or any(out.type in {"tensor(int64)", "tensor(string)"} for out in others)
    if width > 2:
        return "classes"
    if width == 2 or classifier:
        return "binary"
    if output == "variable":  # the name that skl2onnx and onnxmltools give to what a regressor predicts
        return "regression"
    raise SettingError(
        "the ONNX model has one score per row: say whether it is a probability, `task` binary or regression"
    )
