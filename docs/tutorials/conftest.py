"""The tutorials run as they stand, each in a folder of its own that has the page's TOML as holdfast.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def tutorial(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's folder."""
    for package in ("sklearn", "skl2onnx", "onnxruntime"):
        pytest.importorskip(package, reason="needs the extras `sklearn` and `serve`")
    if found := TOML.search(request.path.read_text(encoding="utf-8")):
        (tmp_path / "holdfast.toml").write_text(found[1], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    # Tests run side by side: models that wait for threads on busy cores take many times as long.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with threadpool_limits(1, "openmp"):
        yield
