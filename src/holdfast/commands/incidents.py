"""Commands over what the monitor found: incidents, annotate."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.listing import exactly, facts, moment, say_json, table
from holdfast.commands.moments import ahead
from holdfast.commands.moments import moment as parsed
from holdfast.commands.project import Json
from holdfast.commands.site import SiteFile, book_of
from holdfast.commands.terminal import printable, say
from holdfast.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from holdfast.book.incidents import Name
    from holdfast.book.opening import Book
    from holdfast.incident import Incident
    from holdfast.monitoring.incidents.standing import Standing, State


class Action(StrEnum):
    """What can be done with incidents."""

    LIST = "list"
    SHOW = "show"
    ACK = "ack"
    SNOOZE = "snooze"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    RULES = "rules"


def incidents(
    action: Annotated[Action, typer.Argument(help="What to do.")] = Action.LIST,
    names: Annotated[list[str] | None, typer.Argument(help="The incident's id.", metavar="ID")] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="To snooze: a date, a time, or a length such as 3d.", metavar="WHEN")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for those who read it later.", metavar="TEXT")] = "",
    model: Annotated[str | None, typer.Option("--model", help="List those of one model.", metavar="NAME")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List resolved ones too.")] = False,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """List the incidents, the costliest first; show one, acknowledge, snooze, resolve or reopen it.

    `rules` prints rules for Prometheus and its Alertmanager.
    """
    from holdfast.site import load_site

    given = names or []
    if action is Action.SNOOZE and until is None:
        raise SettingError("`snooze` needs `--until`: a date, a time, or a length such as 3d.")
    if until is not None and action is not Action.SNOOZE:
        raise SettingError("`--until` belongs to `holdfast incidents snooze ID`.")
    if action is not Action.LIST and (model is not None or everything):
        raise SettingError("`--model` and `--all` belong to `holdfast incidents list`.")
    exactly(given, 0 if action in {Action.LIST, Action.RULES} else 1, action)
    if action is Action.RULES:
        from holdfast.monitoring.incidents.rules import rules

        say(rules().rstrip())
        return
    with book_of(load_site(site), create=False) as book:
        if action is Action.LIST:
            _list(book, model, everything=everything, json=json)
        elif action is Action.SHOW:
            _show(book, given[0], json=json)
        else:
            _do(book, given[0], action, None if until is None else ahead(until, "--until"), reason, json=json)


def annotate(
    model: Annotated[str, typer.Argument(help="The model whose data it changes.", metavar="MODEL")],
    reason: Annotated[str, typer.Argument(help="What changed, such as 'price rise'.", metavar="TEXT")],
    since: Annotated[str, typer.Option("--since", help="When: a date, or a time, in UTC.", metavar="WHEN")],
    until: Annotated[
        str | None, typer.Option("--until", help="The latest that it may have been; by default a day later.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", help="What it changes, repeat it; by default anything.", metavar="NAME"),
    ] = None,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """Write down a change that is known: an incident that it explains alerts nobody."""
    from holdfast.monitoring.incidents.announcing import announce
    from holdfast.releases.environment import author
    from holdfast.site import load_site

    found = load_site(site)
    with book_of(found) as book:
        done = announce(
            book,
            found,
            model,
            reason,
            since=parsed(since, "--since"),
            until=None if until is None else parsed(until, "--until", last=True),
            columns=tuple(columns or ()),
            author=author(),
        )
    if json:
        say_json(done)
    else:
        what = ", ".join(done.columns) or "anything"
        say(f"Known of {model}: {reason}, from {moment(done.since)} to {moment(done.until)}, in {what}.")


def listed(standings: Iterable[Standing]) -> None:
    """Print incidents in a table."""
    rows = [
        (
            one.incident.id,
            one.incident.severity,
            _state(one),
            began(one.incident),
            one.incident.title,
            cost(one.incident),
        )
        for one in standings
    ]
    table(("Incident", "Severity", "State", "Since", "What", "Cost a day"), rows)


def began(incident: Incident) -> str:
    """The day on which an incident began."""
    return f"{_moment(incident.since):%Y-%m-%d}"


def cost(incident: Incident) -> str:
    """What an incident costs, in a few characters."""
    from holdfast.numerals import number

    if incident.cost is None:
        return "needs labels" if incident.needs_labels else ""
    unit = "" if incident.unit == "share" else f" {incident.unit}"
    return f"{number(incident.cost, 3)}{unit}".strip()


def _list(book: Book, model: str | None, *, everything: bool, json: bool) -> None:
    from holdfast.book.monitoring import models, now
    from holdfast.monitoring.incidents.standing import standings
    from holdfast.names import meant

    if model is not None and model not in (watched := models(book)):
        likely = meant(model, watched, "watched are") if watched else "no model is"
        raise SettingError(f"No model {model!r} is watched: {likely}{'' if likely.endswith('?') else '.'}")
    found = standings(book, now(), model)
    shown = [one for one in found if everything or one.state != "resolved"]
    if json:
        say_json([plain(one) for one in shown])
    elif shown:
        listed(shown)
    else:
        over = len(found) - len(shown)
        say(f"No incidents are open{f'; {over} are resolved, see --all' if over else ''}.")


def _show(book: Book, name: str, *, json: bool) -> None:
    one = _one(book, name)
    if json:
        say_json(plain(one))
        return
    incident = one.incident
    say(f"{incident.id}  {printable(incident.title)}\n")
    interval = ""
    if incident.cost is not None and incident.cost_low is not None and incident.cost_high is not None:
        from holdfast.numerals import number

        interval = f", {number(incident.cost_low, 3)} to {number(incident.cost_high, 3)}"
    rows = [
        ("State", _state(one)),
        ("Severity", incident.severity),
        ("Model", f"{incident.model}/{incident.release}" if incident.release > 0 else incident.model),
        ("Since", began(incident)),
        ("Cost a day", cost(incident) + interval),
        ("What", incident.story or ("It was over when it was found." if incident.status == "resolved" else "")),
        ("Where", ", ".join(incident.where)),
        ("Beside it", "; ".join(incident.upstream)),
        ("Do next", incident.advice),
        ("Rows", " ".join(incident.rows[:3]) + f" and {len(incident.rows) - 3} more" * (len(incident.rows) > 3)),
        ("Known", incident.known),
    ]
    facts(*((label, text) for label, text in rows if text))
    say("")
    signs = sorted(incident.signs, key=lambda sign: -sign.e_value)
    table(
        ("Sign", "Effect", "From", "To", "Since"),
        ((s.key, f"{s.effect:+.3g}", f"{s.low:+.3g}", f"{s.high:+.3g}", f"{_moment(s.since):%Y-%m-%d}") for s in signs),
    )
    if one.acts:
        say("")
        table(
            ("When", "By", "What", "Reason"),
            (
                (moment(a.at), a.author, a.act + (f" until {moment(a.until)}" if a.until else ""), a.reason)
                for a in one.acts
            ),
        )


def _do(book: Book, name: str, action: Action, until: datetime | None, reason: str, *, json: bool) -> None:
    from holdfast.book.incidents import do
    from holdfast.releases.environment import author

    acts: dict[Action, Name] = {
        Action.ACK: "acknowledge",
        Action.SNOOZE: "snooze",
        Action.RESOLVE: "resolve",
        Action.REOPEN: "reopen",
    }
    do(book, name, acts[action], author=author(), reason=reason, until=until)
    one = _one(book, name)
    if json:
        say_json(plain(one))
    else:
        say(f"{name} is {_state(one)}{_although(one, acts[action])}.")


_QUIET: dict[State, str] = {
    "noted": "the objective is not expected to become worse by it",
    "known": "a known change explains it",
    "resolved": "what it is about is over",
}
"""Why nobody is told of an incident in such a state."""


def _although(one: Standing, act: Name) -> str:
    """Why an incident does not stand as what was just done about it says, and when it would."""
    if act not in {"acknowledge", "snooze"} or one.state not in _QUIET:
        return ""
    why = f": {_QUIET[one.state]}, so it alerts nobody"
    if one.state != "noted":
        return why
    until = one.acts[-1].until
    return f"{why}. Should that change, it is {f'snoozed to {until:%Y-%m-%d}' if until else 'acknowledged'}"


def plain(one: Standing) -> dict[str, object]:
    """An incident and how it stands, for programs."""
    import msgspec

    content = msgspec.to_builtins(one.incident)
    acts = msgspec.to_builtins(one.acts)
    return {**content, "severity": one.incident.severity, "state": one.state, "until": one.until, "acts": acts}


def _one(book: Book, name: str) -> Standing:
    from holdfast.book.monitoring import now
    from holdfast.monitoring.incidents.standing import standings

    for one in standings(book, now()):
        if one.incident.id == name:
            return one
    raise SettingError(f"There is no incident {name!r}. `holdfast incidents` lists them.")


def _state(one: Standing) -> str:
    return f"{one.state} to {one.until:%Y-%m-%d}" if one.until else one.state


def _moment(seconds: float) -> datetime:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)
