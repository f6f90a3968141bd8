"""MLflow model folders, read without MLflow: find the native model, and the names of its features."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from holdfast.errors import ModelError

NATIVE = ("onnx", "lightgbm", "xgboost", "sklearn", "pytorch", "tensorflow")
"""Flavours that are known, the safest to read first."""

FILES = {"onnx": "data", "lightgbm": "data", "xgboost": "data", "sklearn": "pickled_model", "pytorch": "model_data"}
"""Key of a flavour that names its file or folder."""

CHOICES = {"pytorch": ("model.pt2", "model.pt", "model.pth"), "tensorflow": ("model", "tf2model", "")}
"""Names inside the folder, where the flavour names a folder."""


class MlflowModel(NamedTuple):
    """Where the native model lies, and the features that the signature names."""

    flavour: str
    path: Path
    features: tuple[str, ...] | None


def mlflow_model(folder: Path) -> MlflowModel:
    """The native model of an MLflow folder.

    Raises
    ------
    ModelError
        When `MLmodel` has no flavour that is known, or its file is not there.
    """
    held = parsed((folder / "MLmodel").read_text(encoding="utf-8"))
    flavours = held.get("flavors")
    known = [name for name in NATIVE if isinstance(flavours, Mapping) and name in flavours]
    if not known:
        names = ", ".join(flavours) if isinstance(flavours, Mapping) else "none"
        raise ModelError(f"{folder / 'MLmodel'} has the flavours {names}; known are {', '.join(NATIVE)}")
    flavour = known[0]
    assert isinstance(flavours, Mapping)
    options = flavours[flavour] if isinstance(flavours[flavour], Mapping) else {}
    root = folder / str(options.get(FILES.get(flavour, ""), "" if flavour in CHOICES else "model"))
    tried = [root / name for name in CHOICES[flavour]] if flavour in CHOICES else [root]
    inside = [path for path in tried if path.exists() and path.resolve().is_relative_to(folder.resolve())]
    if flavour == "tensorflow":
        inside = [path for path in inside if (path / "saved_model.pb").is_file()]
    if not inside:
        raise ModelError(f"the {flavour} model of {folder} is not there: {tried[0].relative_to(folder)} is missing")
    return MlflowModel(flavour, inside[0], _features(held))


def parsed(text: str) -> dict[str, Any]:
    r"""The part of YAML that MLflow writes: nested mappings of plain and quoted scalars; lists are left out.

    Examples
    --------
    >>> parsed("flavors:\n  sklearn:\n    pickled_model: model.pkl\nrun_id: 'a1'\n")
    {'flavors': {'sklearn': {'pickled_model': 'model.pkl'}}, 'run_id': 'a1'}
    """
    root: dict[str, Any] = {}
    open_mappings: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    unfinished: tuple[dict[str, Any], str] | None = None
    for line in text.splitlines():
        content = line.strip()
        if unfinished is not None:  # a quoted scalar over several lines: a line break stands for a space
            held, name = unfinished
            held[name] = f"{held[name]} {content}"
            unfinished = (held, name) if _is_open(held[name]) else None
            continue
        key, colon, value = content.partition(":")
        if not content or content.startswith(("#", "- ")) or not colon:
            continue
        indent = len(line) - len(line.lstrip())
        while open_mappings[-1][0] >= indent:
            open_mappings.pop()
        parent = open_mappings[-1][1]
        if not value.strip():
            parent[key] = {}
            open_mappings.append((indent, parent[key]))
            continue
        parent[key] = value.strip()
        unfinished = (parent, key) if _is_open(parent[key]) else None
    return _unquoted(root)


def _is_open(value: str) -> bool:
    """Whether a scalar starts with a quote that does not end in it."""
    plain = value.replace("\\\\", "").replace('\\"', "") if value.startswith('"') else value
    return value[:1] in {"'", '"'} and plain.count(value[0]) % 2 == 1


def _unquoted(held: dict[str, Any]) -> dict[str, Any]:
    """Scalars without the quotes around them."""
    plain: dict[str, Any] = {}
    for key, value in held.items():
        if isinstance(value, dict):
            plain[key] = _unquoted(value)
        elif value.startswith("'") and value.endswith("'") and len(value) > 1:
            plain[key] = value[1:-1].replace("''", "'")
        elif value.startswith('"') and value.endswith('"') and len(value) > 1:
            plain[key] = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        else:
            plain[key] = value
    return plain


def _features(held: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Names of the columns in the signature's inputs; None where it has none."""
    signature = held.get("signature")
    if not isinstance(signature, Mapping):
        return None
    try:
        columns = json.loads(signature.get("inputs", ""))
        return tuple(str(column["name"]) for column in columns)
    except (ValueError, KeyError, TypeError):  # tensors, or columns without names
        return None
