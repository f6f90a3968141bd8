"""The models and versions that a server is asked to serve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from holdfast.errors import ReleaseError, SettingError
from holdfast.names import ended, meant
from holdfast.releases.store import Store
from holdfast.site import Served


def asked(names: Iterable[str]) -> dict[str, set[int]]:
    """Versions that are to answer beside the champion, by model.

    Examples
    --------
    >>> asked(["fraud", "churn/2", "churn/3"])
    {'fraud': set(), 'churn': {2, 3}}
    """
    found: dict[str, set[int]] = {}
    for name in names:
        model, slash, version = name.partition("/")
        if slash and not (version.isascii() and version.isdigit()):
            raise SettingError(f"Expected a model, or model/version such as fraud/3; got {name!r}.")
        found.setdefault(model, set()).update([int(version)] if slash else [])
    return found


def check_known(store: Store, names: Iterable[str]) -> None:
    """Refuse names of which there is no release.

    Raises
    ------
    SettingError
        A name is none of a model, or of a version.
    ReleaseError
        The model or the version has no release; the message tells those that have.
    """
    for model, versions in asked(names).items():
        store.latest(model)
        known = store.versions(model)
        if unknown := sorted(versions.difference(known)):
            there = ", ".join(map(str, known))
            raise ReleaseError(f"There is no version {unknown[0]} of {model!r} in {store.root}; versions: {there}.")


def check_rules(store: Store, rules: Mapping[str, Served]) -> None:
    """Refuse rules of `site.toml` for models and columns that no release has.

    A personal column whose name is mistyped would be logged.

    Raises
    ------
    SettingError
        The message tells the name, and the nearest one that there is.
    """
    for model in rules:
        if not store.versions(model):
            raise SettingError(f"[models.{model}] of site.toml is of no release: {ended(meant(model, store.models()))}")
    for model, served in rules.items():
        columns = _columns(store, model) if served.left_out or served.hashed else []
        for key, names in (("left_out", served.left_out), ("hashed", served.hashed)):
            if unknown := [name for name in names if name not in columns]:
                told = ended(meant(unknown[0], columns))
                raise SettingError(f"{key} of [models.{model}]: {unknown[0]!r} is no column of a release: {told}")


def _columns(store: Store, model: str) -> list[str]:
    """Names of the columns of all releases of a model; what is wrong with a release is told when it is loaded."""
    from holdfast.released import SCHEMA
    from holdfast.schema import Schema

    found: set[str] = set()
    for version in store.versions(model):
        with suppress(ReleaseError):
            found |= {column.name for column in Schema.from_json(store.get(model, version).read(SCHEMA)).columns}
    return sorted(found)
