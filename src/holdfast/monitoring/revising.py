"""The labels that came since the last time revise the conformal offset of a release: in the book, where serving takes it up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.book.opening import Book
from holdfast.book.policies import PolicyRevision, newest_policy_revisions, revise_policy
from holdfast.decoding import ready
from holdfast.log.disk import locked, make_folder, write_whole
from holdfast.monitoring.following import Followed, begin, content, learned, window_rows
from holdfast.monitoring.sources.source import MICROSECONDS, Source
from holdfast.profile.arrays import floats
from holdfast.released import ReleasedModel
from holdfast.uncertainty import Offset, Uncertainty

Array: TypeAlias = NDArray[np.float64]

FOLDER = "following"
FIRST_DAYS = 28
"""Days of labels that are looked at the first time."""
DAY = 86_400 * MICROSECONDS
CHANGED = 0.01
"""Relative change of an offset from which it is worth a revision."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which moment, in microseconds since 1970, labels were followed, and where that led.

    It is kept beside the log. Where it is lost, the last four weeks are followed again from the sealed offset.
    """

    labelled_until: int
    followed: Followed


def follow_labels(
    source: Source, released: ReleasedModel, book: Book, root: Path, *, until: int
) -> PolicyRevision | None:
    """Follow the labels of a release that arrived since the last time, in the order of their arrival.

    Parameters
    ----------
    source
        The predictions of the model, and their labels.
    released
        The release, by whose name (`model/version`) its revisions are known.
    book, root
        Where revisions are written down, and where it is kept how far labels were followed.
    until
        The moment up to which labels are taken, in microseconds since 1970.

    Returns
    -------
    PolicyRevision or None
        The new revision; None where there is nothing to follow, no label came, or the offset is as good as that in force.
    """
    sealed, model, _, version = released.uncertainty, *released.name.rpartition("/")
    first = begin(sealed)
    if sealed is None or first is None:
        return None
    folder = root / FOLDER
    make_folder(folder)
    with locked(folder / f"{model}-{version}.lock"):
        kept = folder / f"{model}-{version}.state"
        before = (
            msgspec.msgpack.decode(kept.read_bytes(), type=ready(Progress))
            if kept.exists()
            else Progress(labelled_until=until - FIRST_DAYS * DAY, followed=first)
        )
        if until <= before.labelled_until:
            return None
        found = _labels(source, released, int(version), before.labelled_until, until)
        if not len(found.arrived):
            return None
        a_day = len(found.arrived) * DAY / max(until - max(before.labelled_until, int(found.arrived[0])), DAY)
        order = np.argsort(found.arrived, kind="stable")
        segment = None if found.segment is None else found.segment[order]
        followed = learned(
            before.followed,
            sealed,
            found.prediction[order],
            found.truth[order],
            segment,
            window=window_rows(a_day),
        )
        revision = None
        if _differs(Offset(**content(followed)), _in_force(book, model, int(version), first)):
            reason = f"follows {len(order):,} labels"
            revision = revise_policy(book, model, int(version), content(followed), author="monitor", reason=reason)
        # Written last: what is followed again after a crash leads to the same offset, which is then in force.
        write_whole(kept, msgspec.msgpack.encode(Progress(labelled_until=until, followed=followed)))
        return revision


class _Labels(msgspec.Struct, frozen=True):
    """Predictions, truths, segments and times of arrival of labels, in no order."""

    prediction: Any
    truth: Any
    segment: Any
    arrived: Any


def _labels(source: Source, released: ReleasedModel, version: int, since: int, until: int) -> _Labels:
    sealed, model = released.uncertainty, released.model
    assert sealed is not None
    physical = {column.name: column.physical for column in released.schema.columns}
    scores = [f"hf_score_{k}" for k in range(len(model.classes))] if model.task == "classes" else ["hf_score"]
    wanted = ["hf_id", "hf_time", *scores]
    if released.quantiles is not None:
        wanted += [physical[name] for name in model.features]
    if sealed.segment is not None:
        wanted.append(physical[sealed.segment])
    wanted = [name for name in dict.fromkeys(wanted) if name in source.columns()]
    parts: list[_Labels] = []
    for day in source.days_of_labels(since, until):
        for batch in source.labelled(wanted, version, day, until):
            # A label that corrects another one is not followed again.
            arrived = batch.column("hf_first_label_time").cast(pa.timestamp("us", "UTC")).cast(pa.int64()).fill_null(-1)
            when = arrived.to_numpy(zero_copy_only=False)
            new = batch.filter(pa.array((when >= since) & (when < until)))
            if new.num_rows:
                parts.append(_read(new, released, scores, physical, when[(when >= since) & (when < until)]))
    if not parts:
        return _Labels(np.zeros(0), np.zeros(0), None, np.zeros(0, dtype=np.int64))
    segment = None if sealed.segment is None else np.concatenate([one.segment for one in parts])
    return _Labels(
        np.concatenate([one.prediction for one in parts]),
        np.concatenate([one.truth for one in parts]),
        segment,
        np.concatenate([one.arrived for one in parts]),
    )


def _read(
    batch: pa.RecordBatch,
    released: ReleasedModel,
    scores: list[str],
    physical: Mapping[str, str],
    when: NDArray[np.int64],
) -> _Labels:
    sealed, task = released.uncertainty, released.model.task
    assert sealed is not None
    if released.quantiles is not None:
        rows = pa.table({name: batch.column(physical[name]) for name in released.model.features})
        prediction = np.stack([model.predict(rows) for model in released.quantiles], axis=1)
    else:
        columns = [floats(batch.column(name)) for name in scores]
        prediction = np.stack(columns, axis=1) if task == "classes" else columns[0]
    label = batch.column("hf_label")
    if task == "classes":
        place = {name: code for code, name in enumerate(released.model.classes)}
        truth = np.array([place.get(name, -1) for name in label.to_pylist()], dtype=np.float64)
        truth[truth < 0] = np.nan
    else:
        truth = floats(label)
    return _Labels(prediction, truth, _segments(batch, sealed, physical), when)


def _segments(batch: pa.RecordBatch, sealed: Uncertainty, physical: Mapping[str, str]) -> NDArray[np.str_] | None:
    """Name of each row's segment, as serving names it."""
    if sealed.segment is None:
        return None
    return np.array(batch.column(physical[sealed.segment]).to_pylist(), dtype=object).astype(np.str_)


def _in_force(book: Book, model: str, version: int, first: Followed) -> Offset:
    """The offset that serving uses now."""
    newest = newest_policy_revisions(book).get((model, version))
    return msgspec.convert(content(first) if newest is None else newest.content, ready(Offset))


def _differs(new: Offset, old: Offset) -> bool:
    pairs = [(new.quantile, old.quantile), *((offset, old.segments.get(name)) for name, offset in new.segments.items())]
    return any(then is None or abs(now - then) > CHANGED * abs(then) for now, then in pairs)
