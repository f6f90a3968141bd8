"""PyTorch modules whose one input is a matrix of numbers, and whose output is the score."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from holdfast.errors import MissingExtraError, ModelError, SettingError
from holdfast.models.columns import numbers
from holdfast.models.graph import OPSET
from holdfast.models.labels import class_names, positive_last
from holdfast.models.onnx_model import Input, OnnxModel, Signature, import_onnx, sealed
from holdfast.models.protocol import FittedModel, Task
from holdfast.models.session import start

PROBE_ROWS = 3
"""Rows that an exported graph must score though it was traced with another number of them."""


def load_torch(
    module: Any,
    features: Sequence[str] | None = None,
    positive: Any | None = None,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
) -> FittedModel:
    """A `torch.nn.Module` from a float32 matrix of `features` to scores.

    Parameters
    ----------
    features
        Names of the columns; needed.
    task
        Needed where the output has one column: a probability (`"binary"`) or a value (`"regression"`).
    classes
        Labels in the order of the output's columns; by default 0, 1, ...
    positive
        Of a single column it must be the last class.

    Raises
    ------
    ModelError
        When the module cannot score one row of zeros.
    SettingError
        When features or task are missing, or classes are as many as they are not.
    """
    if features is None:
        raise SettingError("a PyTorch module does not name its inputs: give the columns in order as `features`")
    names = tuple(features)
    with suppress(NotImplementedError):  # an exported program has no modes
        module.eval()
    try:
        probe = _forward(module, np.zeros((1, len(names)), dtype=np.float32))
    except Exception as error:
        raise ModelError(
            f"the module cannot score one row of {len(names)} numbers ({type(error).__name__}); it needs one input of shape "
            "(rows, features) and one output"
        ) from error
    width = probe.shape[1] if probe.ndim == 2 else 1
    if task is None:
        if width == 1:
            raise SettingError(
                "the module has one score per row: say whether it is a probability, `task` binary or regression"
            )
        task = "binary" if width == 2 else "classes"
    held: tuple[str, ...] = ()
    place = 1
    if task != "regression":
        count = max(width, 2)
        held = class_names(classes if classes is not None else range(count))
        if len(held) != count:
            raise SettingError(f"{len(held)} classes are given, and the module has scores of {count}")
    if task == "binary":
        held, place = positive_last(held, positive)
        if width == 1 and place != 1:
            raise SettingError("a single score is of the last class: name the positive one last in `classes`")
    column = place if task == "binary" and width == 2 else None

    def run(rows: pa.Table) -> Any:
        scores = _forward(module, numbers(rows, names).astype(np.float32))
        return scores if column is None else scores[:, column]

    return FittedModel("torch", task, held, names, module, run, place)


def load_torch_file(
    file: Path,
    trust: bool,
    features: Sequence[str] | None,
    positive: Any | None,
    task: Task | None,
    classes: Sequence[Any] | None,
) -> FittedModel:
    """TorchScript, or with `trust` an exported program or a pickled module.

    Raises
    ------
    ModelError
        When it is a pickle and not trusted, or no module.
    """
    torch = import_torch(f"Reading {file}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return load_torch(torch.jit.load(str(file), map_location="cpu"), features, positive, task, classes)
    except RuntimeError:
        pass  # no TorchScript
    if not trust:
        raise ModelError(
            f"{file} is no TorchScript; reading it as an exported program or a module unpickles it, which runs the code that "
            "it holds. If you know where it comes from, say so with --trust (in Python: trust=True)"
        )
    try:
        if file.suffix == ".pt2":
            module = torch.export.load(str(file)).module()
        else:
            module = torch.load(str(file), map_location="cpu", weights_only=False)
    except Exception as error:
        raise ModelError(f"{file} cannot be read by PyTorch {torch.__version__} ({type(error).__name__})") from error
    if not isinstance(module, torch.nn.Module):
        raise ModelError(
            f"{file} holds a {type(module).__name__} and no module; save the whole module, not its weights"
        )
    return load_torch(module, features, positive, task, classes)


def torch_to_onnx(model: FittedModel, sample: pa.Table) -> OnnxModel:
    """Export a module with a free number of rows.

    Raises
    ------
    ModelError
        When PyTorch cannot export it.
    """
    del sample  # all features are numbers
    module = model.native
    width = _forward(module, np.zeros((1, len(model.features)), dtype=np.float32)).reshape(1, -1).shape[1]
    column = model.positive if model.task == "binary" and width == 2 else None
    return exported(model, module, column)


def exported(model: FittedModel, module: Any, column: int | None) -> OnnxModel:
    """The ONNX model of a module, by the exporter of graphs, or by the older one that traces where that fails.

    Parameters
    ----------
    column
        Of the output, with the probability of the positive class; None where all of it is the score.
    """
    onnx = import_onnx("Converting a PyTorch module")
    failure: Exception | None = None
    for export in (_by_graph, _by_trace):
        try:
            content = export(module, len(model.features))
            probe = np.zeros((PROBE_ROWS, len(model.features)), dtype=np.float32)
            start(content).run(None, {"numbers": probe})
        except MissingExtraError:
            raise
        except Exception as error:  # noqa: BLE001  # the exporters raise whatever they meet
            failure = error
            continue
        signature = Signature(
            family=model.family,
            task=model.task,
            classes=model.classes,
            features=model.features,
            inputs=(Input(name="numbers", element="float", features=model.features),),
            output="score",
            column=column,
        )
        return sealed(onnx.load_model_from_string(content), signature)
    raise ModelError(
        f"PyTorch cannot export the module to ONNX ({type(failure).__name__}); write it without branches on "
        "values, or export it yourself and give the .onnx file"
    ) from failure


def import_torch(purpose: str) -> Any:
    """The `torch` package."""
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingExtraError("torch", "torch", purpose) from None
    return torch


def _by_graph(module: Any, width: int) -> bytes:
    """Through `torch.export`."""
    import torch

    try:
        import onnxscript  # noqa: F401  # the exporter needs it, and says so in another way
    except ModuleNotFoundError:
        raise MissingExtraError("onnxscript", "torch", "Converting a PyTorch module") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (torch.zeros(2, width),),
            dynamo=True,
            input_names=["numbers"],
            output_names=["score"],
            dynamic_shapes=({0: torch.export.Dim("rows")},),
            opset_version=OPSET,
            verbose=False,
        )
    content: bytes = program.model_proto.SerializeToString()
    return content


def _by_trace(module: Any, width: int) -> bytes:
    """Through TorchScript, for modules that are TorchScript already, and for Python that looks at values."""
    import torch

    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(2, width),),
            content,
            dynamo=False,
            input_names=["numbers"],
            output_names=["score"],
            dynamic_axes={"numbers": {0: "rows"}, "score": {0: "rows"}},
            opset_version=OPSET,
        )
    return content.getvalue()


def _forward(module: Any, matrix: Any) -> Any:
    """What the module makes of a matrix, as an array."""
    import torch

    with torch.inference_mode():
        return module(torch.from_numpy(np.ascontiguousarray(matrix))).numpy()
