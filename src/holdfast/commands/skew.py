"""The command `skew`: features as they were served, row by row beside the same ones made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.listing import table as shown
from holdfast.commands.project import Json
from holdfast.commands.site import SiteFile
from holdfast.commands.terminal import check_writable, finding_lines, printable, say, show, steps
from holdfast.numerals import several

if TYPE_CHECKING:
    from holdfast.monitoring.skew.skewed import Skew

SHOWN_IDS = 3


def skew(
    model: Annotated[str, typer.Argument(help="The model whose log is read.", metavar="MODEL")],
    table: Annotated[
        str, typer.Argument(help="Features made again, with the ids of the predictions.", metavar="TABLE")
    ],
    id: Annotated[  # noqa: A002  # the option's name
        str | None, typer.Option("--id", help="Its column with the ids; by default hf_id.", metavar="COLUMN")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Rows from this day or time on, or of the last 6h.", metavar="WHEN")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Rows before this day or time.", metavar="WHEN")] = None,
    at_most: Annotated[
        float, typer.Option("--at-most", help="Share of the rows that may differ.", metavar="SHARE")
    ] = 0.01,
    relative: Annotated[
        float, typer.Option("--relative", help="Part of a number by which it may be apart.", metavar="SHARE")
    ] = 1e-6,
    absolute: Annotated[
        float, typer.Option("--absolute", help="By how much a number may be apart in any case.", metavar="NUMBER")
    ] = 1e-9,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report here.", metavar="FILE")] = None,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """Compare the features that rows were served with with the same ones made again; exit code 1 if a column differs."""
    import holdfast as hf

    check_writable(html, table)
    with steps() as step:
        step(f"Comparing what {model} was served with")
        result = hf.skew(
            model,
            table,
            site=site,
            id=id,
            since=since,
            until=until,
            at_most=at_most,
            relative=relative,
            absolute=absolute,
        )
    if html is not None:
        result.to_html(html)
    if json:
        say(result.to_json(), encoding="utf-8")
    else:
        _tell(result)
    raise typer.Exit(0 if result.passed else 1)


def _tell(result: Skew) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from holdfast.records import Status

    differing = [one for one in result.columns if one.differing]
    if differing:
        shown(
            ("Column", "Differ", "Another value", "Missing served", "Missing made again"),
            (
                (
                    one.column,
                    f"{one.share:.2%}",
                    *map("{:,}".format, (one.values, one.only_recomputed, one.only_served)),
                )
                for one in differing
            ),
        )
        say("")
    for finding, one in zip(result.findings, result.columns, strict=True):
        if finding.status in {Status.FAIL, Status.WARN}:
            such = f"Rows such as {', '.join(one.ids[:SHOWN_IDS])}"
            show(*finding_lines(finding), Padding(Text(printable(such), overflow="fold"), (0, 0, 0, 6)), "")
    for name, why in result.left_out.items():
        say(f"{printable(name)} is not compared: {why}.")
    if result.unmatched:
        say(f"{result.unmatched:,} of the {several(result.ids, 'id')} of the table were not served in that time.")
    if result.repeated:
        say(f"{several(result.repeated, 'row')} of the table without an id, or with one that had come before.")
    say(result.summed_up)
