"""The command that serves releases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.listing import facts
from holdfast.commands.terminal import say

if TYPE_CHECKING:
    from holdfast.serve.standing import Standing


def serve(
    names: Annotated[
        list[str], typer.Argument(help="Models, or model/version beside the champion.", metavar="MODEL...")
    ],
    host: Annotated[str | None, typer.Option(help="Address; any but a loopback one needs keys.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", min=0, max=65_535)] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.", min=1, max=64)] = None,
    site: Annotated[Path | None, typer.Option(help="The site's configuration.", metavar="FILE")] = None,
) -> None:
    """Answer requests over HTTP with the champion of each model, and log every prediction."""
    from msgspec.structs import replace

    from holdfast.serve.supervisor import serve as run
    from holdfast.site import load_site

    found = load_site(site)
    given = {"host": host, "port": port, "workers": workers}
    server = replace(found.server, **{name: value for name, value in given.items() if value is not None})
    code = run(replace(found, server=server), tuple(names), say=_told)
    raise typer.Exit(code)


def _told(address: str, standings: list[Standing]) -> None:
    """Where it listens, what answers there, and what does not."""
    ready = ", ".join(f"{one.name}{'' if one.champion else ' by its version'}" for one in standings if not one.problem)
    facts(
        ("Serving" if ready else "Listening", address),
        *([("Ready", ready)] if ready else []),
        *(("Not ready", _problem(one)) for one in standings if one.problem),
        ("Docs", f"{address}/docs"),
        ("Metrics", f"{address}/metrics"),
    )
    if not ready:
        say("Nothing answers yet. What is not ready is tried again each second.")
    elif any(one.problem for one in standings):
        say("What is not ready is tried again each second.")
    say("Stop with Ctrl-C.")


def _problem(standing: Standing) -> str:
    """Why a release does not answer, with its name once."""
    named = standing.problem.startswith(f"{standing.name} ")
    return standing.problem if named else f"{standing.name}: {standing.problem}"
