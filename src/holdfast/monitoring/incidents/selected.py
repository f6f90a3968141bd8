"""Whether labels came for other rows than all, which looks like a change of the loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from holdfast.causes.unexplained import Labels
from holdfast.causes.what_if import WhatIf, answering
from holdfast.monitoring.counts.counting import EVERYONE
from holdfast.monitoring.incidents.looking import Looking
from holdfast.monitoring.labelled.labelling import representative
from holdfast.monitoring.labelled.unlike import unlike
from holdfast.profile.window import Counts, inputs_by, ranked

ROWS = 1_000
"""Rows of each window that are held against its labels."""

MOST_NAMED = 3


def selected(looking: Looking, starts: Sequence[float], labels: Labels | None) -> list[str]:
    """In sentences: the first window whose labels are of other scores or segments than all, and inputs of which they are.

    Segments were counted of all rows and of labelled ones. Inputs were not: labelled rows, which are read anyway to say what
    the incident costs, are held against a sample of all rows.
    """
    found = []
    for start in starts:
        parts = {name: one for (begin, name), one in looking.counts.items() if begin == start and name != EVERYONE}
        finding = representative(looking.reference, looking.counts[start, EVERYONE], parts)
        if finding is not None:
            found.append(finding.message.partition(". ")[0])
            break
    names = [] if labels is None else _inputs(looking, starts, labels)
    if names:
        named = ", ".join(names[:MOST_NAMED]) + (" and others" if len(names) > MOST_NAMED else "")
        found.append(f"Labels depend on the values of {named}, also where score and answer are the same")
    return found


def _inputs(looking: Looking, starts: Sequence[float], labels: Labels) -> list[str]:
    """Inputs that labels depend on, the one first on which they depend most; within window, score and answer."""
    reference = looking.reference
    if reference.released is None or reference.labelled is None:
        return []
    edges, answers = reference.profile.edges, reference.answers
    size = answers.layout.size
    pairs: list[tuple[Counts, Counts]] = []

    def counts(rows: pa.Table, score: np.ndarray, decision: np.ndarray | None) -> Counts:
        code = None if decision is None or answers.task == "regression" else decision.astype(np.int64)
        strata = answers.layout.strata(np.searchsorted(answers.cuts, ranked(score), side="right"), code, None, None)
        if code is not None and answers.observed:
            seen = answers.seen(code, np.zeros(len(code), bool))
            strata = strata if seen is None else np.where(seen, strata, -1)
        return inputs_by(edges, rows.combine_chunks().to_batches()[0], strata, size)

    judged, answer = labels.judged, answering(reference.released)
    assert judged.time is not None
    for start in starts:
        sample = looking.sample([start])
        own = np.flatnonzero((judged.time >= start) & (judged.time < reference.windows.end(start)))
        if sample is None or not sample.num_rows or not len(own):
            continue
        sample = sample.slice(0, ROWS)
        tried = WhatIf(reference.labelled, sample, answer, reference.objective, classes=answers.classes)
        decided = None if judged.answer is None else judged.answer[own]
        pairs.append(
            (counts(labels.rows.take(own), judged.score[own], decided), counts(sample, *tried.answer_window()))
        )
    if not pairs:
        return []
    some, every = (np.concatenate(ones) for ones in zip(*pairs, strict=True))
    columns = {
        name: (some[:, place].T, every[:, place].T)
        for name, place in edges.places.items()
        if name in reference.watched and name in labels.rows.column_names
    }
    return list(unlike(columns, reference.settings.share))
