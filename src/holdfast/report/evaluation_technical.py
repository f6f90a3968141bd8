"""The technical pages: data, metrics, time, curves, and what else was measured of the model, as sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from holdfast.numerals import number
from holdfast.report.estimates import cell, ends, point, told
from holdfast.report.evaluation_business import trend_text
from holdfast.report.evaluation_explained import explained
from holdfast.report.evaluation_groups import sliced, weak
from holdfast.report.evaluation_panels import axis, differences, drawn, is_by_threshold, over_time, span
from holdfast.report.evaluation_shapes import Axis
from holdfast.report.sections import Section, Table
from holdfast.report.words import share

if TYPE_CHECKING:
    from holdfast.evidence import Coverage, Evidence, Metric, Part, Period, Versus
    from holdfast.policy import Policy

DIGEST = 19
"""Characters of a digest that are shown."""
FLIPPED = 20
"""Rows with another decision that are named, by their place."""


def technical(evidence: Evidence, policy: Policy | None = None) -> tuple[Section, ...]:
    """The technical sections that have something to say."""
    found = (
        _data(evidence),
        _metrics(evidence),
        _time(evidence),
        _curves(evidence),
        _coverage(evidence),
        sliced(evidence),
        weak(evidence),
        *explained(evidence),
        _champion(evidence),
        _running(evidence),
        _policy(policy),
    )
    return tuple(section for section in found if not section.empty)


# --- Data -----------------------------------------------------------------------------------------------------------


def _data(evidence: Evidence) -> Section:
    tables = [parts_table(evidence.parts)] if evidence.parts else []
    if evidence.dropped:
        rows = tuple((reason, f"{rows:,}") for reason, rows in evidence.dropped.items())
        tables.append(Table(caption="Rows that were left out", head=("Reason", "Rows"), rows=rows))
    return Section(anchor="data", title="Data and split", items=evidence.notes, tables=tuple(tables))


def parts_table(parts: Sequence[Part]) -> Table:
    """What each part of the split holds."""
    rows = []
    for part in parts:
        rate = f" ({share(part.positives / part.rows)})" if part.positives is not None and part.rows else ""
        positives = "–" if part.positives is None else f"{part.positives:,}{rate}"
        when = "–" if part.start is None or part.end is None else span(part.start, part.end)
        digest = part.digest if len(part.digest) <= DIGEST else f"{part.digest[:DIGEST]}…"
        rows.append(
            (part.name, f"{part.rows:,}", positives, when, digest or "–", f"{part.uses:,}" if part.uses else "–")
        )
    head = ("Part", "Rows", "Positives", "Period (UTC)", "Digest", "Uses")
    return Table(caption="Parts of the split", head=head, rows=tuple(rows), words=frozenset({3, 4})).trimmed


# --- Metrics --------------------------------------------------------------------------------------------------------


def _metrics(evidence: Evidence) -> Section:
    return Section(anchor="metrics", title="Metrics", tables=metric_tables(evidence))


def metric_tables(evidence: Evidence) -> tuple[Table, ...]:
    """All metrics of the test part with their intervals, and the same of the other parts."""
    others = {
        "Validation": evidence.validation,
        "Train": evidence.train,
        "Random split": evidence.inflated_metrics,
    }
    columns = {title: {metric.key: metric for metric in metrics} for title, metrics in others.items() if metrics}
    titles = {metric.title for metric in evidence.metrics if metric.key != "objective"}
    metrics = [metric for metric in evidence.metrics if metric.key != "objective" or metric.title not in titles]
    rows = tuple(
        (
            metric.title,
            point(metric.estimate),
            ends(metric.estimate),
            *(_point_of(known, metric.key) for known in columns.values()),
            {"higher": "higher", "lower": "lower", "": "–"}[metric.direction],
        )
        for metric in metrics
    )
    head = ("Metric", "Test", "Interval", *columns, "Better")
    words = frozenset({len(head) - 1})
    made = (Table(caption="Metrics of the test part", head=head, rows=rows, words=words).trimmed,) if rows else ()
    formulas = tuple((metric.title, metric.formula) for metric in evidence.metrics if metric.formula)
    if formulas:
        told_by = Table(
            caption="How they are computed",
            head=("Metric", "Formula"),
            rows=formulas,
            words=frozenset({1}),
            folded=True,
        )
        made = (*made, told_by)
    return made


def _point_of(known: dict[str, Metric], key: str) -> str:
    return point(known[key].estimate) if key in known else "–"


# --- Time -----------------------------------------------------------------------------------------------------------


def _time(evidence: Evidence) -> Section:
    pictures = [over_time(title, periods, "objective", axis(evidence.goal)) for title, periods in _over_time(evidence)]
    trend = trend_text(evidence)
    return Section(
        anchor="time",
        title="Performance over time",
        text=(trend,) if trend else (),
        pictures=tuple(picture for picture in pictures if picture),
        tables=time_tables(evidence),
    )


def _over_time(evidence: Evidence) -> tuple[tuple[str, tuple[Period, ...]], ...]:
    return ("Test part, period by period", evidence.periods), ("Rolling folds", evidence.folds)


def time_tables(evidence: Evidence) -> tuple[Table, ...]:
    """Figures of periods, and of rolling folds."""
    objective = axis(evidence.goal).title
    return tuple(_periods_table(title, periods, objective) for title, periods in _over_time(evidence) if periods)


def _periods_table(title: str, periods: Sequence[Period], objective: str) -> Table:
    keys = list(dict.fromkeys(key for period in periods for key in period.figures))
    names = [objective if key == "objective" else key.replace("_", " ").capitalize() for key in keys]
    rows = tuple(
        (
            span(period.start, period.end),
            f"{period.rows:,}",
            "–" if period.positives is None else f"{period.positives:,}",
            *(cell(period.figures.get(key)) for key in keys),
        )
        for period in periods
    )
    return Table(caption=title, head=("Period (UTC)", "Rows", "Positives", *names), rows=rows, folded=True).trimmed


# --- Curves and coverage --------------------------------------------------------------------------------------------


def _curves(evidence: Evidence) -> Section:
    pictures = tuple(drawn(curve, evidence.goal) for curve in evidence.curves if not is_by_threshold(curve))
    return Section(anchor="curves", title="Curves", pictures=pictures)


def _coverage(evidence: Evidence) -> Section:
    pictures = [
        over_time(
            f"Coverage over time, {one.method}, promised {share(one.level)}",
            one.periods,
            "coverage",
            Axis("Coverage", "share"),
        )
        for one in evidence.coverage
    ]
    inside = "Intervals" if evidence.subject.task == "regression" else "Prediction sets"
    return Section(
        anchor="coverage",
        title=f"{inside} and their coverage",
        pictures=tuple(picture for picture in pictures if picture),
        tables=coverage_tables(evidence),
    )


def coverage_tables(evidence: Evidence) -> tuple[Table, ...]:
    """How often the truth is inside, of all rows and by segment."""
    if not evidence.coverage:
        return ()
    rows = tuple((one.method, share(one.level), told(one.coverage), told(one.width)) for one in evidence.coverage)
    head = ("Method", "Promised", "Coverage", "Width or size")
    whole = Table(caption="How often the truth is inside", head=head, rows=rows)
    return whole, *(_coverage_by_group(one) for one in evidence.coverage if one.groups)


def _coverage_by_group(one: Coverage) -> Table:
    size = next((key for group in one.groups for key in group.figures if key != "coverage"), "width")
    rows = tuple(
        (group.name, f"{group.rows:,}", told(group.figures.get("coverage")), told(group.figures.get(size)))
        for group in one.groups
    )
    head = ("Segment", "Rows", "Coverage", size.capitalize())
    return Table(caption=f"Coverage by segment, {one.method}", head=head, rows=rows)


# --- Champion, parity, running cost, policy -------------------------------------------------------------------------


def _champion(evidence: Evidence) -> Section:
    if not evidence.champion:
        return Section(anchor="champion", title="")
    by_metric: dict[str, list[Versus]] = {}
    for versus in evidence.champion:
        title = evidence.goal.title if versus.metric == "objective" else versus.metric
        by_metric.setdefault(title, []).append(versus)
    pictures = tuple(
        picture for title, found in by_metric.items() if (picture := differences(f"{title}: better by", found))
    )
    rows = tuple(
        (
            title,
            versus.slice or "all rows",
            point(versus.candidate),
            point(versus.champion),
            told(versus.difference, signed=True),
            number(versus.margin, 3),
        )
        for title, found in by_metric.items()
        for versus in found
    )
    head = ("Metric", "Rows", "This model", "Champion", "Better by", "Margin")
    release = evidence.champion[0].release
    return Section(
        anchor="champion",
        title=f"Beside the champion, release {release}",
        text=("Both were judged on the same rows; a difference above 0 is in favour of this model.",),
        pictures=pictures,
        tables=(Table(caption="Comparison with the champion", head=head, rows=rows, words=frozenset({1})),),
    )


def _running(evidence: Evidence) -> Section:
    parity, running = evidence.parity, evidence.running
    items = []
    if parity is not None:
        items.append(
            f"The converted model was compared with the original on {parity.rows:,} rows: the largest difference of a score "
            f"is {number(parity.worst, 2)} (tolerance {number(parity.tolerance, 2)}), and {parity.beyond:,} rows lie beyond "
            "the tolerance."
        )
        flipped = len(parity.flipped)
        named = ", ".join(f"{row:,}" for row in parity.flipped[:FLIPPED])
        more = ", …" if flipped > FLIPPED else ""
        items.append(f"Decisions that differ: {flipped:,}{f' (test rows {named}{more})' if flipped else ''}.")
    rows: list[tuple[str, ...]] = []
    if running is not None:
        rows += [
            ("One row", f"{number(running.single_row_ms, 3)} ms"),
            (f"Each of {running.batch_rows:,} rows at once", f"{number(running.batch_us_per_row, 3)} µs"),
            ("Model file", f"{number(running.model_bytes / 1e6, 3)} MB"),
        ]
        if running.memory_mb is not None:
            rows.append(("Memory", f"{number(running.memory_mb, 3)} MB"))
    tables = (Table(caption="What running it takes", head=("Running", "Takes"), rows=tuple(rows)),) if rows else ()
    return Section(anchor="running", title="Conversion and running cost", items=tuple(items), tables=tables)


def _policy(policy: Policy | None) -> Section:
    code = "" if policy is None else msgspec.json.format(msgspec.json.encode(policy)).decode()
    return Section(anchor="policy", title="Policy", code=code)
