"""Sections of a report in words and numbers, apart from how they are written: as HTML or as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.report.evaluation_shapes import Picture

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose first column names its rows.

    Attributes
    ----------
    caption
        What it shows.
    head
        Titles of the columns.
    rows
        Their cells, as many as there are titles; what stands in a second line of a cell explains the first.
    words
        Places of the columns that hold words, not numbers, besides the first.
    folded
        Whether it is shown when asked for only.
    """

    caption: str
    head: Cells
    rows: tuple[Cells, ...]
    words: frozenset[int] = frozenset()
    folded: bool = False

    @property
    def trimmed(self) -> Table:
        """Without the columns in which no row has anything.

        >>> Table(caption="Parts", head=("Part", "Uses"), rows=(("test", "–"),)).trimmed.head
        ('Part',)
        """
        full = [place for place in range(len(self.head)) if not place or any(row[place] != "–" for row in self.rows)]
        return replace(
            self,
            head=tuple(self.head[place] for place in full),
            rows=tuple(tuple(row[place] for place in full) for row in self.rows),
            words=frozenset(new for new, place in enumerate(full) if place in self.words),
        )


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that is meant to be seen first, what it is, and how sure it is."""

    title: str
    figure: str
    beside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what stands below it, in this order; whatever is empty is left out.

    Attributes
    ----------
    anchor, title
        Its address within the page, and its heading.
    tiles
        Figures to be seen first.
    text
        Paragraphs.
    items
        Sentences of a list.
    pictures
        What is drawn; the tables tell the same numbers.
    tables
        All others.
    code
        A text to be shown as it is, such as JSON.
    """

    anchor: str
    title: str
    tiles: tuple[Tile, ...] = ()
    text: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    code: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing below the heading."""
        return not (self.tiles or self.text or self.items or self.pictures or self.tables or self.code)
