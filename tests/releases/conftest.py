"""What the tests of releases share: an origin, and a root of each kind."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyarrow import fs

from holdfast.releases.local import LocalFolder
from holdfast.releases.manifest import Environment, Origin
from holdfast.releases.places import Place
from holdfast.releases.remote import RemoteFolder


@pytest.fixture
def origin() -> Origin:
    return Origin(
        created=datetime(2025, 3, 1, 12, tzinfo=UTC),
        author="ada",
        commit="0" * 40,
        environment=Environment(python="3.12.1", platform="Linux", packages={"numpy": "2.0.0"}),
        data={"test": "rows1:ab"},
    )


@pytest.fixture(params=["local", "arrow"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A local folder, and the same through Arrow's file system, as an object store would be."""
    path = tmp_path / "root"
    return LocalFolder(path) if request.param == "local" else RemoteFolder(fs.LocalFileSystem(), str(path))
