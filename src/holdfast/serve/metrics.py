"""What a server counts, in Prometheus' conventions, over all of its processes.

Each process counts in plain numbers, which costs a fraction of a microsecond, and writes them into a file of its own twice a
second, and before it shows them to anybody; whoever is asked adds up the files. Who takes the place of a process that died
goes on with its file, so that no counter ever falls.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from holdfast.decoding import ready

Labels: TypeAlias = tuple[str, ...]
Held: TypeAlias = tuple[tuple[float, ...], list[int], list[float]]
"""A histogram: the upper ends of its buckets, their counts, and the sum of all values."""

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


class Definition(NamedTuple):
    """A metric: its kind, what it is, the names of its labels, and the upper ends of its buckets.

    Of an `info` each process says 1, and so do all; other metrics are added up.
    """

    kind: Literal["counter", "gauge", "histogram", "info"]
    help: str
    labels: Labels = ()
    buckets: tuple[float, ...] = ()


METRICS: dict[str, Definition] = {
    "holdfast_requests": Definition(
        "counter", "Requests, by model, way in and outcome.", ("model", "release", "api", "outcome")
    ),
    "holdfast_rows": Definition("counter", "Rows that were answered.", ("model", "release")),
    "holdfast_reviews_asked": Definition(
        "counter", "Rows that were answered with review, by reason.", ("model", "release", "reason")
    ),
    "holdfast_request_duration_seconds": Definition(
        "histogram", "From the head of a request to its whole answer.", ("model", "api"), SECONDS
    ),
    "holdfast_stage_duration_seconds": Definition(
        "histogram",
        "Time of a request in the stages validate and explain, and of a group of them in queue, predict and log.",
        ("model", "stage"),
        SECONDS,
    ),
    "holdfast_group_rows": Definition("histogram", "Rows that were answered at once.", ("model",), ROWS),
    "holdfast_requests_in_flight": Definition("gauge", "Requests that have no answer yet."),
    "holdfast_queue_rows": Definition("gauge", "Rows that wait for their answer or for the log.", ("model",)),
    "holdfast_schema_violations": Definition(
        "counter", "Values that do not fit the schema, by field and kind.", ("model", "field", "code")
    ),
    "holdfast_client_requests": Definition("counter", "Requests, by client and way in.", ("client", "api")),
    "holdfast_labels": Definition("counter", "Labels that were taken.", ("model", "source")),
    "holdfast_model_info": Definition("info", "Releases that are loaded.", ("model", "release", "identity", "stage")),
    "holdfast_log_pending_rows": Definition(
        "gauge", "Rows in the spools that are not yet in the lake.", ("model", "kind")
    ),
    "holdfast_log_oldest_uncommitted_seconds": Definition(
        "gauge", "Age of the oldest row that is not yet in the lake."
    ),
    "holdfast_log_unlogged_rows": Definition("counter", "Rows that were answered and could not be logged."),
    "holdfast_label_coverage_ratio": Definition(
        "gauge", "Share of the logged predictions that have a label.", ("model",)
    ),
    "holdfast_label_delay_seconds": Definition("gauge", "Median delay of labels behind their prediction.", ("model",)),
    "holdfast_labels_unmatched": Definition("gauge", "Labels whose prediction is not in the log.", ("model",)),
    "holdfast_reviews_open": Definition("gauge", "Rows that wait for a reviewer.", ("model",)),
    "holdfast_reviews_decided": Definition(
        "counter", "Verdicts of reviewers that upheld the model's decision, or overruled it.", ("model", "verdict")
    ),
    "holdfast_review_wait_seconds": Definition(
        "counter", "Time from prediction to verdict, of all verdicts together.", ("model",)
    ),
    "holdfast_reviews_settled": Definition("counter", "Verdicts whose outcome is known.", ("model",)),
    "holdfast_review_loss_saved": Definition(
        "gauge",
        "Loss of the model's decisions less that of the verdicts, in the unit of the objective, where the outcome is known.",
        ("model",),
    ),
    "holdfast_worker_cpu_seconds": Definition("counter", "Processor time of a worker.", ("worker",)),
    "holdfast_worker_resident_memory_bytes": Definition("gauge", "Memory of a worker.", ("worker",)),
}
"""All there are. Labels are bounded: models and fields are those of releases, clients those that have a key."""


class Stored(msgspec.Struct):
    """What the file of a process holds."""

    pid: int
    values: list[tuple[str, Labels, float]]
    histograms: list[tuple[str, Labels, list[int], float]]


class Metrics:
    """Counts of one process. For one thread.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.count("holdfast_rows", ("fraud", "3"), 12)
    >>> 'holdfast_rows_total{model="fraud",release="3"} 12.0' in exposition([metrics.content()])
    True
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, Labels], float] = {}
        self._histograms: dict[tuple[str, Labels], Held] = {}

    def count(self, name: str, labels: Labels = (), amount: float = 1.0) -> None:
        """Raise a counter."""
        key = (name, labels)
        self._values[key] = self._values.get(key, 0.0) + amount

    def set(self, name: str, labels: Labels, value: float) -> None:
        """Set a gauge; of several processes, gauges are added up."""
        self._values[name, labels] = value

    def clear(self, name: str) -> None:
        """Forget all series of a gauge."""
        for key in [key for key in self._values if key[0] == name]:
            del self._values[key]

    def observe(self, name: str, labels: Labels, values: Iterable[float]) -> None:
        """Add values to a histogram."""
        buckets, counts, total = self._held(name, labels)
        for value in values:
            counts[bisect_left(buckets, value)] += 1
            total[0] += value

    def add(self, name: str, labels: Labels, counts: Sequence[int], total: float) -> None:
        """Add the counts of a histogram's buckets and the sum of its values."""
        held = self._held(name, labels)
        held[1][:] = [a + b for a, b in zip(held[1], counts, strict=True)]
        held[2][0] += total

    def _held(self, name: str, labels: Labels) -> Held:
        held = self._histograms.get((name, labels))
        if held is None:
            buckets = METRICS[name].buckets
            held = self._histograms[name, labels] = (buckets, [0] * (len(buckets) + 1), [0.0])
        return held

    def content(self) -> bytes:
        """All counts, for a file."""
        return msgspec.msgpack.encode(
            Stored(
                pid=os.getpid(),
                values=[(name, labels, value) for (name, labels), value in self._values.items()],
                histograms=[(*key, counts, total[0]) for key, (_, counts, total) in self._histograms.items()],
            )
        )

    def save(self, path: Path) -> None:
        """Write all counts; a reader finds the old file or the new one."""
        draft = path.with_suffix(".draft")
        with suppress(OSError):  # a full disk stops no server
            draft.write_bytes(self.content())
            draft.replace(path)


