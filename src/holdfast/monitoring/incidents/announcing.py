"""Changes that somebody knows of are announced of models and columns that there are: a mistyped name would explain nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from holdfast.book import monitoring as recorded
from holdfast.book.incidents import Annotation, annotate
from holdfast.book.opening import Book
from holdfast.errors import SettingError
from holdfast.incident import BESIDE
from holdfast.log.reading import open_log
from holdfast.names import ended, meant
from holdfast.profile.crossings import crossed_columns
from holdfast.profile.group_names import group_parts
from holdfast.released import SCHEMA
from holdfast.releases.store import open_store
from holdfast.schema import Schema
from holdfast.site import Site

NO_COLUMNS = ("answers", "performance", "rows", "volume")
"""What an incident may be about besides columns and groups of rows."""


def announce(
    book: Book,
    site: Site,
    model: str,
    reason: str,
    *,
    since: datetime,
    until: datetime | None = None,
    columns: tuple[str, ...] = (),
    author: str,
) -> Annotation:
    """Write down a change that is known, of a model of an installation; see `annotate`.

    Parameters
    ----------
    model
        One that is watched, logged or released. Where there is none yet, any.
    columns
        Those of its releases, or of the history that it is watched by; groups such as `region=north`; `answers`,
        `performance`, `rows` and `volume`.

    Raises
    ------
    SettingError
        There is no such model or column, or what `annotate` refuses.
    """
    name = model.partition(BESIDE)[0]  # a release that is watched by itself has the same columns
    stores = [open_store(site.path(site.releases)), open_store(site.root_path / "references")]
    released = [(store, known) for store in stores for known in store.models()]
    models = sorted({*recorded.models(book), *open_log(site.root_path).models, *(known for _, known in released)})
    if models and not {model, name} & set(models):
        raise SettingError(f"Nothing is announced: there is no model {model!r} here: {ended(meant(model, models))}")
    schemas = (
        Schema.from_json(store.get(name, version).read(SCHEMA))
        for store, known in released
        if known == name
        for version in reversed(store.versions(name))
    )
    _check(columns, schemas, model)
    return annotate(book, model, reason, since=since, until=until, columns=columns, author=author)


def _check(columns: Iterable[str], schemas: Iterable[Schema], model: str) -> None:
    """Refuse what no schema has; without any nothing is known. The newest one mostly has them all."""
    strange = [name for name in columns if name not in NO_COLUMNS]
    known: dict[str, None] = {}
    for schema in schemas if strange else ():
        known |= dict.fromkeys(column.name for column in schema.columns)
        strange = [name for name in strange if not _is_of(name, known)]
        if not strange:
            return
    if known:
        told = meant(strange[0], [*known, *NO_COLUMNS])
        raise SettingError(f"Nothing is announced: no release of {model} has a column {strange[0]!r}: {ended(told)}")


def _is_of(name: str, known: dict[str, None]) -> bool:
    """Whether a column, a crossing or a group of rows is of these columns."""
    return name in known or known.keys() >= set(crossed_columns(group_parts(name)[0]))
