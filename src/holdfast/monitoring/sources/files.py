"""Where rows come from: tables of predictions and of labels that nobody served through Holdfast."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.config import Project
from holdfast.log.joining import FIRST
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.sources import ledger
from holdfast.monitoring.sources.columns import MICROSECONDS, NEVER, STAMP, Moments, stamps
from holdfast.monitoring.sources.ledger import Keys, Ledger
from holdfast.monitoring.sources.named import Named, places, positives
from holdfast.monitoring.sources.truths import Truths
from holdfast.names import no_such_column
from holdfast.objective import Cost, CostMatrix
from holdfast.policy import Answers, decide
from holdfast.profile.hashing import cell_hashes, mixed
from holdfast.profile.numeric import numbers
from holdfast.tables import Table
from holdfast.windows import CountedWindows

Array: TypeAlias = NDArray[np.float64]
DAY = 86_400 * MICROSECONDS
LABELLED = ("hf_label", "hf_label_time", "hf_outcome_time", *FIRST)
"""What stands beside a prediction, as in the log."""


@dataclass(slots=True, kw_only=True)
class FileSource:
    """Predictions of a table, with their labels. Make one with `file_source`.

    A prediction counts as new when its id is seen for the first time, however old it is: a later table may have more of what
    happened before, and the same rows once more. A label counts as new when it is seen for the first time. Ledgers beside
    the counts say which were. A label is evidence of the time when it arrived; where the table does not tell that, of its
    row's time and the delay that is usual. One that corrects another one is no new evidence.

    Attributes
    ----------
    table, named
        The predictions, and which columns have the answers.
    reference, project
        What they are held against.
    when, ids
        Time and id of each prediction, (n,).
    keys
        By which each is known again, (n,).
    received_at
        When each was received: at its time, or after all that was known before, if it came late.
    truths
        What is known of the truth.
    rows_seen, labels_seen
        Ledgers of the predictions and of the labels that were seen.
    passed_over
        What was not read of the table, and which scores are none, in sentences.
    """

    table: Table
    named: Named
    reference: Reference
    project: Project
    when: Moments
    ids: pa.Array
    keys: Keys
    truths: Truths
    rows_seen: Path
    labels_seen: Path
    passed_over: tuple[str, ...] = ()
    received_at: Moments = field(init=False)
    _held: dict[tuple[str, ...], pa.Table] = field(default_factory=dict)
    _reading: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.received_at = self._received(ledger.load(self.rows_seen))
        truths, seen = self.truths, ledger.load(self.labels_seen)
        truths.first = truths.arrived.copy()
        if len(seen.keys):
            places, keys, ids = self._labels()
            truths.arrived[places] = seen.of(keys, truths.arrived[places])
            truths.first[places] = seen.of(ids, truths.arrived[places])

    def columns(self) -> list[str]:
        """What is known of a prediction."""
        there, schema = set(self.table.schema.names), self.reference.schema
        scores = [f"hf_score_{k}" for k in range(len(self.named.scores))] if self._several else ["hf_score"]
        own = ["hf_id", "hf_time", "hf_event_time", *scores]
        if self.reference.answers.task != "regression":
            own += ["hf_decision", "hf_review"]
        own += [f"hf_{name}" for name in ("review", "lower", "upper", "propensity") if getattr(self.named, name)]
        return list(dict.fromkeys([*own, *(c.physical for c in schema.columns if c.name in there)]))

    def begin(self) -> int | None:
        """When the first prediction was made."""
        known = self.when[self.when != NEVER]
        return int(known.min()) if len(known) else None

    def received(self, until: int) -> int:
        """Up to the newest row: a later table may have more of what happened before `until`. What is new is written down."""
        seen = ledger.load(self.rows_seen)
        self.received_at = self._received(seen)
        known = (self.when != NEVER) & (self.when < until)
        ledger.save(self.rows_seen, seen, self.keys[known], self.received_at[known])
        return int(self.received_at[known].max()) + 1 if known.any() else 0

    def _received(self, seen: Ledger) -> Moments:
        newest = int(seen.moments.max()) if len(seen.moments) else NEVER
        late = np.where((self.when != NEVER) & (self.when <= newest), newest + 1, self.when)
        return seen.of(self.keys, late)

    def newest_end(self, now: float) -> float:
        """When the window ends that the newest row lies in, but not later than now; rows of the future are passed over."""
        known = self.when[(self.when != NEVER) & (self.when < now * MICROSECONDS)]
        if not len(known):
            return now
        windows, newest = self.reference.windows, int(known.max())
        if isinstance(windows, CountedWindows):  # when the open one will end, later rows say
            return (newest + 1.5) / MICROSECONDS
        return min(now, windows.end(float(windows.starts(np.array([newest / MICROSECONDS]))[0])))

    def rows(self, columns: list[str], release: int, since: int, until: int) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """Predictions that were received in a time."""
        yield from self._rows(columns, (self.received_at >= since) & (self.received_at < until))

    def moments(self, release: int, since: int, until: int) -> Iterator[Moments]:  # noqa: ARG002
        """When these rows were received, rising."""
        yield np.sort(self.received_at[(self.received_at >= since) & (self.received_at < until)])

    def days_of_labels(self, since: int, until: int) -> list[int]:
        """UTC days of the predictions whose labels were not seen before."""
        self._arrive(since, until)
        new = (self.truths.arrived >= since) & (self.truths.arrived < until) & (self.when != NEVER)
        return [int(day) for day in np.unique(self.when[new] // DAY * DAY)]

    def labelled(self, columns: list[str], release: int, day: int, until: int) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """Predictions of a day with the labels that were known at a moment."""
        wanted = tuple(columns)
        with self._reading:  # days may be asked for by several threads
            if wanted not in self._held:
                known = np.asarray(self.truths.label.is_valid()) & (self.when != NEVER)
                batches = list(self._rows([*columns, *LABELLED, "hf_when"], known))
                if not batches:
                    return
                self._held = {wanted: pa.Table.from_batches(batches).sort_by("hf_when")}
            held = self._held[wanted]
        first, last = np.searchsorted(held["hf_when"].to_numpy(), [day, day + DAY])
        some = held.slice(int(first), int(last - first)).drop_columns(["hf_when"])
        arrived = pc.cast(some["hf_label_time"], pa.int64())
        yield from some.filter(pc.less(arrived, until)).combine_chunks().to_batches()

    @property
    def _several(self) -> bool:
        return self.reference.answers.task == "classes"

    def _rows(self, columns: Collection[str], mask: NDArray[np.bool_]) -> Iterator[pa.RecordBatch]:
        """Rows under a mask over all predictions."""
        first = 0
        for batch in self.table.batches(self._read_for(columns)):
            places = np.flatnonzero(mask[first : first + batch.num_rows])
            if len(places):
                some = batch if len(places) == batch.num_rows else batch.take(pa.array(places))
                yield self._built(columns, some, first + places)
            first += batch.num_rows

    def _read_for(self, columns: Collection[str]) -> list[str]:
        """Columns of the table that are read for columns as the log has them."""
        physical = {c.physical: c.name for c in self.reference.schema.columns}
        found = [physical[name] for name in columns if name in physical]
        asked = set(columns)
        if any(name.startswith("hf_score") for name in columns):
            found += self.named.scores
        if {"hf_decision", "hf_review"} & asked:
            found += [*self.named.scores, *(self._deciding() if self.named.decision is None else [self.named.decision])]
        for name in ("review", "lower", "upper", "propensity"):
            if f"hf_{name}" in asked and (column := getattr(self.named, name)) is not None:
                found.append(column)
        # A column at least, because rows are counted as they are read.
        return list(dict.fromkeys(found)) or [self.table.schema.names[0]]

    def _deciding(self) -> tuple[str, ...]:
        """Columns that the policy asks for."""
        policy = self.reference.policy
        costs = policy.costs.needs if isinstance(policy.costs, Cost | CostMatrix) else ()
        wanted = (*costs, *(self.reference.features if policy.support_limit is not None else ()))
        for name in wanted:
            if name not in self.table.schema.names:
                raise no_such_column(name, self.table.schema.names, "The table of predictions, without decisions,")
        return wanted

    def _built(self, columns: Collection[str], batch: pa.RecordBatch, positions: NDArray[np.intp]) -> pa.RecordBatch:
        held = dict(zip(batch.schema.names, batch.columns, strict=True))
        physical = {c.physical: c.name for c in self.reference.schema.columns}
        when = self.when[positions]
        truths, asked = self.truths, set(columns)
        moments = {
            "hf_time": self.received_at,
            "hf_event_time": self.when,
            "hf_label_time": truths.arrived,
            "hf_first_label_time": truths.first,
        }
        found: dict[str, pa.Array] = {}
        if {"hf_decision", "hf_review"} & asked:
            found["hf_decision"], found["hf_review"] = self._decided(batch, held, positions)
        for name in asked - found.keys():
            match name:
                case "hf_id":
                    found[name] = self.ids.take(pa.array(positions))
                case _ if name in moments:
                    found[name] = stamps(moments[name][positions])
                case "hf_when":
                    found[name] = pa.array(when)
                case "hf_score":
                    found[name] = pa.array(numbers(held[self.named.scores[0]])[0])
                case "hf_lower" | "hf_upper" | "hf_propensity":
                    found[name] = pa.array(numbers(held[getattr(self.named, name.removeprefix("hf_"))])[0])
                case "hf_label" | "hf_first_label":
                    # Of a corrected one the first is not known any more; it was evidence when it came.
                    found[name] = truths.label.take(pa.array(positions))
                case "hf_outcome_time" | "hf_first_outcome_time":
                    found[name] = pa.nulls(len(positions), STAMP)
                case _ if name.startswith("hf_score_"):
                    found[name] = pa.array(numbers(held[self.named.scores[int(name.removeprefix("hf_score_"))]])[0])
                case _:
                    found[name] = held[physical[name]]
        return pa.RecordBatch.from_arrays([found[name] for name in columns], names=list(columns))

    def _decided(
        self, batch: pa.RecordBatch, held: dict[str, pa.Array], positions: NDArray[np.intp]
    ) -> tuple[pa.Array, pa.Array]:
        """Decisions and reviews: those that were named, else what the policy makes of the scores."""
        names, several = self.reference.answers.classes, self._several
        answers: Answers | None = None
        if self.named.decision is not None:
            column = held[self.named.decision]
            where = f"The column {self.named.decision!r} of the table of predictions"
            code = places(column, names, where) if several else positives(column, self.reference.classes, where)
        else:
            answers = self._answers(batch, held, positions)
            code = np.where(np.isnan(answers.confidence), -1, answers.decision.astype(np.int64))
        missing = code < 0
        decision = (
            pa.array(np.array([*names, ""], dtype=object)[code], pa.string(), mask=missing)
            if several
            else pa.array(code == 1, mask=missing)
        )
        if self.named.review is not None:
            asked = positives(
                held[self.named.review], (), f"The column {self.named.review!r} of the table of predictions"
            )
            return decision, pa.array(asked == 1)
        return decision, pa.array(np.zeros(len(code), bool) if answers is None else answers.review)

    def _answers(self, batch: pa.RecordBatch, held: dict[str, pa.Array], positions: NDArray[np.intp]) -> Answers:
        scores = [numbers(held[name])[0] for name in self.named.scores]
        score = np.stack(scores, axis=1) if self._several else scores[0]
        if self.reference.released is None:
            return decide(self.reference.policy, score)
        identity = cell_hashes(self.ids.take(pa.array(positions)))
        return self.reference.released.decide(score, pa.Table.from_batches([batch]), identity=identity)

    def _arrive(self, since: int, until: int) -> None:
        """Give each label the time of its arrival: as the ledger says, or now, where it was not seen before."""
        seen, truths = ledger.load(self.labels_seen), self.truths
        places, keys, ids = self._labels()
        told = np.clip(truths.arrived[places], since, until - 1)
        arrived = seen.of(keys, told)
        first = seen.of(ids, arrived)
        truths.arrived[places], truths.first[places] = arrived, first
        ledger.save(self.labels_seen, seen, np.concatenate([keys, ids]), np.concatenate([arrived, first]))

    def _labels(self) -> tuple[NDArray[np.intp], Keys, Keys]:
        """Places of the predictions that have a label, and keys of the labels and of their ids."""
        places = np.flatnonzero(np.asarray(self.truths.label.is_valid()))
        ids = mixed(cell_hashes(self.ids.take(pa.array(places))))
        return places, ids ^ cell_hashes(self.truths.label.take(pa.array(places))), ids
