"""Watch models in service: the function that users call."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from holdfast.book import monitoring as recorded
from holdfast.book.opening import Book, open_book
from holdfast.config import FILE, Project, load_project, project_of
from holdfast.durations import seconds
from holdfast.errors import InputError, LogError, ModelError, ProfileError, ReleaseError, SettingError
from holdfast.evaluation.row_losses import loss_title, loss_unit
from holdfast.incident import BESIDE
from holdfast.log.disk import locked, make_folder
from holdfast.log.reading import PredictionLog, open_log
from holdfast.monitoring.incidents.grouping import ranked
from holdfast.monitoring.incidents.outward import Outward
from holdfast.monitoring.incidents.standing import standings
from holdfast.monitoring.judging import usual
from holdfast.monitoring.labelled.completeness import with_usual
from holdfast.monitoring.labelled.longer import Longer
from holdfast.monitoring.labelled.weighted import measured
from holdfast.monitoring.rebuild import rebuild
from holdfast.monitoring.reference import Reference, References, reference_of
from holdfast.monitoring.result import Monitored, shown_windows
from holdfast.monitoring.revising import follow_labels
from holdfast.monitoring.run import Ran, run
from holdfast.monitoring.skew.comparing import skew_of
from holdfast.monitoring.skew.skewed import Skew
from holdfast.monitoring.sources.champion import in_service
from holdfast.monitoring.sources.source import MARGIN_SECONDS, MICROSECONDS, LogSource, Source
from holdfast.monitoring.unjudged import too_small, without_history, without_labels
from holdfast.names import listed
from holdfast.releases.folder import SealedFolder
from holdfast.releases.store import Store, open_store
from holdfast.site import FILE as SITE
from holdfast.site import Site, load_site
from holdfast.tables import open_table
from holdfast.watched import Watched
from holdfast.windows import CountedWindows, Cut

Say: TypeAlias = Callable[[str], None]


def monitor(
    models: str | Sequence[str] | None = None,
    *,
    data: object = None,
    labels: object = None,
    project: Project | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    site: Site | str | os.PathLike[str] | None = None,
    recomputed: object = None,
    release: int | None = None,
    backfill: str | None = None,
    now: datetime | None = None,
    say: Say | None = None,
    tell: Say = print,
) -> Monitored:
    """Watch models by the log, or by tables: count what is new, judge the windows that are due, open and resolve incidents.

    Each window is judged once, however often this is called; two that run at once take turns.

    Parameters
    ----------
    models
        A model, or several; None: all that are logged and have a release.
    data, labels
        Predictions that were made elsewhere, and the truth of them by their ids: any tables that `open_table` reads.
        Without `labels`, the predictions may hold the truth themselves.
    project
        With `data`: the configuration, or where it lies; None: `holdfast.toml` in this folder. The reference is the release
        of its model if there is one, else the history that it names, whose scores then stand beside its labels.
    site
        The installation: its `Site`, or the path of `site.toml`; None: that of the current folder, with `data` that of
        the project.
    recomputed
        Features of the one model made again offline, as `skew` takes them: incidents tell where rows were served otherwise.
    release
        Of one model: a release that answers beside the one in force, asked for by its version. What it answered is watched
        by itself as `model@version`, with a budget of its own, and its incidents alert nobody.
    backfill
        How far back the first run over a model goes, such as `90d`; None: to its first prediction.
    now
        The moment as of which it judges, with its zone; None: this one, with `data` not later than the end of the window
        of the newest row.
    say
        Called with a few words at each step.
    tell
        Called with each line for the alert route `stdout` of `site.toml`.

    Returns
    -------
    Monitored
        Windows and incidents of each model.

    Raises
    ------
    SettingError
        A model is not logged, a column is not there, or the installation makes no sense.
    ReleaseError
        The one model that is asked for has no release, or one without what monitoring needs. Of several models the others
        are watched, and `failed` says what stands in the way of it.
    LogError, BookError
        The log or the book cannot be read.
    """
    if now is not None and now.tzinfo is None:
        raise SettingError("now: expected a time with its zone, such as datetime.now(UTC).")
    when = None if now is None else now.timestamp()
    say = say or (lambda _: None)
    if data is not None:
        if models is not None or release is not None:
            raise SettingError("models and data exclude each other: the project names the model of the data.")
        asked = _project(project)
        return _watch_files(data, labels, asked, _site(site, asked.folder), recomputed, backfill, when, say, tell)
    if labels is not None or project is not None:
        raise SettingError("labels and project belong to data: give the predictions, too.")
    found = _site(site)
    log, store = open_log(found.root_path), open_store(found.path(found.releases))
    names = _models(models, log, store)
    if recomputed is not None and len(names) != 1:
        raise SettingError("recomputed: name the one model whose features were made again.")
    if release is not None and (models is None or len(names) != 1):
        raise SettingError("release is of one model: name it.")
    book = open_book(found.book_location)
    try:
        outward, watched, failed = Outward(found, book, tell), [], {}
        for name in names:
            say(f"Watching {name}")
            try:
                beside = _beside(name, release, book, store)
                own = None if beside is not None else outward
                watched.append(
                    _watch_logged(name, beside, log, store, book, found, recomputed, backfill, when, say, own)
                )
            except (ReleaseError, LogError, InputError, ModelError, ProfileError) as error:
                if len(names) == 1:
                    raise
                failed[name] = str(error)
                continue
            if own is not None:
                own.send(watched[-1])
        return Monitored(models=tuple(watched), undelivered=outward.problems, failed=failed)
    finally:
        book.close()


def _beside(name: str, release: int | None, book: Book, store: Store) -> int | None:
    """The release that is asked for, if it is not the one in force, which is watched anyway."""
    return None if release is None or in_service(name, book, store).manifest.version == release else release


def _watched_beside(name: str, version: int, store: Store) -> Reference:
    """The reference of a release that is watched by itself."""
    return replace(reference_of(store.get(name, version)), model=f"{name}{BESIDE}{version}")


def _watch_logged(
    name: str,
    beside: int | None,
    log: PredictionLog,
    store: Store,
    book: Book,
    site: Site,
    recomputed: object,
    backfill: str | None,
    when: float | None,
    say: Say,
    outward: Outward | None,
) -> Watched:
    """Watch a model by its log, or a release beside the one in force."""
    reference = reference_of(in_service(name, book, store)) if beside is None else _watched_beside(name, beside, store)
    source = LogSource(log, name, alone=beside is not None)
    since = _since(backfill, when or time.time())
    skew = _skew(source, reference, recomputed, site)
    told = None if skew is None else skew.told
    references = _references(reference.model, store)
    done = run(
        source,
        reference,
        book,
        site.root_path,
        references=references,
        now=when,
        since=since,
        then=outward.tell if outward else None,
        skew=told,
    )
    if reference.released is not None and beside is None:
        until = int(((when or time.time()) - MARGIN_SECONDS) * MICROSECONDS)
        revision = follow_labels(source, reference.released, book, site.root_path, until=until)
        if revision is not None:
            say(f"Revision {revision.revision} of the policy of {reference.released.name} {revision.reason}")
    longer = Longer(site.root_path, recorded.runs(book, reference.model), references, reference.windows.zone)
    return replace(watched_of(reference, book, done), skew=skew, longer=longer)


def _watch_files(
    data: object,
    labels: object,
    project: Project,
    site: Site,
    recomputed: object,
    backfill: str | None,
    when: float | None,
    say: Say,
    tell: Say,
) -> Monitored:
    """Watch the model of a project by tables of its predictions and labels."""
    from holdfast.monitoring.sources.given import file_source

    root, book = site.root_path, open_book(site.book_location)
    try:
        say(f"Watching {project.name}")
        outward = Outward(site, book, tell)
        reference = reference_of(_sealed(project, book, root, say))
        with ExitStack() as tables:
            predictions = tables.enter_context(open_table(data, name="data"))
            truths = None if labels is None else tables.enter_context(open_table(labels, name="labels"))
            source = file_source(predictions, truths, reference, project, root, when)
            now = max(source.newest_end(time.time()), _after(book, project.name)) if when is None else when
            since = _since(backfill, now)
            skew = _skew(source, reference, recomputed, site)
            told = None if skew is None else skew.told
            references = _references_of(project, root)
            done = run(
                source,
                reference,
                book,
                root,
                references=references,
                now=now,
                since=since,
                margin=0.0,
                then=outward.tell,
                skew=told,
            )
        longer = Longer(root, recorded.runs(book, project.name), references, reference.windows.zone)
        watched = watched_of(reference, book, done)
        warnings = (*source.passed_over, *watched.warnings)
        watched = replace(watched, unmatched=source.truths.strange, skew=skew, longer=longer, warnings=warnings)
        outward.send(watched)
        return Monitored(models=(watched,), undelivered=outward.problems)
    finally:
        book.close()


def _skew(source: Source, reference: Reference, recomputed: object, site: Site) -> Skew | None:
    """What was served beside what was made again, if that is given."""
    if recomputed is None:
        return None
    served, until = site.models.get(reference.model), int(time.time() * MICROSECONDS) + 1
    with open_table(recomputed, name="the table of features made again") as table:
        return skew_of(source, reference, table, hashed=() if served is None else served.hashed, since=0, until=until)


def _after(book: Book, model: str) -> float:
    """Just after the last run, so that labels that came meanwhile are told from those that it had."""
    runs = recorded.runs(book, model)
    return runs[-1].labelled_until / MICROSECONDS + 0.001 if runs else 0.0


def _sealed(project: Project, book: Book, root: Path, say: Say) -> SealedFolder:
    """The release of a project's model, or what was sealed of its history."""
    from holdfast.monitoring.sources.unreleased import sealed_history

    releases = open_store(project.path(project.store.releases))
    if project.name in releases.models():
        return in_service(project.name, book, releases)
    make_folder(root)
    with locked(root / f"reference-{project.name}.lock"):  # of two at once the second takes what the first has sealed
        return sealed_history(project, open_store(root / "references"), say)


