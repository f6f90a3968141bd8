"""Commands over tables: compare, profile, schema, checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands import terminal
from holdfast.commands.terminal import check_writable, counted, finding_lines, printable, progress, say
from holdfast.errors import SettingError

if TYPE_CHECKING:
    from rich.text import Text

    from holdfast.checks.context import Settings
    from holdfast.comparison import Result
    from holdfast.records import Finding
    from holdfast.schema import Role, Schema

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
        say(result.to_json(), encoding="utf-8")
    else:
        show(result, verbose=verbose)
        if html:
            say(f"Report  {html.absolute().as_uri()}")
    raise typer.Exit(0 if result.passed else 1)


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
    from holdfast.numerals import several

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
    counted = f"{several(made.rows, 'row')} and {several(len(made.columns), 'column')}"
    say(f"Profile of {counted}: {output} ({size / 1000:,.0f} kB)")


def schema_of(
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
        say(f"Schema of {len(found.columns)} columns: {output}")
    else:
        say(found.to_json().rstrip(), encoding="utf-8")


def checks() -> None:
    """List every check by its code."""
    from holdfast.gate.catalogue import TITLES

    say("\n".join(f"{code:<30} {title}" for code, title in TITLES.items()))


def show(result: Result, *, verbose: bool = False) -> None:
    """Print the findings for people; what passes is only counted."""
    from rich.table import Table
    from rich.text import Text

    from holdfast.records import Status

    urgent = {Status.FAIL, Status.ERROR, Status.WARN}
    shown = [f for f in result.findings if verbose or f.status in urgent or _left_out(f, result)]
    about = Table.grid(padding=(0, 2))
    counts = [f"{profile.rows:,}" for profile in (result.reference, result.current)]
    for label, rows, name in zip(("Reference", "Current"), counts, result.names, strict=True):
        about.add_row(label, Text(f"{rows:>{max(map(len, counts))}} rows of {printable(name)}", overflow="fold"))
    about.add_row("Roles", Text(_told_roles(result), overflow="fold"))
    findings = [line for finding in shown for line in finding_lines(finding)]
    terminal.show(about, "", *findings, *([""] if shown else []), _verdict(result))


def _left_out(finding: Finding, result: Result) -> bool:
    """Whether this tells of a column that could not be read at all."""
    return finding.code == "quality.type" and bool(finding.subject) and finding.subject not in result.reference.columns


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

    told = counted(result.counts)
    if result.passed:
        return Text("Nothing failed", "bold green").append(f": {', '.join(told)}.", "not bold default")
    return Text(told[0], "bold red").append("".join(f", {part}" for part in told[1:]) + ".", "not bold default")


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
    import msgspec

    from holdfast.comparison import settings_of

    settings = settings_of(path)
    return msgspec.structs.replace(settings, skip=(*settings.skip, *(skip or [])))


def _seconds(length: str | None) -> float | None:
    from holdfast.durations import seconds

    return None if length is None else seconds(length, "--window")


def _now() -> float:
    """Seconds since 1970."""
    from time import time

    return time()
