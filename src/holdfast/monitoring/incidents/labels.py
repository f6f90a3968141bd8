"""Rows whose truth came since an incident began: what it costs is learned from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
import pyarrow as pa

from holdfast.causes.harm import FEWEST_LABELS
from holdfast.causes.unexplained import Labels
from holdfast.monitoring.counts.arrived import known_at
from holdfast.monitoring.counts.counting import EVERYONE
from holdfast.monitoring.counts.reading import KINDS, answered, wanted_of_rows
from holdfast.monitoring.incidents.looking import DAY, Looking, most_windows
from holdfast.monitoring.labelled.joined import row_weights
from holdfast.monitoring.sources.source import MICROSECONDS
from holdfast.objective import Judged
from holdfast.profile.arrays import floats
from holdfast.profile.window import AnsweredRows

MOST_LABELLED = 20_000


def known_since(looking: Looking, moment: float) -> tuple[list[float], Labels | None]:
    """Windows to whose rows labels came since a moment, and those rows.

    They are the newest windows; where labels are so late that hardly one of these has come, the newest with labels.
    """
    starts = looking.since(moment)
    if sum(looking.counts[start, EVERYONE].labelled for start in starts) >= FEWEST_LABELS:
        # Rows may be received days after they happened, and not before.
        days = np.arange(np.floor(starts[0] / DAY) * DAY, looking.until, DAY) * MICROSECONDS
        return _of_windows(looking, starts, days.astype(np.int64).tolist())
    labelled = _with_labels(looking)
    if not starts or not labelled:
        return starts, None
    received = looking.count(labelled)
    found = _of_windows(looking, labelled, received, moment)
    return found if found[0] else _of_windows(looking, labelled, received)


def _with_labels(looking: Looking) -> list[float]:
    """Beginnings of the newest windows with labels: each with its part of the fewest that are needed, or more."""
    labelled = {
        place / MICROSECONDS: one.get("labelled", 0)
        for place, one in looking.windows.items()
        if one.get("release") == looking.reference.version
    }
    last = max(labelled, default=-np.inf)
    labelled |= {
        start: one.labelled
        for (start, segment), one in looking.counts.items()
        if segment == EVERYONE and (start in labelled or start > last)
    }
    most = most_windows(looking.reference)
    return looking.ended(start for start, n in labelled.items() if n * most >= FEWEST_LABELS)


def _of_windows(
    looking: Looking, starts: Sequence[float], days: Sequence[int], came: float = -np.inf
) -> tuple[list[float], Labels | None]:
    """Rows of windows whose truth came since a moment, received on some days; and the windows of which half of it did."""
    reference, source = looking.reference, looking.source
    columns = wanted_of_rows(reference, source.columns())
    first, last = starts[0], reference.windows.end(starts[-1])
    held: list[AnsweredRows] = []
    rows = 0
    new: Counter[float] = Counter()
    for day in days:
        for batch in source.labelled(columns, reference.version, day, int(looking.until * MICROSECONDS)):
            one = answered(reference, batch)
            wanted = np.isfinite(one.loss) & (one.time >= first) & (one.time < last)
            if np.isfinite(came):
                wanted &= known_at(batch) >= came
                new.update(reference.windows.starts(one.time[wanted]).tolist())
            if one.propensity is not None:
                wanted &= ~(one.propensity < 1)  # the policy is judged, and not what was answered at random
            places = np.flatnonzero(wanted)
            if len(places) and rows < MOST_LABELLED:
                held.append(one.take(places))
                rows += len(places)
    if np.isfinite(came):
        starts = [
            start for start in starts if new[start] and 2 * new[start] >= looking.counts[start, EVERYONE].labelled
        ]
    return list(starts), _together(looking, starts, held) if held and starts else None


def _together(looking: Looking, starts: Sequence[float], held: Sequence[AnsweredRows]) -> Labels:
    """Labelled rows of windows, and what they are judged by."""
    reference = looking.reference
    answers, objective = reference.answers, reference.objective
    table = pa.concat_tables([pa.Table.from_batches([one.inputs]) for one in held], promote_options="default")
    score = np.concatenate([one.score for one in held])
    codes = [one.decision for one in held if one.decision is not None]
    code = np.concatenate(codes) if codes else None
    counted = reduce(add, [looking.counts[start, EVERYONE] for start in starts if (start, EVERYONE) in looking.counts])
    judged = Judged(
        truth=np.concatenate([one.truth for one in held]).astype(KINDS[answers.task]),
        score=score,
        answer=None if code is None else code.astype(KINDS[answers.task]),
        weight=row_weights(answers, counted, score, code),
        columns={name: floats(table[name].combine_chunks()) for name in objective.needs if name in table.column_names},
        time=np.concatenate([one.time for one in held]),
        classes=answers.classes,
    )
    return Labels(rows=table, judged=judged)
