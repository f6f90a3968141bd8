"""The command line: thin commands over the library. Exit codes: 0 nothing failed, 1 something failed, 2 could not run."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.errors import HoldfastError, SettingError

if TYPE_CHECKING:
    from rich.text import Text

    from holdfast.checks.context import Settings
    from holdfast.comparison import Result
    from holdfast.records import Finding
    from holdfast.schema import Role, Schema

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

COULD_NOT_RUN = 2
STOPPED = 130
"""What a shell calls a command that was stopped by Ctrl-C."""

WIDEST = 100
"""Characters of a line that is still easy to read."""

LONGEST_NAME = 46
"""Characters that leave room for the code of the check in a line of 80."""

_TABLE = "Parquet, CSV, Delta or Arrow: a file, folder, glob or URI"
_COLUMNS = "Columns and their roles"

Reference = Annotated[str, typer.Argument(help=f"{_TABLE}; or a stored profile.", metavar="REFERENCE")]
Current = Annotated[str, typer.Argument(help="The table to compare with it.", metavar="CURRENT")]
OneTable = Annotated[str, typer.Argument(help=f"{_TABLE}.", metavar="TABLE")]
TimeColumn = Annotated[
    str | None, typer.Option("--time", help="When a row happened.", metavar="COLUMN", rich_help_panel=_COLUMNS)
]
IdColumn = Annotated[
    str | None, typer.Option("--id", help="What identifies a row.", metavar="COLUMN", rich_help_panel=_COLUMNS)
]
TargetColumn = Annotated[
    str | None, typer.Option("--target", help="The label.", metavar="COLUMN", rich_help_panel=_COLUMNS)
]
PredictionColumn = Annotated[
    str | None, typer.Option("--prediction", help="The model's answer.", metavar="COLUMN", rich_help_panel=_COLUMNS)
]
ScoreColumn = Annotated[
    str | None, typer.Option("--score", help="The model's score.", metavar="COLUMN", rich_help_panel=_COLUMNS)
]
RoleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        help="Any other role, such as note=ignore. May be repeated.",
        metavar="COLUMN=ROLE",
        rich_help_panel=_COLUMNS,
    ),
]
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schema", help="All of this as JSON, from `holdfast schema`.", metavar="FILE", rich_help_panel=_COLUMNS
    ),
]
Window = Annotated[
    str | None, typer.Option("--window", help="Length of the reference's windows: 1d, 6h, 15m.", metavar="LENGTH")
]


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Take a trained tabular model from a notebook to production and keep it true there."""
    if version:
        from holdfast import __version__

        _say(f"holdfast {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(COULD_NOT_RUN)


@app.command()
def compare(
    reference: Reference,
    current: Current,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report here.", metavar="FILE")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON instead of a table.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.", metavar="FILE")] = None,
    time: TimeColumn = None,
    id: IdColumn = None,  # noqa: A002  # the option's name
    target: TargetColumn = None,
    prediction: PredictionColumn = None,
    score: ScoreColumn = None,
    role: RoleOption = None,
    schema: SchemaFile = None,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", help="Limits and switches as TOML; see docs/settings.md.", metavar="FILE"),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            "--skip", help="Check or family to switch off, such as drift.joint. May be repeated.", metavar="CODE"
        ),
    ] = None,
    window: Window = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the findings that pass, too.")] = False,
) -> None:
    """Compare two tables: what has changed, by how much, beyond chance, and does it matter?"""
    from dataclasses import replace

    import holdfast as hf

    for path in (html, junit):
        check_writable(path, reference, current)
    limits = _settings(settings, skip)
    with progress() as report_rows:
        result = hf.compare(
            reference,
            current,
            schema=_schema(schema),
            roles=_roles(time, id, target, prediction, score, role, given=schema is not None),
            settings=limits,
            window_seconds=_seconds(window),
            now_seconds=_now(),
            progress=report_rows,
        )
    result = replace(result, names=(reference, current))
    if html:
        result.to_html(html, title=f"{Path(current).name} against {Path(reference).name}")
    if junit:
        junit.write_text(result.to_junit(), encoding="utf-8")
    if json:
        _say(result.to_json(), encoding="utf-8")
    else:
        show(result, verbose=verbose)
        if html:
            _say(f"Report  {html.absolute().as_uri()}")
    raise typer.Exit(0 if result.passed else 1)


