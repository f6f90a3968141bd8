"""The models and versions that a server is asked to serve."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.errors import ReleaseError, SettingError
from holdfast.releases.store import Store


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
