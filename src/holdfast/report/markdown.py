"""Sections as Markdown: CommonMark with the tables of GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from holdfast.report.sections import Section, Table

# An underscore within a word means nothing; at its ends it would make it slanted.
_SIGNS = re.compile(r"[\\`*\[\]<>|#~&]|(?<!\w)_|_(?!\w)")
_START = re.compile(r"^(?:[-+=]|\d+[.)])(?=\s|$)")


def document(title: str, sections: Iterable[Section]) -> str:
    """A heading, and the sections below it; pictures are left out."""
    lines = [f"# {escaped(title)}"]
    for section in sections:
        lines += ["", f"## {escaped(section.title)}"]
        for paragraph in section.text:
            lines += ["", escaped(paragraph)]
        if section.items:
            lines += ["", *(f"- {escaped(item)}" for item in section.items)]
        for table in section.tables:
            lines += ["", f"**{escaped(table.caption)}**", "", *_table(table)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    r"""A text that Markdown shows as it is, on one line.

    >>> escaped("card_age *is* <b>")
    'card_age \\*is\\* \\<b\\>'
    """
    shown = _SIGNS.sub(lambda sign: f"\\{sign.group()}", " ".join(text.split()))
    return _START.sub(lambda start: f"{start.group()[:-1]}\\{start.group()[-1]}", shown)


def _table(table: Table) -> list[str]:
    aligned = ["---" if place == 0 or place in table.words else "---:" for place in range(len(table.head))]
    return [_row(map(escaped, table.head)), _row(aligned), *(_row(map(_cell, row)) for row in table.rows)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: str) -> str:
    """The second line of a cell stands behind the first."""
    lines: Sequence[str] = [escaped(line) for line in cell.split("\n")]
    return lines[0] if len(lines) == 1 else f"{lines[0]} ({lines[1]})"
