"""Contributions beside answers: in a thread of their own, one request after the other, so that answers do not wait for them.

The answer is logged first, as any other. Whether there is time for its contributions is asked before.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from holdfast.giving_way import give_way
from holdfast.serve.errors import ServeError
from holdfast.serve.live import told
from holdfast.serve.metrics import Metrics
from holdfast.serve.request import Reply, Request
from holdfast.serve.roster import Serving

QUEUE_SECONDS = 5.0
"""What those who wait for contributions may be expected to take; beyond, requests are refused."""

NICE = 10
"""By how much its thread gives way to the one that answers."""


class Explaining:
    """Explains answers of a process. For the event loop's thread.

    Parameters
    ----------
    metrics
        What is counted.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, "holdfast-explain", initializer=give_way, initargs=(NICE,))
        self._waiting = 0
        self._waiting_seconds = 0.0

    async def ask(self, serving: Serving, request: Request, route: str, client: str) -> Reply:
        """Answer a request, with contributions.

        Raises
        ------
        ServeError
            503: too many wait for contributions; 413 and 422: see `Explainer.prepare`; and those of `Live.ask`.
        """
        explainer, rows, seconds = serving.loaded.explainer, len(request.rows), serving.live.rules.explain_seconds
        expected = explainer.expected(rows, seconds)
        if self._waiting and self._waiting_seconds + expected > QUEUE_SECONDS:
            raise ServeError(503, "Too many rows wait for contributions: try again, or ask without.", retry_after=1)
        loop = asyncio.get_running_loop()
        self._waiting += 1
        self._waiting_seconds += expected
        try:
            await loop.run_in_executor(self._thread, explainer.prepare, rows)
            reply = await serving.live.ask(request, route, client)
            started = time.monotonic()
            await loop.run_in_executor(self._thread, explainer.explain, reply, request.rows, seconds)
        except ServeError:
            raise
        except Exception as error:  # noqa: BLE001 - what a client is told of it is said in one place
            raise told(serving.loaded.model, error) from None
        finally:
            self._waiting -= 1
            # Of a sum from which each part was taken again, something may be left.
            self._waiting_seconds = self._waiting_seconds - expected if self._waiting else 0.0
        labels = (serving.loaded.model, "explain")
        self._metrics.observe("holdfast_stage_duration_seconds", labels, [time.monotonic() - started])
        return reply
