"""Commands over a project: init, evaluate, release."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands import verdict
from holdfast.commands.terminal import check_writable, progress, say, steps
from holdfast.errors import SettingError

if TYPE_CHECKING:
    from holdfast.config import Project
    from holdfast.evidence import Task
    from holdfast.gate.evaluation import Evaluation
    from holdfast.releases.folder import SealedFolder
    from holdfast.schema import Column, Role, Schema

CONFIG = Path("holdfast.toml")
REPORT = Path("evaluation.html")

ConfigFile = Annotated[Path, typer.Option("--config", help="The configuration.", metavar="FILE")]
Trust = Annotated[
    bool, typer.Option("--trust", help="Load a pickle, or code by its address: whoever made it can run anything.")
]
Html = Annotated[Path, typer.Option("--html", help="Write the report here.", metavar="FILE")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.", metavar="FILE")]


def init(
    data: Annotated[
        str,
        typer.Argument(
            help="The labelled history: Parquet, CSV, Delta or Arrow; a file, folder, glob or URI.", metavar="DATA"
        ),
    ],
    model: Annotated[
        str, typer.Option("--model", help="The fitted model: a file, a folder, or module:function.", metavar="PATH")
    ],
    target: Annotated[str | None, typer.Option("--target", help="The label.", metavar="COLUMN")] = None,
    time: Annotated[str | None, typer.Option("--time", help="When a row happened.", metavar="COLUMN")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What the model is called.", metavar="NAME")] = None,
    trust: Trust = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a configuration that is there.")] = False,
) -> None:
    """Write a first holdfast.toml, with comments: what is found in data and model is filled in."""
    import tomllib

    from holdfast.config import project_of
    from holdfast.draft import draft, positive_class
    from holdfast.schema import infer
    from holdfast.startup import allow_pandas
    from holdfast.tables import open_table

    allow_pandas()
    if CONFIG.exists() and not force:
        raise SettingError(f"{CONFIG} is there already: change it, or write over it with --force.")
    check_writable(CONFIG, data, model)
    roles: dict[str, Role | str] = {column: role for column, role in ((target, "target"), (time, "time")) if column}
    with progress(), open_table(data, name="data") as table:
        schema = infer(table, roles=roles)
    label = _target(schema)
    task, classes, about = _task(model, schema, label, trust=trust)
    text = draft(name or _name(data), data, model, schema, label.name, task, positive_class(label, classes))
    project_of(tomllib.loads(text), str(CONFIG))
    CONFIG.write_text(text, encoding="utf-8")
    times = schema.by_role("time")
    say(f"Data    {len(schema.columns)} columns, target {label.name}, time {times[0].name if times else '(none)'}")
    say(f"Model   {about}")
    if not times:
        say("        Without a time the split is at random, which flatters: name the column with --time.")
    say(f"Wrote {CONFIG}. Look through it, above all at the objective, then: holdfast evaluate{' --trust' * trust}")


def evaluate(
    config: ConfigFile = CONFIG,
    trust: Trust = False,
    html: Html = REPORT,
    json: Json = False,
    junit: Junit = None,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep the evaluation, and count the use of the test rows.")
    ] = True,
) -> None:
    """Judge the model honestly, and hold it against its limits. Exit code 1 if the gate does not let it pass."""
    evaluation = _evaluated(config, trust=trust, html=html, junit=junit, keep=keep)
    if json:
        say(evaluation.to_json(), encoding="utf-8")
    else:
        verdict.show(evaluation)
        say(f"Report  {html.absolute().as_uri()}")
    raise typer.Exit(0 if evaluation.passed else 1)


def release(
    config: ConfigFile = CONFIG,
    trust: Trust = False,
    html: Html = REPORT,
    json: Json = False,
    junit: Junit = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Let it answer for its model from now on, as its champion.")
    ] = False,
) -> None:
    """Evaluate, and if the gate lets the model pass, convert it to ONNX and seal the next release."""
    from holdfast.seal.release import release as seal

    evaluation = _evaluated(config, trust=trust, html=html, junit=junit, keep=True)
    if not json:
        verdict.show(evaluation)
    sealed = None
    if evaluation.passed:
        with steps() as step:
            sealed = seal(evaluation, say=step)
    if json:
        say(_as_json(evaluation, sealed), encoding="utf-8")
    else:
        say(f"Report  {html.absolute().as_uri()}")
    if sealed is None:
        raise typer.Exit(1)
    if not json:
        say(f"\nReleased {sealed.name}\nIdentity {sealed.identity}\nFolder   {sealed.place}")
    if promote:
        _promote(sealed, config)
        if not json:
            say(f"Champion {sealed.name} answers for {sealed.manifest.model} from now on")


def _evaluated(config: Path, *, trust: bool, html: Path, junit: Path | None, keep: bool) -> Evaluation:
    """What the configuration names, evaluated beside the release in place; report and JUnit are written."""
    from holdfast.config import load_project
    from holdfast.gate.evaluate import evaluate as judge
    from holdfast.startup import allow_pandas

    allow_pandas()
    project = load_project(config)
    for path in (html, junit):
        check_writable(path, *_inputs(config, project))
    with steps() as step:
        evaluation = judge(project=project, trust=trust, keep=keep, say=step)
        step("Writing the report")
        html.write_text(evaluation.to_html(), encoding="utf-8")
    if junit:
        junit.write_text(evaluation.to_junit(), encoding="utf-8")
    return evaluation


def _promote(sealed: SealedFolder, config: Path) -> None:
    """Write into the book of the installation that a new release is the champion."""
    from holdfast.book.stages import promote
    from holdfast.commands.site import book_of, site_beside
    from holdfast.releases.environment import author

    model, version = sealed.manifest.model, sealed.manifest.version
    with book_of(site_beside(config)) as book:
        promote(book, model, version, sealed.identity, author=author(), reason="when it was released")


def _inputs(config: Path, project: Project) -> tuple[str, ...]:
    model = () if project.model.path is None else (project.path(project.model.path),)
    return str(config), project.path(project.data.path), *model


def _as_json(evaluation: Evaluation, sealed: SealedFolder | None) -> str:
    import msgspec

    body = {
        "verdict": evaluation.verdict,
        "evaluation": evaluation.identity,
        "refusing": evaluation.refusing,
        "release": None if sealed is None else sealed.name,
        "identity": None if sealed is None else sealed.identity,
        "folder": None if sealed is None else str(sealed.place),
    }
    return msgspec.json.format(msgspec.json.encode(body)).decode()


def _target(schema: Schema) -> Column:
    found = schema.by_role("target")
    if not found:
        raise SettingError("No column looks like the label of the rows: name it with --target.")
    return found[0]


def _task(model: str, schema: Schema, label: Column, *, trust: bool) -> tuple[Task, tuple[str, ...], str]:
    """What the model predicts, its classes, and a line about it; where it does not say, what the label suggests."""
    from holdfast.models.loading import load_model
    from holdfast.numerals import several

    try:
        loaded = load_model(model, trust=trust)
    except SettingError as error:  # of a kind that does not say its features or its task
        task = _suggested(label)
        return task, (), f"taken for one of {verdict.TASKS[task]}: {error}"
    about = f"{loaded.family}, {verdict.TASKS[loaded.task]}, {several(len(loaded.features), 'feature')}"
    missing = sorted(set(loaded.features) - set(schema.names))
    lacking = f"; the data lack {', '.join(map(repr, missing))}" if missing else ""
    return loaded.task, loaded.classes, about + lacking


def _suggested(label: Column) -> Task:
    from holdfast.schema import Kind

    if label.kind is Kind.BOOLEAN or (label.minimum, label.maximum) == (0, 1) or len(label.categories or ()) == 2:
        return "binary"
    return "regression" if label.kind is Kind.NUMBER else "classes"


def _name(data: str) -> str:
    """A name for the model: that of the data, with what no folder may have left out.

    >>> _name("s3://bucket/card fraud.parquet"), _name("*.csv")
    ('card-fraud', 'model')
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "-", Path(data).stem).strip("-_")[:100] or "model"
