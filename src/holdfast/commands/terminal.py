"""What commands share: printing for people, errors, progress, and paths that may be written."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from holdfast.errors import SettingError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from holdfast.records import Finding, Status

WIDEST = 100
"""Characters of a line that is still easy to read."""

LONGEST_NAME = 46
"""Characters that leave room for the code of the check in a line of 80."""


def complain(message: str) -> None:
    """Say on standard error what stands in the way."""
    typer.echo(f"holdfast: {printable(message)}", err=True)


def say(text: str, encoding: str | None = None) -> None:
    """Print; when the reader has gone, as `head` goes, nothing more can be said, and the exit code stays what it is."""
    if encoding and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding)
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printable(text: str) -> str:
    r"""The text with escapes in place of what would move the cursor or colour the terminal.

    >>> printable("new\nline, \x1b[31mred, 🐙")
    'new\\nline, \\x1b[31mred, 🐙'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def width() -> int:
    """Characters of a line of what is printed for people."""
    from rich.console import Console

    return min(Console().width, WIDEST)


def show(*parts: RenderableType) -> None:
    """Print for people, in lines that are easy to read."""
    from rich.console import Console

    console = Console(highlight=False)
    console.width = width()
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    say("\n".join(line.rstrip() for line in captured.get().splitlines()))


def finding_lines(finding: Finding) -> tuple[RenderableType, ...]:
    """A finding: its heading, and its message below."""
    from rich.padding import Padding
    from rich.text import Text

    return heading(finding), Padding(Text(printable(finding.message), overflow="fold"), (0, 0, 0, 6))


def counted(counts: Mapping[Status, int]) -> list[str]:
    """How many findings have each status, in words, the worst first; what none has is left out."""
    from holdfast.records import Status

    words = {
        Status.FAIL: "failed",
        Status.ERROR: "could not run",
        Status.WARN: "warned",
        Status.INCONCLUSIVE: "inconclusive",
        Status.PASS: "passed",
        Status.NOT_APPLICABLE: "not applicable",
        Status.SKIPPED: "skipped",
    }
    return [f"{counts[status]:,} {word}" for status, word in words.items() if counts.get(status)]


def heading(finding: Finding) -> Text:
    """Status, subject and code of a finding."""
    from rich.text import Text

    from holdfast.records import Status

    colours = {
        Status.FAIL: "bold red",
        Status.ERROR: "bold magenta",
        Status.WARN: "yellow",
        Status.INCONCLUSIVE: "cyan",
        Status.PASS: "green",
    }
    name = printable(finding.subject) or "the table"
    if name.isspace():
        name = repr(name)
    elif len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 16]}…{name[-15:]}"
    status = finding.status.replace("_", " ").upper()
    return Text.assemble(
        (f"{status:<4}  ", colours.get(finding.status, "dim")), (name, "bold"), "  ", (finding.code, "dim")
    )


@contextmanager
def progress() -> Iterator[Callable[[str, int], None] | None]:
    """A line on the terminal while tables are read; nothing where nobody looks."""
    if sys.stderr is None or not sys.stderr.isatty():  # None where a service was started without one
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(pulse_style="cyan"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading the tables", total=None)
        seen: dict[str, int] = {}

        def read(name: str, rows: int) -> None:
            seen[name] = seen.get(name, 0) + rows
            bar.update(task, description=f"Reading the {name} table, {seen[name]:,} rows")

        yield read


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """A line on the terminal that says what is being done; nothing where nobody looks."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Beginning", total=None)
        yield lambda words: bar.update(task, description=words)


def check_writable(path: Path | None, *tables: str) -> None:
    """Refuse a path that cannot be written, or is one of the tables: before a long reading, not after it."""
    if path is None:
        return
    if not path.absolute().parent.is_dir():
        raise SettingError(f"Cannot write {path}: the folder {path.parent} does not exist.")
    if path.is_dir():
        raise SettingError(f"Cannot write {path}: it is a folder.")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise SettingError(f"Cannot write {path}: permission denied.")
    if path.exists() and any(Path(table).exists() and path.samefile(table) for table in tables):
        raise SettingError(f"Cannot write {path}: it is the table itself.")
