"""A place is named by a path or a URI."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.releases.local import LocalFolder
from holdfast.releases.places import place
from holdfast.releases.store import open_store


def test_paths_and_file_uris_are_local_folders(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    for location in (folder, str(folder), folder.as_uri()):
        assert place(location) == LocalFolder(folder)
    assert place(LocalFolder(folder)) == LocalFolder(folder)


def test_a_store_may_be_named_by_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_store("releases").root.child("x").draft() as draft:
        draft.commit("last", b"")
    assert (tmp_path / "releases" / "x" / "last").exists()
