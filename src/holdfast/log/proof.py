"""The proof that the log loses nothing and doubles nothing.

Every row that was acknowledged is in the lake, or waits in a spool, or was a retry, or is kept beside the spools because it
could not be written. The spools count what they accept, in the transaction that accepts it; the tables count what they take,
in the commit that takes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from holdfast.errors import LogError
from holdfast.log.frames import Kind
from holdfast.log.lake import Key, folder, tables
from holdfast.log.pending import FOLDER as SPOOLS
from holdfast.log.spool import spools, writer_of
from holdfast.log.spooled import SpoolFile
from holdfast.log.table import Account, Table
from holdfast.log.tail import has_log

ATTEMPTS = 20
"""To see a spool and a table between two commits."""

_ORIGIN = ["hf_writer", "hf_seq", "hf_row"]
Origins: TypeAlias = NDArray[np.int64]
"""Numbers of frames, and of rows in them."""


class Proof(msgspec.Struct, kw_only=True):
    """What became of the rows of one table that the spools of this host accepted.

    Attributes
    ----------
    model, kind
        The table.
    accepted
        Rows that were acknowledged.
    committed, pending, duplicates, refused
        Rows that were put into the lake, that wait, that were retries, that could not be written.
    conflicts, expired, erased
        Of the committed rows: those whose id had been used with other inputs, and those that were removed since.
    unexplained
        Rows that are missing, or too many.
    """

    model: str
    kind: Kind
    accepted: int = 0
    committed: int = 0
    pending: int = 0
    duplicates: int = 0
    refused: int = 0
    conflicts: int = 0
    expired: int = 0
    erased: int = 0
    unexplained: int = 0


def proof(root: Path) -> list[Proof]:
    """Hold what was accepted against what became of it, for each table; while all may go on working.

    Examples
    --------
    >>> proof(Path("nowhere"))
    []
    """
    found: dict[Key, Proof] = {}
    for path in spools(root / SPOOLS):
        spool = SpoolFile(path)
        try:
            for key, (accepted, pending, account) in _settled(root, spool).items():
                became = account.committed + account.duplicates + account.refused + pending
                of = found.setdefault(key, Proof(model=key[0], kind=key[1]))
                of.accepted += became if accepted is None else accepted
                of.pending += pending
                of.unexplained += 0 if accepted is None else abs(accepted - became)
                for name in Account._fields:
                    setattr(of, name, getattr(of, name) + getattr(account, name))
        finally:
            spool.close()
    return [found[key] for key in sorted(found)]


def verify(root: Path) -> tuple[list[Proof], list[str]]:
    """The proof, and what is wrong with it or with the lake; while all may go on working.

    Besides: every file that a table names is there and has the size and the rows that the log says, no row is there twice,
    and there are as many of each writer as were committed and not removed.
    """
    try:
        proofs = proof(root)
    except LogError as error:
        return [], [str(error)]
    problems = [
        f"{one.model}/{one.kind}: {one.unexplained:,} of {one.accepted:,} accepted rows are not accounted for"
        for one in proofs
        if one.unexplained
    ]
    writers = [writer_of(path) for path in spools(root / SPOOLS)]
    for model, kind in tables(root):
        try:
            table = Table(folder(root, model, kind))
            problems += [f"{model}/{kind}: {problem}" for problem in _problems(table, writers)]
        except LogError as error:
            problems.append(f"{model}/{kind}: {error}")
    return proofs, problems


def _settled(root: Path, spool: SpoolFile) -> dict[Key, tuple[int | None, int, Account]]:
    """Accepted and pending rows and the account of each table, of one moment."""
    for _ in range(ATTEMPTS):
        before = _accounts(root, spool)
        counted = spool.counted({key: end for key, (end, _) in before.items()})
        if _accounts(root, spool) == before:
            return {key: (*counted.get(key, (0, 0)), before.get(key, (0, Account()))[1]) for key in {*before, *counted}}
    raise LogError(f"{spool.path} is being committed all the time: try again when there is less to do.")


def _accounts(root: Path, spool: SpoolFile) -> dict[Key, tuple[int, Account]]:
    found = {}
    for key in spool.tables:
        path = folder(root, *key)
        if has_log(path):
            table = Table(path)
            found[key] = table.transaction(spool.writer), table.account(spool.writer)
    return found


class _Span(NamedTuple):
    """Rows of one writer in one file, and the frames that they are from."""

    path: str
    first: int
    last: int
    rows: int


def _problems(table: Table, writers: Iterable[str]) -> Iterator[str]:
    spans: dict[str, list[_Span]] = {}
    for file in table.files:
        try:
            origins = _origins(table, file.path)
        except (OSError, pa.ArrowException) as error:
            yield f"{file.path} cannot be read ({type(error).__name__})"
            continue
        if (table.path / file.path).stat().st_size != file.size or sum(map(len, origins.values())) != file.rows:
            yield f"{file.path} is not the file that the log names: its size or its rows differ"
        for writer, of_writer in origins.items():
            first, last = int(of_writer[:, 0].min()), int(of_writer[:, 0].max())
            spans.setdefault(writer, []).append(_Span(file.path, first, last, len(of_writer)))
            if twice := _twice([of_writer]):
                yield f"{twice:,} rows of writer {writer} are in {file.path} more than once"
    for writer, files in spans.items():
        for together in _overlapping(files):
            if twice := _twice([_origins(table, path)[writer] for path in together]):
                yield f"{twice:,} rows of writer {writer} are in more than one of {', '.join(together)}"
    held = Counter({writer: sum(span.rows for span in files) for writer, files in spans.items()})
    for writer in {*held, *writers}:
        account = table.account(writer)
        if held[writer] != (due := account.committed - account.expired - account.erased):
            yield f"{held[writer]:,} rows of writer {writer} are there, where {due:,} were committed and not removed"


def _origins(table: Table, path: str) -> dict[str, Origins]:
    """Frame and row of all rows of a file, by writer."""
    with pq.ParquetFile(table.path / path, page_checksum_verification=True) as parquet:
        rows = parquet.read(columns=_ORIGIN)
    writers = rows.column("hf_writer").combine_chunks().dictionary_encode()
    codes = writers.indices.to_numpy()
    numbers = np.stack([rows.column(name).to_numpy() for name in _ORIGIN[1:]], axis=1)
    return {writer: numbers[codes == code] for code, writer in enumerate(writers.dictionary.to_pylist())}


def _twice(parts: Sequence[Origins]) -> int:
    """How many rows are there more often than once."""
    rows = np.concatenate(parts)
    ordered = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    return int((ordered[1:] == ordered[:-1]).all(axis=1).sum())


def _overlapping(spans: Sequence[_Span]) -> Iterator[list[str]]:
    """Files whose ranges of frames overlap, put together."""
    ordered = sorted(spans, key=lambda span: (span.first, span.last))
    together: list[str] = []
    last = -1
    for span in ordered:
        if span.first > last and together:
            if len(together) > 1:
                yield together
            together = []
        together.append(span.path)
        last = max(last, span.last)
    if len(together) > 1:
        yield together
