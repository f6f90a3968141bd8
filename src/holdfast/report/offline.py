"""One HTML file that works without a network: its style, its scripts and the bundle that draws charts are all inside."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from holdfast.records import Status
from holdfast.report import estimates, words

_HERE = Path(__file__).parent
_BUNDLE = _HERE / "static" / "vega.js.gz"

# A sign and a word for each status, so that none is told by colour alone.
STATUS = {
    Status.FAIL: ("✕", "Fail"),
    Status.WARN: ("!", "Warning"),
    Status.ERROR: ("⊘", "Error"),
    Status.INCONCLUSIVE: ("?", "Inconclusive"),
    Status.PASS: ("✓", "Pass"),
    Status.NOT_APPLICABLE: ("–", "Not applicable"),
    Status.SKIPPED: ("–", "Skipped"),
}


def document(
    template: str, *, style: str, scripts: tuple[str, ...] = (), charts: object = None, **values: object
) -> str:
    """A whole page, from a template that extends `base.html.j2`.

    Parameters
    ----------
    template
        Its name.
    style, scripts
        Names of our own files in `static`.
    charts
        What `charts.js` draws; left out where the package was not built. None: the page has no charts.
    values
        What else the template names.
    """
    bundle = None if charts is None else drawing_bundle()
    texts = [static(name) for name in scripts if bundle or name != "charts.js"]
    return rendered(
        template,
        bundle=bundle and bundle.base64,
        charts=safe_json(charts) if bundle else "",
        policy=_policy(texts, bundle),
        style=static(style),
        scripts=texts,
        **values,
    )


@dataclass(frozen=True, slots=True)
class Bundle:
    """The scripts that draw charts: compressed, as text; and the digest of what they inflate to."""

    base64: str
    digest: str


@cache
def drawing_bundle() -> Bundle | None:
    """None where the package was not built (a bare checkout): the page then says so, and has tables."""
    if not _BUNDLE.exists():
        return None
    packed = _BUNDLE.read_bytes()
    return Bundle(base64.b64encode(packed).decode(), _digest(gzip.decompress(packed)))


def _policy(scripts: list[str], bundle: Bundle | None) -> str:
    """Content-Security-Policy: nothing is loaded, and no script runs but ours, even if some text were not escaped."""
    digests = [*(_digest(text.encode()) for text in scripts), *([bundle.digest] if bundle else [])]
    allowed = " ".join(f"'{digest}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(content: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"


@cache
def static(name: str) -> str:
    """Our own style or script."""
    return (_HERE / "static" / name).read_text(encoding="utf-8")


def safe_json(value: object) -> str:
    """JSON that can stand in a script element: without `<` nothing in it ends the element or opens a comment."""
    text = msgspec.json.encode(value).decode()
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def rendered(template: str, **values: object) -> str:
    """A template with its values."""
    text: str = _environment().get_template(template).render(values)
    return text


@cache
def _environment() -> Any:
    """Templates: everything is escaped but our style, our scripts, and what `safe_json` made."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    readable = (words.amount, words.cut, words.evidence, words.figure, words.interval, words.moment, words.share)
    for word in (*readable, estimates.told, estimates.point, estimates.ends):
        environment.filters[word.__name__] = word
    environment.globals |= {"STATUS": STATUS, "Status": Status}
    return environment
