"""The page at `/docs`: what the models want, curl lines that work as they stand, and a place to try them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from holdfast.serve.described import Described, about, example


def docs_page(models: Sequence[Described], address: str, *, keys: bool) -> str:
    """The page as HTML; it needs nothing from elsewhere.

    Parameters
    ----------
    models
        What answers where no version is asked for.
    address
        Of the server, as the reader has it.
    keys
        Whether a key is needed.
    """
    from jinja2 import Environment, PackageLoader

    templates = Environment(
        loader=PackageLoader("holdfast.serve"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    shown = [_shown(one) for one in models]
    return templates.get_template("docs.html.j2").render(models=shown, address=address, keys=keys)


def _shown(one: Described) -> dict[str, Any]:
    body = msgspec.json.encode({"rows": [example(one)]})
    truth: Any = 12.5 if one.task == "regression" else one.classes[0] if one.task == "classes" else True
    return {
        "model": one.model,
        "version": one.version,
        "task": one.task,
        "classes": one.classes,
        "body": _quoted(body.decode()),
        "pretty": msgspec.json.format(body).decode(),
        "label": _quoted(msgspec.json.encode({"labels": [{"model": one.model, "id": "…", "label": truth}]}).decode()),
        "fields": [
            {"name": field.name, "expected": field.expected, "needed": field.wanted, "about": about(field)}
            for field in one.fields
        ],
    }


def _quoted(body: str) -> str:
    """A body between single quotes of a shell."""
    return body.replace("'", "'\\''")