def _references_of(project: Project, root: Path) -> References:
    """Releases of a project's model, and what was sealed of its history, whose versions are negative."""
    releases, histories = open_store(project.path(project.store.releases)), open_store(root / "references")

    def reference(version: int) -> Reference:
        sealed = histories.get(project.name, -version) if version < 0 else releases.get(project.name, version)
        return reference_of(sealed)

    return reference


def _project(given: Project | Mapping[str, Any] | str | os.PathLike[str] | None) -> Project:
    match given:
        case Project():
            return given
        case Mapping():
            return project_of(dict(given))
        case _:
            return load_project(FILE if given is None else Path(given))


def _site(given: Site | str | os.PathLike[str] | None, folder: str | None = None) -> Site:
    if isinstance(given, Site):
        return given
    if given is None and folder is not None:
        beside = Path(folder) / SITE
        return load_site(beside) if beside.exists() else Site(folder=folder)
    return load_site(None if given is None else Path(given))


def _since(backfill: str | None, now: float) -> float | None:
    return None if backfill is None else now - seconds(backfill, "backfill")


def replay(
    models: Sequence[str] | None = None,
    *,
    site: Site,
    data: object = None,
    labels: object = None,
    project: Project | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    say: Say = lambda _: None,
) -> dict[str, int]:
    """Make again what follows from recorded runs and the log, or tables; how many runs there were over each model.

    Parameters
    ----------
    models
        Models of the log; None: all that were watched.
    site
        The installation.
    data, labels, project
        As in `monitor`, for a model that was watched by tables: these have all that those of its runs had.
    say
        Called with a few words at each step.

    Raises
    ------
    SettingError
        A model was never watched by its log.
    ReleaseError
        A release that answered is not there any more.
    """
    book = open_book(site.book_location, create=False)
    try:
        if data is not None:
            if models is not None:
                raise SettingError("models and data exclude each other: the project names the model of the data.")
            return _replay_files(data, labels, _project(project), site, book, say)
        if labels is not None or project is not None:
            raise SettingError("labels and project belong to data: give the predictions, too.")
        log, store = open_log(site.root_path), open_store(site.path(site.releases))
        watched = recorded.models(book)
        known = [name for name in watched if name.partition(BESIDE)[0] in log.models]
        for name in models or watched:
            if name in watched and name not in known:
                told = (
                    f"{name} was watched by tables: give them, with all its predictions, as data, labels and project."
                )
                if models is not None:
                    raise SettingError(told)
                say(told)
            elif name not in known:
                there = listed(known) if known else "none"
                raise SettingError(f"No run over the log of {listed([name])} is recorded. There are: {there}.")
        done = {}
        for name in models or known:
            say(f"Replaying {name}")
            model, beside, _ = name.partition(BESIDE)
            source = LogSource(log, model, alone=bool(beside))
            done[name] = rebuild(source, name, _references(name, store), book, site.root_path)
        return done
    finally:
        book.close()


