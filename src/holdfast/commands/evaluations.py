"""The command `evaluations`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.listing import differences, exactly, facts, moment, say_json, short, shown, table
from holdfast.commands.project import CONFIG, ConfigFile, Json
from holdfast.commands.terminal import printable, say

if TYPE_CHECKING:
    from holdfast.releases.evaluations import Evaluations


class Action(StrEnum):
    """What can be done with evaluations."""

    LIST = "list"
    SHOW = "show"
    COMPARE = "compare"


def evaluations(
    action: Annotated[Action, typer.Argument(help="What to do.")] = Action.LIST,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Evaluations by their digest, or its first digits.", metavar="DIGEST..."),
    ] = None,
    config: ConfigFile = CONFIG,
    json: Json = False,
) -> None:
    """List the evaluations that were kept, refused ones too; show one, or compare two."""
    from holdfast.config import load_project
    from holdfast.releases.evaluations import open_evaluations

    project = load_project(config)
    found, given = open_evaluations(project.path(project.store.evaluations)), names or []
    match action:
        case Action.LIST:
            exactly(given, 0, "list")
            _list_evaluations(found, project.name, json=json)
        case Action.SHOW:
            _show_evaluation(found, project.name, *exactly(given, 1, "show"), json=json)
        case Action.COMPARE:
            _compare_evaluations(found, project.name, *exactly(given, 2, "compare"), json=json)


def _list_evaluations(store: Evaluations, model: str, *, json: bool) -> None:
    lines = store.listed(model)
    if json:
        say_json(lines)
    elif not lines:
        say(f"No evaluations of {model} in {store.root}; `holdfast evaluate` makes one.")
    else:
        rows = [
            (short(line.identity), moment(line.created), printable(line.author), line.verdict, short(line.test_rows))
            if not line.problem
            else (short(line.identity), "damaged", "", "", line.problem)
            for line in lines
        ]
        table(("Evaluation", "When", "By", "Verdict", "Test rows"), rows)
    raise typer.Exit(1 if any(line.problem for line in lines) else 0)


def _show_evaluation(store: Evaluations, model: str, name: str, *, json: bool) -> None:
    kept = store.load(model, name)
    found = kept.evaluation
    if json:
        say_json({"identity": kept.identity, "evaluation": found})
        return
    facts(
        ("Evaluation", kept.identity),
        ("Model", found.model),
        ("When", f"{moment(found.created)} by {printable(found.author)}"),
        ("Verdict", found.verdict),
        ("Test rows", f"{found.test_rows}, used {store.uses(model, found.test_rows)} times"),
        ("Folder", str(kept.place)),
    )
    say("")
    table(("Metric", "Value"), ((key, shown(value)) for key, value in found.metrics.items()))


def _compare_evaluations(store: Evaluations, model: str, before: str, after: str, *, json: bool) -> None:
    found = store.compare(model, before, after)
    if json:
        say_json(found)
        return
    say(f"{short(found.before)} against {short(found.after)}: verdict {found.verdict[0]}, then {found.verdict[1]}")
    if not found.same_rows:
        say("They were tested on different rows: a difference may be one of the rows.")
    differences("Configuration", found.configuration)
    differences("Metrics", found.metrics)
