"""A Delta table of the lake, changed by one entry of its log at a time.

delta-rs adds an entry or fails because another one came in between, and that is what everything here rests on. What it does
not do is done here: it never waits for the disk, it casts what does not fit, and its writer decides on names and files. So
files are written first and synced, types are compared, and an entry counts when the disk has it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from holdfast.errors import LogError, MissingExtraError
from holdfast.log.columns import COMMITTED, CONFLICT, DATE
from holdfast.log.disk import make_folder, sync
from holdfast.log.frames import ARROW, Kind, Type
from holdfast.log.physical import STANDS_FOR, Place
from holdfast.log.tail import ACTIONS, LOG, entry, read

CHECKPOINT_EVERY = 20
PROPERTIES = {
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    # Entries may go when the disk has the checkpoint, which only we know.
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 2 days",
}
DELTA: dict[Type, str] = {
    "int64": "long",
    "float64": "double",
    "string": "string",
    "bool": "boolean",
    "timestamp": "timestamp",
}


class ConflictError(Exception):
    """Another entry came in between: look at the table again, and decide again."""


class File(NamedTuple):
    """A file of a table: its path in the table's folder, bytes, rows, UTC day of receipt, and when it was committed."""

    path: str
    size: int
    rows: int
    date: str
    committed: int


class Added(NamedTuple):
    """A file that was written and is to be added; `stats` as Delta has them."""

    path: str
    size: int
    date: str
    stats: str


class Account(NamedTuple):
    """What became of the rows of one writer in one table, since the writer was born.

    Written with each commit as transactions of the application `<writer>/<name>`: so they are true whenever the commit is.

    Attributes
    ----------
    committed, duplicates, refused
        Rows that are in the table or were, retries that were dropped, and rows that could not be written.
    conflicts
        Committed rows whose id had been used with other inputs.
    expired, erased
        Committed rows that were removed: by age, or because a person asked.
    """

    committed: int = 0
    duplicates: int = 0
    refused: int = 0
    conflicts: int = 0
    expired: int = 0
    erased: int = 0


class Table:
    """One table of the lake.

    Parameters
    ----------
    path
        Its folder.
        Who is about to write it looks at the end of its log first, with `tail.mend`.

    Raises
    ------
    LogError
        There is no table, or its log cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._delta = _opened(path)

    @property
    def version(self) -> int:
        """Number of the last log entry that is known."""
        return int(self._delta.version())

    @property
    def places(self) -> list[Place]:
        """Its columns."""
        return [
            Place(field.name, _type(field.type.type), str(field.metadata.get(STANDS_FOR, field.name)))
            for field in self._delta.schema().fields
        ]

    @property
    def arrow(self) -> pa.Schema:
        """Its columns as Arrow has them."""
        return pa.schema([pa.field(place.physical, ARROW[place.type]) for place in self.places])

    @property
    def files(self) -> list[File]:
        """Its files, in the order in which they were committed."""
        names = ["path", "size_bytes", "num_records", f"partition.{DATE}", "modification_time"]
        return sorted(
            map(File, *self.statistics.select(names).to_pydict().values()), key=lambda file: (file.committed, file.path)
        )

    @property
    def statistics(self) -> pa.Table:
        """Its files as the log has them; besides what `files` tell, `min.<name>` and `max.<name>` of few columns."""
        return pa.table(self._delta.get_add_actions(flatten=True))

    def refresh(self) -> None:
        """Take in what others have written since."""
        with _told(self.path):
            self._delta.update_incremental()

    def transaction(self, application: str) -> int:
        """Last version that an application has recorded; 0 if none."""
        return int(self._delta.transaction_version(application) or 0)

    def account(self, writer: str) -> Account:
        """What became of a writer's rows."""
        return Account(*(self.transaction(f"{writer}/{name}") for name in Account._fields))

    def commit(
        self,
        *,
        add: Sequence[Added] = (),
        remove: Sequence[File] = (),
        transactions: Mapping[str, int] | None = None,
        same_rows: bool = False,
        no_new_rows: bool = False,
    ) -> None:
        """Add and remove files, and record transactions, all or nothing; the disk has it when this returns.

        Parameters
        ----------
        add, remove
            Files that are on the disk, and those that are no longer of the table.
        transactions
            Versions of applications.
        same_rows
            What is added has the rows of what is removed.
        no_new_rows
            What is added has rows of what is removed, but not all of them.

        Raises
        ------
        ConflictError
            Another entry came in between; nothing is changed.
        LogError
            It is not known to be written: `refresh`, and see.
        """
        from deltalake import CommitProperties, Transaction
        from deltalake.transaction import AddAction, RemoveAction

        now = int(time.time() * 1000)
        new = not (same_rows or no_new_rows)
        actions: list[Any] = [AddAction(a.path, a.size, {DATE: a.date}, now, new, a.stats) for a in add]
        actions += [RemoveAction(f.path, not same_rows, now, f.size, {DATE: f.date}) for f in remove]
        versions = [Transaction(name, version) for name, version in (transactions or {}).items()]
        lines = 1 + len(actions) + len(versions)
        properties = CommitProperties({ACTIONS: lines}, max_commit_retries=0, app_transactions=versions)
        self._write(
            lambda hook: self._delta.create_write_transaction(
                actions,
                "append",
                self._delta.schema(),
                [DATE],
                commit_properties=properties,
                post_commithook_properties=hook,
            )
        )

    def add_columns(self, new: Sequence[Place]) -> None:
        """Give the table columns that it does not have.

        Raises
        ------
        ConflictError
            Another entry came in between; nothing is changed.
        LogError
            It is not known to be written.
        """
        from deltalake import CommitProperties

        fields = _fields(new)
        self._write(
            lambda hook: self._delta.alter.add_columns(
                fields, commit_properties=CommitProperties(max_commit_retries=0), post_commithook_properties=hook
            )
        )

    def checkpoint(self) -> None:
        """Write the table's state in one file, so that few entries are left to read."""
        with _told(self.path):
            self._delta.create_checkpoint()
        log = self.path / LOG
        sync(log / f"{self.version:020d}.checkpoint.parquet", log / "_last_checkpoint", log)

    def removed(self, hours: int) -> list[str]:
        """Files that it had, and removed so many hours ago or earlier."""
        with _told(self.path):
            found = self._delta.vacuum(hours, dry_run=True, enforce_retention_duration=False)
        return [str(path) for path in found]

    def shorten_log(self) -> None:
        """Remove the entries that the last checkpoint stands for, when they are older than the table keeps them."""
        with _told(self.path):
            self._delta.cleanup_metadata()

    def added_since(self, version: int) -> list[tuple[int, list[str]]] | None:
        """Files with new rows of each later entry; None if the entries are not there any more."""
        found = []
        for later in range(version + 1, self.version + 1):
            path = entry(self.path, later)
            if not path.exists():
                return None
            adds = [line["add"] for line in read(path) if "add" in line]
            found.append((later, [str(add["path"]) for add in adds if add["dataChange"]]))
        return found

    def _write(self, action: Any) -> None:
        from deltalake import PostCommitHookProperties
        from deltalake.exceptions import CommitFailedError

        before = self.version
        with _told(self.path):
            try:
                action(PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False))
            except CommitFailedError:
                self._delta.update_incremental()
                if self.version > before:
                    raise ConflictError from None
                raise
            self._delta.update_incremental()
            sync(entry(self.path, before + 1), self.path / LOG)
        if (before + 1) % CHECKPOINT_EVERY == 0:
            self.checkpoint()


