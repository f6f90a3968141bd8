"""What a window is held against: the reference of a release, or of a history alone; its windows; what the model is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.context import Settings
from holdfast.config import Monitoring, Project, Slices
from holdfast.errors import ReleaseError
from holdfast.estimation.fitted import Fitted
from holdfast.evaluation.codes import label_text
from holdfast.evaluation.support import Support, support
from holdfast.evidence import Evidence
from holdfast.objective import Objective
from holdfast.policy import Policy
from holdfast.profile.crossings import crossing_name
from holdfast.profile.group_names import group_parts
from holdfast.profile.groups import Groups, category_values, ranked_values
from holdfast.profile.table import Profile
from holdfast.profile.window import AnswerEdges, Counted, nothing
from holdfast.released import (
    BACKGROUND,
    MODEL,
    OBJECTIVE,
    POLICY,
    SCHEMA,
    ReleasedModel,
    arrow_in,
    load_release,
    record,
)
from holdfast.releases.folder import SealedFolder
from holdfast.releases.stored import stored
from holdfast.schema import Kind, Role, Schema
from holdfast.seal.estimators import ESTIMATORS, load_fitted
from holdfast.seal.history import load_inputs, load_labelled
from holdfast.seal.labelled_sample import LabelledSample
from holdfast.seal.windows import WINDOWS, load_groups, load_windows, segment_columns, windows_of
from holdfast.windows import MICROSECONDS, CountedWindows, Cut

History: TypeAlias = tuple[tuple[float, Counted], ...]


CHECKS = Settings()
"""Limits of the quality checks where nothing is said."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference:
    """The reference of a release, or of a history whose scores came from elsewhere.

    Attributes
    ----------
    model, version, identity
        Of the release; the versions of references without a release are negative, so that they are never mistaken.
    schema, features
        The columns of its history, and those that the model is given.
    objective, policy
        What the business pays, and how a score becomes an answer where that is not known otherwise.
    classes
        Names of the classes, the positive one of two is the last; none of numbers.
    released
        What it answers with; None without a release: nothing can be tried on the model then.
    profile
        Of the inputs of its history, with a sample of rows where that was not erased.
    answers
        Edges over which its answers are counted.
    history
        Its windows, each with its beginning, in the order of time.
    windows
        How rows are cut.
    settings
        How it is watched.
    checks
        Limits of the quality checks.
    importance
        Of columns; by default each alike.
    fitted
        How figures are expected before the truth has come.
    slices
        Columns that make segments and protected groups besides those with these roles.
    groups
        The groups in its windows, by the beginning of the window and `column=value`.
    labelled
        A sample of its labelled rows; None where it has none, or they were erased.
    support
        Rows that the model knows; None where they were erased.
    delay
        Seconds after which truths usually come.
    """

    model: str
    version: int
    identity: str
    schema: Schema
    features: tuple[str, ...]
    objective: Objective
    policy: Policy
    classes: tuple[str, ...]
    released: ReleasedModel | None
    profile: Profile
    answers: AnswerEdges
    history: History
    windows: Cut
    settings: Monitoring
    importance: dict[str, float]
    checks: Settings = CHECKS
    fitted: Fitted | None = None
    slices: Slices = field(default_factory=Slices)
    groups: Groups = field(default_factory=dict)
    labelled: LabelledSample | None = None
    support: Support | None = None
    delay: float = 0.0

    @cached_property
    def watched(self) -> frozenset[str]:
        """Columns of which there are signals: neither free text, nor the time of the rows, nor what names them."""
        return frozenset(
            column.name
            for column in self.profile.edges.schema.columns
            if column.kind is not Kind.TEXT and column.role is not Role.TIME and not column.identifier
        )

    @cached_property
    def past(self) -> Cut:
        """How its history was cut."""
        starts = (round(start * MICROSECONDS) for start, _ in self.history)
        return self.windows.over_again(starts) if isinstance(self.windows, CountedWindows) else self.windows

    @cached_property
    def whole(self) -> Counted:
        """All windows of its history together."""
        return self._together(one for _, one in self.history)

    @cached_property
    def answered(self) -> Counted:
        """Those of its windows that have answers or labels: of rows that the model did not fit."""
        return self._together(one for _, one in self.history if one.decisions.sum() or one.labelled)

    @cached_property
    def inputs(self) -> NDArray[np.int64]:
        """Coarse counts of all inputs of its history, those of windows that were not kept too."""
        edges = self.profile.edges
        found = np.zeros(max((place.stop for place in edges.places.values()), default=0), np.int64)
        for name, place in edges.places.items():
            if (column := self.profile.columns.get(name)) is not None:
                found[place] = np.append(column.missing, column.grouped)
        return found

    @cached_property
    def mirrored(self) -> frozenset[str]:
        """Of each column with two values the commoner one, whose gaps are those of the other with the other sign."""
        sizes: dict[str, dict[str, int]] = {}
        for groups in self.groups.values():
            for group, one in groups.items():
                of = sizes.setdefault(group_parts(group)[0], {})
                of[group] = of.get(group, 0) + one.size
        return frozenset(max(of, key=lambda one: (of[one], one)) for of in sizes.values() if len(of) == 2)

    @cached_property
    def values(self) -> dict[str, tuple[str, ...]]:
        """The values of each category, and of each crossing those of its groups; the commonest first."""
        sizes: dict[str, Counter[str]] = {crossing_name(columns): Counter() for columns in self.settings.crossings}
        for groups in self.groups.values() if sizes else ():
            for group, one in groups.items():
                column, value = group_parts(group)
                if column in sizes:
                    sizes[column][value] += one.size
        return category_values(self.profile.edges) | {name: ranked_values(own) for name, own in sizes.items()}

    @property
    def loss(self) -> float | None:
        """What an answer lost on average; None where nothing was labelled."""
        n, total, _ = self.whole.losses
        return float(total / n) if n else None

    def _together(self, windows: Iterable[Counted]) -> Counted:
        return sum(windows, nothing(self.profile.edges, self.answers))


