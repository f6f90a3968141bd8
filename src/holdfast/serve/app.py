"""The server's ways in, as an ASGI application: what comes over HTTP, who may ask it, and how it is answered."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, TypeAlias

import msgspec

from holdfast import __version__
from holdfast.book.key import Role
from holdfast.errors import LogError
from holdfast.log.labels import Task
from holdfast.log.spool import Spool
from holdfast.serve import inference_metadata, inference_protocol, labels, records
from holdfast.serve.access import Access
from holdfast.serve.bodies import read_arrow, read_csv, write_arrow, write_csv
from holdfast.serve.described import Described, described
from holdfast.serve.docs_page import docs_page
from holdfast.serve.errors import InvalidRowsError, ServeError
from holdfast.serve.explaining import Explaining
from holdfast.serve.formats import MEDIA_TYPES, Format, format_asked, format_of
from holdfast.serve.incoming import GoneError, Incoming, Read
from holdfast.serve.live import told
from holdfast.serve.metrics import Metrics
from holdfast.serve.openapi import document
from holdfast.serve.request import Reply, Request
from holdfast.serve.reviews import Desk
from holdfast.serve.roster import Roster, Serving
from holdfast.serve.telemetry import Receive, Scope, Send

logger = logging.getLogger("holdfast.serve")

JSON = b"application/json"
LISTED_PROBLEMS = 1_000
"""Problems of a request that are told one by one."""

_MEDIA: dict[Format, bytes] = {kind: name.encode() for name, kind in reversed(MEDIA_TYPES.items())}
_READERS = {"csv": read_csv, "arrow": read_arrow}
_WRITERS = {"csv": write_csv, "arrow": write_arrow}
_OUTCOMES = {
    400: "malformed",
    401: "denied",
    403: "denied",
    404: "unknown",
    405: "unknown",
    409: "conflict",
    408: "too_slow",
    413: "too_large",
    415: "malformed",
    422: "invalid",
    429: "limited",
    503: "unavailable",
}


class Answer(NamedTuple):
    """What is sent: status, body, media type and further headers."""

    body: bytes
    status: int = 200
    media: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Asking(NamedTuple):
    """A request on its way: its headers and body, who asks, whether by `http` or `https`, and what stands behind the path."""

    headers: Mapping[bytes, bytes]
    body: bytes
    client: str
    scheme: str
    query: bytes = b""


Handler: TypeAlias = Callable[[Asking], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """A way in.

    Attributes
    ----------
    api
        What it is called in metrics.
    role
        What a client must be allowed to do; None: anybody may ask.
    handler
        What answers.
    model, release
        Of the metrics.
    """

    api: str
    role: Role | None
    handler: Handler
    model: str = ""
    release: str = ""


class App:
    """Answers HTTP requests. Made in the event loop that it runs in.

    Parameters
    ----------
    roster
        What answers for models.
    spool
        Where labels go; None: they are not taken.
    access
        Says who asks, and whether they may.
    metrics
        What is counted.
    exposed
        All counts of all processes, as Prometheus reads them.
    most_bytes
        Largest body.
    desk
        Where reviewers ask.
    """

    def __init__(
        self,
        roster: Roster,
        spool: Spool | None,
        access: Access,
        metrics: Metrics,
        exposed: Callable[[], Awaitable[str]],
        most_bytes: int,
        desk: Desk,
    ) -> None:
        self._roster, self._spool, self._access, self._metrics = roster, spool, access, metrics
        self._exposed, self._incoming = exposed, Incoming(most_bytes)
        self._explaining = Explaining(metrics)
        self._desk = desk
        self._in_flight = 0
        self._routes: dict[tuple[str, str], Route] = {}
        self.reroute()

    def reroute(self) -> None:
        """Take up which models and versions there are."""
        routes = dict(self._fixed())
        for model in self._roster.models:
            routes |= self._of_model(model, None, f"/{model}")
            routes["GET", f"/v1/models/{model}/reviews"] = self._queue(model)
            for version in self._roster.versions(model):
                routes |= self._of_model(model, version, f"/{model}/versions/{version}")
        self._routes = routes

    def measure(self) -> None:
        """Set what is so at the moment."""
        self._metrics.set("holdfast_requests_in_flight", (), self._in_flight)
        waiting = dict.fromkeys(self._roster.models, 0)
        for serving in self._roster.serving:
            waiting[serving.loaded.model] += serving.live.waiting_rows
        for model, rows in waiting.items():
            self._metrics.set("holdfast_queue_rows", (model,), rows)

    def named(self, scope: Scope) -> tuple[str, str]:
        """What a request asks for, and of which model."""
        route = self._route(scope)
        return (route.api, route.model) if route else ("none", "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        started = time.monotonic()
        self._in_flight += 1
        route = self._route(scope)
        client, body = "", b""
        try:
            headers = dict(scope["headers"])
            if route is None:
                self._refuse(scope)
            assert route is not None
            if route.role is not None:
                client = self._access.who(headers, route.role).name
            if scope["method"] != "GET":
                body = await self._incoming.body(headers, receive)
            answer = await route.handler(Asking(headers, body, client, scope["scheme"], scope["query_string"]))
        except ServeError as error:
            answer = refusal(error)
        except GoneError:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are answered on
            answer = refusal(told("", error))
        finally:
            self._in_flight -= 1
            self._incoming.release(body)
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [
                    (b"content-type", answer.media),
                    (b"content-length", b"%d" % len(answer.body)),
                    *answer.headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer.body})
        self._count(route, client, answer.status, time.monotonic() - started)

    def _route(self, scope: Scope) -> Route | None:
        """What answers a request; the path of a verdict ends with the id of its row."""
        found = self._routes.get((scope["method"], scope["path"]))
        if found is None and scope["method"] == "POST":
            path, _, identifier = scope["path"].partition("/reviews/")
            model = path.removeprefix("/v1/models/")
            if identifier and model in self._roster.models:
                return Route("reviews", "label", lambda asking: self._verdict(model, identifier, asking), model)
        return found

    def _count(self, route: Route | None, client: str, status: int, seconds: float) -> None:
        model, release, api = (route.model, route.release, route.api) if route else ("", "", "none")
        if route and not release and model:
            release = str(self._roster.champion(model) or "")
        outcome = "ok" if status == 200 else _OUTCOMES.get(status, "error")
        self._metrics.count("holdfast_requests", (model, release, api, outcome))
        self._metrics.observe("holdfast_request_duration_seconds", (model, api), (seconds,))
        if client:
            self._metrics.count("holdfast_client_requests", (client, api))

    def _refuse(self, scope: Scope) -> NoReturn:
        """Why nothing answers at a path."""
        if allow := sorted(method for method, path in self._routes if path == scope["path"]):
            raise ServeError(405, f"This path takes another method, {' or '.join(allow)}: see /docs.", allow=allow)
        parts = scope["path"].split("/")
        if len(parts) > 3 and parts[1] in ("v1", "v2") and parts[2] == "models":
            version = parts[5] if len(parts) > 5 and parts[4] == "versions" else None
            if version is None or version.isdecimal():
                self._roster.find(parts[3], None if version is None else int(version[:9]))
        raise ServeError(404, "There is nothing at this path: see /docs.")

    def _fixed(self) -> Mapping[tuple[str, str], Route]:
        return {
            ("GET", "/v2"): Route("metadata", None, self._server),
            ("GET", "/v2/health/live"): Route("health", None, self._alive),
            ("GET", "/v2/health/ready"): Route("health", None, self._ready),
            ("GET", "/v1/models"): Route("metadata", "read", self._models),
            ("POST", "/v1/labels"): Route("labels", "label", self._labels),
            ("GET", "/metrics"): Route("metrics", "read", self._show_metrics),
            ("GET", "/openapi.json"): Route("metadata", None, self._openapi),
            ("GET", "/docs"): Route("metadata", None, self._docs),
            ("GET", "/"): Route("metadata", None, self._docs),
        }

    def _of_model(self, model: str, version: int | None, path: str) -> Mapping[tuple[str, str], Route]:
        def route(api: str, role: Role | None, handler: Callable[[Serving, Asking], Awaitable[Answer]]) -> Route:
            async def found(asking: Asking) -> Answer:
                return await handler(self._roster.find(model, version), asking)

            return Route(api, role, found, model, "" if version is None else str(version))

        name = "champion" if version is None else "version"

        async def predict(serving: Serving, asking: Asking) -> Answer:
            return await self._predict(serving, asking, name)

        async def infer(serving: Serving, asking: Asking) -> Answer:
            return await self._infer(serving, asking, name)

        return {
            ("POST", f"/v1/models{path}/predict"): route("records", "predict", predict),
            ("GET", f"/v1/models{path}"): route("metadata", "read", self._about),
            ("POST", f"/v2/models{path}/infer"): route("inference", "predict", infer),
            ("GET", f"/v2/models{path}"): route("metadata", None, self._metadata),
            ("GET", f"/v2/models{path}/ready"): route("health", None, self._model_ready),
        }

    def _ask(self, serving: Serving, request: Request, name: str, client: str) -> Awaitable[Reply]:
        if request.explain:
            return self._explaining.ask(serving, request, name, client)
        return serving.live.ask(request, name, client)

    async def _read(
        self, serving: Serving, reader: Callable[..., Read], body: bytes, *more: Any, text: int | None = None
    ) -> Read:
        """What a reader makes of a body; it finds what is wrong with it, too."""
        since = time.monotonic()
        found = await self._incoming.parsed(reader, body, *more, text=text)
        self._metrics.observe(
            "holdfast_stage_duration_seconds", (serving.loaded.model, "validate"), (time.monotonic() - since,)
        )
        return found

    async def _predict(self, serving: Serving, asking: Asking, name: str) -> Answer:
        loaded, headers = serving.loaded, asking.headers
        kind = format_of(headers.get(b"content-type", b"").decode("latin-1"))
        if kind == "json":
            reading = self._read(serving, loaded.records.read, asking.body)
        else:
            text = 0 if kind == "arrow" else None
            reading = self._read(serving, _READERS[kind], asking.body, loaded.columnar, text=text)
        # Without a name for the request here, its rows go when they have been answered, and not with the reply.
        reply = await self._ask(serving, await reading, name, asking.client)
        # What came as a table goes back as one, unless something else is asked for.
        accept = headers.get(b"accept", b"").decode("latin-1")
        wanted = kind if kind != "json" and accept in ("", "*/*") else format_asked(accept)
        if wanted == "json":
            return Answer(records.write(reply))
        body = await asyncio.to_thread(_WRITERS[wanted], reply, loaded.outputs)
        return Answer(body, media=_MEDIA[wanted])

    async def _infer(self, serving: Serving, asking: Asking, name: str) -> Answer:
        length = asking.headers.get(b"inference-header-content-length")
        text = int(length[:9]) if length is not None and length.isdigit() else None
        request, wanted = await self._read(serving, serving.loaded.tensors.read, asking.body, length, text=text)
        reply = await self._ask(serving, request, name, asking.client)
        body, json_length = inference_protocol.write(reply, wanted)
        if json_length is None:
            return Answer(body)
        return Answer(
            body,
            media=b"application/octet-stream",
            headers=((b"inference-header-content-length", b"%d" % json_length),),
        )

    def _queue(self, model: str) -> Route:
        async def listed(asking: Asking) -> Answer:
            return Answer(await self._desk.listed(model, asking.query))

        return Route("reviews", "label", listed, model)

    async def _verdict(self, model: str, identifier: str, asking: Asking) -> Answer:
        released = self._roster.find(model).loaded.released.model
        task = Task(released.task, released.classes)
        return Answer(await self._desk.decided(model, task, identifier, asking.body, asking.client))

    async def _labels(self, asking: Asking) -> Answer:
        given = await self._incoming.parsed(labels.read, asking.body)
        models = self._roster.models
        by_model: dict[str, list[labels.Label]] = {}
        for label in given:
            if label.model is None and len(models) > 1:
                raise ServeError(422, f"Several models are served here: name one of {', '.join(models)} in each label.")
            by_model.setdefault(label.model or models[0], []).append(label)
        now = time.time()
        groups = []
        for model, own in by_model.items():
            released = self._roster.find(model).loaded.released.model
            groups.append(labels.group(model, Task(released.task, released.classes), own, asking.client, now))
        if self._spool is None:
            raise ServeError(503, "This server keeps no log, and takes no labels.")
        try:
            await asyncio.to_thread(self._spool.write, groups)
        except LogError as error:
            logger.error("labels cannot be logged, and are refused: %s", error)  # noqa: TRY400
            raise ServeError(503, "The log cannot be written: labels were not taken.", retry_after=5) from None
        for model, own in by_model.items():
            for label in own:
                self._metrics.count("holdfast_labels", (model, label.source))
        return Answer(msgspec.json.encode({"accepted": len(given)}))

    async def _server(self, _: Asking) -> Answer:
        return Answer(inference_metadata.server_metadata(__version__))

    async def _alive(self, _: Asking) -> Answer:
        return Answer(inference_metadata.LIVE)

    async def _ready(self, _: Asking) -> Answer:
        if self._roster.ready:
            return Answer(inference_metadata.READY)
        return Answer(inference_metadata.NOT_READY, 503, headers=((b"retry-after", b"5"),))

    async def _models(self, _: Asking) -> Answer:
        found = [
            {"model": model, "champion": self._roster.champion(model), "versions": self._roster.versions(model)}
            for model in self._roster.models
        ]
        return Answer(msgspec.json.encode({"models": found}))

    async def _about(self, serving: Serving, _: Asking) -> Answer:
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

    async def _metadata(self, serving: Serving, _: Asking) -> Answer:
        loaded = serving.loaded
        versions = self._roster.versions(loaded.model)
        return Answer(inference_metadata.model_metadata(loaded.model, versions, loaded.engine.fields, loaded.outputs))

    async def _model_ready(self, serving: Serving, _: Asking) -> Answer:
        return Answer(inference_metadata.model_ready(serving.loaded.model))

    def _described(self, asking: Asking) -> dict[str, Described]:
        """What answers where no version is asked for, by model; what its history has is for those who may read."""
        history = self._access.may(asking.headers, "read")
        return {
            serving.loaded.model: described(serving.loaded, history=history)
            for serving in self._roster.serving
            if serving.loaded.version == self._roster.champion(serving.loaded.model)
        }

    async def _openapi(self, asking: Asking) -> Answer:
        versions = {model: self._roster.versions(model) for model in self._roster.models}
        return Answer(msgspec.json.encode(document(self._described(asking), versions, keys=not self._access.open)))

    async def _docs(self, asking: Asking) -> Answer:
        host = asking.headers.get(b"host", b"localhost").decode("latin-1")
        address, models = f"{asking.scheme}://{host}", list(self._described(asking).values())
        page = await asyncio.to_thread(docs_page, models, address, keys=not self._access.open)
        return Answer(page.encode(), media=b"text/html; charset=utf-8")

    async def _show_metrics(self, _: Asking) -> Answer:
        self.measure()
        text = await self._exposed()
        return Answer(text.encode(), media=b"text/plain; version=0.0.4; charset=utf-8")


def refusal(error: ServeError) -> Answer:
    """An error as a client reads it."""
    content: dict[str, Any] = {"error": error.message}
    if isinstance(error, InvalidRowsError):
        content["problems"] = [problem._asdict() for problem in error.problems[:LISTED_PROBLEMS]]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if error.status == 401:
        headers = ((b"www-authenticate", b'Bearer realm="holdfast"'),)
    if error.allow:
        headers = ((b"allow", ", ".join(error.allow).encode()),)
    if error.retry_after is not None:
        headers = ((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))),)
    return Answer(msgspec.json.encode(content), error.status, headers=headers)
