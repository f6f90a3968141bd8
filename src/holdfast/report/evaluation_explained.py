"""What the model's scores rest on: importances, interactions, dependences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.report.estimates import cell
from holdfast.report.evaluation_panels import dependence, importances
from holdfast.report.sections import Section, Table
from holdfast.report.words import share

if TYPE_CHECKING:
    from holdfast.evidence import Evidence, Importance

CLEAR = 0.2
"""Rank correlation from which a feature is said to raise or lower the score."""

MOST_PAIRS = 10
"""Interactions that are told."""


def explained(evidence: Evidence) -> tuple[Section, ...]:
    """Sections on importances, interactions and dependences."""
    return _importance(evidence), _interactions(evidence), _dependences(evidence)


def _importance(evidence: Evidence) -> Section:
    picture = importances(evidence)
    table = importance_table(evidence)
    how = {"sampling": ", estimated by sampling"}.get(evidence.explained_by, ", exact for these trees")
    rows = (
        f" Contributions are those of {evidence.explained_rows:,} sampled rows{how if evidence.explained_by else ''}."
    )
    rows = rows if evidence.explained_rows else ""
    said = f"What the objective loses when the values of a feature are shuffled.{rows}"
    return Section(
        anchor="importance",
        title="What the scores rest on",
        text=(said,) if table else (),
        pictures=(picture,) if picture else (),
        tables=(table,) if table else (),
    )


def importance_table(evidence: Evidence) -> Table | None:
    """Importances of all features; a column for each figure that some feature has."""
    features = evidence.importances
    if not features:
        return None
    unit = f", {evidence.goal.unit}" if evidence.goal.unit not in {"", "share"} else ""
    columns = [
        (f"Loss when shuffled{unit}", [cell(one.permutation) for one in features]),
        ("The same on train", [cell(one.permutation_train) for one in features]),
        ("Share of contributions", ["–" if one.shapley is None else share(one.shapley) for one in features]),
        ("Higher values", [direction(one) for one in features]),
    ]
    kept = [(title, cells) for title, cells in columns if set(cells) != {"–"}]
    rows = tuple((one.feature, *cells) for one, *cells in zip(features, *(cells for _, cells in kept), strict=True))
    words = frozenset(place for place, (title, _) in enumerate(kept, 1) if title == "Higher values")
    return Table(caption="Importances", head=("Feature", *(title for title, _ in kept)), rows=rows, words=words)


def direction(one: Importance) -> str:
    """What higher values of a feature do to the score.

    >>> from holdfast.evidence import Importance
    >>> direction(Importance(feature="age", direction=-0.8)), direction(Importance(feature="age", direction=0.1))
    ('lower the score', 'do both')
    """
    if one.direction is None:
        return "–"
    if abs(one.direction) < CLEAR:
        return "do both"
    return "raise the score" if one.direction > 0 else "lower the score"


def _interactions(evidence: Evidence) -> Section:
    strongest = sorted(evidence.interactions, key=lambda one: -one.strength)[:MOST_PAIRS]
    rows = tuple((" × ".join(one.features), share(one.strength)) for one in strongest)
    table = Table(caption="Interactions", head=("Features", "Strength"), rows=rows)
    said = "What two features do together beyond what each does alone, beside all that moves the score."
    return Section(
        anchor="interactions", title="Interactions", text=(said,) if rows else (), tables=(table,) if rows else ()
    )


def _dependences(evidence: Evidence) -> Section:
    scale = "number" if evidence.subject.task == "regression" else "share"
    pictures = tuple(dependence(one, scale) for one in evidence.dependences)  # type: ignore[arg-type]
    single = " Thin lines are single rows." if any(one.single for one in evidence.dependences) else ""
    said = f"The mean score when a feature is set to a value in every row.{single}"
    return Section(
        anchor="dependence",
        title="How the score depends on a feature",
        text=(said,) if pictures else (),
        pictures=pictures,
    )
