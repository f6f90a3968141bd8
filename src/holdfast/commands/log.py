"""The command `log`: the prediction log."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.listing import exactly, say_json, table
from holdfast.commands.project import Json
from holdfast.commands.site import SiteFile, book_of
from holdfast.commands.terminal import printable, say
from holdfast.errors import InputError, SettingError
from holdfast.numerals import several

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from holdfast.site import Site


class Action(StrEnum):
    """What can be done with the log."""

    COMMIT = "commit"
    VERIFY = "verify"
    COMPACT = "compact"
    TAIL = "tail"
    QUERY = "query"
    ERASE = "erase"


def log(
    action: Annotated[Action, typer.Argument(help="What to do.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="For `tail` a model, for `query` the SQL, for `erase` ids.", metavar="WHAT"),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", "-n", help="Rows that `tail` begins with.", min=0)] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Let `tail` go on with what comes.")] = False,
    model: Annotated[str | None, typer.Option("--model", help="Whose rows `erase` erases.", metavar="NAME")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.", metavar="TEXT")] = "",
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """Read the log, erase rows, commit what waits in the spools, prove that nothing is lost or doubled, or tidy the lake."""
    from holdfast.commands import log_reading
    from holdfast.site import load_site

    found, given = load_site(site), names or []
    if action is Action.TAIL:
        of = exactly(given, 1, "tail", "model")[0] if given else None
        log_reading.tail(found.root_path, of, rows, follow=follow, json=json)
        return
    if action is Action.QUERY:
        log_reading.query(found.root_path, exactly(given, 1, "query", "text of SQL in quotes")[0], json=json)
        return
    if action is Action.ERASE:
        _erase(found, given, model, reason, json=json)
        return
    exactly(given, 0, action)
    match action:
        case Action.COMMIT:
            _commit(found, json=json)
        case Action.VERIFY:
            _verify(found.root_path, json=json)
        case Action.COMPACT:
            _compact(found, json=json)


def _commit(site: Site, *, json: bool) -> None:
    from holdfast.log.committer import Committer
    from holdfast.log.following import Following
    from holdfast.serve.committing import steps_of

    with Committer(site.root_path) as committer:
        done = committer.round(flush=True)
    done.problems += Following(site.root_path, steps_of(site)).follow(now=True)
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
    if problems:
        say(f"Problems: {len(problems)}.")
    elif proofs:
        say("Every accepted row is accounted for, and none is in the lake twice.")
    else:
        say(f"Nothing is logged in {printable(str(root))} yet: there is nothing to verify.")
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


def _erase(site: Site, ids: list[str], model: str | None, reason: str, *, json: bool) -> None:
    import msgspec

    from holdfast.book.erasures import record_erasure
    from holdfast.log.erasing import erase
    from holdfast.monitoring.incidents.forgetting import forget
    from holdfast.releases.environment import author

    if not ids or model is None:
        raise SettingError("Name the ids and their model: holdfast log erase ID... --model NAME.")
    if not site.root_path.exists():
        raise InputError(f"There is no log in {site.root_path}.")
    _check_model(site, model)
    with book_of(site) as book:  # before: what is erased is written down
        done = erase(site.root_path, model, ids)
        incidents = forget(book, site.root_path, model, ids)
        record_erasure(
            book,
            model,
            ids=len(set(ids)),
            predictions=done.predictions,
            labels=done.labels,
            author=author(),
            reason=reason,
        )
    if json:
        say_json({**msgspec.to_builtins(done), "incidents": incidents})
        return
    rows = f"{several(done.predictions, 'prediction')} and {several(done.labels, 'label')} of the lake"
    say(
        f"Erased {rows}, and {several(done.waiting, 'row')} beside it; {several(done.files, 'file')} with them deleted."
    )
    if incidents:
        say(f"{several(incidents, 'incident')} that named such a row {'do' if incidents > 1 else 'does'} so no longer.")
    say("Rows of these ids that come later are refused.")
    _tell(done.left)


def _check_model(site: Site, model: str) -> None:
    """Refuse a model of which there is neither a row nor a release: somebody would think that the rows are erased."""
    from holdfast.log.reading import open_log
    from holdfast.names import meant
    from holdfast.releases.store import open_store

    logged = open_log(site.root_path).models
    if model not in logged and model not in (released := open_store(site.path(site.releases)).models()):
        told = meant(model, sorted({*logged, *released}))
        raise SettingError(
            f"Nothing is erased: there is no model {model!r} here: {told}{'' if told.endswith('?') else '.'}"
        )


def _tell(problems: Iterable[str]) -> None:
    for problem in problems:
        say(printable(problem))
