"""Holdfast takes a trained tabular model from a notebook to production and keeps it true there.

>>> import holdfast as hf
>>> hf.compare({"x": [1, 2, 3] * 100}, {"x": [1, 2, 3] * 100}).passed
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.checks.context import ColumnLimits, Settings
    from holdfast.comparison import Result, compare, profile_table
    from holdfast.config import Project, load_project, project_of
    from holdfast.errors import (
        BookError,
        HoldfastError,
        InputError,
        MissingExtraError,
        ModelError,
        ProfileError,
        ReleaseError,
        SettingError,
    )
    from holdfast.gate.evaluate import evaluate
    from holdfast.gate.evaluation import Evaluation
    from holdfast.log.reading import PredictionLog, open_log
    from holdfast.models.loading import load_model
    from holdfast.monitoring.monitor import monitor
    from holdfast.monitoring.result import Monitored
    from holdfast.monitoring.skew.skew import skew
    from holdfast.monitoring.skew.skewed import Skew
    from holdfast.profile.codec import load_profile, save_profile
    from holdfast.profile.table import Profile
    from holdfast.records import Finding, Severity, Status
    from holdfast.released import ReleasedModel, load_release
    from holdfast.releases.folder import SealedFolder, open_release
    from holdfast.releases.store import open_store
    from holdfast.schema import Column, Kind, Role, Schema, infer
    from holdfast.seal.release import release
    from holdfast.tables import Table, open_table

__version__ = "0.1.0"

__all__ = [
    "BookError",
    "Column",
    "ColumnLimits",
    "Evaluation",
    "Finding",
    "HoldfastError",
    "InputError",
    "Kind",
    "MissingExtraError",
    "ModelError",
    "Monitored",
    "PredictionLog",
    "Profile",
    "ProfileError",
    "Project",
    "ReleaseError",
    "ReleasedModel",
    "Result",
    "Role",
    "Schema",
    "SealedFolder",
    "SettingError",
    "Settings",
    "Severity",
    "Skew",
    "Status",
    "Table",
    "compare",
    "evaluate",
    "infer",
    "load_model",
    "load_profile",
    "load_project",
    "load_release",
    "monitor",
    "open_log",
    "open_release",
    "open_store",
    "open_table",
    "profile_table",
    "project_of",
    "release",
    "save_profile",
    "skew",
]

_HOMES = {
    "checks.context": ["ColumnLimits", "Settings"],
    "comparison": ["Result", "compare", "profile_table"],
    "config": ["Project", "load_project", "project_of"],
    "errors": [
        "BookError",
        "HoldfastError",
        "InputError",
        "MissingExtraError",
        "ModelError",
        "ProfileError",
        "ReleaseError",
        "SettingError",
    ],
    "gate.evaluate": ["evaluate"],
    "gate.evaluation": ["Evaluation"],
    "log.reading": ["PredictionLog", "open_log"],
    "models.loading": ["load_model"],
    "monitoring.monitor": ["monitor"],
    "monitoring.result": ["Monitored"],
    "monitoring.skew.skew": ["skew"],
    "monitoring.skew.skewed": ["Skew"],
    "profile.codec": ["load_profile", "save_profile"],
    "profile.table": ["Profile"],
    "records": ["Finding", "Severity", "Status"],
    "released": ["ReleasedModel", "load_release"],
    "releases.folder": ["SealedFolder", "open_release"],
    "releases.store": ["open_store"],
    "schema": ["Column", "Kind", "Role", "Schema", "infer"],
    "seal.release": ["release"],
    "tables": ["Table", "open_table"],
}
"""Where each public name lives; it is loaded when it is first asked for, so that `import holdfast` costs next to nothing."""


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
    value = getattr(import_module(f"holdfast.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
