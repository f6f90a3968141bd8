"""The case studies run on real files, each page in a folder of its own that has them; without the files they are skipped."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

HERE = Path(__file__).parent
DATA = Path(os.environ.get("HOLDFAST_DATA") or HERE.parents[1] / "../shared/data").resolve()
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the pages as tests that need the real files."""
    missing = pytest.mark.skipif(
        not DATA.is_dir(), reason=f"there is no folder {DATA}: set HOLDFAST_DATA to the real files"
    )
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.data)
            item.add_marker(missing)


@pytest.fixture(autouse=True)
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's folder: the real files, and the page's TOML as holdfast.toml."""
    for file in DATA.glob("*.parquet"):
        (tmp_path / file.name).symlink_to(file)
    if found := TOML.search(request.path.read_text(encoding="utf-8")):
        (tmp_path / "holdfast.toml").write_text(found[1], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    # Tests run side by side: models that wait for threads on busy cores take many times as long. The variable is for
    # libraries that the page loads first.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with threadpool_limits(1, "openmp"):
        yield
