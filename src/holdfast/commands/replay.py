"""The command `replay`: logged rows, scored again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.commands.listing import say_json, table
from holdfast.commands.log_reading import told
from holdfast.commands.project import Json
from holdfast.commands.site import SiteFile
from holdfast.commands.terminal import check_writable, say, steps

if TYPE_CHECKING:
    import pyarrow as pa

    from holdfast.replay import Replayed

SHOWN_ROWS = 20


def replay(
    name: Annotated[str, typer.Argument(help="The release, or a model for its newest one.", metavar="MODEL/VERSION")],
    since: Annotated[
        str | None, typer.Option("--since", help="Rows from this day or time on, or of the last 6h.", metavar="WHEN")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Rows before this day or time.", metavar="WHEN")] = None,
    answered_by: Annotated[
        int | None, typer.Option("--answered-by", help="Rows that this version had answered.", metavar="VERSION")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the rows that differ here, as Parquet.", metavar="FILE")
    ] = None,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """Score logged rows again with a release, and say which answers differ; exit code 1 if any does."""
    from holdfast.log.reading import open_log
    from holdfast.released import load_release
    from holdfast.releases.store import open_store
    from holdfast.replay import Replayed
    from holdfast.replay import replay as again
    from holdfast.site import load_site

    found = load_site(site)
    check_writable(output)
    sealed = open_store(found.path(found.releases)).named(name)
    done = Replayed(release=sealed.name)
    first: list[dict[str, Any]] = []
    with steps() as step, _written(output) as write:
        step(f"Loading {sealed.name}")
        log, released = open_log(found.root_path), load_release(sealed)
        for rows in again(log, sealed.manifest.model, released, since=since, until=until, release=answered_by):
            done.add(rows)
            step(f"{done.rows:,} rows, {done.differing:,} differ")
            differing = rows.filter(rows.column("differs"))
            write(differing)
            first += differing.slice(0, SHOWN_ROWS - len(first)).to_pylist()
    if json:
        say_json(done)
    else:
        _show(done, first)
    raise typer.Exit(1 if done.differing else 0)


@contextmanager
def _written(output: Path | None) -> Iterator[Callable[[pa.Table], None]]:
    """Writes rows into a file, if one is named."""
    import pyarrow.parquet as pq

    if output is None:
        yield lambda _: None
        return
    writers: list[Any] = []

    def write(rows: pa.Table) -> None:
        if not writers:
            writers.append(pq.ParquetWriter(output, rows.schema))
        writers[0].write_table(rows)

    try:
        yield write
    finally:
        for writer in writers:
            writer.close()


def _show(done: Replayed, first: list[dict[str, Any]]) -> None:
    if first:
        titles = ("Id", "Answered by", "Score", "now", "Decision", "now", "Review", "now")
        names = ("hf_score", "score", "hf_decision", "decision", "hf_reason", "reason")
        table(titles, ((row["hf_id"], str(row["hf_release"]), *(told(row[name]) for name in names)) for row in first))
    if done.differing > len(first):
        say(f"These are the first {len(first)}; --output writes all of them.")
    if not done.differing:
        say(f"{done.release} answers all {done.rows:,} rows as they were answered.")
        return
    say(
        f"{done.release} answers {done.differing:,} of {done.rows:,} rows otherwise: {done.scores:,} other scores (by at "
        f"most {done.largest:.3g}), {done.decisions:,} other decisions, {done.reviews:,} other reviews."
    )
