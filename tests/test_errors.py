"""A missing package is named with the extra that brings it."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import holdfast
from holdfast.errors import MissingExtraError

ROOT = Path(holdfast.__file__).parent
EXTRAS = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def brought(extra: str) -> set[str]:
    """Names of the packages of an extra, and of the extras that it stands on."""
    found = set()
    for line in EXTRAS[extra]:
        name, _, others = line.partition(">=")[0].partition("[")
        inner = [other for other in others.rstrip("]").split(",") if other]
        found |= {name}.union(*(brought(other) for other in inner))
    return found


def named() -> Iterator[tuple[str, str, str]]:
    """File, package and extra of each error that names both in so many words."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "MissingExtraError":
                package, extra, *_ = node.args
                if isinstance(package, ast.Constant) and isinstance(extra, ast.Constant):
                    yield path.relative_to(ROOT).as_posix(), str(package.value), str(extra.value)


@pytest.mark.parametrize(("file", "package", "extra"), list(named()))
def test_the_extra_brings_the_package(file: str, package: str, extra: str) -> None:
    assert package in brought(extra), f"{file}: holdfast[{extra}] does not install {package}"


def test_the_message_says_what_to_install() -> None:
    assert str(MissingExtraError("deltalake", "delta", "Reading a Delta table")) == (
        "Reading a Delta table needs the package 'deltalake': pip install 'holdfast[delta]'"
    )


def test_every_extra_but_the_aliases_is_in_all() -> None:
    assert set(EXTRAS) - {"all", "tensorflow", "sqlite", "postgres"} == {
        name for line in EXTRAS["all"] for name in line.removeprefix("holdfast[").rstrip("]").split(",")
    }
