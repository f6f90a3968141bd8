"""The command `log`: the prediction log."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.listing import say_json, table
from holdfast.commands.project import Json
from holdfast.commands.site import SiteFile
from holdfast.commands.terminal import printable, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from holdfast.site import Site


class Action(StrEnum):
    """What can be done with the log."""

    COMMIT = "commit"
    VERIFY = "verify"
    COMPACT = "compact"


def log(
    action: Annotated[Action, typer.Argument(help="What to do.")],
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """Bring what waits in the spools into the lake, prove that nothing is lost or doubled, or tidy the lake."""
    from holdfast.site import load_site

    found = load_site(site)
    match action:
        case Action.COMMIT:
            _commit(found, json=json)
        case Action.VERIFY:
            _verify(found.root_path, json=json)
        case Action.COMPACT:
            _compact(found, json=json)


def _commit(site: Site, *, json: bool) -> None:
    from holdfast.log.committer import Committer

    with Committer(site.root_path) as committer:
        done = committer.round(flush=True)
    if json:
        say_json(done)
    else:
        _tell(done.problems)
        left_out = f"{done.duplicates:,} retries left out, {done.refused:,} refused"
        say(f"{done.rows:,} rows committed, {left_out}, {done.conflicts:,} with an id that was used before.")
    raise typer.Exit(1 if done.problems else 0)


def _verify(root: Path, *, json: bool) -> None:
    from holdfast.log.proof import verify

    proofs, problems = verify(root)
    if json:
        say_json({"proofs": proofs, "problems": problems})
        raise typer.Exit(1 if problems else 0)
    if proofs:
        names = ("accepted", "committed", "pending", "duplicates", "refused")
        table(
            ("Table", *(name.title() for name in names)),
            ((f"{one.model}/{one.kind}", *(f"{getattr(one, name):,}" for name in names)) for one in proofs),
        )
    _tell(problems)
    say(
        f"Problems: {len(problems)}."
        if problems
        else "Every accepted row is accounted for, and none is in the lake twice."
    )
    raise typer.Exit(1 if problems else 0)


def _compact(site: Site, *, json: bool) -> None:
    from holdfast.log.retention import tidy

    done = tidy(site.root_path, keep_days=site.log.keep_days)
    if json:
        say_json(done)
    else:
        _tell(done.problems)
        gone = f"{done.expired:,} rows expired; {done.deleted:,} files deleted"
        say(f"{done.compacted:,} files became {done.into:,}; {gone}.")
    raise typer.Exit(1 if done.problems else 0)


def _tell(problems: Iterable[str]) -> None:
    for problem in problems:
        say(printable(problem))
