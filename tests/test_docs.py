"""The documentation is complete, its links lead somewhere, and its commands print what it says they print."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer

import holdfast
from holdfast.checks.catalogue import RELEASE
from holdfast.checks.context import ColumnLimits, Settings
from holdfast.checks.limits import ReleaseLimits
from holdfast.cli import app
from holdfast.explain.signals import SignalLimits
from holdfast.gate.catalogue import SEVERITIES, TITLES
from holdfast.testing.transactions import demo_tables

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
INDEX, SETTINGS = ((DOCS / name).read_text(encoding="utf-8") for name in ("index.md", "settings.md"))

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def _anchors(page: Path) -> set[str]:
    """What a link may name after `#`: the headings, in lower case, without punctuation, with hyphens for spaces."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


# What must be there


def test_every_check_has_a_page_and_every_page_a_check() -> None:
    assert {page.stem for page in (DOCS / "checks").glob("*.md")} == set(TITLES)


@pytest.mark.parametrize("code", TITLES)
def test_a_check_page_has_the_sections_that_a_reader_looks_for(code: str) -> None:
    text = (DOCS / "checks" / f"{code}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert text.startswith(f"# {code}: {TITLES[code][0].lower()}{TITLES[code][1:]}\n")
    assert headings == ["How it is computed", "Limit", "Statuses", "Example", "What to do"]
    if code in SEVERITIES:
        assert f"Severity: {SEVERITIES[code]}." in text


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_relative_to(DOCS)], ids=_name)
def test_the_index_leads_to_every_page(page: Path) -> None:
    assert page == DOCS / "index.md" or f"]({page.relative_to(DOCS).as_posix()})" in INDEX


@pytest.mark.parametrize("name", holdfast.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert re.search(rf"^\| `{name}[`(]", INDEX, re.MULTILINE)


PARTS = {name for name in dir(holdfast.Result) if not name.startswith("_")} | {f.name for f in fields(holdfast.Result)}


@pytest.mark.parametrize("field", sorted(PARTS))
def test_every_part_of_a_result_is_documented(field: str) -> None:
    assert re.search(rf"^\| `{field}[`(]", INDEX, re.MULTILINE)


def _commands() -> dict[str, Any]:
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return commands


@pytest.mark.parametrize("command", _commands())
def test_every_command_and_option_is_documented(command: str) -> None:
    _, _, section = INDEX.partition(f"### holdfast {command}\n")
    section = section.partition("\n#")[0]
    options = [
        name
        for p in _commands()[command].params
        for name in (p.opts if p.param_type_name == "option" else [p.name.upper()]) + p.secondary_opts
    ]
    missing = [name for name in options if not re.search(rf"`[^`]*(?<![\w-]){name}(?![\w-])[^`]*`", section)]
    assert section
    assert missing == []


def _as_written(default: object) -> str:
    match default:
        case None:
            return "none"
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case tuple() | dict():
            return "empty"
        case _:
            return f'"{default}"'


@pytest.mark.parametrize("record", [Settings, ColumnLimits])
def test_every_setting_is_documented_with_its_default(record: type) -> None:
    defaults = {name: getattr(record(), name) for name in record.__struct_fields__}  # type: ignore[attr-defined]
    rows = dict(
        re.findall(
            r"^\| `(\w+)` \| ([^|]*?) \|",
            SETTINGS.partition("## Settings of one column")[2 if record is ColumnLimits else 0],
            re.MULTILINE,
        )
    )
    assert rows == {name: _as_written(default) for name, default in defaults.items()}


# What must be right


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_defaults_that_a_page_names_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`(\w+)`\s+\(default ([^)]*)\)", text)
    limits: Any = SignalLimits() if page.stem.startswith("explain.") else Settings()
    if page.stem in RELEASE:
        limits = ReleaseLimits()
    assert named == [(name, _as_written(getattr(limits, name))) for name, _ in named]


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(f"{target}#{anchor}" if anchor else target)
    assert broken == []


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two tables of the docs: generated card transactions of eight weeks and of the next one."""
    folder = tmp_path_factory.mktemp("tables")
    for name, table in zip(("reference", "current"), demo_tables(), strict=True):
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page, "console")], ids=_name)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, tables: Path, tmp_path: Path) -> None:
    """Each line after `$` is run by a shell, in a folder with the two tables and the page's TOML as settings.toml."""
    shutil.copytree(tables, tmp_path, dirs_exist_ok=True)
    for settings in _blocks(page, "toml"):
        (tmp_path / "settings.toml").write_text(settings, encoding="utf-8")
    command = tmp_path / "bin" / "holdfast"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m holdfast "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    source = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": source,
        "COLUMNS": "100",
        "TERM": "dumb",
    }
    checker = doctest.OutputChecker()
    for block in _blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = part.partition("\n")
            done = subprocess.run(
                line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            printed = "\n".join(text.rstrip() for text in (done.stdout + done.stderr).splitlines()) + "\n"
            assert checker.check_output(
                _sized(shown), _sized(printed), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            ), f"{_name(page)}: `{line}` printed\n{printed}"


def _sized(text: str) -> str:
    """Without sizes of files, which depend on the version of the compressor."""
    return re.sub(r"\([\d,]+ kB\)", "(size)", text)


def test_nothing_names_a_machine_or_a_registry() -> None:
    """Tracked text holds no absolute path of somebody's machine and no address of a package index."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of tracked files")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # Written in pieces, so that this file does not name what it looks for.
    machine = "|".join(["/" + "home/", "/" + "Users/", "/" + "root/", "/" + "work/", "[A-Z]:" + r"\\Users"])
    registry = "|".join(["pypi" + r"\.", "python" + "hosted", "npm" + "js", "index" + "-url", "artifact" + "ory"])
    found = []
    for name in filter(None, listed.split("\0")):
        file = ROOT / name
        if not file.is_file() or b"\0" in (data := file.read_bytes()):
            continue
        if hit := re.search(f"{machine}|{registry}", data.decode("utf-8", "replace")):
            found.append(f"{name}: {hit[0]}")
    assert found == []
