"""The command line: thin commands over the library. Exit codes: 0 nothing failed, 1 something failed, 2 could not run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.errors import HoldfastError, SettingError

if TYPE_CHECKING:
    from holdfast.comparison import Result
    from holdfast.schema import Role

app = typer.Typer(
    name="holdfast",
    help="Take a trained tabular model from a notebook to production and keep it true there.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

COULD_NOT_RUN = 2

Reference = Annotated[
    str, typer.Argument(help="Parquet, CSV, Delta or Arrow file, folder, glob or URI; or a stored profile.")
]
Current = Annotated[str, typer.Argument(help="The table to compare with it.")]
TimeColumn = Annotated[str | None, typer.Option("--time", help="Column that says when a row happened.")]
IdColumn = Annotated[str | None, typer.Option("--id", help="Column that identifies a row.")]
TargetColumn = Annotated[str | None, typer.Option("--target", help="Column with the label.")]
PredictionColumn = Annotated[str | None, typer.Option("--prediction", help="Column with the model's prediction.")]
ScoreColumn = Annotated[str | None, typer.Option("--score", help="Column with the model's score.")]
RoleOption = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="COLUMN=ROLE", help="Any other role, such as note=ignore. May be repeated."),
]
SchemaFile = Annotated[Path | None, typer.Option("--schema", help="Schema as JSON, from `holdfast schema`.")]
Window = Annotated[
    str | None,
    typer.Option("--window", help="Length of the reference's windows, such as 1d, 6h, 15m.", metavar="LENGTH"),
]


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from holdfast import __version__

        typer.echo(f"holdfast {__version__}")
        raise typer.Exit


@app.command()
def compare(
    reference: Reference,
    current: Current,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON instead of a table.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")] = None,
    time: TimeColumn = None,
    id: IdColumn = None,  # noqa: A002  # the option's name
    target: TargetColumn = None,
    prediction: PredictionColumn = None,
    score: ScoreColumn = None,
    role: RoleOption = None,
    schema: SchemaFile = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="Limits and switches as TOML; see docs/settings.md.")
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", help="Check or family to switch off, such as drift.joint. May be repeated."),
    ] = None,
    window: Window = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the findings that pass, too.")] = False,
) -> None:
    """Compare two tables: what has changed, by how much, beyond chance, and does it matter?"""
    import holdfast as hf

    for path in (html, junit):
        _check_writable(path)
    with _progress(json) as progress:
        result = hf.compare(
            reference,
            current,
            schema=hf.Schema.load(schema) if schema else None,
            roles=_roles(time, id, target, prediction, score, role),
            settings=_settings(settings, skip),
            window_seconds=_seconds(window),
            now_seconds=_now(),
            progress=progress,
        )
    from dataclasses import replace

    result = replace(result, names=(reference, current))
    if html:
        result.to_html(html, title=f"{Path(current).name} against {Path(reference).name}")
    if junit:
        junit.write_text(result.to_junit(), encoding="utf-8")
    if json:
        typer.echo(result.to_json())
    else:
        _show(result, verbose=verbose)
        if html:
            typer.echo(f"Report: {html}")
    raise typer.Exit(0 if result.passed else 1)


@app.command()
def profile(
    table: Annotated[str, typer.Argument(help="Parquet, CSV, Delta or Arrow file, folder, glob or URI.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the profile.")],
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

    _check_writable(output)
    with _progress(quiet=False) as progress:
        made = hf.profile_table(
            table,
            schema=hf.Schema.load(schema) if schema else None,
            roles=_roles(time, id, target, prediction, score, role),
            window_seconds=_seconds(window),
            progress=progress,
        )
    size = hf.save_profile(made, output, rows=rows)
    typer.echo(f"Profile of {made.rows:,} rows and {len(made.columns)} columns: {output} ({size / 1000:,.0f} kB)")


@app.command("schema")
def schema_command(
    table: Annotated[str, typer.Argument(help="Parquet, CSV, Delta or Arrow file, folder, glob or URI.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here instead of printing it.")] = None,
    role: RoleOption = None,
) -> None:
    """Infer the schema of a table: types, roles, ranges and categories, as JSON to read and edit."""
    import holdfast as hf

    _check_writable(output)
    with hf.open_table(table) as opened:
        found = hf.infer(opened, roles=_roles(None, None, None, None, None, role))
    if output:
        found.save(output)
        typer.echo(f"Schema of {len(found.columns)} columns: {output}")
    else:
        typer.echo(found.to_json())


@app.command()
def checks() -> None:
    """List every check by its code."""
    from holdfast.checks.catalogue import TITLES

    for code, title in TITLES.items():
        typer.echo(f"{code:<28} {title}")


def run() -> int:
    """Run a command and return its exit code: errors that are meant for people become one line."""
    from typer.exceptions import TyperException

    try:
        code = app(prog_name="holdfast", standalone_mode=False)
    except HoldfastError as error:
        _complain(str(error))
    except (KeyboardInterrupt, typer.Abort):
        _complain("Stopped; nothing was left behind.")
        return 130
    except TyperException as error:
        error.show()  # type: ignore[attr-defined]  # wrong usage: says which option, and where help is
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does: nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _complain(f"{error.strerror or 'The file system refused'}: {error.filename}.")
    except MemoryError:
        _complain("Out of memory. Compare fewer columns, or a stored profile instead of the reference.")
    except Exception as error:
        if os.environ.get("HOLDFAST_DEBUG"):
            raise
        _complain(
            f"This is a defect of Holdfast ({type(error).__name__}): please report it. HOLDFAST_DEBUG=1 shows where it arose."
        )
    else:
        return int(code or 0)
    return COULD_NOT_RUN


def _complain(message: str) -> None:
    typer.echo(f"holdfast: {message}", err=True)


def _show(result: Result, *, verbose: bool) -> None:
    """The findings as a table for people; what passes is only counted."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from holdfast.records import Status

    colours = {
        Status.FAIL: "bold red",
        Status.ERROR: "bold magenta",
        Status.WARN: "yellow",
        Status.INCONCLUSIVE: "cyan",
        Status.PASS: "green",
    }
    urgent = {Status.FAIL, Status.ERROR, Status.WARN}
    console = Console()
    console.print(
        f"{result.current.rows:,} rows of {result.names[1]}\nagainst {result.reference.rows:,} of {result.names[0]}\n",
        highlight=False,
        markup=False,
    )
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("Status", no_wrap=True)
    table.add_column("Column and check", overflow="fold", ratio=2)
    table.add_column("What was found", overflow="fold", ratio=5)
    for finding in result.findings:
        if verbose or finding.status in urgent:
            style = colours.get(finding.status, "dim")
            where = Text(finding.subject or "the table", style="bold")
            where.append(f"\n{finding.code}", style="dim not bold")
            table.add_row(Text(finding.status, style=style), where, Text(finding.message))
    if table.row_count:
        console.print(table)
        console.print()
    told = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in result.counts.items() if n)
    verdict = (
        Text("Nothing failed", "bold green") if result.passed else Text(f"{len(result.failed)} failed", "bold red")
    )
    console.print(verdict + Text(f" ({told})."))


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int], None] | None]:
    """A line on the terminal while tables are read; nothing where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(pulse_style="cyan"), TextColumn("{task.completed:,} rows"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def read(name: str, rows: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"Reading the {name} table", total=None)
            bar.advance(tasks[name], rows)

        yield read


def _roles(
    time: str | None,
    id: str | None,  # noqa: A002
    target: str | None,
    prediction: str | None,
    score: str | None,
    others: list[str] | None,
) -> dict[str, Role | str] | None:
    named = {time: "time", id: "id", target: "target", prediction: "prediction", score: "score"}
    roles: dict[str, Role | str] = {column: role for column, role in named.items() if column}
    for pair in others or []:
        column, equals, role = pair.rpartition("=")
        if not equals or not column:
            raise SettingError(f"--role takes COLUMN=ROLE, such as note=ignore; got {pair!r}.")
        roles[column] = role
    return roles or None


def _settings(path: Path | None, skip: list[str] | None) -> dict[str, Any]:
    import tomllib

    read: dict[str, Any] = {}
    if path:
        try:
            read = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise SettingError(f"Cannot read the settings in {path}: {reason}.") from error
    if skip:
        from holdfast.checks.catalogue import TITLES

        families = {code.split(".")[0] for code in TITLES}
        for code in skip:
            if code not in TITLES and code not in families:
                raise SettingError(f"--skip {code}: no such check. `holdfast checks` lists them.")
        read["skip"] = [*read.get("skip", []), *skip]
    return read


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _seconds(length: str | None) -> float | None:
    if length is None:
        return None
    number, unit = length[:-1], length[-1:]
    if unit not in _UNITS or not number.replace(".", "", 1).isdigit() or float(number) <= 0:
        raise SettingError(f"--window takes a length such as 1d, 6h, 15m or 30s; got {length!r}.")
    return float(number) * _UNITS[unit]


def _now() -> float:
    from time import time

    return time()


def _check_writable(path: Path | None) -> None:
    """Before a long reading, not after it."""
    if path is not None and not path.absolute().parent.is_dir():
        raise SettingError(f"Cannot write {path}: the folder {path.parent} does not exist.")
    if path is not None and path.is_dir():
        raise SettingError(f"Cannot write {path}: it is a folder.")
