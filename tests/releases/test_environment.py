"""An origin describes the process, the user and the commit."""

from __future__ import annotations

import platform
import re
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from holdfast.releases.environment import author, environment, git_commit, origin


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_the_environment_is_this_one() -> None:
    found = environment()
    assert found.python == platform.python_version()
    assert found.packages["pyarrow"] == version("pyarrow")
    assert list(found.packages) == sorted(found.packages, key=str.lower)


def test_the_commit_is_that_of_the_folder(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert git_commit(tmp_path) is None
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "--quiet", "--message=first")
    git(tmp_path, "tag", "v1")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert re.fullmatch("[0-9a-f]{40}", head)
    assert git_commit(tmp_path) == head
    (tmp_path / "a").write_text("2")
    assert git_commit(tmp_path) == f"{head}-dirty"


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit() is None


def test_the_author_is_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "grace")
    assert author() == "grace"
    assert origin(by="ada").author == "ada"


def test_an_origin_is_of_now(tmp_path: Path) -> None:
    made = origin({"train": "rows1:1"}, code=tmp_path)
    assert abs(made.created - datetime.now(UTC)) < timedelta(minutes=1)
    assert (made.data, made.commit) == ({"train": "rows1:1"}, None)
