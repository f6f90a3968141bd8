"""Load a model of any family, from a Python object or from a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from holdfast.errors import MissingExtraError, ModelError, SettingError
from holdfast.models.callable import TIME_LIMIT, load_callable
from holdfast.models.labels import class_names
from holdfast.models.onnx_file import load_onnx
from holdfast.models.protocol import FittedModel, Model, Task

PICKLES = {".joblib", ".pkl", ".pickle"}
TORCH_FILES = {".pt", ".pt2", ".pth"}


def load_model(
    source: Any,
    *,
    trust: bool = False,
    features: Sequence[str] | None = None,
    positive: Any | None = None,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    time_limit: float = TIME_LIMIT,
) -> Model:
    """Load a model.

    Parameters
    ----------
    source
        A fitted object: scikit-learn estimator or pipeline, LightGBM, XGBoost, PyTorch module, TabNet, ONNX model or
        bytes, or any callable from a table to scores; or a model that was loaded before, which is given back. Or a path:
        `.joblib`, `.pkl`, LightGBM text, XGBoost `.json` or `.ubj`, `.onnx`, TorchScript or exported `.pt`/`.pt2`, a
        TensorFlow SavedModel folder, an MLflow model folder. Or the address of a callable, `"package.module:function"`.
    trust
        Allow what runs the code of whoever made the file: pickles, and callables by address.
    features
        Columns that the model wants, in its order; needed where it does not name them itself.
    positive
        Label of the positive class of two; by default the last one.
    task
        `"binary"`, `"classes"` or `"regression"`, where the model does not say (PyTorch, SavedModel, callables).
    classes
        Labels of the classes in the order of the scores, where the model does not hold them.
    time_limit
        Seconds that a callable may take for a batch of rows.

    Returns
    -------
    Model

    Raises
    ------
    MissingExtraError
        When the package of the family is not installed.
    ModelError
        When there is no such file, it is damaged, it is none of these, or it needs `trust`.
    SettingError
        When features, task or classes are needed or contradict the model.
    """
    told = Told(features, positive, task, classes, time_limit)
    if all(hasattr(source, name) for name in ("family", "task", "classes", "features", "predict")):
        return _given(source, told)
    if isinstance(source, str | os.PathLike):
        return _from_path(os.fspath(source), trust, told)
    return _from_object(source, told)


class Told(NamedTuple):
    """What the model may not say itself; as for `load_model`."""

    features: Sequence[str] | None
    positive: Any | None
    task: Task | None
    classes: Sequence[Any] | None
    time_limit: float


def _given(model: Model, told: Told) -> Model:
    """A model that is loaded already: itself, or loaded again where something else is told of it."""
    alike = told.positive is None or class_names([told.positive]) == model.classes[-1:]
    if alike and tuple(told.features or model.features) == model.features and told.task in {None, model.task}:
        return model
    if isinstance(model, FittedModel):
        classes = model.classes if model.positive else model.classes[::-1]  # as its own library orders them
        return _from_object(
            model.native,
            told._replace(
                features=told.features or model.features,
                task=told.task or model.task,
                classes=told.classes or classes or None,
            ),
        )
    raise SettingError(
        f"the model was loaded with other features, another task or another positive class than are now asked for: load it "
        f"again, from what it was loaded from ({model.family}), with those"
    )


def _from_object(source: Any, told: Told) -> Model:
    """By the package that a type, or one that it inherits from, comes from."""
    packages = [kind.__module__.partition(".")[0] for kind in type(source).__mro__]
    if isinstance(source, bytes) or packages[0] == "onnx":
        content = source if isinstance(source, bytes) else source.SerializeToString()
        return load_onnx(content, told.features, told.positive, told.task, told.classes)
    if "lightgbm" in packages:
        from holdfast.models.lightgbm import load_lightgbm

        return load_lightgbm(source, told.features, told.positive, told.classes)
    if "xgboost" in packages:
        from holdfast.models.xgboost import load_xgboost

        return load_xgboost(source, told.features, told.positive, told.classes)
    if "pytorch_tabnet" in packages:
        from holdfast.models.tabnet import load_tabnet

        return load_tabnet(source, told.features, told.positive)
    if "torch" in packages:
        from holdfast.models.torch import load_torch

        return load_torch(source, told.features, told.positive, told.task, told.classes)
    if "sklearn" in packages or hasattr(source, "predict_proba"):
        from holdfast.models.sklearn import load_sklearn

        return load_sklearn(source, told.features, told.positive)
    if callable(source):
        return load_callable(source, *told)
    raise ModelError(
        f"a {type(source).__module__}.{type(source).__qualname__} is no model that is known: give a fitted estimator, a "
        "booster, a PyTorch module, an ONNX model, or a callable from a table to scores"
    )


def _from_path(path: str, trust: bool, told: Told) -> Model:
    file = Path(path)
    if not file.exists():
        module, colon, function = path.partition(":")
        if colon and function.isidentifier() and all(part.isidentifier() for part in module.split(".")):
            _trusted(trust, f"{path} is a Python function, and importing it runs its module")
            return load_callable(path, *told)
        raise ModelError(f"there is no model at {path}; give a file, a folder, or module:function")
    if file.is_dir():
        return _from_folder(file, trust, told)
    if file.suffix in PICKLES:
        _trusted(trust, f"{path} is a pickle, and loading it runs the code that it holds")
        return _from_object(_unpickled(file), told)
    if file.suffix == ".onnx":
        return load_onnx(file.read_bytes(), told.features, told.positive, told.task, told.classes)
    if file.suffix in TORCH_FILES:
        from holdfast.models.torch import load_torch_file

        return load_torch_file(file, trust, told.features, told.positive, told.task, told.classes)
    if file.suffix in {".json", ".ubj"}:
        from holdfast.models.xgboost import load_xgboost_file

        return load_xgboost_file(file, told.features, told.positive, told.classes)
    with file.open("rb") as stream:
        head = stream.read(5)
    if head == b"tree\n":
        from holdfast.models.lightgbm import load_lightgbm_file

        return load_lightgbm_file(file, told.features, told.positive, told.classes)
    raise ModelError(
        f"{path} is no model file that is known: .joblib, .pkl, .onnx, .pt, .pt2, .json and .ubj (XGBoost), or LightGBM's text"
    )


def _from_folder(folder: Path, trust: bool, told: Told) -> Model:
    if (folder / "MLmodel").is_file():
        from holdfast.models.mlflow import mlflow_model

        inner = mlflow_model(folder)
        return _from_path(str(inner.path), trust, told._replace(features=told.features or inner.features))
    if (folder / "saved_model.pb").is_file():
        from holdfast.models.savedmodel import load_savedmodel

        return load_savedmodel(folder, told.features, told.positive, told.task, told.classes)
    raise ModelError(f"{folder} is no model folder: it has neither MLmodel (MLflow) nor saved_model.pb (TensorFlow)")


def _trusted(trust: bool, reason: str) -> None:
    if not trust:
        raise ModelError(f"{reason}. If you know where it comes from, say so with --trust (in Python: trust=True)")


def _unpickled(file: Path) -> Any:
    """What a pickle holds; joblib reads plain pickles too."""
    try:
        import joblib
    except ModuleNotFoundError:
        raise MissingExtraError("joblib", "sklearn", f"Reading {file}") from None
    try:
        return joblib.load(file)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{file} needs the package {error.name!r}, which is not installed: install what it was made with"
        ) from error
    except Exception as error:
        raise ModelError(
            f"{file} cannot be unpickled ({type(error).__name__}): it is damaged, or was made with other versions of its packages"
        ) from error
