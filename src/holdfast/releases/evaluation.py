"""One kept evaluation: configuration, metrics, verdict, digest of the test rows, and further files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from holdfast.decoding import ready
from holdfast.errors import ReleaseError
from holdfast.releases.differences import Change, changes, flat
from holdfast.releases.manifest import FORMAT, File, digest
from holdfast.releases.places import Place
from holdfast.releases.stored import Tombstone, stored

RECORD = "evaluation.json"


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of an evaluation.

    Attributes
    ----------
    format
        Version of this record.
    model
        What was evaluated.
    created, author
        When, in UTC, and by whom.
    configuration, metrics
        As JSON. A number that is not finite is None.
    verdict
        Such as `pass`, `fail`, `inconclusive`.
    test_rows
        Digest of the rows that it was tested on; see `profile.digest.rows_digest`.
    files
        Further files, such as findings and report, by name.
    """

    format: int = FORMAT
    model: str
    created: Annotated[datetime, msgspec.Meta(tz=True)]
    author: str
    configuration: dict[str, Any]
    metrics: dict[str, Any]
    verdict: str
    test_rows: str
    files: dict[str, File] = {}


class EvaluationDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How an evaluation differs from another.

    Attributes
    ----------
    before, after
        Their identities.
    same_rows
        Whether both were tested on the same rows: else a difference of metrics may be one of the rows.
    verdict
        Verdict before and after.
    configuration
        The values that differ, by their path.
    metrics
        Every number that one of them has, by its path, equal ones too.
    """

    before: str
    after: str
    same_rows: bool
    verdict: tuple[str, str]
    configuration: tuple[Change, ...]
    metrics: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An evaluation that is kept: its record was checked, its files are checked when they are read."""

    place: Place
    evaluation: Evaluation
    identity: str

    def read(self, name: str) -> bytes:
        """The bytes of a file; `ReleaseError` if there is none, or it was changed."""
        file = self.evaluation.files.get(name)
        if file is None:
            known = ", ".join(sorted(self.evaluation.files)) or "none"
            raise ReleaseError(f"{self.place} has no file {name!r}; it has {known}.")
        found = stored(self.place, name, file)
        assert not isinstance(found, Tombstone)  # no file of an evaluation is erasable
        return found


def opened(where: Place) -> Kept:
    """The evaluation in a folder, checked against the folder's name, which is its digest."""
    data = where.read(RECORD)
    if not str(where).endswith(digest(data)):
        raise ReleaseError(
            f"{RECORD} of {where} is not what was kept: its SHA-256 is not the name of the folder. "
            "Restore the folder from a copy, or move it away."
        )
    try:
        evaluation = msgspec.json.decode(data, type=ready(Evaluation))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{where} is no evaluation that this Holdfast reads: {error}. Update Holdfast.") from None
    return Kept(place=where, evaluation=evaluation, identity=f"sha256:{digest(data)}")


def compare_evaluations(before: Kept, after: Kept) -> EvaluationDifference:
    """How an evaluation differs from another one."""
    first, second = before.evaluation, after.evaluation
    return EvaluationDifference(
        before=before.identity,
        after=after.identity,
        same_rows=first.test_rows == second.test_rows,
        verdict=(first.verdict, second.verdict),
        configuration=changes(flat(first.configuration), flat(second.configuration)),
        metrics=_numbers(flat(first.metrics), flat(second.metrics)),
    )


def _numbers(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every number that one of two flat records has."""
    names = {n for values in (before, after) for n, v in values.items() if isinstance(v, int | float)}
    return tuple(Change(name=name, before=before.get(name), after=after.get(name)) for name in sorted(names))
