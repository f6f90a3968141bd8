"""pytorch-tabnet classifiers and regressors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from holdfast.errors import ModelError, SettingError
from holdfast.models.columns import numbers
from holdfast.models.labels import class_names, positive_last
from holdfast.models.onnx_model import OnnxModel
from holdfast.models.protocol import FittedModel, Scores
from holdfast.models.torch import exported, import_torch


def load_tabnet(model: Any, features: Sequence[str] | None = None, positive: Any | None = None) -> FittedModel:
    """A fitted `TabNetClassifier` or `TabNetRegressor`.

    Parameters
    ----------
    features
        Names of its columns; needed. Categories are their codes, as it was fitted.

    Raises
    ------
    ModelError
        When it is not fitted, or has several outputs.
    SettingError
        When the names are missing, or as many as the columns are not.
    """
    if not hasattr(model, "network"):
        raise ModelError(f"{type(model).__name__} is not fitted; fit it first")
    if features is None:
        raise SettingError("TabNet does not name its columns: give them in order as `features`")
    names = tuple(features)
    if len(names) != model.input_dim:
        raise SettingError(f"{len(names)} features are named, and the model was fitted with {model.input_dim}")

    def matrix(rows: pa.Table) -> Any:
        return numbers(rows, names).astype(np.float32)

    if not hasattr(model, "predict_proba"):
        if model.output_dim != 1:
            raise ModelError(f"the model has {model.output_dim} outputs; fit one for each")
        return FittedModel("tabnet", "regression", (), names, model, lambda rows: model.predict(matrix(rows)))
    classes = class_names(model.classes_)
    if len(classes) != 2:
        return FittedModel("tabnet", "classes", classes, names, model, lambda rows: model.predict_proba(matrix(rows)))
    classes, place = positive_last(classes, positive)

    def positive_score(rows: pa.Table) -> Scores:
        scores: Scores = np.asarray(model.predict_proba(matrix(rows)), dtype=np.float64)
        return scores[:, place]

    return FittedModel("tabnet", "binary", classes, names, model, positive_score, place)


def tabnet_to_onnx(model: FittedModel, sample: pa.Table) -> OnnxModel:
    """Export the network, with softmax for a classifier.

    Raises
    ------
    ModelError
        When PyTorch cannot export it.
    """
    del sample  # all features are numbers
    torch = import_torch("Converting a TabNet model")
    classifies = model.task != "regression"

    class Scoring(torch.nn.Module):  # type: ignore[misc, name-defined]  # torch is imported where it is used
        """The network without its second output, which is a loss of training."""

        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network

        def forward(self, rows: Any) -> Any:
            margins = self.network(rows)[0]
            return torch.softmax(margins, dim=1) if classifies else margins

    module = Scoring(model.native.network.to("cpu")).eval()
    return exported(model, module, model.positive if model.task == "binary" else None)
