"""Every evaluation is kept, refused ones too: `<model>/<digest>/`, written once and never changed.

From them it is counted how often a test period has been looked at. A count in a file of its own could be lost or lag
behind; the evaluations are the count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from holdfast.errors import ReleaseError
from holdfast.releases.environment import author
from holdfast.releases.evaluation import (
    RECORD,
    Evaluation,
    EvaluationDifference,
    Kept,
    compare_evaluations,
    opened,
)
from holdfast.releases.folder import Location, refuse_pickle
from holdfast.releases.manifest import File, check_files, check_model, digest, encode, is_model, media_type
from holdfast.releases.places import Place, place

# Fewer digits of a digest are a typing error rather than a name.
_LEAST_DIGITS = 4


class EvaluationLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list of evaluations; `problem` where it cannot be trusted, and then nothing else is known."""

    model: str
    identity: str
    created: datetime | None = None
    author: str = ""
    verdict: str = ""
    test_rows: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Evaluations:
    """The evaluations under one root. Make one with `open_evaluations`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     kept = open_evaluations(folder)
    ...     for threshold, recall in ((0.5, 0.70), (0.3, 0.82)):
    ...         last = kept.keep(
    ...             "fraud",
    ...             configuration={"threshold": threshold},
    ...             metrics={"recall": recall},
    ...             verdict="fail",
    ...             test_rows="rows1:ab",
    ...         )
    ...     first, second = (line.identity for line in kept.listed("fraud"))
    ...     difference = kept.compare("fraud", first, second)
    ...     kept.uses("fraud", "rows1:ab"), difference.metrics
    (2, (Change(name='recall', before=0.7, after=0.82),))
    """

    root: Place

    def keep(
        self,
        model: str,
        *,
        configuration: Mapping[str, Any],
        metrics: Mapping[str, Any],
        verdict: str,
        test_rows: str,
        files: Mapping[str, bytes] | None = None,
        created: datetime | None = None,
        by: str | None = None,
    ) -> Kept:
        """Keep an evaluation. One that is kept already, time included, is not kept twice.

        Parameters
        ----------
        model
            What was evaluated.
        configuration, metrics
            Mappings that are JSON, or hold records of msgspec.
        verdict
            What the gate said.
        test_rows
            Digest of the rows that it was tested on.
        files
            Findings, report, ... by name.
        created, by
            Time with its zone and author; None: now, this user.

        Raises
        ------
        ReleaseError
            A name, a pickle or a value that is no JSON is refused, or the place cannot be written.
        """
        check_model(model)
        files = dict(files or {})
        check_files(files, own=frozenset({RECORD}))
        for name, content in files.items():
            refuse_pickle(name, content)
        try:
            record = Evaluation(
                model=model,
                created=(created or datetime.now(UTC)).astimezone(UTC),
                author=by or author(),
                configuration=msgspec.to_builtins(configuration),
                metrics=msgspec.to_builtins(metrics),
                verdict=verdict,
                test_rows=test_rows,
                files={
                    name: File(sha256=digest(content), bytes=len(content), media=media_type(name))
                    for name, content in files.items()
                },
            )
            data = encode(record)
        except TypeError as error:
            raise ReleaseError(f"Expected configuration and metrics that are JSON: {error}. Convert them.") from None
        where = self.root.child(model).child(digest(data))
        try:
            with where.draft() as draft:
                for name, content in files.items():
                    draft.write(name, content)
                draft.commit(RECORD, data)
        except FileExistsError:
            pass  # the same bytes have the same digest: this one is kept already
        except OSError as error:
            raise ReleaseError(
                f"The evaluation could not be kept in {where}: {error.strerror or type(error).__name__}. "
                "Mend that and evaluate again."
            ) from error
        return opened(where)

    def load(self, model: str, name: str) -> Kept:
        """An evaluation by its identity, or by the first digits of its digest, at least four."""
        model_place = self.root.child(check_model(model))
        digits = name.removeprefix("sha256:")
        found = [folder for folder in model_place.folders() if folder.startswith(digits)]
        if len(digits) < _LEAST_DIGITS or len(found) != 1:
            raise ReleaseError(
                f"Expected the digest of one evaluation of {model!r}, or at least {_LEAST_DIGITS} of its first digits; "
                f"{len(found)} in {self.root} begin with {name!r}. List them, and give more digits."
            )
        return opened(model_place.child(found[0]))

    def models(self) -> list[str]:
        """Names of the models that have an evaluation, sorted."""
        return [name for name in self.root.folders() if is_model(name) and self.root.child(name).folders()]

    def listed(self, model: str | None = None) -> list[EvaluationLine]:
        """Every evaluation, or those of one model, oldest first; damaged ones at the end of each model."""
        models = self.models() if model is None else [check_model(model)]
        lines = [
            _line(name, folder, self.root.child(name).child(folder))
            for name in models
            for folder in self._folders(name)
        ]
        last = datetime.max.replace(tzinfo=UTC)
        return sorted(lines, key=lambda line: (line.model, line.created or last, line.identity))

    def uses(self, model: str, test_rows: str) -> int:
        """How many of the kept evaluations of a model were tested on these rows.

        Raises
        ------
        ReleaseError
            One of them is damaged, so that the count would be too low.
        """
        places = (self.root.child(model).child(folder) for folder in self._folders(check_model(model)))
        return sum(opened(where).evaluation.test_rows == test_rows for where in places)

    def compare(self, model: str, before: str, after: str) -> EvaluationDifference:
        """How an evaluation differs from another, both named as in `load`."""
        return compare_evaluations(self.load(model, before), self.load(model, after))

    def _folders(self, model: str) -> list[str]:
        return self.root.child(model).folders()


def open_evaluations(location: Location) -> Evaluations:
    """The store of evaluations at a path or a URI; it need not be there yet."""
    return Evaluations(place(location))


def _line(model: str, digits: str, where: Place) -> EvaluationLine:
    try:
        kept = opened(where)
    except ReleaseError as error:
        return EvaluationLine(model=model, identity=f"sha256:{digits}", problem=str(error))
    found = kept.evaluation
    return EvaluationLine(
        model=model,
        identity=kept.identity,
        created=found.created,
        author=found.author,
        verdict=found.verdict,
        test_rows=found.test_rows,
    )
