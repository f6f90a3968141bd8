"""TensorFlow SavedModels, in a virtual environment of their own that is made when first needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from holdfast.errors import ModelError
from holdfast.models import savedmodel_worker
from holdfast.models.onnx_file import load_onnx, resealed
from holdfast.models.onnx_model import OnnxModel
from holdfast.models.protocol import FittedModel, Task
from holdfast.models.session import OnnxSession, tensor

REQUIREMENTS = (
    "tensorflow-cpu==2.21.0; sys_platform != 'darwin'",
    "tensorflow==2.21.0; sys_platform == 'darwin'",
    "tf2onnx==1.17.0",
)
PYTHONS = ("3.13", "3.12", "3.11")
"""That TensorFlow has packages for."""

INSTALL_SECONDS = 1800.0
RUN_SECONDS = 600.0


class SavedModel(NamedTuple):
    """A folder, and what tf2onnx made of it."""

    folder: Path
    onnx: OnnxSession


def load_savedmodel(
    folder: Path,
    features: Sequence[str] | None = None,
    positive: Any | None = None,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
) -> FittedModel:
    """A folder with `saved_model.pb`, by its signature `serving_default`.

    It is converted here, which tells its inputs and outputs; TensorFlow itself scores rows, in its own process.

    Parameters
    ----------
    features, positive, task, classes
        As for an ONNX file (`load_onnx`).

    Raises
    ------
    ModelError
        When TensorFlow cannot be installed or cannot convert it.
    SettingError
        When features, task or classes are needed.
    """
    python = environment()
    with tempfile.TemporaryDirectory(prefix="holdfast-savedmodel-") as work:
        file = Path(work) / "model.onnx"
        _run(python, f"convert {folder}", "convert", str(folder), str(file))
        session = load_onnx(file.read_bytes(), features, positive, task, classes, family="savedmodel")
    native = SavedModel(folder, session)

    def run(rows: pa.Table) -> Any:
        return _scores(python, native, rows)

    place = 1 if session.signature.column is None else session.signature.column
    return FittedModel("savedmodel", session.task, session.classes, session.features, native, run, place)


def savedmodel_to_onnx(model: FittedModel, sample: pa.Table) -> OnnxModel:
    """What tf2onnx made of it when it was loaded."""
    del sample  # the inputs are TensorFlow's
    return resealed(model.native.onnx)


def environment() -> Path:
    """The Python of TensorFlow's environment, made on first use under the user's cache folder.

    Raises
    ------
    ModelError
        When there is no Python that TensorFlow supports, or it cannot be installed.
    """
    python = _supported_python()
    tag = hashlib.sha256("\n".join((python, *REQUIREMENTS)).encode()).hexdigest()[:12]
    home = _cache() / f"tensorflow-{tag}"
    inside = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (home / "ready").exists():
        return inside
    home.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix="tensorflow-", dir=home.parent))
    try:
        subprocess.run([python, "-m", "venv", str(building)], check=True, capture_output=True)  # noqa: S603
        pip = [str(building / inside.relative_to(home)), "-m", "pip", "install", "--quiet", *REQUIREMENTS]
        subprocess.run(pip, check=True, capture_output=True, timeout=INSTALL_SECONDS)  # noqa: S603
        (building / "ready").touch()
        building.rename(home)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(building, ignore_errors=True)
        if (home / "ready").exists():  # another process was faster
            return inside
        raise ModelError(
            f"TensorFlow could not be installed into {home} ({type(error).__name__}); its packages must be reachable by pip. "
            "Or convert the model yourself with tf2onnx and give the .onnx file"
        ) from error
    return inside


def _supported_python() -> str:
    """This Python, or another on the path, that TensorFlow has packages for."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" in PYTHONS:
        return sys.executable
    for version in PYTHONS:
        if found := shutil.which(f"python{version}"):
            return found
    raise ModelError(f"TensorFlow needs Python {', '.join(PYTHONS)}; install one, or give the model as .onnx")


def _cache() -> Path:
    """The user's cache folder."""
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "holdfast"


def _scores(python: Path, native: SavedModel, rows: pa.Table) -> Any:
    """Scores by TensorFlow itself."""
    signature = native.onnx.signature
    with tempfile.TemporaryDirectory(prefix="holdfast-savedmodel-") as work:
        inputs, output = Path(work) / "inputs.npz", Path(work) / "scores.npy"
        tensors: dict[str, Any] = {piece.name: tensor(rows, piece, signature.null_text) for piece in signature.inputs}
        np.savez(inputs, allow_pickle=False, **tensors)
        _run(python, "score rows", "predict", str(native.folder), signature.output, str(inputs), str(output))
        scores = np.load(output, allow_pickle=False)
    return scores if signature.column is None else scores[:, signature.column]


def _run(python: Path, what: str, *arguments: str) -> None:
    """Run the worker."""
    command = [str(python), savedmodel_worker.__file__, *arguments]
    # TensorFlow must not see this process's packages, nor write its notes over ours.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(command, env=env, capture_output=True, timeout=RUN_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise ModelError(f"TensorFlow took more than {RUN_SECONDS:g} s to {what} and was stopped") from None
    if done.returncode:
        raise ModelError(
            f"TensorFlow could not {what} (exit code {done.returncode}); it needs the signature "
            f"{savedmodel_worker.SIGNATURE!r} with tensors of numbers"
        )