def create(path: Path, kind: Kind, columns: Iterable[tuple[str, Type]]) -> Table:
    """The table of a layout's columns, made if it is not there."""
    from deltalake import DeltaTable, Schema

    flag: tuple[tuple[str, Type], ...] = ((CONFLICT, "bool"),) if kind == "predictions" else ()
    own = (*COMMITTED[:-1], *flag, COMMITTED[-1])
    fields = _fields(Place(name, type_, name) for name, type_ in (*columns, *own))
    make_folder(path / LOG)
    with _told(path):
        if not entry(path, 0).exists():
            DeltaTable.create(path, Schema(fields), mode="ignore", partition_by=[DATE], configuration=PROPERTIES)
        sync(entry(path, 0), path / LOG)
    return Table(path)


def _opened(path: Path) -> Any:
    try:
        from deltalake import DeltaTable
    except ModuleNotFoundError:
        raise MissingExtraError("deltalake", "delta", "The log's lake") from None
    with _told(path):
        return DeltaTable(path)


def _fields(columns: Iterable[Place]) -> list[Any]:
    from deltalake import Field

    return [
        Field(c.physical, DELTA[c.type], metadata={STANDS_FOR: c.name} if c.name != c.physical else None)
        for c in columns
    ]


def _type(delta: str) -> Type:
    try:
        return next(kind for kind, name in DELTA.items() if name == delta)
    except StopIteration:
        raise LogError(
            f"A table of the lake has a column of the type {delta}, which Holdfast does not write."
        ) from None


@contextmanager
def _told(path: Path) -> Iterator[None]:
    from deltalake.exceptions import DeltaError

    try:
        yield
    except OSError as error:
        raise LogError(f"The table {path} cannot be used: {error.strerror or error}.") from None
    except DeltaError as error:
        raise LogError(f"The table {path} cannot be used: {_cause(error)}.") from error


def _cause(error: Exception) -> str:
    r"""The last line, without colours: delta-rs writes the layers of an error, one below the other.

    >>> _cause(Exception("cannot copy\n  \x1b[31m↳\x1b[0m No space left on device\n"))
    'No space left on device'
    """
    return re.sub(r"\x1b\[[0-9;]*m|↳", "", str(error)).strip().rpartition("\n")[2].strip().rstrip(".")
