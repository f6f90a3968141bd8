"""How two records differ, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from holdfast.releases.folder import SealedFolder

Scalar = str | float | int | bool | None
_NAMES = ("key", "name")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A value before and after; None where there is none."""

    name: str
    before: Scalar
    after: Scalar


class ReleaseDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How a release differs from another: files by SHA-256, parts of the data by digest, packages by version."""

    before: str
    after: str
    files: tuple[Change, ...]
    data: tuple[Change, ...]
    environment: tuple[Change, ...]


def changes(before: Mapping[str, Scalar], after: Mapping[str, Scalar]) -> tuple[Change, ...]:
    """The values that differ, sorted by name.

    Examples
    --------
    >>> changes({"a": 1, "b": 2}, {"b": 3, "c": 4})
    (Change(name='a', before=1, after=None), Change(name='b', before=2, after=3), Change(name='c', before=None, after=4))
    """
    return tuple(
        Change(name=name, before=before.get(name), after=after.get(name))
        for name in sorted({*before, *after})
        if name not in before or name not in after or before[name] != after[name]
    )


def compare_releases(before: SealedFolder, after: SealedFolder) -> ReleaseDifference:
    """How a release differs from another one in files, data and environment."""
    first, second = before.manifest, after.manifest
    return ReleaseDifference(
        before=before.name,
        after=after.name,
        files=changes(*({name: file.sha256 for name, file in m.files.items()} for m in (first, second))),
        data=changes(first.origin.data, second.origin.data),
        environment=changes(*(_environment(m.origin.environment) for m in (first, second))),
    )


def _environment(environment: Any) -> dict[str, Scalar]:
    return {"python": environment.python, "platform": environment.platform, **environment.packages}


def flat(value: Any) -> dict[str, Scalar]:
    """The single values in nested mappings and lists, by their path.

    Records in a list that have a `key` or a `name` go by it, so that one more of them does not move the others.

    Examples
    --------
    >>> flat({"metrics": [{"key": "auc", "value": 0.9}], "folds": [1, 2]})
    {'metrics.auc.value': 0.9, 'folds.0': 1, 'folds.1': 2}
    """
    return dict(_walk(value, ""))


def _walk(value: Any, path: str) -> Iterator[tuple[str, Scalar]]:
    match value:
        case Mapping():
            parts = value.items()
        case list() | tuple():
            parts = _named(value)
        case _:
            yield path, value
            return
    for name, part in parts:
        yield from _walk(part, f"{path}.{name}" if path else str(name))


def _named(values: list[Any] | tuple[Any, ...]) -> Any:
    for field in _NAMES:
        if all(isinstance(v, Mapping) and isinstance(v.get(field), str) for v in values):
            names = [v[field] for v in values]
            if len(set(names)) == len(names):
                rest = ({k: part for k, part in v.items() if k != field} for v in values)
                return zip(names, rest, strict=True)
    return enumerate(values)