def exposition(contents: Iterable[bytes]) -> str:
    """The sums of all files, in the text format that Prometheus reads."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(list(contents)))
    return generate_latest(registry).decode()


def monitored(root: Path) -> str:
    """What the monitor found, as it wrote it last; nothing where none has run."""
    try:
        return (root / "monitored" / "metrics.prom").read_text(encoding="utf-8")
    except OSError:
        return ""


class _Collector:
    def __init__(self, contents: Sequence[bytes]) -> None:
        self._contents = contents

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        values: dict[str, dict[Labels, float]] = {}
        histograms: dict[str, dict[Labels, tuple[list[int], float]]] = {}
        for content in self._contents:
            try:
                stored = msgspec.msgpack.decode(content, type=ready(Stored))
            except msgspec.MsgspecError:
                continue  # of another version
            for name, labels, value in stored.values:
                series, once = values.setdefault(name, {}), METRICS[name].kind == "info"
                series[labels] = value if once else series.get(labels, 0.0) + value
            for name, labels, counts, total in stored.histograms:
                known = histograms.setdefault(name, {}).get(labels)
                if known is not None:
                    counts, total = [a + b for a, b in zip(counts, known[0], strict=True)], total + known[1]  # noqa: PLW2901
                histograms[name][labels] = (counts, total)
        for name, definition in METRICS.items():
            if definition.kind == "histogram":
                family = HistogramMetricFamily(name, definition.help, labels=definition.labels)
                for labels, (counts, total) in sorted(histograms.get(name, {}).items()):
                    family.add_metric(labels, buckets=_cumulative(definition.buckets, counts), sum_value=total)
                yield family
                continue
            kind = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
            plain = kind(name, definition.help, labels=definition.labels)
            for labels, value in sorted(values.get(name, {}).items()):
                plain.add_metric(labels, value)
            yield plain


def _cumulative(buckets: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    made, total = [], 0
    for end, count in zip([*map(repr, buckets), "+Inf"], counts, strict=True):
        total += count
        made.append((end, float(total)))
    return made