def _replay_files(data: object, labels: object, project: Project, site: Site, book: Book, say: Say) -> dict[str, int]:
    """The same of a model that was watched by tables."""
    from holdfast.monitoring.sources.given import file_source

    root, name = site.root_path, project.name
    if name not in recorded.models(book):
        raise SettingError(f"No run over tables of {name} is recorded.")
    reference = _references_of(project, root)
    with ExitStack() as tables:
        predictions = tables.enter_context(open_table(data, name="data"))
        truths = None if labels is None else tables.enter_context(open_table(labels, name="labels"))
        newest = recorded.runs(book, name)[-1]
        source = file_source(predictions, truths, reference(newest.release), project, root, None)
        say(f"Replaying {name}")
        return {name: rebuild(source, name, reference, book, root)}


def watched_of(reference: Reference, book: Book, done: Ran | None = None) -> Watched:
    """What is known of a model, from the book."""
    expected = usual(reference)
    incidents = [one.incident for one in standings(book, recorded.now(), reference.model)]
    runs = recorded.runs(book, reference.model)
    as_of = runs[-1].at.timestamp() if runs else -math.inf
    windows = with_usual(shown_windows(recorded.windows(book, reference.model).values()), as_of)
    own = [one for one in windows if one.release == reference.version]
    unjudged = [
        without_history(f"{reference.model}/{abs(reference.version)}", len(reference.history)),
        too_small(reference.settings, own, released=reference.released is not None),
        without_labels(own, as_of, reference.delay),
    ]
    return Watched(
        model=reference.model,
        release=reference.version,
        zone=reference.windows.zone,
        loss_title=loss_title(reference.objective),
        unit=loss_unit(reference.objective),
        usual=measured(reference, reference.whole).figures.get("loss"),
        windows=windows,
        incidents=tuple(ranked(incidents)),
        importance=reference.importance,
        minimum=expected.minimum,
        judged=len(done.judged) if done else 0,
        rows=done.rows if done else 0,
        labels=done.labels if done else 0,
        waiting=done.waiting if done else 0,
        due=_due(reference.windows, as_of),
        opened=tuple(one.id for one in done.opened) if done else (),
        warnings=tuple(filter(None, unjudged)),
        rolling=reference.settings.rolling,
    )


def _due(windows: Cut, now: float) -> float | None:
    """When the window of a moment ends, as far as that is known."""
    if isinstance(windows, CountedWindows) or not math.isfinite(now):
        return None
    return windows.end(float(windows.starts(np.array([now]))[0]))


def _references(model: str, store: Store) -> References:
    name, beside, _ = model.partition(BESIDE)
    if beside:
        return lambda version: _watched_beside(name, version, store)
    return lambda version: reference_of(store.get(name, version))


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
