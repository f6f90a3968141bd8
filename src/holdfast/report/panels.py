"""What a report shows of a column, as plain numbers: computed here from two profiles, drawn elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holdfast.profile.column import ColumnProfile
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.numeric import NumberEdges, numbers
from holdfast.report.figures import Figure, key_figures
from holdfast.report.pictures import SEEN_OFTEN, pictures
from holdfast.report.shapes import Picture, Points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from holdfast.profile.table import Profile

    Floats = NDArray[np.float64]

ROWS_DRAWN = 400
"""Most sampled rows of each side that are drawn as points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPanel:
    """Everything that is shown of one column, apart from its findings.

    Attributes
    ----------
    name, kind, role
        From the reference's schema; `kind` is empty for a column that only the current table has.
    types
        Arrow type on both sides; None where the column is missing.
    pictures
        Distributions.
    figures
        Key figures.
    new
        New values that were seen at least ten times, and how often.
    """

    name: str
    kind: str
    role: str
    types: tuple[str | None, str | None]
    pictures: tuple[Picture, ...]
    figures: tuple[Figure, ...]
    new: tuple[tuple[str, int], ...] = ()


def column(name: str, current: Profile, reference: Profile) -> ColumnPanel:
    """Everything that is shown of one column of two profiles over the same edges."""
    types = (reference.types.get(name), current.types.get(name))
    if name not in reference.edges.columns:
        return ColumnPanel(name=name, kind="", role="", types=types, pictures=(), figures=())
    about = reference.edges.schema.column(name)
    edges = reference.edges.columns[name]
    nothing = ColumnProfile(edges, np.zeros(edges.size, dtype=np.int64), np.zeros(2))
    now, before = current.columns.get(name, nothing), reference.columns.get(name, nothing)
    sampled = _sampled(current, name) if isinstance(edges, NumberEdges) else None
    if sampled is not None:
        sampled = sampled[np.isfinite(sampled)]
    figures = key_figures(now, before, sampled)
    if isinstance(edges, IdentifierEdges):
        counts = [profile.keys[name].distinct if name in profile.keys else None for profile in (reference, current)]
        figures = (*figures, Figure("Distinct values", "rows", *counts))
    return ColumnPanel(
        name=name,
        kind="identifier" if isinstance(edges, IdentifierEdges) else about.kind.value,
        role=about.role.value,
        types=types,
        pictures=pictures(now, before, sampled),
        figures=figures,
        new=tuple(now.fresh.often(SEEN_OFTEN).items()),
    )


def _sampled(profile: Profile, name: str) -> Floats | None:
    if profile.sample is None or name not in profile.sample.rows.schema.names:
        return None
    return numbers(profile.sample.rows.column(name))[0]


def pair(first: str, second: str, current: Profile, reference: Profile) -> tuple[Points, ...]:
    """Rows of the reference's and of the current sample by their ranks in two columns; none if these are no numbers.

    Parameters
    ----------
    first, second
        Names of the columns.
    current, reference
        Profiles over the same edges.
    """
    if not all(isinstance(reference.edges.columns.get(name), NumberEdges) for name in (first, second)):
        return ()
    sides = []
    for profile in (reference, current):
        one, other = (_sampled(profile, name) for name in (first, second))
        if one is None or other is None:
            return ()
        both = np.isfinite(one) & np.isfinite(other)
        ranks = (_ranks(x[both], seed)[:ROWS_DRAWN].round(4).tolist() for seed, x in enumerate((one, other)))
        sides.append(Points((first, second), tuple(zip(*ranks, strict=True)), current=profile is current))
    return tuple(sides)


def _ranks(values: Floats, seed: int) -> Floats:
    """Share of the values that are smaller; equal values are spread at random over the ranks that they share.

    Source: the distributional transform, Rüschendorf (2009), so that few values show as blocks and not as single points.
    """
    ordered = np.sort(values)
    first, last = np.searchsorted(ordered, values), np.searchsorted(ordered, values, side="right")
    ranks: Floats = (first + np.random.default_rng(seed).random(len(values)) * (last - first)) / max(len(values), 1)
    return ranks
