"""Make again what follows from the log and the recorded runs: the same windows, incidents and memory of the alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from holdfast.book import monitoring as recorded
from holdfast.book.documents import given_back
from holdfast.book.monitoring import Derived, Run
from holdfast.book.opening import Book
from holdfast.decoding import ready
from holdfast.log.disk import locked, make_folder
from holdfast.monitoring.counts import kept
from holdfast.monitoring.counts.cutting import Cuts, recut
from holdfast.monitoring.counts.kept import Held
from holdfast.monitoring.incidents.looking import Looking
from holdfast.monitoring.outcome import Before, Evidence, outcome
from holdfast.monitoring.reference import Reference, References
from holdfast.monitoring.sources.source import Source


def rebuild(source: Source, model: str, references: References, book: Book, root: Path) -> int:
    """Replay the recorded runs over a model, and put what follows from them in the place of what the book has.

    What people did and annotated is not touched, nor are alerts sent again.

    Returns
    -------
    int
        Runs that were replayed.

    Raises
    ------
    ReleaseError
        A release that answered then is not there any more: the book stays as it is.
    """
    make_folder(root)
    with locked(root / f"monitor-{model}.lock"):
        while True:
            runs = recorded.runs(book, model)
            derived = _as_shown(replayed(source, references, root, runs), recorded.incidents(book, model))
            if recorded.record_again(book, model, derived, after=runs[-1].number if runs else 0):
                return len(runs)


def replayed(source: Source, references: References, root: Path, runs: Sequence[Run]) -> Derived:
    """What follows from runs, one after the other."""
    numbers = [one.number for one in runs]
    known: dict[int, tuple[Reference, Iterator[Held]]] = {}
    cuts: list[Cuts] = []
    watch: tuple[int, bytes] | None = None
    windows: dict[int, tuple[int, Mapping[str, Any]]] = {}
    incidents: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for place, run in enumerate(runs):
        if run.release not in known:
            reference = references(run.release)
            known[run.release] = reference, kept.by_run(root, reference, numbers[place:])
        # Labels of what releases before have answered come later.
        counted = {release: (reference, next(steps)) for release, (reference, steps) in known.items()}
        reference, held = counted.pop(run.release)
        evidence = msgspec.msgpack.decode(run.evidence, type=ready(Evidence))
        cuts.append(evidence.cuts)
        reference = recut(reference, cuts)
        before = Before(
            watch=None if watch is None else watch[1],
            windows={start: one for start, (_, one) in windows.items()},
            incidents={name: one for name, (_, one) in incidents.items()},
        )
        looking = Looking(source, reference, root, numbers[: place + 1], held.counts, evidence.until, before.windows)
        former = [(recut(other, cuts), of_other) for other, of_other in counted.values() if of_other.touched]
        left = outcome(before, looking, held, evidence, former).left
        watch = (run.number, left.watch)
        windows |= {start: (run.number, _stored(one)) for start, one in left.windows.items()}
        incidents |= {name: (run.number, _stored(one)) for name, one in left.incidents.items()}
    return Derived(watch=watch, windows=windows, incidents=incidents)


def _as_shown(derived: Derived, known: Mapping[str, Mapping[str, Any]]) -> Derived:
    """The same with the rows that incidents of the book are shown by: where some were erased, no others take their place."""
    shown = {name: one["rows"] for name, one in known.items() if "rows" in one}
    incidents = {
        name: (number, {**one, "rows": shown[name]} if name in shown else one)
        for name, (number, one) in derived.incidents.items()
    }
    return msgspec.structs.replace(derived, incidents=incidents)


def _stored(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """As it comes back from the book."""
    found: Mapping[str, Any] = given_back(content)
    return found
