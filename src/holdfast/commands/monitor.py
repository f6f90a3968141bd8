"""The command that watches models in service."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.commands.incidents import listed, plain
from holdfast.commands.listing import say_json, table
from holdfast.commands.project import CONFIG, Json
from holdfast.commands.site import SiteFile, book_of, site_beside
from holdfast.commands.terminal import check_writable, complain, printable, say, steps
from holdfast.errors import BookError, LogError, ReleaseError, SettingError
from holdfast.numerals import several

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from holdfast.monitoring.incidents.standing import Standing
    from holdfast.monitoring.result import Monitored
    from holdfast.site import Site
    from holdfast.watched import Over, Watched


NOTHING = (math.nan, math.nan, math.nan)

BETWEEN_SECONDS = 60.0
"""So often, between two looks, what could not be delivered is tried again."""


WIDE = 80
"""Letters of a line."""

NAMED = 3
"""So many columns are named in a line; of more, how many."""

COULD_NOT_RUN = 2
"""Exit code where a model could not be watched."""


def monitor(
    models: Annotated[
        list[str] | None, typer.Argument(help="Models; by default all of the log.", metavar="MODEL")
    ] = None,
    every: Annotated[
        str | None, typer.Option("--every", help="Keep running, and look so often, such as 5m.", metavar="LENGTH")
    ] = None,
    backfill: Annotated[
        str | None, typer.Option("--backfill", help="How far the first run goes back, such as 90d.", metavar="LENGTH")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="Predictions that were made elsewhere.", metavar="TABLE")
    ] = None,
    labels: Annotated[
        str | None, typer.Option("--labels", help="With --data: their truth, by ids.", metavar="TABLE")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="With --data: the configuration of their model.", metavar="FILE")
    ] = None,
    over: Annotated[
        str | None,
        typer.Option("--over", help="Figures by week, month, or of stretches such as 30d.", metavar="LENGTH"),
    ] = None,
    recomputed: Annotated[
        str | None,
        typer.Option("--recomputed", help="Features of the one model made again, by ids.", metavar="TABLE"),
    ] = None,
    release: Annotated[
        int | None,
        typer.Option("--release", help="Of one model: a release beside the one in force.", metavar="VERSION"),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report here.", metavar="FILE")] = None,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """Judge the windows that are due, open incidents and resolve them; exit code 1 if any wants somebody."""
    import msgspec

    from holdfast.durations import seconds
    from holdfast.site import load_site

    _check_asked(models, data, labels, config, release)
    check_writable(html)
    pause = None if every is None else seconds(every, "--every")
    if backfill is not None:
        seconds(backfill, "--backfill")
    if over is not None and over not in {"week", "month"}:
        seconds(over, "--over, where it is not week or month,")
    if pause is not None and json:
        raise SettingError("`--json` prints one run: it does not go with `--every`.")
    found = site_beside(config or CONFIG) if data is not None and site is None else load_site(site)
    given: dict[str, Any] = {} if data is None else {"data": data, "labels": labels, "project": config}
    if recomputed is not None:
        given["recomputed"] = recomputed
    look = partial(_look, found, models, html, release=release, backfill=backfill, **given)
    if pause is not None:
        with suppress(KeyboardInterrupt):
            _keep_running(found, look, ", ".join(models) if models else data or "all models of the log", pause)
        say("Stopped.")
        return
    with steps() as step:
        # What is printed is JSON, or a table at the end: alerts for standard output go beside the one, before the other.
        result = look(say=step, tell=complain if json else say)
    for problem in (*result.undelivered, *_failed(result), *_warnings(result)):
        complain(problem)
    if not (result.models or result.failed):
        (complain if json else say)(_nothing(found))
    standings = _standings(found, result)
    if json:
        say_json(
            [
                {"model": one.model, "release": one.release, "judged": one.judged, "rows": one.rows}
                | {"waiting": one.waiting, "warnings": list(one.warnings)}
                | ({"over": msgspec.to_builtins(one.over(over))} if over else {})
                | {"findings": list(one.findings)}
                | ({} if one.skew is None else {"skew": one.skew.to_dicts()})
                | {"incidents": [plain(s) for s in standings if s.incident.model == one.model]}
                for one in result.models
            ]
        )
    elif result.models:
        _tell(result, standings)
        for one in result.models if over else ():
            _tell_over(one, over or "")
    raise typer.Exit(COULD_NOT_RUN if result.failed else 1 if any(one.alerts for one in standings) else 0)


def _check_asked(
    models: list[str] | None, data: str | None, labels: str | None, config: Path | None, release: int | None = None
) -> None:
    """Refuse options that do not go together, in the words of the command line."""
    for option, value in (("--labels", labels), ("--config", config)):
        if data is None and value is not None:
            raise SettingError(f"`{option}` belongs to `--data`: give the predictions with it, too.")
    if data is not None and models:
        raise SettingError("`--data` takes no MODEL: the configuration, see `--config`, names the model of the data.")
    if release is not None and len(models or ()) != 1:
        raise SettingError("`--release` is of one model that is logged: name it, as in `holdfast monitor MODEL`.")


def _look(site: Site, models: list[str] | None, html: Path | None, **given: Any) -> Monitored:
    from holdfast.monitoring.monitor import monitor

    result = monitor(models or None, site=site, **given)
    if html is not None:
        result.to_html(html)
    return result


def _keep_running(site: Site, look: Callable[..., Monitored], what: str, pause: float) -> None:
    """Look again and again, until somebody stops it. What is away for a while is looked for again."""
    from holdfast.monitoring.incidents.outward import send_again

    def tell(line: str) -> None:
        say(f"{_now()}  {line}")

    looked = False

    def watch() -> tuple[str, ...]:
        nonlocal looked
        result = look(tell=tell)
        _tell_changes(result)
        if not looked:
            tell(_summed_up([one for one in _standings(site, result) if one.state != "resolved"]))
        looked = True
        return (*result.undelivered, *_failed(result), *_warnings(result))

    problems: tuple[str, ...] = ()
    due = time.monotonic()
    say(f"Watching {what}; stop with Ctrl-C.")
    while True:
        before, is_due = problems, time.monotonic() >= due
        if is_due:
            due = time.monotonic() + pause
        try:
            problems = watch() if is_due else send_again(site, tell)
        except (BookError, LogError, ReleaseError, OSError) as error:
            problems = (f"{error} It is tried again.",)
        for problem in problems:
            if problem not in before:
                complain(f"{_now()}  {problem}")
        if before and not problems:
            tell("What was away is back.")
        time.sleep(max(0.0, min(due - time.monotonic(), BETWEEN_SECONDS)))


def _failed(result: Monitored) -> list[str]:
    return [f"{name} is not watched: {reason}" for name, reason in result.failed.items()]


def _nothing(site: Site) -> str:
    """Why there is nothing to watch, and what to do."""
    from holdfast import names
    from holdfast.log.reading import open_log

    root, releases = site.root_path.resolve(), site.path(site.releases)
    logged = open_log(root).models
    if not logged:
        return (
            f"Nothing is logged in {root} yet, so there is nothing to watch. `holdfast serve` logs there what it "
            "answers; `--data` watches a table; `--site` names another installation."
        )
    return (
        f"There is nothing to watch: {names.listed(logged)} logged in {root}, and no release of that in {releases}. "
        "Release it, or say in site.toml as `releases` where its releases lie."
    )


def _warnings(result: Monitored) -> list[str]:
    return [f"{one.model}: {warning}" for one in result.models for warning in one.warnings]


def _standings(site: Site, result: Monitored) -> tuple[Standing, ...]:
    """Incidents of the models that were watched."""
    from holdfast.book.monitoring import now
    from holdfast.monitoring.incidents.standing import standings

    watched = {one.model for one in result.models}
    with book_of(site) as book:
        return tuple(one for one in standings(book, now()) if one.incident.model in watched)


def _tell(result: Monitored, standings: tuple[Standing, ...]) -> None:
    from holdfast.report.monitoring_truth import in_short

    table(
        ("Model", "Windows", "Judged now", "Rows read", "Until"),
        (
            (
                f"{one.model}/{one.release}" if one.release > 0 else one.model,
                f"{len(one.windows):,}",
                f"{one.judged:,}",
                f"{one.rows:,}",
                f"{datetime.fromtimestamp(one.windows[-1].end, UTC):%Y-%m-%d %H:%M} UTC" if one.windows else "",
            )
            for one in result.models
        ),
    )
    say("")
    for one in result.models:
        if one.windows and (over := one.windows[-1].rolling) is not None:
            say(f"{_figures(one, over)}\n")
        if one.unmatched:
            say(f"{several(one.unmatched, 'label')} of {one.model} without a prediction.\n")
        if one.skew is not None:
            say(f"{one.model}, served and made again: {one.skew.summed_up}\n")
        if standstill := _not_yet(one):
            say(fill(standstill, WIDE) + "\n")
        if one.findings:
            say(fill(printable(_found(one)), WIDE) + "\n")
        if truths := in_short(one):
            say(fill(f"{one.model}: {' '.join(truths)}", WIDE) + "\n")
        if silent := _silent(one):
            say(f"Too small to speak of in the newest window of {one.model}: {printable(silent)}.\n")
    current = [one for one in standings if one.state != "resolved"]
    if current:
        listed(current)
        say("")
    say(_summed_up(current))


def _not_yet(watched: Watched) -> str:
    """What of the rows and labels of a model waits for a later run, where nothing of it is seen yet."""
    from holdfast.monitoring.sources.source import MARGIN_SECONDS

    told = []
    if watched.waiting:
        told.append(
            f"{several(watched.waiting, 'row')} of {watched.model} came within the last {MARGIN_SECONDS:.0f} seconds: they "
            "are read by a run after that."
        )
    until = "" if watched.due is None else f"{datetime.fromtimestamp(watched.due, UTC):%Y-%m-%d %H:%M} UTC"
    if not watched.windows and (watched.waiting or watched.rows) and until:
        told.append(f"The first window of {watched.model} ends at {until}, and is judged then.")
    if watched.labels and not watched.judged and watched.windows:
        when = f", which ends at {until}" if until else ""
        told.append(
            f"{several(watched.labels, 'label')} of {watched.model} came: what they say is judged with the window in which "
            f"they came{when}."
        )
    return " ".join(told)


def _found(watched: Watched) -> str:
    """How many findings the quality checks have in the newest window, and what fails them."""
    failed = [finding["subject"] or "the rows" for finding in watched.findings if finding["status"] == "fail"]
    names = list(dict.fromkeys(failed))
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    told = f" ({', '.join(names[:NAMED])}{more})" if names else ""
    found = several(len(watched.findings), "finding")
    return f"{watched.model}: {found} of the quality checks in the newest window; failed: {len(failed):,}{told}."


def _tell_over(watched: Watched, by: str) -> None:
    """Figures over longer times, a line each; with the release where there are several."""
    from holdfast.report.monitoring_view import clock_of

    clock, found = clock_of(watched), watched.over(by)
    several_releases = len({one.release for one in found}) > 1
    say(f"\n{watched.loss_title} of {watched.model}:\n")
    table(
        ("From", "Rows", "Labelled", "Measured", "Expected"),
        (
            (
                f"{clock.told(one.start)}{f' ({one.release})' if several_releases else ''}",
                f"{one.rows:,}",
                f"{one.labelled / max(one.rows, 1):.0%}",
                *(_loss(figures) for figures in (one.figures, one.estimates)),
            )
            for one in found
        ),
    )


def _loss(figures: Mapping[str, tuple[float, float, float]]) -> str:
    value, low, high = figures.get("loss", NOTHING)
    return f"{value:.3g} ({low:.3g} to {high:.3g})" if math.isfinite(value) else "unknown"


def _figures(watched: Watched, over: Over) -> str:
    """The loss over the windows of some time, in a sentence."""
    unit = "" if watched.unit in {"", "share"} else f" {watched.unit}"
    sides = {"measured": over.figures.get("loss", NOTHING), "expected": over.estimates.get("loss", NOTHING)}
    said = [
        f"{word} {value:.4g}{unit} ({low:.4g} to {high:.4g})"
        for word, (value, low, high) in sides.items()
        if math.isfinite(value)
    ]
    until = f"{datetime.fromtimestamp(over.end, UTC):%Y-%m-%d %H:%M} UTC"
    told = f"{', '.join(said) or 'unknown'}; the truth of {over.labelled:,} of {over.rows:,} rows is known"
    return f"{watched.loss_title} of {watched.model} in the {watched.rolling} to {until}: {told}."


def _silent(watched: Watched) -> str:
    """Protected groups of which the newest window with rows says nothing, or not all."""
    for window in reversed(watched.windows):
        if window.rows:
            left_out = {group: one["left_out"] for group, one in window.segments.items() if one.get("left_out")}
            return "; ".join(f"{group} ({', '.join(figures).replace('_', ' ')})" for group, figures in left_out.items())
    return ""


def _summed_up(current: list[Standing]) -> str:
    """How many there are of each severity that want somebody, and how many that do not."""
    from holdfast.incident import SEVERITIES

    alerting = [one.incident.severity for one in current if one.alerts]
    if not alerting:
        return "No incident wants anybody." if current else "No incidents are open."
    counts = ", ".join(f"{alerting.count(name)} {name}" for name in reversed(SEVERITIES) if name in alerting)
    rest = len(current) - len(alerting)
    others = f"; {rest} more {'wants' if rest == 1 else 'want'} nobody" if rest else ""
    return f"Open: {counts}{others}. `holdfast incidents show ID` says more."


def _tell_changes(result: Monitored) -> None:
    for one in result.models:
        if one.judged:
            say(f"{_now()}  {one.model}: {one.judged:,} windows judged, {one.rows:,} rows read.")
    for incident in result.opened:
        say(f"{_now()}  {incident.id}, {incident.severity}: {printable(incident.title)}")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def rebuild(
    models: Annotated[
        list[str] | None, typer.Argument(help="Models; by default all that were watched.", metavar="MODEL")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="All predictions of a model watched by tables.", metavar="TABLE")
    ] = None,
    labels: Annotated[
        str | None, typer.Option("--labels", help="With --data: their truth, by ids.", metavar="TABLE")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="With --data: the configuration of their model.", metavar="FILE")
    ] = None,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """Make windows and incidents again from the log and the recorded runs; what people did stays."""
    from holdfast.monitoring.monitor import replay
    from holdfast.site import load_site

    _check_asked(models, data, labels, config)
    found = site_beside(config or CONFIG) if data is not None and site is None else load_site(site)
    with steps() as step:
        done = replay(models or None, site=found, data=data, labels=labels, project=config, say=step)
    if json:
        say_json(done)
    elif not done:
        say(
            "No model was watched by its log: there is nothing to make again. Of one that was watched by tables, give them:"
            " `--data`, `--labels` and `--config`."
        )
    for model, runs in done.items() if not json else ():
        say(f"{model}: what follows from {runs:,} {'run' if runs == 1 else 'runs'} was made again.")
