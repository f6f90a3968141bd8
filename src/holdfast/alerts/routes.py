"""Who is told: the routes of `site.toml`, with what is secret of them taken from the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from holdfast.durations import seconds
from holdfast.records import Severity
from holdfast.site import AlertRoute, looked_up

SEVERITIES = tuple(Severity)
"""From the mildest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way to somebody.

    Attributes
    ----------
    name
        What it is called in the book and in messages.
    url
        `stdout`, a webhook, or an address of Apprise. It may hold a password: it stands nowhere but in what is sent.
    secret
        What webhooks are signed with.
    severity
        The mildest that is told.
    models
        Whose incidents; empty: of all.
    cooldown
        Seconds before the same subject of a model may open again for it.
    """

    name: str
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    severity: Severity = Severity.LOW
    models: tuple[str, ...] = ()
    cooldown: float = 86_400.0

    def takes(self, model: str, severity: Severity) -> bool:
        """Whether incidents of a model and severity are for it."""
        mild = SEVERITIES.index(severity) < SEVERITIES.index(self.severity)
        return not mild and (not self.models or model in self.models)


def routes_of(settings: Iterable[AlertRoute], environment: Mapping[str, str] = os.environ) -> tuple[Route, ...]:
    """The routes, ready to be used.

    Raises
    ------
    SettingError
        A variable of the environment is named that is not set.
    """
    return tuple(
        Route(
            name=one.called,
            url=looked_up(one.url, environment),
            secret=None if one.secret is None else looked_up(one.secret, environment),
            severity=Severity(one.severity),
            models=one.models,
            cooldown=seconds(one.cooldown, "cooldown"),
        )
        for one in settings
    )
