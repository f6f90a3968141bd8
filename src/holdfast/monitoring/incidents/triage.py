"""Triage: what an incident costs, where it is, which rows show it, what else changed, and what to do next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import add
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.causes.harm import FEWEST_LABELS, Suspect, ranked
from holdfast.causes.split import split, told
from holdfast.causes.tilting import FEWEST_ROWS
from holdfast.causes.unexplained import Labels
from holdfast.causes.what_if import WhatIf, answering, observable
from holdfast.checks.catalogue import QUALITY
from holdfast.evidence import Estimate
from holdfast.incident import Incident
from holdfast.kinds import Kind
from holdfast.monitoring.counts import kept
from holdfast.monitoring.counts.arrived import known_at
from holdfast.monitoring.counts.reading import (
    KINDS,
    answered,
    as_sealed,
    inputs_logged,
    times_of,
    wanted_of_rows,
)
from holdfast.monitoring.incidents.grouping import parted
from holdfast.monitoring.incidents.quality import quality
from holdfast.monitoring.incidents.story import NO_ACTION, advice, story, surest
from holdfast.monitoring.labelled.joined import row_weights
from holdfast.monitoring.labelled.labelling import representative
from holdfast.monitoring.reference import Reference, segments_of
from holdfast.monitoring.sources.source import MICROSECONDS, Source
from holdfast.objective import Judged
from holdfast.profile.arrays import floats
from holdfast.profile.crossings import with_crossings
from holdfast.profile.table import Profile
from holdfast.profile.window import Counted
from holdfast.records import Finding, Status

Array: TypeAlias = NDArray[np.float64]

DAY = 86_400.0
MOST_DAYS = 5
"""Days of an incident, the newest, whose rows are looked at; of worse answers, where labels are late, the newest that have
labels."""

MOST_ROWS, MOST_LABELLED = 5_000, 20_000
SHOWN_ROWS = 20

SHOWN_BY = {"quality.missing_rate": "missing", "quality.new_nulls": "missing", "quality.unseen_category": "new"}
"""Checks that are shown by rows as a signal is."""

MOST_WRONG = 3
"""Findings that an incident names."""

MOST_SPLIT = 20
"""Columns among which a worse performance is split: two seconds of work."""

SPLIT_KINDS = frozenset({Kind.NUMBER, Kind.CATEGORY, Kind.BOOLEAN})


@dataclass
class Looking:
    """What there is to look at; nothing is read before it is asked for.

    Attributes
    ----------
    source, reference, root, runs
        Rows, what they are held against, and where counts are kept, by which runs.
    counts
        Of all windows that may be asked for.
    until
        The moment as of which is judged, in seconds since 1970.
    windows
        What earlier runs have told of windows, by their beginnings in microseconds since 1970.
    """

    source: Source
    reference: Reference
    root: Path
    runs: Collection[int]
    counts: Mapping[tuple[float, str], Counted]
    until: float
    windows: Mapping[int, Mapping[str, Any]]
    _quality: dict[float, tuple[Finding, ...]] = field(default_factory=dict, init=False)
    _profiles: dict[float, Profile | None] = field(default_factory=dict, init=False)

    @cached_property
    def newest(self) -> list[float]:
        """Beginnings of the newest windows that have ended."""
        windows = self.reference.windows
        starts = sorted(start for start, segment in self.counts if not segment and windows.end(start) <= self.until)
        return starts[-most_windows(self.reference) :]

    def since(self, moment: float) -> list[float]:
        """Those of the newest windows that end after a moment."""
        return [start for start in self.newest if self.reference.windows.end(start) > moment]

    def sample(self, starts: Sequence[float]) -> pa.Table | None:
        """A sample of the rows of windows."""
        samples = [profile.sample for profile in self._profiles_of(starts) if profile is not None]
        parts = [pa.Table.from_batches([sample.rows]) for sample in samples if sample is not None]
        return pa.concat_tables(parts, promote_options="default").slice(0, MOST_ROWS) if parts else None

    def quality(self, start: float) -> tuple[Finding, ...]:
        """What is wrong with the rows of a window."""
        if start not in self._quality:
            (profile,) = self._profiles_of([start])
            end = self.reference.windows.end(start)
            self._quality[start] = () if profile is None else quality(self.reference, profile, end)
        return self._quality[start]

    def _profiles_of(self, starts: Sequence[float]) -> list[Profile | None]:
        """Of windows; those of the newest are asked for by each incident, and read once."""
        found = dict(self._profiles)
        if missing := [start for start in starts if start not in found]:
            found |= dict.fromkeys(missing) | kept.profiles(self.root, self.reference, missing, self.runs)
            self._profiles = {start: one for start, one in found.items() if start in self.newest}
        return [found[start] for start in starts]

    def known_since(self, moment: float) -> tuple[list[float], Labels | None]:
        """Windows to whose rows labels came since a moment, and those rows.

        They are the newest windows; where labels are so late that hardly one of these has come, the newest with labels.
        """
        starts = self.since(moment)
        if sum(self.counts[start, ""].labelled for start in starts) >= FEWEST_LABELS:
            # Rows may be received days after they happened, and not before.
            days = np.arange(np.floor(starts[0] / DAY) * DAY, self.until, DAY) * MICROSECONDS
            return self._labels(starts, days.astype(np.int64).tolist())
        labelled = self._with_labels()
        if not starts or not labelled:
            return starts, None
        held = kept.of_windows(self.root, self.reference, self.runs, labelled)
        self.counts = {**held.counts, **self.counts}
        received = sorted({day for start in labelled for day in held.days.get(start, ())})
        found = self._labels(labelled, received, moment)
        return found if found[0] else self._labels(labelled, received)

    def _with_labels(self) -> list[float]:
        """Beginnings of the newest windows with labels: each with its part of the fewest that are needed, or more."""
        labelled = {
            place / MICROSECONDS: one.get("labelled", 0)
            for place, one in self.windows.items()
            if one.get("release") == self.reference.version
        }
        last = max(labelled, default=-np.inf)
        labelled |= {
            start: one.labelled
            for (start, segment), one in self.counts.items()
            if not segment and (start in labelled or start > last)
        }
        most, end = most_windows(self.reference), self.reference.windows.end
        enough = (start for start, n in labelled.items() if n * most >= FEWEST_LABELS and end(start) <= self.until)
        return sorted(enough)[-most:]

    def _labels(
        self, starts: Sequence[float], days: Sequence[int], came: float = -np.inf
    ) -> tuple[list[float], Labels | None]:
        """Rows of windows whose truth came since a moment, received on some days; and the windows of which half of it did."""
        columns = wanted_of_rows(self.reference, self.source.columns())
        first, last = starts[0], self.reference.windows.end(starts[-1])
        found: list[pa.Table] = []
        held: list[Any] = []
        rows = 0
        new: Counter[float] = Counter()
        for day in days:
            for batch in self.source.labelled(columns, self.reference.version, day, int(self.until * MICROSECONDS)):
                one = answered(self.reference, batch)
                wanted = np.isfinite(one.loss) & (one.time >= first) & (one.time < last)
                if np.isfinite(came):
                    wanted &= known_at(batch) >= came
                    new.update(self.reference.windows.starts(one.time[wanted]).tolist())
                if one.propensity is not None:
                    wanted &= ~(one.propensity < 1)  # the policy is judged, and not what was answered at random
                places = np.flatnonzero(wanted)
                if len(places) and rows < MOST_LABELLED:
                    held.append(one.take(places))
                    found.append(pa.Table.from_batches([held[-1].inputs]))
                    rows += len(places)
        if np.isfinite(came):
            starts = [start for start in starts if new[start] and 2 * new[start] >= self.counts[start, ""].labelled]
        if not held or not starts:
            return list(starts), None
        table = pa.concat_tables(found, promote_options="default")
        kind = KINDS[self.reference.answers.task]
        decision = None if held[0].decision is None else np.concatenate([one.decision for one in held]).astype(kind)
        objective = self.reference.objective
        score, code = (
            np.concatenate([one.score for one in held]),
            None if decision is None else decision.astype(np.int64),
        )
        counted = reduce(add, [self.counts[start, ""] for start in starts if (start, "") in self.counts])
        judged = Judged(
            truth=np.concatenate([one.truth for one in held]).astype(kind),
            score=score,
            answer=decision,
            weight=row_weights(self.reference.answers, counted, score, code),
            columns={
                name: floats(table[name].combine_chunks()) for name in objective.needs if name in table.column_names
            },
            time=np.concatenate([one.time for one in held]),
            classes=self.reference.answers.classes,
        )
        return list(starts), Labels(rows=table, judged=judged)

    def ids(self, column: str, start: float, sign: float, last: str) -> tuple[str, ...]:
        """Rows of a window that show how a column changed: missing, new, on the side to which it moved, or on either."""
        there = self.source.columns()
        physical = inputs_logged(self.reference, there).get(column)
        edges = self.reference.profile.edges.columns.get(column)
        if physical is None or edges is None or last in QUALITY:
            return ()
        end, until = self.reference.windows.end(start), int(self.until * MICROSECONDS)
        found: list[str] = []
        own = [name for name in ("hf_id", "hf_time", "hf_event_time") if name in there]
        columns = list(dict.fromkeys([*own, physical]))
        for batch in self.source.rows(columns, self.reference.version, int(start * MICROSECONDS), until):
            when, values = times_of(self.reference, batch), as_sealed(self.reference, column, batch.column(physical))
            inside = (when >= start) & (when < end)
            if last == "missing":
                mask = inside & np.asarray(values.is_null())
            else:
                place, size = edges.place(values), int(edges.size)
                high, low = place >= 0.9 * size, (place >= 0) & (place <= 0.1 * size)
                ends = high | low if last == "spread" and sign > 0 else high if sign > 0 else low
                mask = inside & (place == 0 if last == "new" else ends)
            found += batch.column(0).filter(pa.array(mask)).slice(0, SHOWN_ROWS - len(found)).to_pylist()
            if len(found) >= SHOWN_ROWS:
                break
        return tuple(found)


def most_windows(reference: Reference) -> int:
    """How many of the newest windows are looked at."""
    return max(1, round(MOST_DAYS * DAY / reference.windows.width))


def triaged(incidents: Mapping[str, Incident], looking: Looking) -> dict[str, Incident]:
    """Incidents with what can be said of the open ones; what turns out to follow from none of them is one of its own."""
    found = _each_told(incidents, looking)
    apart = parted(found)
    return found if apart == found else _each_told(apart, looking)


def _each_told(incidents: Mapping[str, Incident], looking: Looking) -> dict[str, Incident]:
    found = dict(incidents)
    open_ones = [one for one in incidents.values() if one.status != "resolved"]
    columns = [one.subject for one in open_ones if one.kind == "input"]
    for one in open_ones:
        starts, labels = looking.since(one.since), None
        if (
            one.kind == "performance"
            and looking.reference.released is not None
            and looking.reference.labelled is not None
        ):
            starts, labels = looking.known_since(one.since)
        suspects, kind = _suspects(looking, starts, columns, one, labels) if starts else ((), "")
        told_of = _told(one, suspects, looking, starts, open_ones)
        found[one.id] = msgspec.structs.replace(told_of, story=f"{told_of.story} {kind}".rstrip())
    return found


def _suspects(
    looking: Looking, starts: Sequence[float], columns: Sequence[str], one: Incident, labels: Labels | None
) -> tuple[tuple[Suspect, ...], str]:
    """Suspects, the costliest first; and of a worse performance what kind of change it is, in a sentence."""
    reference = looking.reference
    sample = looking.sample(starts)
    if reference.released is None or reference.labelled is None or sample is None or sample.num_rows < 2:
        return (), ""
    features = set(reference.features)
    wanted = [name for name in dict.fromkeys(columns) if name in features and name in sample.column_names]
    rows = sum(looking.counts[start, ""].size for start in starts)
    days = sum(reference.windows.end(start) - start for start in starts) / DAY
    labelled = replace(reference.labelled, rows=with_crossings(reference.labelled.rows, reference.settings.crossings))
    tried = WhatIf(
        labelled,
        sample,
        answering(reference.released),
        reference.objective,
        classes=reference.answers.classes,
    )
    own = [one.subject] if one.kind == "input" and one.subject in wanted else wanted
    a_day = rows / days if days else None
    if labels is not None and reference.answers.observed:
        # Labels are of what can be observed, and so is what they are held against.
        part = observable(tried, reference.answers)
        if part is None:
            return (), ""
        tried, share = part
        a_day = None if a_day is None else a_day * share
    kind = ""
    if labels is not None and a_day is not None and min(sample.num_rows, len(reference.labelled)) >= FEWEST_ROWS:
        explaining = split_columns(reference, own, sample.column_names)
        found = split(tried, explaining, labels=labels, calibration=reference.policy.calibration)
        kind = f"Against the history it costs {told(found, a_day)}." if found.known else ""
    return ranked(tried, own, labels=labels, rows_a_day=a_day, segments=segments_of(reference)), kind


def split_columns(reference: Reference, own: Sequence[str], there: Collection[str]) -> list[str]:
    """Columns that may explain a worse performance: those of incidents, then the other features, the most important first.

    Several small changes together, of which none opens an incident, would else be taken for other labels or another world.
    """
    kinds = {column.name: column.kind for column in reference.profile.edges.schema.columns}
    read = [name for name in reference.features if name in there and kinds.get(name) in SPLIT_KINDS]
    read.sort(key=lambda name: -reference.importance.get(name, 1.0))
    return list(dict.fromkeys([*own, *read]))[: max(MOST_SPLIT, len(own))]


def _told(
    one: Incident, suspects: Sequence[Suspect], looking: Looking, starts: Sequence[float], others: Sequence[Incident]
) -> Incident:
    reference = looking.reference
    wanted = {"input": "column", "performance": "concept"}.get(one.kind, "cases")
    own = next((s for s in suspects if s.cause == wanted and (wanted != "column" or s.column == one.subject)), None)
    day = _realised(one, looking, starts) if own is None else own.worse_per_day
    strongest = surest(one)
    last = strongest.key.rpartition(":")[2]
    rows = one.rows
    if not rows and one.kind == "input" and starts:
        rows = looking.ids(one.subject, starts[-1], strongest.effect, SHOWN_BY.get(last, last))
    beside = tuple(
        f"{other.title} ({other.id})" for other in others if other.id != one.id and _near(one, other, reference)
    )
    said = {_wording(text) for text in one.upstream}  # told once, and not again each day with another figure
    wrong = [text for text in _wrong(one, looking, starts) if _wording(text) not in said]
    where = () if own is None or own.where is None else (f"{own.where.column} = {own.where.value}",)
    material = own is not None and own.material
    harmless = one.kind == "input" and (_unused(one.subject, reference) or _is_small(own, reference))
    return msgspec.structs.replace(
        one,
        status="noted" if harmless else "open",
        cost=None if day is None else day.value,
        cost_low=None if day is None else day.low,
        cost_high=None if day is None else day.high,
        unit=reference.objective.unit,
        usual=_usual_a_day(reference),
        needs_labels=own is not None and own.needs_labels,
        where=where or one.where,
        rows=rows,
        upstream=tuple(dict.fromkeys([*one.upstream, *beside, *wrong])),
        advice=NO_ACTION if harmless else advice(one, material=material, known=day is not None),
        story=story(one, day, reference, silent=bool(starts) and not any(looking.counts[s, ""].size for s in starts)),
    )


def _wording(text: str) -> str:
    return re.sub(r"\d[\d.,]*", "0", text)


def _wrong(one: Incident, looking: Looking, starts: Sequence[float]) -> list[str]:
    """What else is wrong with the rows of the first of its windows that is looked at."""
    failed = [found for found in looking.quality(starts[0]) if found.status is Status.FAIL] if starts else []
    own = [
        found.message.rstrip(".")
        if found.subject in {"", one.subject}
        else f"{found.subject}: {found.message.rstrip('.')}"
        for found in failed
        if one.kind != "input" or found.subject in {"", one.subject}
    ]
    return [*own[:MOST_WRONG], *(_selected(looking, starts) if one.kind == "performance" else [])]


def _selected(looking: Looking, starts: Sequence[float]) -> list[str]:
    """Whether labels came for other rows than all, which looks like a change of the loss."""
    for start in starts:
        parts = {name: one for (begin, name), one in looking.counts.items() if begin == start and name}
        found = representative(looking.reference, looking.counts[start, ""], parts)
        if found is not None:
            return [found.message.partition(". ")[0]]
    return []


def _usual_a_day(reference: Reference) -> float | None:
    """What the model's answers cost each day of the reference; None where nothing of it was labelled."""
    lasted = [(reference.past.end(start) - start, one.size) for start, one in reference.history if one.size]
    ended = [(seconds, rows) for seconds, rows in lasted if np.isfinite(seconds)]
    if reference.loss is None or not ended:
        return None
    return reference.loss * sum(rows for _, rows in ended) / sum(seconds for seconds, _ in ended) * DAY