@app.command()
def profile(
    table: OneTable,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the profile.", metavar="FILE")],
    time: TimeColumn = None,
    id: IdColumn = None,  # noqa: A002
    target: TargetColumn = None,
    prediction: PredictionColumn = None,
    score: ScoreColumn = None,
    role: RoleOption = None,
    schema: SchemaFile = None,
    window: Window = None,
    rows: Annotated[
        bool, typer.Option("--rows/--no-rows", help="Keep a sample of rows and row hashes, or counts alone.")
    ] = True,
) -> None:
    """Make the profile of a reference: small, and it serves instead of the data."""
    import holdfast as hf

    check_writable(output, table)
    with progress() as report_rows:
        made = hf.profile_table(
            table,
            schema=_schema(schema),
            roles=_roles(time, id, target, prediction, score, role, given=schema is not None),
            window_seconds=_seconds(window),
            progress=report_rows,
        )
    size = hf.save_profile(made, output, rows=rows)
    _say(f"Profile of {made.rows:,} rows and {len(made.columns)} columns: {output} ({size / 1000:,.0f} kB)")


@app.command("schema")
def schema_command(
    table: OneTable,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here instead of printing it.", metavar="FILE")
    ] = None,
    role: RoleOption = None,
) -> None:
    """Infer the schema of a table: types, roles, ranges and categories, as JSON to read and edit."""
    import holdfast as hf

    check_writable(output, table)
    with progress(), hf.open_table(table) as opened:
        found = hf.infer(opened, roles=_roles(None, None, None, None, None, role))
    if output:
        found.save(output)
        _say(f"Schema of {len(found.columns)} columns: {output}")
    else:
        _say(found.to_json().rstrip(), encoding="utf-8")


@app.command()
def checks() -> None:
    """List every check by its code."""
    from holdfast.checks.catalogue import TITLES

    _say("\n".join(f"{code:<28} {title}" for code, title in TITLES.items()))


