"""The command `releases`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.commands.listing import HEX, differences, exactly, facts, moment, say_json, size, table
from holdfast.commands.project import CONFIG, ConfigFile, Json
from holdfast.commands.terminal import printable, say
from holdfast.errors import SettingError

if TYPE_CHECKING:
    from holdfast.config import Project
    from holdfast.releases.folder import SealedFolder
    from holdfast.releases.store import Store


class Action(StrEnum):
    """What can be done with releases."""

    LIST = "list"
    SHOW = "show"
    COMPARE = "compare"
    VERIFY = "verify"


StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", help="Where they are kept; by default as holdfast.toml says, or else site.toml.", metavar="PLACE"
    ),
]


def releases(
    action: Annotated[Action, typer.Argument(help="What to do.")] = Action.LIST,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Releases, such as fraud/3; fraud alone is the newest.", metavar="NAME..."),
    ] = None,
    config: ConfigFile = CONFIG,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """List the sealed releases; show one, compare two, or verify the digests and golden rows of one."""
    from holdfast.config import load_project
    from holdfast.releases.store import open_store
    from holdfast.site import FILE, load_site

    site = load_site()
    # Where releases are served there is often no project, but a site, or nothing beside them.
    beside = Path(FILE).exists() or Path(site.path(site.releases)).is_dir()
    served = store is None and config == CONFIG and not config.exists() and beside
    project = None if store or served else load_project(config)
    found = open_store(project.path(project.store.releases) if project else store or site.path(site.releases))
    given = [_qualified(name, project) for name in names or []]
    match action:
        case Action.LIST:
            _list_releases(found, _at_most_one(given), json=json)
        case Action.SHOW:
            _show_release(found, *exactly(given, 1, "show"), json=json)
        case Action.COMPARE:
            _compare_releases(found, *exactly(given, 2, "compare"), json=json)
        case Action.VERIFY:
            _verify_release(found, *exactly(given, 1, "verify"), json=json)


def _list_releases(store: Store, model: str | None, *, json: bool) -> None:
    lines = store.listed(None if model is None else model.partition("/")[0])
    if model is not None and not lines:
        store.latest(model.partition("/")[0])  # says which models have releases
    if json:
        say_json(lines)
    elif not lines:
        say(f"No releases in {store.root}; `holdfast release` makes one.")
    else:
        table(
            ("Release", "Sealed", "By", "Identity", "Files", "Size"),
            (
                (f"{line.model}/{line.version}", "damaged", "", printable(line.problem), "", "")
                if line.problem
                else (
                    f"{line.model}/{line.version}",
                    moment(line.created),
                    printable(line.author),
                    line.identity[: len("sha256:") + HEX],
                    str(line.files),
                    size(line.bytes),
                )
                for line in lines
            ),
        )
    raise typer.Exit(1 if any(line.problem for line in lines) else 0)


def _show_release(store: Store, name: str, *, json: bool) -> None:
    sealed = store.named(name)
    manifest, origin = sealed.manifest, sealed.manifest.origin
    if json:
        say_json({"name": sealed.name, "identity": sealed.identity, "place": str(sealed.place), "manifest": manifest})
        return
    python = f"Python {origin.environment.python} on {origin.environment.platform}"
    facts(
        ("Release", sealed.name),
        ("Identity", sealed.identity),
        ("Parent", manifest.parent or "none: it is the first"),
        ("Sealed", f"{moment(origin.created)} by {printable(origin.author)}"),
        ("Commit", origin.commit or "none"),
        ("Made with", f"{python}, {len(origin.environment.packages)} packages"),
        *((f"Data, {part}", digest) for part, digest in origin.data.items()),
        ("Folder", str(sealed.place)),
    )
    say("")
    table(("File", "Size", "What it is"), ((n, size(f.bytes), f.purpose) for n, f in sorted(manifest.files.items())))


def _compare_releases(store: Store, before: str, after: str, *, json: bool) -> None:
    import msgspec

    from holdfast.releases.differences import changes, compare_releases, flat

    first, second = store.named(before), store.named(after)
    found = compare_releases(first, second)
    metrics, configuration = (
        changes(*(flat(of(sealed)) for sealed in (first, second))) for of in (_metrics, _configuration)
    )
    if json:
        say_json({**msgspec.to_builtins(found), "metrics": metrics, "configuration": configuration})
        return
    say(f"{found.before} against {found.after}")
    differences("Metrics on the test part", metrics)
    differences("Configuration", configuration)
    differences("Data", found.data)
    differences("Files", found.files)
    differences("Environment", found.environment)


def _verify_release(store: Store, name: str, *, json: bool) -> None:
    from holdfast.golden import verify_release

    model, number = _numbered(store, name)
    problems = verify_release(store, model, number)
    if json:
        say_json({"release": f"{model}/{number}", "problems": problems})
    elif problems:
        for problem in problems:
            say(f"{printable(problem.file)}  {printable(problem.message)}")
        say(f"{model}/{number} is not as it was sealed.")
    else:
        say(f"{model}/{number} is as it was sealed, and answers its golden rows as it did.")
    raise typer.Exit(1 if problems else 0)


def _numbered(store: Store, name: str) -> tuple[str, int]:
    """Model and version that a name means; of a damaged release, too, which cannot be opened."""
    model, slash, _ = name.partition("/")
    if not slash:
        return model, store.latest(model)
    known = {f"{model}/{number}": number for number in store.versions(model)}
    return model, known[name] if name in known else store.named(name).manifest.version


def _metrics(sealed: SealedFolder) -> dict[str, Any]:
    import msgspec

    from holdfast.decoding import ready
    from holdfast.evidence import Evidence

    evidence = msgspec.json.decode(sealed.read("evidence.json"), type=ready(Evidence))
    return {metric.key: metric.estimate.value for metric in evidence.metrics}


def _configuration(sealed: SealedFolder) -> Any:
    import msgspec

    return msgspec.json.decode(sealed.read("project.json"))


def _qualified(name: str, project: Project | None) -> str:
    """A release by its number alone is one of the project's model."""
    return f"{project.name}/{name}" if project is not None and name.isascii() and name.isdigit() else name


def _at_most_one(names: list[str]) -> str | None:
    if len(names) > 1:
        raise SettingError(f"`list` takes one model, or none for all; got {len(names)}.")
    return names[0] if names else None
