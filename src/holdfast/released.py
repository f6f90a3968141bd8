"""A release that was opened: the model in ONNX Runtime, and what turns its scores into answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.decoding import ready
from holdfast.errors import ReleaseError
from holdfast.evaluation.support import Support, support
from holdfast.models.columns import numbers, table_of
from holdfast.models.session import OnnxSession
from holdfast.objective import Objective
from holdfast.policy import Answers, Policy, decide
from holdfast.releases.folder import SealedFolder, open_release
from holdfast.schema import Schema
from holdfast.uncertainty import Uncertainty

Array: TypeAlias = NDArray[np.float64]

MODEL, LOWER, UPPER = "model.onnx", "lower.onnx", "upper.onnx"
SCHEMA, OBJECTIVE, POLICY, UNCERTAINTY = "schema.json", "objective.json", "policy.json", "uncertainty.json"
BACKGROUND = "background.arrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedModel:
    """What a release answers with.

    Attributes
    ----------
    name
        Such as `fraud/3`.
    model
        Its task, classes and features, and its scores.
    quantiles
        The models of a lower and an upper quantile, where intervals come from them.
    schema, objective
        The columns of its history, and what it was judged by.
    policy, uncertainty
        How a score becomes an answer, and how sure that is.
    support
        What it has seen; None where the policy does not ask.
    """

    name: str
    model: OnnxSession
    schema: Schema
    objective: Objective
    policy: Policy
    uncertainty: Uncertainty | None = None
    quantiles: tuple[OnnxSession, OnnxSession] | None = None
    support: Support | None = None

    def decide(
        self,
        scores: Array,
        rows: Any,
        columns: Mapping[str, NDArray[Any]] | None = None,
        identity: NDArray[np.uint64] | None = None,
    ) -> Answers:
        """Answers to scores of rows.

        Parameters
        ----------
        scores
            What `model.predict` gives for the rows.
        rows
            The same rows: a table of any library, or a mapping of names to columns.
        columns
            Numbers of the columns that the policy's costs name; None: those of the rows.
        identity
            64-bit hash of what identifies each row; needed if the policy explores.

        Raises
        ------
        InputError
            A column is missing or no number, or what the policy needs is not given.
        """
        table = table_of(rows)
        if columns is None:
            needed = () if self.policy.costs is None else self.policy.costs.needs
            columns = {name: numbers(table, [name])[:, 0] for name in needed}
        distance = None if self.support is None else self.support.distance(table)
        return decide(self.policy, scores, columns, distance=distance, identity=identity)


def load_release(sealed: SealedFolder | str | Path) -> ReleasedModel:
    """Load what a release answers with; each file is checked against the manifest.

    Parameters
    ----------
    sealed
        What `open_release` or a store gives, or the path or URI of the release's folder, such as `releases/fraud/1`.

    Raises
    ------
    ReleaseError
        There is no release, a file was changed or erased, or it is of a newer format.
    MissingExtraError
        ONNX Runtime is not installed.
    """
    found = sealed if isinstance(sealed, SealedFolder) else open_release(str(sealed))
    return assembled(found.name, found.read, found.manifest.files)


def assembled(name: str, read: Callable[[str], bytes], files: Collection[str]) -> ReleasedModel:
    """What files answer with, sealed ones or those that are about to be."""
    policy = record(read, POLICY, Policy)
    needs_support = policy.support_limit is not None
    return ReleasedModel(
        name=name,
        model=OnnxSession(read(MODEL)),
        quantiles=(OnnxSession(read(LOWER)), OnnxSession(read(UPPER))) if LOWER in files else None,
        schema=Schema.from_json(read(SCHEMA)),
        objective=record(read, OBJECTIVE, Objective),
        policy=policy,
        uncertainty=record(read, UNCERTAINTY, Uncertainty) if UNCERTAINTY in files else None,
        support=support(arrow_in(read(BACKGROUND))) if needs_support else None,
    )


def record(read: Callable[[str], bytes], name: str, kind: Any) -> Any:
    """A record that was sealed as JSON."""
    try:
        return msgspec.json.decode(read(name), type=ready(kind))
    except msgspec.ValidationError as error:
        raise ReleaseError(f"{name} is not what this Holdfast reads: {error}. Update Holdfast.") from None


def arrow_out(rows: pa.Table) -> bytes:
    """Rows as an Arrow file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def arrow_in(content: bytes) -> pa.Table:
    """Rows of an Arrow file."""
    with pa.ipc.open_file(content) as reader:
        return reader.read_all()
