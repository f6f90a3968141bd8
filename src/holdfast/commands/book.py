"""Commands over the book: promote, stages, keys, audit."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.listing import exactly, moment, say_json, table
from holdfast.commands.project import Json
from holdfast.commands.site import SiteFile, book_of
from holdfast.commands.terminal import printable, say
from holdfast.errors import SettingError

if TYPE_CHECKING:
    from holdfast.book.audit import Entry
    from holdfast.site import Site


class KeyAction(StrEnum):
    """What can be done with keys."""

    LIST = "list"
    ADD = "add"
    REVOKE = "revoke"


class AuditAction(StrEnum):
    """What can be done with the audit."""

    LIST = "list"
    VERIFY = "verify"


def promote(
    model: Annotated[str, typer.Argument(help="The model.", metavar="MODEL")],
    version: Annotated[int, typer.Argument(help="The version that shall answer for it.", metavar="VERSION")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for those who read it later.", metavar="TEXT")] = "",
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """Let a release answer for its model: verify it, and set it as the champion. Exit code 1 if it is not sound."""
    from holdfast.book import stages
    from holdfast.golden import verify_release
    from holdfast.releases.environment import author
    from holdfast.releases.store import open_store
    from holdfast.site import load_site

    found = load_site(site)
    store = open_store(found.path(found.releases))
    sealed = store.get(model, version)
    if problems := verify_release(store, model, version):
        for problem in problems:
            say(f"{printable(problem.file)}  {printable(problem.message)}")
        say(f"{sealed.name} is not as it was sealed: it is not promoted.")
        raise typer.Exit(1)
    with book_of(found) as book:
        before, stage = stages.promote(book, model, version, sealed.identity, author=author(), reason=reason)
    if json:
        say_json(stage)
    elif before == stage:
        say(f"{sealed.name} is the champion of {model} already, since {moment(stage.at)}.")
    else:
        say(f"{sealed.name} is the champion of {model}. Before: {f'{model}/{before.version}' if before else 'none'}.")


def stages(
    model: Annotated[str | None, typer.Argument(help="One model; by default all.", metavar="MODEL")] = None,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """List which release was the champion of a model since when, by whom and why, oldest first."""
    from holdfast.book import stages
    from holdfast.site import load_site

    with book_of(load_site(site), create=False) as book:
        listed, now = stages.stages(book, model), stages.in_force(book)
    if json:
        say_json(listed)
    elif not listed:
        say(f"Nothing of {printable(model)} was promoted." if model else "Nothing was promoted.")
    else:
        rows = [
            (
                f"{stage.model}/{stage.version}",
                stage.stage if now.get(stage.model) == stage else f"was {stage.stage}",
                moment(stage.at),
                stage.author,
                stage.reason,
            )
            for stage in listed
        ]
        table(("Release", "Stage", "Since", "By", "Reason"), rows)


def keys(
    action: Annotated[KeyAction, typer.Argument(help="What to do.")] = KeyAction.LIST,
    names: Annotated[
        list[str] | None, typer.Argument(help="Whose key it is; to revoke, also its id.", metavar="NAME")
    ] = None,
    roles: Annotated[
        list[str] | None,
        typer.Option("--role", help="What it may do: predict, label, read, operate; repeat it.", metavar="ROLE"),
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", help="Most requests a second; by default any number.", metavar="NUMBER")
    ] = None,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """List the API keys; add one, which is shown this once, or revoke one."""
    from holdfast.site import load_site

    found, given = load_site(site), names or []
    if action is not KeyAction.ADD and (roles or rate is not None):
        raise SettingError("`--role` and `--rate` belong to `holdfast keys add`.")
    match action:
        case KeyAction.LIST:
            exactly(given, 0, "list")
            _list_keys(found, json=json)
        case KeyAction.ADD:
            (name,) = exactly(given, 1, "add")
            _add_key(found, name, roles or [], rate, json=json)
        case KeyAction.REVOKE:
            (name,) = exactly(given, 1, "revoke")
            _revoke_key(found, name, json=json)


def audit(
    action: Annotated[AuditAction, typer.Argument(help="What to do.")] = AuditAction.LIST,
    head: Annotated[
        str | None,
        typer.Option("--head", help="To verify: a hash that was noted earlier must still be there.", metavar="HASH"),
    ] = None,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """List every change of the book, or verify that none was made behind its back; exit code 1 if one was."""
    from holdfast.book.audit import entries, verify
    from holdfast.site import load_site

    if action is not AuditAction.VERIFY and head is not None:
        raise SettingError("`--head` belongs to `holdfast audit verify`.")
    with book_of(load_site(site), create=False) as book:
        if action is AuditAction.LIST:
            _list_entries(entries(book), json=json)
            return
        found = verify(book, head)
    if json:
        say_json(found)
    else:
        for problem in found.problems:
            say(printable(problem))
        checked = "1 entry" if found.entries == 1 else f"{found.entries:,} entries"
        say(f"{checked}{', and all is as they say' * (not found.problems)}.")
        say(f"Head  {found.head}")
    raise typer.Exit(1 if found.problems else 0)


def _list_entries(listed: tuple[Entry, ...], *, json: bool) -> None:
    if json:
        say_json(listed)
    elif not listed:
        say("Nothing was changed yet.")
    else:
        rows = ((str(e.entry), moment(e.at), e.author, e.action, _changed(e)) for e in listed)
        table(("Entry", "When", "By", "What", "Of"), rows)


def _changed(entry: Entry) -> str:
    """What an entry is about: a release, a key, rows that were erased, an incident, or a change that is known."""
    import msgspec

    row = msgspec.json.decode(entry.content)
    if "ids" in row:
        return f"{row['ids']:,} ids of {row['model']}"
    if "incident" in row:
        return str(row["incident"])
    if "columns" in row:
        return f"{row['model']}: {row['reason']}"
    return f"{row['model']}/{row['version']}" if "version" in row else f"{row['name']} ({row['id']})"


def _list_keys(site: Site, *, json: bool) -> None:
    from holdfast.book import keys

    with book_of(site, create=False) as book:
        listed = keys.keys(book)
    if json:
        say_json(listed)
    elif not listed:
        say("No keys; `holdfast keys add NAME --role predict` makes one.")
    else:
        rows = (
            (
                key.id,
                key.name,
                ", ".join(key.roles),
                "any" if key.rate is None else f"{key.rate:g} a second",
                f"revoked {moment(key.revoked)}" if key.revoked else f"since {moment(key.created)}",
            )
            for key in listed
        )
        table(("Id", "Name", "Roles", "Rate", "In use"), rows)


def _add_key(site: Site, name: str, roles: list[str], rate: float | None, *, json: bool) -> None:
    from holdfast.book.keys import add_key
    from holdfast.releases.environment import author

    with book_of(site) as book:
        key, token = add_key(book, name, roles, rate=rate, author=author())
    if json:
        say_json({"key": token, "id": key.id, "name": key.name, "roles": key.roles, "rate": key.rate})
        return
    say(token)
    say(f"This is the key of {name}, shown this once: the book keeps its digest only.")
    if site.server.authentication == "none":
        say('It is asked for once site.toml has authentication = "keys" under [server].')


def _revoke_key(site: Site, name: str, *, json: bool) -> None:
    from holdfast.book.keys import revoke_key
    from holdfast.releases.environment import author

    with book_of(site, create=False) as book:
        key = revoke_key(book, name, author=author())
    if json:
        say_json(key)
    else:
        say(f"The key {key.id} of {key.name} is revoked; servers refuse it within a second.")
