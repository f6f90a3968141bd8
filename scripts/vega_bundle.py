"""Build hook: puts the Vega bundle that makes reports work offline into the package, with its licences."""

from __future__ import annotations

import gzip
from pathlib import Path
from textwrap import dedent
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("src/holdfast/report/static")

_ISC = """Permission to use, copy, modify, and/or distribute this software for any purpose
with or without fee is hereby granted, provided that the above copyright notice
and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND
FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS
OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER
TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF
THIS SOFTWARE."""

_BSD = """Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.
{third}
THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE."""

_BSD3 = _BSD.format(
    third="""
3. Neither the name of the copyright holder nor the names of its contributors
   may be used to endorse or promote products derived from this software
   without specific prior written permission.
"""
)

_MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of
this software and associated documentation files (the "Software"), to deal in
the Software without restriction, including without limitation the rights to
use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of
the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""

_APACHE = """Licensed under the Apache License, Version 2.0 (the "License"); you may not use
these files except in compliance with the License. You may obtain a copy of the
License at http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software distributed
under the License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR
CONDITIONS OF ANY KIND, either express or implied. See the License for the
specific language governing permissions and limitations under the License."""

_LICENCES = {
    "BSD-3-Clause": (
        _BSD3,
        """
        Vega: Copyright (c) 2015-2025, University of Washington Interactive Data Lab;
            Copyright (c) 2013, Trifacta Inc.
        Vega-Lite: Copyright (c) 2015-2025, University of Washington Interactive Data Lab
        vega-embed, vega-interpreter, vega-themes, vega-tooltip: Copyright (c) 2015-2025, University of Washington
            Interactive Data Lab
        d3-cloud (in vega-wordcloud): Copyright (c) 2013, Jason Davies
        science.js (in vega-statistics): Copyright (c) 2011, Jason Davies
        """,
    ),
    "BSD-2-Clause": (
        _BSD.format(third=""),
        """
        Esprima (in vega-expression): Copyright (C) 2011-2013 Ariya Hidayat, Thaddee Tyl, Mathias Bynens,
            Joost-Wim Boekesteijn, Kris Kowal, Yusuke Suzuki, Arpad Borsos
        """,
    ),
    "ISC": (
        _ISC,
        """
        d3-array, d3-color, d3-dispatch, d3-dsv, d3-force, d3-format, d3-geo, d3-geo-projection, d3-hierarchy,
            d3-interpolate, d3-path, d3-quadtree, d3-scale, d3-scale-chromatic, d3-shape, d3-time, d3-time-format,
            d3-timer: Copyright 2010-2024 Mike Bostock
        d3-delaunay: Copyright 2018-2021 Observable, Inc.; Copyright 2021 Mapbox
        delaunator: Copyright (c) 2021, Mapbox
        internmap: Copyright 2021 Mike Bostock
        semver (in vega-embed): Copyright (c) Isaac Z. Schlueter and Contributors
        topojson-client: Copyright 2012-2019 Michael Bostock
        """,
    ),
    "MIT": (
        _MIT,
        """
        fabric.js (in vega-scenegraph): Copyright (c) 2008-2015 Printio (Juriy Zaytsev, Maxim Chernyak)
        fast-json-patch (in vega-embed): Copyright (c) 2013, 2014, 2020 Joachim Wester and contributors
        GeographicLib (in d3-geo): Copyright 2008-2012 Charles Karney
        json-stringify-pretty-compact (in vega-embed): Copyright (c) 2014-2024 Simon Lydell
        """,
    ),
    "Apache-2.0": (
        _APACHE,
        """
        ColorBrewer colour schemes (in vega-scale): Copyright (c) 2002 Cynthia Brewer, Mark Harrower, and
            The Pennsylvania State University
        """,
    ),
    "Public domain (Unlicense)": ("", "robust-predicates (in delaunator): Vladimir Agafonkin, after Jonathan Shewchuk"),
}


def licences() -> str:
    """Notices of the works in the bundle."""
    parts = (f"--- {name} ---\n\n{dedent(works).strip()}\n\n{text}" for name, (text, works) in _LICENCES.items())
    return "\n\n".join(["The charts of a report are drawn by these works.", *parts]).rstrip() + "\n"


def write_bundle(folder: Path) -> None:
    """Write `vega.js.gz` (Vega, Vega-Lite and vega-embed as one script, licences in front) and `vega-licences.txt`.

    vl-convert carries the scripts, so nothing is downloaded.
    """
    import vl_convert

    folder.mkdir(parents=True, exist_ok=True)
    notices = licences()
    (folder / "vega-licences.txt").write_text(notices, encoding="utf-8")
    code = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # In a function, so that the bundle's one-letter names stay out of the page.
    script = f'/*!\n{notices}*/\n(() => {{"use strict";\n{code}\n}})();\n'
    # mtime=0: the same bundle gives the same bytes.
    (folder / "vega.js.gz").write_bytes(gzip.compress(script.encode(), compresslevel=9, mtime=0))


class VegaBundle(BuildHookInterface):  # type: ignore[misc]  # hatchling ships no types
    """Writes the bundle before the package is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        """Write the bundle into the tree that is built."""
        write_bundle(Path(self.root) / STATIC)


if __name__ == "__main__":
    write_bundle(Path(__file__).parent.parent / STATIC)
