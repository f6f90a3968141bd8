"""Watch models in service: the function that users call."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np

from holdfast.book import monitoring as recorded
from holdfast.book.opening import Book, open_book
from holdfast.book.stages import in_force
from holdfast.durations import seconds
from holdfast.errors import SettingError
from holdfast.evaluation.row_losses import loss_title
from holdfast.log.reading import PredictionLog, open_log
from holdfast.monitoring.figures import mean
from holdfast.monitoring.incident import Incident, ranked
from holdfast.monitoring.judging import usual
from holdfast.monitoring.reference import Reference, reference_of
from holdfast.monitoring.result import Monitored, Watched, shown_windows
from holdfast.monitoring.run import Ran, run
from holdfast.monitoring.source import LogSource
from holdfast.names import listed
from holdfast.releases.folder import SealedFolder
from holdfast.releases.store import Store, open_store
from holdfast.site import Site, load_site

Say: TypeAlias = Callable[[str], None]


def monitor(
    models: str | Sequence[str] | None = None,
    *,
    site: Site | str | os.PathLike[str] | None = None,
    backfill: str | None = None,
    now: datetime | None = None,
    say: Say | None = None,
) -> Monitored:
    """Watch models by the log: count what is new, judge the windows that are due, open and resolve incidents.

    Each window is judged once, however often this is called; two that run at once take turns.

    Parameters
    ----------
    models
        A model, or several; None: all that are logged and have a release.
    site
        The installation: its `Site`, or the path of `site.toml`; None: that of the current folder.
    backfill
        How far back the first run over a model goes, such as `90d`; None: to its first prediction.
    now
        The moment as of which it judges, with its zone; None: this one.
    say
        Called with a few words at each step.

    Returns
    -------
    Monitored
        Windows and incidents of each model.

    Raises
    ------
    SettingError
        A model is not logged, or the installation makes no sense.
    ReleaseError
        A model has no release, or one without what monitoring needs.
    LogError, BookError
        The log or the book cannot be read.
    """
    found = site if isinstance(site, Site) else load_site(None if site is None else Path(site))
    if now is not None and now.tzinfo is None:
        raise SettingError("now: expected a time with its zone, such as datetime.now(UTC).")
    when = None if now is None else now.timestamp()
    log, store = open_log(found.root_path), open_store(found.path(found.releases))
    names = _models(models, log, store)
    say = say or (lambda _: None)
    book = open_book(found.book_location)
    try:
        watched = []
        for name in names:
            say(f"Watching {name}")
            reference = reference_of(_in_force(name, book, store))
            since = None if backfill is None else (when or datetime.now().timestamp()) - seconds(backfill, "backfill")
            done = run(LogSource(log, name), reference, book, found.root_path, now=when, since=since)
            watched.append(watched_of(reference, book, done))
        return Monitored(models=tuple(watched))
    finally:
        book.close()


def watched_of(reference: Reference, book: Book, done: Ran | None = None) -> Watched:
    """What is known of a model, from the book."""
    expected = usual(reference)
    losses = sum((one.losses for _, one in reference.history), np.zeros(3))
    incidents = [msgspec.convert(one, Incident) for one in recorded.incidents(book, reference.model).values()]
    return Watched(
        model=reference.model,
        release=reference.version,
        zone=reference.windows.zone,
        loss_title=loss_title(reference.objective),
        unit=reference.objective.unit,
        usual=mean(losses) if losses[0] > 1 else None,
        windows=shown_windows(recorded.windows(book, reference.model).values()),
        incidents=tuple(ranked(incidents)),
        importance=reference.importance,
        minimum=expected.minimum,
        judged=len(done.judged) if done else 0,
        rows=done.rows if done else 0,
        labels=done.labels if done else 0,
        opened=tuple(one.id for one in done.opened) if done else (),
    )


def _models(models: str | Sequence[str] | None, log: PredictionLog, store: Store) -> list[str]:
    logged = log.models
    if models is None:
        released = store.models()
        return [name for name in logged if name in released]
    asked = [models] if isinstance(models, str) else list(models)
    if strange := [name for name in asked if name not in logged]:
        known = f"logged: {listed(logged)}" if logged else "nothing is logged yet"
        raise SettingError(f"Nothing is logged of {listed(strange)} in {log.root}; {known}.")
    return asked


def _in_force(model: str, book: Book, store: Store) -> SealedFolder:
    """The champion, or the newest release where none was promoted."""
    stage: Any = in_force(book).get(model)
    return store.get(model, None if stage is None else stage.version)