def run(command: typer.Typer = app, name: str = "holdfast") -> int:
    """Run a command and return its exit code: errors that are meant for people become one line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stopped job, too, leaves no temporary files
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows another
    try:
        code = int(command(prog_name=name, standalone_mode=False) or 0)
    except KeyboardInterrupt:
        code = STOPPED
    except Exception as error:
        if os.environ.get("HOLDFAST_DEBUG"):
            raise
        _complain(_explained(error, name))
        return COULD_NOT_RUN
    if code == STOPPED:
        _complain("Stopped.")
    return code


def _explained(error: Exception, name: str) -> str:
    from typer.exceptions import TyperException

    match error:
        case HoldfastError():
            return str(error)
        case TyperException():
            context = getattr(error, "ctx", None)
            return f"{error.format_message().rstrip('.')}. See `{context.command_path if context else name} --help`."
        case UnicodeError():
            return "The name of a file is not UTF-8: rename the file."
        case OSError():
            return f"{error.filename or 'standard output'}: {error.strerror or type(error).__name__}."
        case MemoryError():
            return "Out of memory. Compare fewer columns, or a stored profile instead of the reference."
    kind = type(error).__name__
    return f"This is a defect of Holdfast ({kind}): please report it. HOLDFAST_DEBUG=1 shows where it arose."


def _complain(message: str) -> None:
    typer.echo(f"holdfast: {printable(message)}", err=True)


def _say(text: str, encoding: str | None = None) -> None:
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


def show(result: Result, *, verbose: bool = False) -> None:
    """Print the findings for people; what passes is only counted."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from holdfast.records import Status

    console = Console(highlight=False)
    console.width = min(console.width, WIDEST)
    urgent = {Status.FAIL, Status.ERROR, Status.WARN}
    shown = [f for f in result.findings if verbose or f.status in urgent or _left_out(f, result)]
    about = Table.grid(padding=(0, 2))
    counts = [f"{profile.rows:,}" for profile in (result.reference, result.current)]
    for label, rows, name in zip(("Reference", "Current"), counts, result.names, strict=True):
        about.add_row(label, Text(f"{rows:>{max(map(len, counts))}} rows of {printable(name)}", overflow="fold"))
    about.add_row("Roles", Text(_told_roles(result), overflow="fold"))
    with console.capture() as captured:
        console.print(about, "")
        for finding in shown:
            console.print(_heading(finding))
            console.print(Padding(Text(printable(finding.message), overflow="fold"), (0, 0, 0, 6)))
        console.print("\n" * bool(shown), _verdict(result), sep="")
    _say("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _left_out(finding: Finding, result: Result) -> bool:
    """Whether this tells of a column that could not be read at all."""
    return finding.code == "quality.type" and bool(finding.subject) and finding.subject not in result.reference.columns


def _heading(finding: Finding) -> Text:
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


def _told_roles(result: Result) -> str:
    """Which columns are more than features: a wrong role is the commonest reason for findings that make no sense."""
    told = [
        f"{column.role}: {printable(column.name)}"
        for column in result.reference.edges.schema.columns
        if column.role != "feature"
    ]
    return ", ".join(told) or "none found; --time, --target and others name them"


def _verdict(result: Result) -> Text:
    from rich.text import Text

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
    told = [f"{n:,} {words[status]}" for status, n in result.counts.items() if n]
    if result.passed:
        return Text("Nothing failed", "bold green").append(f": {', '.join(told)}.", "not bold default")
    return Text(told[0], "bold red").append("".join(f", {part}" for part in told[1:]) + ".", "not bold default")


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


def _schema(path: Path | None) -> Schema | None:
    from holdfast.schema import Schema

    return Schema.load(path) if path else None


def _roles(
    time: str | None,
    id: str | None,  # noqa: A002
    target: str | None,
    prediction: str | None,
    score: str | None,
    others: list[str] | None,
    *,
    given: bool = False,
) -> dict[str, Role | str] | None:
    """Roles by column; `given` says that a schema has them already."""
    named = [(time, "time"), (id, "id"), (target, "target"), (prediction, "prediction"), (score, "score")]
    pairs = [(column, role) for column, role in named if column is not None]
    for pair in others or []:
        column, _, role = pair.rpartition("=")
        if not column or not role:
            raise SettingError(f"--role takes COLUMN=ROLE, such as note=ignore; got {pair!r}.")
        pairs.append((column, role))
    roles: dict[str, Role | str] = {}
    for column, role in pairs:
        if roles.setdefault(column, role) != role:
            raise SettingError(f"Column {column!r} is given two roles, {roles[column]} and {role}: keep one.")
    if roles and given:
        raise SettingError("--schema has the roles of all columns: change them there, or leave --schema out.")
    return roles or None


def _settings(path: Path | None, skip: list[str] | None) -> Settings:
    import tomllib

    import msgspec

    from holdfast.checks.context import Settings

    read: dict[str, Any] = {}
    if path:
        try:
            read = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
            raise SettingError(f"Cannot read the settings in {path}: {reason}.") from error
    try:
        settings = msgspec.convert(read, Settings)
    except msgspec.ValidationError as error:
        raise SettingError(f"The settings in {path} make no sense: {_with_column(str(error), read)}.") from error
    return msgspec.structs.replace(settings, skip=(*settings.skip, *(skip or [])))


def _with_column(message: str, read: dict[str, Any]) -> str:
    """The message with the name of the column, which msgspec writes as `[...]`."""
    import msgspec

    from holdfast.checks.context import ColumnLimits

    columns = read.get("columns")
    for name, limits in columns.items() if isinstance(columns, dict) else ():
        try:
            msgspec.convert(limits, ColumnLimits)
        except msgspec.ValidationError:
            return message.replace("$.columns[...]", f"$.columns.{name}")
    return message


def _seconds(length: str | None) -> float | None:
    from holdfast.durations import seconds

    return None if length is None else seconds(length, "--window")


def _now() -> float:
    """Seconds since 1970."""
    from time import time

    return time()


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
