"""Four more weeks of the demo: answered by its release, labelled late, with three planted changes; and the monitor over them."""

from __future__ import annotations

import shutil
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import holdfast as hf
from holdfast.book.opening import open_book
from holdfast.book.stages import promote
from holdfast.commands.terminal import steps
from holdfast.config import Project
from holdfast.profile.calendar import moments
from holdfast.testing.answered import answer_rows, commit, label_rows
from holdfast.testing.planted import nulls, shift
from holdfast.testing.transactions import transactions

DAY = 86_400.0
LABEL_DAYS = 3

START, DAYS, END = "2025-04-28", 28, datetime(2025, 5, 26, 0, 5, tzinfo=UTC)
NULLS, SHIFT, CONCEPT = "2025-05-05", "2025-05-09", "2025-05-14"

PLANTED = """\
    terminal_risk_7d   from May 5 missing in 90% of the rows: a broken pipeline
    age                from May 9 half a standard deviation higher
    is_fraud           from May 14 true of one cheap online payment in twelve,
                       too: the same rows have other truths than before
"""


def watch(project: Project, sealed: hf.SealedFolder, output: Path) -> None:
    """Answer the weeks, label them, and show what the monitor finds."""
    folder = output / "weeks"
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier demo
    folder.mkdir()
    (folder / "site.toml").write_text('releases = "../releases"\n', encoding="utf-8")
    root = folder / ".holdfast"
    rows = weeks(project.data.target)
    with steps() as say:
        say(f"Answering {len(rows):,} rows of four weeks")
        book = open_book(root / "book.db")
        promote(book, project.name, sealed.manifest.version, sealed.identity, author="demo")
        book.close()
        ids = answer_rows(root, sealed, rows, "time")
        when = moments(rows["time"].combine_chunks())[0]
        label_rows(root, sealed, ids, rows[project.data.target].to_pylist(), when + LABEL_DAYS * DAY)
        commit(root)
    print(f"{len(rows):,} rows of four weeks, labelled {LABEL_DAYS} days later, in which we planted\n{PLANTED}")
    found = hf.monitor(site=folder / "site.toml", now=END)
    (model,) = found.models
    for one in model.incidents:
        print(f"{one.status:9} {one.title}")
        for text in (one.story, one.advice):
            print(textwrap.fill(text, 80, initial_indent=" " * 10, subsequent_indent=" " * 10))
    page = folder / "week.html"
    found.to_html(page)
    print(f"\nJudged    {len(model.windows)} days; {len(found.incidents)} incidents want somebody")
    print(f"Report    {page.absolute().as_uri()}")


def weeks(target: str) -> pa.Table:
    """The rows, with what was planted in them."""
    rows = transactions(start="2025-02-24", days=63 + DAYS, seed=0)
    rows = rows.filter(pc.greater_equal(rows["time"], datetime.fromisoformat(START).replace(tzinfo=UTC)))
    rows = nulls(rows, "terminal_risk_7d", 0.9, NULLS, seed=1).table
    rows = shift(rows, "age", 0.5, SHIFT).table
    late = pc.greater_equal(rows["time"], datetime.fromisoformat(CONCEPT).replace(tzinfo=UTC))
    cheap = pc.and_(pc.equal(rows["channel"], "online"), pc.less(rows["amount"], 60.0))
    chosen = pa.array(np.random.default_rng(0).random(len(rows)) < 1 / 12)
    stolen = pc.and_(pc.and_(late, cheap), chosen)
    truth = pc.or_(rows[target].cast(pa.bool_()), stolen).cast(rows[target].type)
    return rows.set_column(rows.column_names.index(target), target, truth)
