"""What the monitor knows of models: windows, figures and incidents, for people and for pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import msgspec

from holdfast.decoding import ready
from holdfast.incident import Incident
from holdfast.numerals import several
from holdfast.watched import Shown, Watched


@dataclass(frozen=True)
class Monitored:
    """What `monitor` returns.

    Attributes
    ----------
    models
        What is known of each model.
    undelivered
        Alerts that could not be delivered, and why: they are tried again.
    failed
        Models that could not be watched, and why.
    """

    models: tuple[Watched, ...]
    undelivered: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Open incidents of all models, the costliest first."""
        found = [one for model in self.models for one in model.incidents if one.status == "open"]
        return tuple(sorted(found, key=lambda one: one.rank, reverse=True))

    @property
    def opened(self) -> tuple[Incident, ...]:
        """Incidents that this run opened."""
        new = {name for model in self.models for name in model.opened}
        return tuple(one for model in self.models for one in model.incidents if one.id in new)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Windows and incidents of each model as plain values."""
        return [
            {
                "model": one.model,
                "release": one.release,
                "warnings": list(one.warnings),
                "windows": msgspec.to_builtins(one.windows),
                "incidents": msgspec.to_builtins(one.incidents),
            }
            for one in self.models
        ]

    def to_json(self) -> str:
        """The same as JSON text."""
        return msgspec.json.format(msgspec.json.encode(self.to_dicts())).decode()

    @overload
    def to_html(self, path: None = None) -> str: ...

    @overload
    def to_html(self, path: str | Path) -> None: ...

    def to_html(self, path: str | Path | None = None) -> str | None:
        """The report as one HTML page that works offline; written to `path` if given."""
        from holdfast.report.monitoring import page

        text = page(self.models)
        if path is None:
            return text
        Path(path).write_text(text, encoding="utf-8")
        return None

    def _repr_html_(self) -> str:
        from holdfast.report.monitoring import notebook

        return notebook(self.models)

    def __repr__(self) -> str:
        return f"Monitored({several(len(self.models), 'model')}, {several(len(self.incidents), 'open incident')})"


def shown_windows(contents: Iterable[Mapping[str, Any]]) -> tuple[Shown, ...]:
    """Windows as the book has them."""
    return tuple(sorted((msgspec.convert(one, ready(Shown)) for one in contents), key=lambda one: one.start))
