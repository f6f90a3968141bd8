"""What commands over an installation share: where everything lies, and its book."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from holdfast.book.opening import Book
    from holdfast.site import Site

SiteFile = Annotated[
    Path | None,
    typer.Option("--site", help="Where everything lies; by default site.toml, where there is one.", metavar="FILE"),
]


def site_beside(config: Path) -> Site:
    """The installation that a project is in: site.toml beside its configuration, or the defaults there."""
    from holdfast.site import FILE, Site, load_site

    file = config.parent / FILE
    return load_site(file) if file.exists() else Site(folder=str(config.parent))


@contextmanager
def book_of(site: Site, *, create: bool = True) -> Iterator[Book]:
    """The book of an installation; where there is none, it is begun, or that is an error."""
    from holdfast.book.opening import open_book

    book = open_book(site.book_location, create=create)
    try:
        yield book
    finally:
        book.close()
