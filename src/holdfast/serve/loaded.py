"""A release that was found sound: what reads its requests, answers them, and writes the answers."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.errors import ReleaseError
from holdfast.golden import check_golden
from holdfast.released import BACKGROUND, ReleasedModel, arrow_in, load_release
from holdfast.releases.folder import SealedFolder
from holdfast.releases.store import Store
from holdfast.serve.columnar import Columnar
from holdfast.serve.engine import Engine
from holdfast.serve.explainer import Explainer
from holdfast.serve.inference_protocol import Tensors
from holdfast.serve.outputs import Output, outputs_of
from holdfast.serve.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A release, ready to answer.

    Attributes
    ----------
    model, version, identity
        Which one.
    engine
        What answers.
    records, columnar, tensors
        What reads requests: records, tables, and the inference protocol.
    outputs
        The parts of its answers.
    explainer
        What explains them.
    """

    model: str
    version: int
    identity: str
    engine: Engine
    records: Records
    columnar: Columnar
    tensors: Tensors
    outputs: tuple[Output, ...]
    explainer: Explainer

    @property
    def released(self) -> ReleasedModel:
        """The release."""
        return self.engine.released


def load(store: Store, model: str, version: int, identity: str | None = None) -> Loaded:
    """Load a release whose files are those that were sealed, and which answers as it did then.

    Parameters
    ----------
    identity
        That it must have; None: any.

    Raises
    ------
    ReleaseError
        It is not there, was changed, is another one, or answers its golden rows otherwise.
    """
    sealed = store.get(model, version)
    if identity is not None and sealed.identity != identity:
        raise ReleaseError(f"{sealed.name} is another release than the one that was promoted: promote it anew.")
    if problems := store.verify(model, version):
        raise ReleaseError(f"{sealed.name} is damaged: {problems[0].file} {problems[0].message}.")
    released = load_release(sealed)
    if problems := check_golden(sealed, released):
        raise ReleaseError(f"{sealed.name} does not answer as it did when it was sealed: {problems[0].message}.")
    return loaded(sealed, released)


def loaded(sealed: SealedFolder, released: ReleasedModel) -> Loaded:
    """A release with what reads requests for it."""
    engine = Engine(released)
    named = {field.name for field in engine.fields}
    ignored = [name for name in released.schema.names if name not in named]
    columnar = Columnar(engine.fields, engine.id_field, ignored)
    found = released.uncertainty
    outputs = outputs_of(
        released.model.task,
        released.policy.classes,
        released.model.features,
        intervals=found is not None and found.conformal is not None,
        sets=found is not None and found.sets is not None,
    )
    return Loaded(
        model=sealed.manifest.model,
        version=sealed.manifest.version,
        identity=sealed.identity,
        engine=engine,
        records=Records(engine.fields, engine.id_field, ignored),
        columnar=columnar,
        tensors=Tensors(columnar, released.model.features, outputs),
        outputs=outputs,
        explainer=Explainer(engine, lambda: arrow_in(sealed.read(BACKGROUND))),
    )
