"""`docs/configuration.md` has every key of `holdfast.toml`, with its default, and what it shows can be read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from holdfast import config
from holdfast.checks.limits import ReleaseLimits

PAGE = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")

SECTIONS: dict[str, list[type]] = {
    "data": [config.Data],
    "model": [config.ModelSource],
    "split": [config.Splitting],
    "policy": [config.Deciding],
    "uncertainty": [config.Uncertainty],
    "slices": [config.Slices],
    "explain": [config.Explaining],
    "gate": [config.Gate, config.Limit, ReleaseLimits],
    "monitor": [config.Monitoring],
    "store": [config.Store],
}


def written(default: object) -> str:
    match default:
        case None:
            return "none"
        case bool():
            return str(default).lower()
        case float() | int():
            return f"{default:g}"
        case str():
            return f'"{default}"'
        case ReleaseLimits():
            return "see below"
        case (config.Limit(metric="objective", against="simple"),):
            return "the objective against the simple baseline"
    assert not default
    return "empty"


def default_of(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    factory = field.default_factory
    return written(field.default if factory is msgspec.NODEFAULT else factory())


def test_every_section_is_there() -> None:
    headings = re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)
    fields = [field.name for field in msgspec.structs.fields(config.Project)]
    plain = {"name", "intended_use", "folder"}
    sections = [field for field in fields if field not in plain]
    assert all(f"`{name}`" in PAGE for name in plain - {"folder"})
    assert headings == sections
    assert set(SECTIONS) == set(sections) - {"objective", "checks"}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_documented_with_its_default(section: str) -> None:
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \| ([^|]*?) \|", text, re.MULTILINE)
    fields = [field for record in SECTIONS[section] for field in msgspec.structs.fields(record)]
    assert dict(found) == {field.name: default_of(field) for field in fields}
    assert len(found) == len(fields)


def test_what_the_page_shows_can_be_read() -> None:
    least, limits = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    project = config.project_of(tomllib.loads(least + limits))
    assert project.gate.limits[1].slice == {"channel": "online"}
