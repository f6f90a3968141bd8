"""What is known of the truth of a window: of how many rows, how soon it came, and whether they are like the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from holdfast.checks.ask import Said
from holdfast.checks.catalogue import WATCHED
from holdfast.checks.representative import label_representative
from holdfast.monitoring.labelled.figures import figures
from holdfast.monitoring.labelled.weighted import Measured
from holdfast.monitoring.reference import Reference
from holdfast.profile.delays import delay_of
from holdfast.profile.group_names import group_parts
from holdfast.profile.strata import COLUMNS, EXPLORED, SEEN, UNSEEN
from holdfast.profile.window import AnswerEdges, Counted
from holdfast.records import Finding
from holdfast.watched import Known

((CODE, CHECK),) = WATCHED.items()


def known_of(reference: Reference, counted: Counted, found: Measured) -> Known:
    """What is known of the truth of a window, with its figures."""
    layout = reference.answers.layout
    rows, sums = _strata(reference.answers, counted)
    by_state = rows.sum(axis=1) if len(rows) else np.zeros(1, np.int64)
    several = len(by_state) > 1
    explored = int(by_state[EXPLORED]) if several else 0
    stands = sums.reshape(layout.states, -1, COLUMNS)[EXPLORED, :, 0].sum() if several and sums.size else 0
    weighed = found.effective > 0 and found.effective != counted.labelled
    plain = figures(reference, counted).get("loss") if weighed else None
    return Known(
        observable=int(by_state[SEEN]) + explored if len(rows) else counted.size,
        spoken=found.spoken,
        silent=int(by_state[UNSEEN]) if several else 0,
        effective=found.effective,
        explored=int(stands),
        strays=int(counted.strays.sum()),
        unmeasured=found.unknown,
        plain=plain,
        delays=tuple((int(step), int(counted.delays[step])) for step in np.flatnonzero(counted.delays)),
        delay=(delay_of(counted.delays, 0.5), delay_of(counted.delays, 0.9)) if counted.delays.sum() else None,
    )


def representative(reference: Reference, counted: Counted, parts: Mapping[str, Counted]) -> Finding | None:
    """What the check finds wrong with the labels of a window; None where all is well."""
    answers = reference.answers
    rows, labelled = _seen(answers, counted)
    if not rows.size or reference.checks.skips(CODE):
        return None
    columns: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for segment, one in parts.items():
        every, some = _seen(answers, one)
        if every.size:
            columns.setdefault(group_parts(segment)[0], []).append((every.ravel(), some.ravel()))
    groups = {
        name: (np.stack([every for every, _ in values]), np.stack([some for _, some in values]))
        for name, values in columns.items()
    }
    said: Said = label_representative(rows, labelled, groups, limit=reference.settings.share)
    return said.finding(CODE, CHECK.severity, 1.0) if said.status == "warn" else None


def _strata(answers: AnswerEdges, counted: Counted) -> tuple[np.ndarray, np.ndarray]:
    """Rows by state and stratum, and what is known of them; nothing where they were not counted so."""
    layout = answers.layout
    if counted.strata.size != layout.size:
        return np.zeros((0, 0), np.int64), np.zeros(0)
    return counted.strata.reshape(layout.states, -1), counted.known_strata


def _seen(answers: AnswerEdges, counted: Counted) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose truth can come, and those of which it is known, by answer and cell of the score."""
    layout = answers.layout
    rows, sums = _strata(answers, counted)
    if not rows.size:
        return rows, rows
    labelled = sums.reshape(layout.size, COLUMNS)[: rows.shape[1], 0] if sums.size else np.zeros(rows.shape[1])
    some = labelled.astype(np.int64).reshape(layout.answers, layout.cells)
    return np.maximum(rows[0].reshape(layout.answers, layout.cells), some), some
