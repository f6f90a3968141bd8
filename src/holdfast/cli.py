"""The command line: thin commands over the library. Exit codes: 0 nothing failed, 1 something failed, 2 could not run."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Annotated

import typer

from holdfast.commands import (
    book,
    evaluations,
    incidents,
    labels,
    log,
    monitor,
    project,
    releases,
    replay,
    serve,
    skew,
    tables,
)
from holdfast.commands.terminal import complain, say
from holdfast.errors import HoldfastError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

COULD_NOT_RUN = 2
STOPPED = 130
"""What a shell calls a command that was stopped by Ctrl-C."""


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Take a trained tabular model from a notebook to production and keep it true there."""
    if version:
        from holdfast import __version__

        say(f"holdfast {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(COULD_NOT_RUN)


app.command()(tables.compare)
app.command()(tables.profile)
app.command("schema")(tables.schema_of)
app.command()(tables.checks)
app.command()(project.init)
app.command()(project.evaluate)
app.command()(project.release)
app.command()(releases.releases)
app.command()(evaluations.evaluations)
app.command()(book.promote)
app.command()(book.stages)
app.command()(book.keys)
app.command()(book.audit)
app.command()(serve.serve)
app.command()(log.log)
app.command()(labels.labels)
app.command()(replay.replay)
app.command()(monitor.monitor)
app.command()(incidents.incidents)
app.command()(incidents.annotate)
app.command()(monitor.rebuild)
app.command()(skew.skew)


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
        complain(_explained(error, name))
        return COULD_NOT_RUN
    if code == STOPPED:
        complain("Stopped.")
    return code


def _explained(error: Exception, name: str) -> str:
    from typer.exceptions import TyperException

    match error:
        case HoldfastError():
            return str(error)
        case TyperException():
            context = getattr(error, "ctx", None)
            told = error.format_message().replace("Value error, ", "").rstrip(".")
            end = "" if told.endswith("?") else "."
            return f"{told}{end} See `{context.command_path if context else name} --help`."
        case UnicodeError():
            return "The name of a file is not UTF-8: rename the file."
        case OSError():
            return f"{error.filename or 'standard output'}: {error.strerror or type(error).__name__}."
        case MemoryError():
            return "Out of memory. Compare fewer columns, or a stored profile instead of the reference."
    kind = type(error).__name__
    return f"This is a defect of Holdfast ({kind}): please report it. HOLDFAST_DEBUG=1 shows where it arose."
