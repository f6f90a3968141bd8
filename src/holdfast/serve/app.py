"""The server's ways in, as an ASGI application: what comes over HTTP, who may ask it, and how it is answered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

import msgspec

from holdfast.book.key import Role
from holdfast.errors import LogError
from holdfast.log.labels import Task
from holdfast.log.spool import Spool
from holdfast.serve import labels
from holdfast.serve.access import Access
from holdfast.serve.errors import ServeError
from holdfast.serve.incoming import GoneError, Incoming
from holdfast.serve.live import told
from holdfast.serve.metrics import Metrics
from holdfast.serve.predicting import Predicting
from holdfast.serve.promoting import Promoting
from holdfast.serve.reviews import Desk
from holdfast.serve.roster import Roster, Serving
from holdfast.serve.routes import Answer, Asking, Route, refusal
from holdfast.serve.telemetry import Receive, Scope, Send
from holdfast.serve.telling import Telling

logger = logging.getLogger("holdfast.serve")

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
    promoting
        What operators ask.
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
        promoting: Promoting,
    ) -> None:
        self._roster, self._spool, self._access, self._metrics = roster, spool, access, metrics
        self._exposed, self._incoming = exposed, Incoming(most_bytes)
        self._predicting = Predicting(self._incoming, metrics)
        self._telling = Telling(roster, access)
        self._desk, self._promoting = desk, promoting
        self._in_flight = 0
        self._routes: dict[tuple[str, str], Route] = {}
        self.reroute()

    async def follow(self) -> None:
        """Take up what is in force."""
        await self._roster.refresh()
        self.reroute()

    def reroute(self) -> None:
        """Take up which models and versions there are."""
        routes = dict(self._fixed())
        for model in self._roster.models:
            routes |= self._of_model(model, None, f"/{model}")
            routes["GET", f"/v1/models/{model}/reviews"] = self._queue(model)
            routes["POST", f"/v1/models/{model}/champion"] = self._champion(model)
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
        except asyncio.CancelledError:  # it is told to end, and has waited long enough
            answer = refusal(ServeError(503, "This server ends: ask again.", retry_after=1))
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
            ("GET", "/v2"): Route("metadata", None, self._telling.server),
            ("GET", "/v2/health/live"): Route("health", None, self._telling.alive),
            ("GET", "/v2/health/ready"): Route("health", None, self._telling.ready),
            ("GET", "/v1/models"): Route("metadata", "read", self._telling.models),
            ("POST", "/v1/labels"): Route("labels", "label", self._labels),
            ("GET", "/metrics"): Route("metrics", "read", self._show_metrics),
            ("GET", "/openapi.json"): Route("metadata", None, self._telling.openapi),
            ("GET", "/docs"): Route("metadata", None, self._telling.docs),
            ("GET", "/"): Route("metadata", None, self._telling.docs),
        }

    def _of_model(self, model: str, version: int | None, path: str) -> Mapping[tuple[str, str], Route]:
        def route(api: str, role: Role | None, handler: Callable[[Serving, Asking], Awaitable[Answer]]) -> Route:
            async def found(asking: Asking) -> Answer:
                return await handler(self._roster.find(model, version), asking)

            return Route(api, role, found, model, "" if version is None else str(version))

        name = "champion" if version is None else "version"

        async def predict(serving: Serving, asking: Asking) -> Answer:
            return await self._predicting.predict(serving, asking, name)

        async def infer(serving: Serving, asking: Asking) -> Answer:
            return await self._predicting.infer(serving, asking, name)

        return {
            ("POST", f"/v1/models{path}/predict"): route("records", "predict", predict),
            ("GET", f"/v1/models{path}"): route("metadata", "read", self._telling.about),
            ("POST", f"/v2/models{path}/infer"): route("inference", "predict", infer),
            ("GET", f"/v2/models{path}"): route("metadata", None, self._telling.metadata),
            ("GET", f"/v2/models{path}/ready"): route("health", None, self._telling.model_ready),
        }

    def _queue(self, model: str) -> Route:
        async def listed(asking: Asking) -> Answer:
            return Answer(await self._desk.listed(model, asking.query))

        return Route("reviews", "label", listed, model)

    def _champion(self, model: str) -> Route:
        async def promote(asking: Asking) -> Answer:
            told = await self._promoting.promoted(model, asking.body, asking.client)
            await self.follow()
            return Answer(told)

        return Route("champion", "operate", promote, model)

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

    async def _show_metrics(self, _: Asking) -> Answer:
        self.measure()
        text = await self._exposed()
        return Answer(text.encode(), media=b"text/plain; version=0.0.4; charset=utf-8")
