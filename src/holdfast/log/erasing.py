"""Rows of a person are erased: from the spools and the lake, and from what was derived from them; for good.

Files that have such a row are written again without it, and the old ones are deleted at once, with all older versions of
the table that need them. The ids are remembered, so that rows of them that come later are refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import get_args

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from holdfast.errors import LogError
from holdfast.log import reviews
from holdfast.log.blanking import blank_refused, blank_spool
from holdfast.log.columns import DATE
from holdfast.log.destination import REFUSED
from holdfast.log.disk import sync
from holdfast.log.following import forget
from holdfast.log.frames import Kind
from holdfast.log.lake import changing, folder
from holdfast.log.parquet import write
from holdfast.log.pending import FOLDER as SPOOLS
from holdfast.log.retention import parts_of
from holdfast.log.salvage import ASIDE
from holdfast.log.spool import spools
from holdfast.log.state import deny
from holdfast.log.table import ConflictError, File, Table
from holdfast.log.tail import has_log

ATTEMPTS = 5


class Erased(msgspec.Struct, kw_only=True):
    """What was erased.

    Attributes
    ----------
    predictions, labels
        Rows of the lake.
    waiting
        Rows that were not in the lake yet: in the spools, or kept beside them.
    files
        Files that had such rows, and are deleted.
    left
        What cannot be searched, in words.
    """

    predictions: int = 0
    labels: int = 0
    waiting: int = 0
    files: int = 0
    left: list[str] = []


def erase(root: Path, model: str, ids: Collection[str]) -> Erased:
    """Erase all rows of some ids, and refuse those that come later. It may be done again, and goes on where it was cut off.

    Parameters
    ----------
    root
        The folder of spools and lake. Other hosts have spools and derived files of their own: erase there as well.
    model
        Of which model.
    ids
        What the rows are called.

    Raises
    ------
    LogError
        Something cannot be read or written; what was erased until then stays so.
    """
    done = Erased()
    wanted = sorted(set(ids))
    with changing(root):
        deny(root, model, wanted)
        for path in spools(root / SPOOLS):
            done.waiting += blank_spool(path, model, set(wanted))
        done.waiting += blank_refused(root / REFUSED, model, set(wanted))
        kinds: tuple[Kind, ...] = get_args(Kind)
        for kind in kinds:
            path = folder(root, model, kind)
            if has_log(path):
                rows, files = _erase(Table(path), wanted)
                setattr(done, kind, rows)
                done.files += files
    forget(root, model, wanted)
    reviews.forget(root, model, wanted)
    done.left = [f"{path} is damaged and cannot be searched." for path in sorted((root / SPOOLS / ASIDE).glob("*.db"))]
    return done


def _erase(table: Table, ids: Sequence[str]) -> tuple[int, int]:
    """Erase rows of a table; returns how many, and how many files had them."""
    for _ in range(ATTEMPTS):
        with suppress(ConflictError):
            return _rewrite(table, ids), _delete_unnamed(table, ids)
        table.refresh()
    raise LogError(f"The table {table.path} is being written by others all the time: erase again.")


def _rewrite(table: Table, ids: Sequence[str]) -> int:
    """Put files without these rows in the place of those with them; returns how many rows that were."""
    named = pa.array(ids, pa.string())
    counts = {file: _count(table.path / file.path, named) for file in table.files}
    concerned = {file: count for file, count in counts.items() if count}
    if not concerned:
        return 0
    gone: Counter[str] = Counter()
    added = []
    for file, count in concerned.items():
        gone += _writers(table, file, named)
        if count < file.rows:
            added.append(
                write(table.path, file.date, f"kept-{token_hex(16)}", _others(table, file, named), table.arrow)
            )
    totals = {f"{writer}/erased": table.account(writer).erased + count for writer, count in gone.items()}
    table.commit(add=added, remove=list(concerned), transactions=totals, no_new_rows=True)
    return gone.total()


def _others(table: Table, file: File, ids: pa.Array) -> Iterator[pa.Table]:
    """The rows of a file that are of other ids."""
    for part in parts_of(table.path, [file], table.arrow):
        yield part.filter(pc.invert(pc.is_in(part.column("hf_id"), value_set=ids)))


def _writers(table: Table, file: File, ids: pa.Array) -> Counter[str]:
    """How many rows of these ids each writer has in a file."""
    found: Counter[str] = Counter()
    for part in parts_of(table.path, [file], table.arrow):
        found.update(part.filter(pc.is_in(part.column("hf_id"), value_set=ids)).column("hf_writer").to_pylist())
    return found


def _delete_unnamed(table: Table, ids: Sequence[str]) -> int:
    """Delete files that have such rows and are not of the table: what it has removed, and what crashes have left."""
    named = pa.array(ids, pa.string())
    in_use = {file.path for file in table.files}
    deleted = 0
    for path in sorted(table.path.glob(f"{DATE}=*/*")):
        if path.relative_to(table.path).as_posix() not in in_use and _may_hold(path, named):
            path.unlink()
            sync(path.parent)
            deleted += 1
    return deleted


def _may_hold(path: Path, ids: pa.Array) -> bool:
    """Whether a file may have such rows; of one that was cut off nobody knows."""
    try:
        return _count(path, ids) > 0
    except LogError:
        return True


def _count(path: Path, ids: pa.Array) -> int:
    """How many rows of these ids a file has."""
    try:
        with pq.ParquetFile(path) as file:
            groups = [file.read_row_group(k, columns=["hf_id"]).column(0) for k in range(file.num_row_groups)]
    except (pa.ArrowException, OSError) as error:
        raise LogError(
            f"{path} cannot be read ({type(error).__name__}): holdfast log verify says which files are damaged."
        ) from None
    return sum(pc.sum(pc.is_in(group, value_set=ids)).as_py() or 0 for group in groups)
