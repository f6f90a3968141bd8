"""The command that serves releases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.terminal import say


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
    code = run(replace(found, server=server), tuple(names), say=lambda address: _told(names, address))
    raise typer.Exit(code)


def _told(names: list[str], address: str) -> None:
    say(f"Serving  {', '.join(names)} at {address}")
    say(f"Docs     {address}/docs")
    say(f"Metrics  {address}/metrics")
    say("Stop with Ctrl-C.")
