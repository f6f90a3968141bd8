"""How what is kept is listed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from holdfast.commands import terminal
from holdfast.commands.terminal import printable, say
from holdfast.errors import SettingError
from holdfast.numerals import several

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast.releases.differences import Change

HEX = 12
"""Digits of a digest that are shown."""


def exactly(names: list[str], count: int, action: str, what: str = "name") -> list[str]:
    """The names that an action was given, if they are as many as it takes; `what` one of them is."""
    if len(names) != count:
        raise SettingError(f"`{action}` takes {several(count, what)}; got {len(names)}.")
    return names


def table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows under titles."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        grid.add_column(
            Text(printable(title)), overflow="fold", justify="right" if title in {"Files", "Size"} else "left"
        )
    for row in rows:
        grid.add_row(*(Text(printable(cell), overflow="fold") for cell in row))
    terminal.show(grid)


def facts(*rows: tuple[str, str]) -> None:
    """Print labels and what they stand for."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for label, text in rows:
        grid.add_row(Text(printable(label)), Text(printable(text), overflow="fold"))
    terminal.show(grid)


def differences(title: str, changes: Iterable[Change]) -> None:
    """Print what differs between two, and nothing of what does not."""
    differing = [change for change in changes if change.before != change.after]
    say(f"\n{title}: {f'{len(differing)} differ' if differing else 'no difference'}")
    if differing:
        table(("", "before", "after"), ((c.name, shown(c.before), shown(c.after)) for c in differing))


def say_json(record: object) -> None:
    """Print records as JSON."""
    import msgspec

    say(msgspec.json.format(msgspec.json.encode(record)).decode(), encoding="utf-8")


def shown(of: object) -> str:
    """A single value of a record."""
    from holdfast.numerals import number

    match of:
        case None:
            return "–"
        case str():
            return short(of)
        case float():
            return number(of)
        case _:
            return str(of).lower()


def short(text: str) -> str:
    """A digest by its first digits; anything else as it is.

    >>> short("sha256:" + 64 * "a"), short("mean")
    ('aaaaaaaaaaaa', 'mean')
    """
    digits = text.rpartition(":")[2]
    is_digest = len(digits) == 64 and not set(digits) - set("0123456789abcdef")
    return digits[:HEX] if is_digest else text


def moment(when: datetime | None) -> str:
    """A moment to the minute."""
    return "" if when is None else f"{when:%Y-%m-%d %H:%M} UTC"


def size(count: int) -> str:
    """Bytes, in thousands or millions."""
    return f"{count / 1000:,.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.1f} MB"
