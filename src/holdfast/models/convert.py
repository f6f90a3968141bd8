"""Any model to ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from holdfast.errors import ModelError
from holdfast.models.columns import select
from holdfast.models.onnx_file import resealed
from holdfast.models.onnx_model import OnnxModel
from holdfast.models.protocol import FittedModel, Model
from holdfast.models.session import OnnxSession

if TYPE_CHECKING:
    from collections.abc import Callable


def to_onnx(model: Model, sample: pa.Table) -> OnnxModel:
    """Convert a loaded model, numbers in one tensor and texts in another.

    Parameters
    ----------
    model
        As `load_model` gave it.
    sample
        A few rows of the data that it is for: their types say which features are text.

    Returns
    -------
    OnnxModel
        Give it to `OnnxSession` to run it, and to `parity` to see that it agrees.

    Raises
    ------
    InputError
        When the sample has not the columns that the model wants.
    MissingExtraError
        When the converter of the family is not installed.
    ModelError
        When the model has no ONNX form.
    """
    if isinstance(model, OnnxSession):
        return resealed(model)
    if not isinstance(model, FittedModel):
        raise ModelError(f"a model of family {model.family!r} has no conversion to ONNX; give one from `load_model`")
    sample = select(sample, model.features)
    return _converter(model)(model, sample)


def _converter(model: FittedModel) -> Callable[[FittedModel, pa.Table], OnnxModel]:
    """The converter of a family, loaded with what it needs."""
    match model.family:
        case "sklearn":
            from holdfast.models.sklearn import sklearn_to_onnx as converter
        case "lightgbm":
            from holdfast.models.lightgbm import lightgbm_to_onnx as converter
        case "xgboost":
            from holdfast.models.xgboost import xgboost_to_onnx as converter
        case "torch":
            from holdfast.models.torch import torch_to_onnx as converter
        case "tabnet":
            from holdfast.models.tabnet import tabnet_to_onnx as converter
        case "savedmodel":
            from holdfast.models.savedmodel import savedmodel_to_onnx as converter
        case _:
            raise ModelError(
                f"a {model.family} model has no ONNX form: it can be evaluated, and it cannot be sealed for serving"
            )
    return converter
