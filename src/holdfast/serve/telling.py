"""What a server tells of itself: which models it has, what they want, whether they answer, and its description."""

from __future__ import annotations

import asyncio

import msgspec

from holdfast import __version__
from holdfast.serve import inference_metadata
from holdfast.serve.access import Access
from holdfast.serve.described import Described, described
from holdfast.serve.docs_page import docs_page
from holdfast.serve.openapi import document
from holdfast.serve.roster import Roster, Serving
from holdfast.serve.routes import Answer, Asking


class Telling:
    """Answers what is asked of the server and of its models. For the event loop's thread.

    Parameters
    ----------
    roster
        What answers for models.
    access
        Says who may see what the history of a model has.
    """

    def __init__(self, roster: Roster, access: Access) -> None:
        self._roster, self._access = roster, access

    async def server(self, _: Asking) -> Answer:
        """The server, as the inference protocol has it."""
        return Answer(inference_metadata.server_metadata(__version__))

    async def alive(self, _: Asking) -> Answer:
        """That it lives."""
        return Answer(inference_metadata.LIVE)

    async def ready(self, _: Asking) -> Answer:
        """Whether each model answers."""
        if self._roster.ready:
            return Answer(inference_metadata.READY)
        return Answer(inference_metadata.NOT_READY, 503, headers=((b"retry-after", b"5"),))

    async def models(self, _: Asking) -> Answer:
        """The models, with champion and versions."""
        found = [
            {"model": model, "champion": self._roster.champion(model), "versions": self._roster.versions(model)}
            for model in self._roster.models
        ]
        return Answer(msgspec.json.encode({"models": found}))

    async def about(self, serving: Serving, _: Asking) -> Answer:
        """A release, and the fields that it wants."""
        loaded = serving.loaded
        fields = [
            {"name": field.name, "expected": field.expected, "needed": field.wanted} for field in loaded.engine.fields
        ]
        return Answer(
            msgspec.json.encode(
                {
                    "model": loaded.model,
                    "release": loaded.version,
                    "identity": loaded.identity,
                    "task": loaded.released.model.task,
                    "classes": loaded.released.model.classes,
                    "id": loaded.engine.id_field,
                    "fields": fields,
                }
            )
        )

    async def metadata(self, serving: Serving, _: Asking) -> Answer:
        """A release, as the inference protocol has it."""
        loaded = serving.loaded
        versions = self._roster.versions(loaded.model)
        return Answer(inference_metadata.model_metadata(loaded.model, versions, loaded.engine.fields, loaded.outputs))

    async def model_ready(self, serving: Serving, _: Asking) -> Answer:
        """That a release answers."""
        return Answer(inference_metadata.model_ready(serving.loaded.model))

    async def openapi(self, asking: Asking) -> Answer:
        """The description, for machines."""
        versions = {model: self._roster.versions(model) for model in self._roster.models}
        return Answer(msgspec.json.encode(document(self._described(asking), versions, keys=not self._access.open)))

    async def docs(self, asking: Asking) -> Answer:
        """The description, for people."""
        host = asking.headers.get(b"host", b"localhost").decode("latin-1")
        address, models = f"{asking.scheme}://{host}", list(self._described(asking).values())
        page = await asyncio.to_thread(docs_page, models, address, keys=not self._access.open)
        return Answer(page.encode(), media=b"text/html; charset=utf-8")

    def _described(self, asking: Asking) -> dict[str, Described]:
        """What answers where no version is asked for, by model; what its history has is for those who may read."""
        history = self._access.may(asking.headers, "read")
        return {
            serving.loaded.model: described(serving.loaded, history=history)
            for serving in self._roster.serving
            if serving.loaded.version == self._roster.champion(serving.loaded.model)
        }