def _realised(one: Incident, looking: Looking, starts: Sequence[float]) -> Estimate | None:
    """What the truth says of it, where there is no model to try anything on: the loss of a row more, times rows a day."""
    loss = next((sign for sign in one.signs if sign.key == "loss"), None)
    if looking.reference.released is not None or loss is None or not starts:
        return None
    rows = sum(looking.counts[start, ""].size for start in starts)
    days = sum(looking.reference.windows.end(start) - start for start in starts) / DAY
    value, low, high = (number * rows / days for number in (loss.effect, loss.low, loss.high))
    return Estimate(value=value, low=low, high=high, unit=looking.reference.objective.unit)


def _unused(column: str, reference: Reference) -> bool:
    """Whether no answer and no cost depends on a column."""
    costs = (
        ()
        if reference.released is None or reference.released.policy.costs is None
        else reference.released.policy.costs.needs
    )
    known = {*reference.features, *reference.settings.freshness}
    return bool(reference.features) and column not in {*known, *reference.objective.needs, *costs}


def _is_small(suspect: Suspect | None, reference: Reference) -> bool:
    """Whether what a change costs is known to be less than what matters, the whole interval."""
    if suspect is None or suspect.needs_labels or suspect.worse is None or suspect.worse.high is None:
        return False
    return reference.loss is not None and suspect.worse.high < reference.settings.worse * abs(reference.loss)


def _near(one: Incident, other: Incident, reference: Reference) -> bool:
    return abs(one.since - other.since) <= 3 * reference.windows.width
