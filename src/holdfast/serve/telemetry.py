"""What a process tells of itself beside metrics: log lines, as text or as JSON, and traces for OpenTelemetry."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec

from holdfast import __version__
from holdfast.errors import MissingExtraError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class JsonLines(logging.Formatter):
    """A line of JSON for each record, with its time, level, logger and message, and where an error arose."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if record.exc_info:
            line["where"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def log_to_stderr(form: Literal["text", "json"]) -> None:
    """Write log lines of this process to standard error."""
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # a book that is begun is no news, and its steps less so


class Tracing:
    """A span for each request, sent to a collector in the background.

    Parameters
    ----------
    endpoint
        Of the collector, such as `http://127.0.0.1:4318`; spans go to `/v1/traces` there, as OTLP over HTTP.
    share
        Of the requests that begin a trace; those that come with one are traced as it says.

    Raises
    ------
    MissingExtraError
        OpenTelemetry is not installed.
    """

    def __init__(self, endpoint: str, share: float) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
            from opentelemetry.trace import SpanKind, Status, StatusCode
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ModuleNotFoundError:
            raise MissingExtraError("opentelemetry-sdk", "otel", "Tracing") from None
        resource = Resource.create({"service.name": "holdfast", "service.version": __version__})
        self._provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(share)))
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("holdfast.serve")
        self._context = TraceContextTextMapPropagator()
        self._kind, self._failed = SpanKind.SERVER, Status(StatusCode.ERROR)

    def traced(self, application: Application, named: Callable[[Scope], tuple[str, str]]) -> Application:
        """An ASGI application whose requests are traced.

        Parameters
        ----------
        named
            What a request asks for and of which model, in words of which there are few.
        """

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            headers = dict(scope["headers"])
            parent = {name: headers[key].decode("latin-1") for name, key in _CONTEXT.items() if key in headers}
            api, model = named(scope)
            span = self._tracer.start_span(
                f"{scope['method']} {api}",
                context=self._context.extract(parent),
                kind=self._kind,
                attributes={"http.request.method": scope["method"], **({"holdfast.model": model} if model else {})},
            )

            async def sending(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(self._failed)
                await send(message)

            with use_span(span, end_on_exit=True):
                await application(scope, receive, sending)

        from opentelemetry.trace import use_span

        return answer

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


_CONTEXT = {"traceparent": b"traceparent", "tracestate": b"tracestate"}