References: TypeAlias = Callable[[int], Reference]
"""The reference of a release, by its version."""


def reference_of(sealed: SealedFolder) -> Reference:
    """The reference of a release, or of a history that was sealed without a model.

    Raises
    ------
    ReleaseError
        It was sealed before releases had the windows of their history, or its files were changed.
    """
    files = sealed.manifest.files
    if WINDOWS not in files:
        raise ReleaseError(f"{sealed.name} has no windows of its history to be watched by: release it again.")
    released = load_release(sealed) if MODEL in files else None
    profile = load_inputs(sealed)
    answers, history = load_windows(sealed, profile)
    project: Project = record(sealed.read, "project.json", Project)
    evidence: Evidence | None = record(sealed.read, "evidence.json", Evidence) if "evidence.json" in files else None
    policy: Policy = record(sealed.read, POLICY, Policy)
    schema = Schema.from_json(sealed.read(SCHEMA))
    return Reference(
        model=sealed.manifest.model,
        version=sealed.manifest.version if released else -sealed.manifest.version,
        identity=sealed.identity,
        schema=schema,
        features=released.model.features if released else project.data.features,
        objective=record(sealed.read, OBJECTIVE, Objective),
        policy=policy,
        classes=released.model.classes if released else policy.classes or _two_of(project, schema),
        released=released,
        profile=profile,
        answers=answers,
        history=history,
        windows=windows_of(project).as_usual(start for start, _ in history),
        settings=project.monitor,
        checks=project.checks,
        importance=_importance(evidence) if evidence else {},
        fitted=load_fitted(sealed.read(ESTIMATORS)) if ESTIMATORS in files else None,
        slices=project.slices,
        delay=project.split.delay_seconds,
        groups=load_groups(sealed, answers),
        labelled=load_labelled(sealed),
        support=_support(sealed),
    )


def segments_of(reference: Reference) -> tuple[str, ...]:
    """Columns whose values are watched one by one."""
    return segment_columns(reference.settings, reference.slices, reference.schema)


def protected_of(reference: Reference) -> frozenset[str]:
    """Columns whose groups are to be treated alike, and crossings of such columns."""
    found = {*(column.name for column in reference.schema.by_role(Role.PROTECTED)), *reference.slices.protected}
    return frozenset(found).union(map(crossing_name, filter(found.issuperset, reference.settings.crossings)))


def _two_of(project: Project, schema: Schema) -> tuple[str, ...]:
    """Two classes, of which a history without a release names the positive one, and its target has the other."""
    if project.data.positive is None:
        return ()
    positive, target = label_text(project.data.positive), schema.by_role(Role.TARGET)[0]
    there = (False, True) if target.kind is Kind.BOOLEAN else target.categories or (target.minimum, target.maximum)
    return next(name for one in there if (name := label_text(one)) != positive), positive


def _support(sealed: SealedFolder) -> Support | None:
    found = stored(sealed.place, BACKGROUND, sealed.manifest.files[BACKGROUND])
    return support(arrow_in(found)) if isinstance(found, bytes) else None


def _importance(evidence: Evidence) -> dict[str, float]:
    """Importances relative to their mean, so that a column of which nothing is known counts as a usual one."""
    found = {one.feature: max(one.shapley or 0.0, 0.0) for one in evidence.importances}
    mean = sum(found.values()) / len(found) if found else 0.0
    return {name: value / mean for name, value in found.items()} if mean > 0 else {}
