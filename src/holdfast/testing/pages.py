"""Read a page of HTML strictly, and open it in a browser that has no network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

VOID = {"meta", "link", "input", "br", "img"}

PATIENCE_MILLISECONDS = 120_000
"""What a busy machine may take to draw a page; one that does not draw it never does."""


@dataclass
class Document(HTMLParser):
    """A strict reader of HTML: every element that opens must close, in order."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element opens."""
        assert len(attrs) == len(dict(attrs)), f"an attribute of <{tag}> stands twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """The innermost element closes."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text of the innermost element."""
        self.texts.append((self.open[-1] if self.open else "", data))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of all elements with a tag."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        """What a reader sees."""
        return " ".join(text for tag, text in self.texts if tag not in {"script", "style"})


def read(page: str) -> Document:
    """A page, read to its end."""
    document = Document()
    document.feed(page)
    document.close()
    assert document.open == []
    return document


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium; None where it, or playwright, is not installed."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        executable = None
    if executable is None:
        yield None
        return
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-quic"])
        yield started
        started.close()


@dataclass
class Opened:
    """A page in a browser, and everything that its console says."""

    page: Any
    complaints: list[str]

    def drawn(self) -> int:
        """Charts that were drawn."""
        return int(self.page.locator(".plot[data-drawn=yes]").count())


def opened(browser: Any, path: Path, text: str, **options: Any) -> Opened:
    """The page in a browser that has no network, with everything that its console says."""
    path.write_text(text, encoding="utf-8")
    page = browser.new_context(offline=True, **options).new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", _refused(complaints))
    page.on("request", lambda request: complaints.extend([] if request.url.startswith("file:") else [request.url]))
    page.goto(path.as_uri())
    return Opened(page, complaints)


def _refused(complaints: list[str]) -> Callable[[Any], None]:
    def refuse(dialog: Any) -> None:
        complaints.append(dialog.message)
        dialog.dismiss()

    return refuse
