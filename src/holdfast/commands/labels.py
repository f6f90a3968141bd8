"""The command `labels`: the truth of what was answered."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.listing import exactly, say_json, table
from holdfast.commands.project import Json
from holdfast.commands.site import SiteFile
from holdfast.commands.terminal import say, steps
from holdfast.errors import SettingError
from holdfast.numerals import several

if TYPE_CHECKING:
    from holdfast.log.labels import Task
    from holdfast.site import Site


class Action(StrEnum):
    """What can be done with labels."""

    LIST = "list"
    ADD = "add"


class SourceName(StrEnum):
    """Where a label is from."""

    OUTCOME = "outcome"
    REVIEW = "review"
    IMPORT = "import"


def labels(
    action: Annotated[Action, typer.Argument(help="What to do.")] = Action.LIST,
    names: Annotated[list[str] | None, typer.Argument(help="To add: the table of labels.", metavar="TABLE")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Whose labels; by default the column `model`.", metavar="NAME")
    ] = None,
    id: Annotated[str, typer.Option("--id", help="What a row is called.", metavar="COLUMN")] = "id",  # noqa: A002
    label: Annotated[str, typer.Option("--label", help="The truth.", metavar="COLUMN")] = "label",
    time: Annotated[
        str | None,
        typer.Option("--time", help="When it came to pass; by default the column `time`.", metavar="COLUMN"),
    ] = None,
    source: Annotated[
        SourceName, typer.Option("--source", help="Where they are from, unless a column `source` says it.")
    ] = SourceName.IMPORT,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """List how much of what was answered has a label; or add the labels of a table, which may be done twice."""
    from holdfast.site import load_site

    found, given = load_site(site), names or []
    if action is Action.LIST:
        exactly(given, 0, "list")
        _list(found, json=json)
        return
    from holdfast.log.importing import Columns, add_labels
    from holdfast.releases.environment import author
    from holdfast.tables import open_table

    (path,) = exactly(given, 1, "add", "table of labels")
    with steps() as step, open_table(path, name="labels") as opened:
        step("Adding the labels")
        there = set(opened.schema.names)
        columns = Columns(
            id=id,
            label=label,
            time=time or ("time" if "time" in there else None),
            model="model" if model is None and "model" in there else None,
            source="source" if "source" in there else None,
        )
        done = add_labels(
            found.root_path,
            opened,
            lambda name: _task(found, name),
            columns=columns,
            model=model,
            source=source.value,
            giver=author(),
        )
    if json:
        say_json(done)
        return
    say(
        f"{several(done.added, 'label')} added, {done.known:,} known already, {several(done.unlabelled, 'row')} without a label."
    )
    if done.added:
        say("They are read at once; a server, or `holdfast log commit`, brings them into the lake.")


def _task(site: Site, model: str) -> Task:
    from holdfast.log.labels import Task
    from holdfast.released import load_release
    from holdfast.releases.store import open_store

    released = load_release(open_store(site.path(site.releases)).get(model)).model
    return Task(released.task, released.classes)


def _list(site: Site, *, json: bool) -> None:
    from holdfast.log.coverage import summaries

    found = summaries(site.root_path)
    if json:
        say_json(found)
        return
    if not found:
        raise SettingError(
            f"Nothing is known of labels in {site.root_path}: a server, or `holdfast log commit`, matches them."
        )
    table(
        ("Model", "Answered", "With a label", "Share", "Median delay", "Not matched"),
        (
            (
                model,
                f"{of.predicted:,}",
                f"{of.labelled:,}",
                "" if of.coverage is None else f"{of.coverage:.1%}",
                "" if of.median_delay_seconds is None else _duration(of.median_delay_seconds),
                f"{of.unmatched:,}",
            )
            for model, of in found.items()
        ),
    )


def _duration(seconds: float) -> str:
    """A length of time in the unit that suits it.

    >>> _duration(7_300.0), _duration(12.34)
    ('2.0 h', '12.3 s')
    """
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
