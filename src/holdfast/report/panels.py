"""What a report shows of a column, as plain numbers: computed here from two profiles, drawn elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from holdfast.profile.calendar import TimeEdges, hours, weekdays
from holdfast.profile.categorical import OTHER, CategoryEdges
from holdfast.profile.column import ColumnProfile, Counts
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.numeric import (
    NEGATIVE_INFINITE,
    POSITIVE_INFINITE,
    NumberEdges,
    infinite_rows,
    mean_and_deviation,
    numbers,
)
from holdfast.profile.text import TextEdges, unseen_share, word_bins
from holdfast.records import Finding, Status
from holdfast.report.cells import Cells, borders_for, cells_of, on_grid
from holdfast.report.words import number, plain
from holdfast.stats.ecdf import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from holdfast.profile.table import Profile

    Floats = NDArray[np.float64]

POINTS = 24
"""A number with at most so many different values is drawn value by value."""

VALUES, NEW_VALUES = 15, 5
"""Most categories that are drawn: known ones, and new ones by name."""

ROWS_DRAWN = 400
"""Most sampled rows of each side that are drawn as points."""

SEEN_OFTEN = 10
"""A new value is named when it was seen at least so many times: rarer ones may point at a person."""

HOURS = tuple(f"{hour:02}" for hour in range(24))
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# The worst first: a column, or a whole comparison, is as bad as its worst finding.
ORDER = (
    Status.FAIL,
    Status.WARN,
    Status.ERROR,
    Status.INCONCLUSIVE,
    Status.PASS,
    Status.NOT_APPLICABLE,
    Status.SKIPPED,
)


@dataclass(frozen=True, slots=True)
class Bar:
    """Shares of the rows that have a value, 0 to 1, on both sides; `new` marks what the reference does not have."""

    label: str
    reference: float
    current: float
    new: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """A distribution over single values or groups of them.

    Attributes
    ----------
    title
        What the bars count.
    bars
        In the order in which they are drawn; labels are unique.
    ordered
        Whether that is a natural order (hours, numbers), not one of size.
    apart
        What is not among the bars, because together it would dwarf them: all rarer values.
    """

    title: str
    bars: tuple[Bar, ...]
    ordered: bool = False
    apart: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """A distribution over bins.

    Attributes
    ----------
    title
        What the axis measures.
    borders
        Of the bins, increasing, one more than there are bins.
    reference, current
        Share of the rows with a value that lie in each bin, 0 to 1.
    apart
        What is not in the bins: below them, above them, infinite, and single values that would dwarf all the rest.
    whole
        Whether all values are whole numbers; the borders then lie half-way between two.
    logarithmic
        Whether the bins are of equal width on a logarithmic axis.
    """

    title: str
    borders: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    apart: tuple[Bar, ...] = ()
    whole: bool = False
    logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """Sampled rows of one table by their ranks in two numbers: how these depend on each other, whatever their scales.

    Attributes
    ----------
    axes
        Names of the two columns.
    rows
        Ranks of each row in both, as shares of the rows: 0 is the smallest value, 1 the largest; ties are spread.
    current
        Whether it is the current table.
    """

    axes: tuple[str, str]
    rows: tuple[tuple[float, float], ...]
    current: bool


Picture = Histogram | Bars


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the table of key figures.

    Attributes
    ----------
    label
        Its name.
    unit
        `rows`, `share` (0 to 1), `value` (in the column's own unit), `time` (seconds since 1970, UTC), `days`, `name`.
    reference, current
        The figure on both sides; None where there is none.
    """

    label: str
    unit: str
    reference: float | str | None
    current: float | str | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the findings come to.

    Attributes
    ----------
    status
        The worst of the findings.
    verdict
        One sentence.
    rows
        Rows of the reference and of the current table.
    columns
        Number of columns that were compared.
    counts
        Number of findings of each status, the worst first; without those that no finding has.
    ranked
        Findings that fail, then those that warn, each by weight.
    order
        All columns, those with the worst findings and the largest weights first.
    statuses
        Status of each of them, in the same order.
    """

    status: Status
    verdict: str
    rows: tuple[int, int]
    columns: int
    counts: tuple[tuple[Status, int], ...]
    ranked: tuple[Finding, ...]
    order: tuple[str, ...]
    statuses: tuple[Status, ...]


# --- The whole comparison -------------------------------------------------------------------------------------------


def summary(findings: Sequence[Finding], current: Profile, reference: Profile) -> Summary:
    """What the findings come to: a verdict, counts, and the order of the columns."""
    names = _columns(current, reference)
    ranked = in_order(findings)
    worst = {finding.subject: (place, finding.status) for place, finding in reversed(list(enumerate(ranked)))}
    unasked = (len(ranked), Status.SKIPPED)
    order = sorted(names, key=lambda name: worst.get(name, unasked)[0])
    counted = Counter(f.status for f in findings)
    return Summary(
        status=ranked[0].status if ranked else Status.SKIPPED,
        verdict=_verdict(ranked, counted, len(names)),
        rows=(reference.rows, current.rows),
        columns=len(names),
        counts=tuple((status, counted[status]) for status in ORDER if counted[status]),
        ranked=tuple(f for f in ranked if f.status in {Status.FAIL, Status.WARN}),
        order=tuple(order),
        statuses=tuple(worst.get(name, unasked)[1] for name in order),
    )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings with the worst status first, those of a status by weight."""
    return sorted(findings, key=lambda f: (ORDER.index(f.status), -f.weight))


def _columns(current: Profile, reference: Profile) -> list[str]:
    """Columns of the reference, then those that only the current table has."""
    known = reference.edges.schema.names
    return [*known, *(name for name in current.types if name not in {*known, *reference.types})]


def _verdict(ranked: Sequence[Finding], counted: Counter[Status], columns: int) -> str:
    fails = [f for f in ranked if f.status is Status.FAIL]
    undecided = [
        f"{counted[status]:,} {words}"
        for status, words in ((Status.ERROR, "could not run"), (Status.INCONCLUSIVE, "could not be decided"))
        if counted[status]
    ]
    aside = f" ({' and '.join(undecided)})" if undecided else ""
    if fails:
        subjects = list(dict.fromkeys(f.subject for f in fails if f.subject))
        where = f": {_listed(subjects)}" if subjects else ""
        return f"{len(fails):,} of {_of(len(ranked), 'check')} {'fails' if len(fails) == 1 else 'fail'}{where}{aside}."
    if counted[Status.WARN]:
        return f"Nothing fails; {_of(counted[Status.WARN], 'warning')} in {_of(columns, 'column')}{aside}."
    if counted[Status.PASS]:
        return f"Nothing fails: {_of(counted[Status.PASS], 'check')} passed on {_of(columns, 'column')}{aside}."
    return f"No check came to a result{aside}."


def _of(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _listed(names: Sequence[str], most: int = 3) -> str:
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


# --- One column -----------------------------------------------------------------------------------------------------


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


def pictures(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None = None) -> tuple[Picture, ...]:
    """The distributions of a column of any kind; none where there is no value to draw.

    Parameters
    ----------
    current, reference
        Over the same edges.
    sampled
        Finite values of sampled current rows, shape `(n,)`, for a number; see `histogram`.
    """
    if not current.cells.any() and not reference.cells.any():
        return ()
    match reference.edges:
        case NumberEdges():
            return (histogram(current, reference, sampled),)
        case CategoryEdges():
            return (bars(current, reference),)
        case TimeEdges():
            return week(current, reference)
        case TextEdges():
            return text(current, reference)
        case _:
            return ()


# --- Numbers --------------------------------------------------------------------------------------------------------

# A single value with at least this share, and so many times the tallest bin of the others, leaves no room for them.
_SPIKE, _DWARFS = 0.25, 4

# Shares below this are rounding errors of interpolation.
_NOTHING = 1e-9


def histogram(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None = None) -> Picture:
    """Distribution of a number: at most 40 bins between the 0.5% and 99.5% quantiles of both sides together.

    What lies beyond is given as a share, so that a value of 1e9 spoils nothing. A number of few different values is
    drawn value by value; positive numbers over several orders of magnitude get bins of equal width on a logarithmic
    axis; a single value that would dwarf all others stands apart. Rows are taken to lie evenly within the (much finer)
    bins of the profile.

    Parameters
    ----------
    current, reference
        Over the same edges.
    sampled
        Finite values of sampled current rows, shape `(n,)`: they tell how rows lie where the reference has few or none.

    Examples
    --------
    >>> import pyarrow as pa
    >>> edges = NumberEdges.learn(np.repeat([0.0, 1.0, 2.0], [60, 30, 10]))
    >>> before, now = (edges.count(pa.array(v)) for v in ([0.0] * 6 + [1.0] * 3 + [2.0], [0.0, 1.0, 1.0, 1.0]))
    >>> for bar in histogram(now, before).bars:
    ...     print(bar.label, bar.reference, bar.current)
    0 0.6 0.25
    1 0.3 0.75
    2 0.1 0.0
    """
    infinite = [
        Bar(label, _share(reference.counts[place], reference), _share(current.counts[place], current))
        for label, place in (("−∞", NEGATIVE_INFINITE), ("∞", POSITIVE_INFINITE))
    ]
    apart = tuple(bar for bar in infinite if bar.reference or bar.current)
    return _drawn("Value", _cells(current, reference, sampled), apart)


def _cells(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None) -> Cells:
    assert isinstance(reference.edges, NumberEdges)
    sides = []
    for profile in (reference, current):
        finite = profile.cells.astype(np.float64)
        finite[0] -= profile.counts[NEGATIVE_INFINITE]
        finite[-1] -= profile.counts[POSITIVE_INFINITE]
        sides.append(finite / max(int(profile.cells.sum()), 1))
    low, high = np.fmin(current.low, reference.low), np.fmax(current.high, reference.high)
    return cells_of(reference.edges.cuts, sides[0], sides[1], float(low), float(high), sampled)


def _drawn(title: str, cells: Cells, infinite: tuple[Bar, ...] = ()) -> Picture:
    """Value by value if they are few, else in bins."""
    atoms, used = cells.atoms, np.flatnonzero(cells.mixture).tolist()
    if len(used) <= POINTS and 2 * cells.mixture[atoms].sum() >= cells.mixture.sum():
        points = (Bar(_label(cells, i), float(cells.reference[i]), float(cells.current[i])) for i in used)
        return Bars(title, (*points, *infinite), ordered=True)
    cells, unit = on_grid(cells)
    atoms = cells.atoms
    size = np.maximum(cells.reference, cells.current)
    rest = cells.without(atoms & (size >= _SPIKE))
    borders, logarithmic = borders_for(rest)
    tallest = max(shares[1:-1].max() for shares in rest.between(borders))
    spikes = atoms & (size >= _SPIKE) & (size > _DWARFS * tallest)
    reference, current = cells.without(spikes).between(borders)
    first, last = unit * np.ceil(borders[[0, -1]]) if cells.whole else borders[[0, -1]]
    apart = [
        Bar(f"< {number(first, 4)}", float(reference[0]), float(current[0])),
        *(
            Bar(f"= {number(unit * cells.value(i), 4)}", float(cells.reference[i]), float(cells.current[i]))
            for i in np.flatnonzero(spikes).tolist()
        ),
        Bar(f"≥ {number(last, 4)}", float(reference[-1]), float(current[-1])),
    ]
    return Histogram(
        title=title,
        borders=tuple((unit * borders).tolist()),
        reference=tuple(reference[1:-1].tolist()),
        current=tuple(current[1:-1].tolist()),
        apart=(*(bar for bar in apart if max(bar.reference, bar.current) > _NOTHING), *infinite),
        whole=cells.whole and unit == 1,
        logarithmic=logarithmic,
    )


def _label(cells: Cells, cell: int) -> str:
    """What a cell holds: a value, the values between two, or what lies beyond."""
    if not len(cells.cuts):
        return "any"
    half = 0.5 if cells.whole else 0.0
    if cell == 0:
        return f"< {plain(cells.cuts[0] + half)}"
    if cell == len(cells.cuts):
        return f"> {plain(cells.cuts[-1] - half)}"
    if cells.atoms[cell]:
        return plain(cells.value(cell))
    return f"{plain(cells.cuts[cell - 1] + half)} – {plain(cells.cuts[cell] - half)}"


# --- Categories, times, texts ---------------------------------------------------------------------------------------


def bars(current: ColumnProfile, reference: ColumnProfile) -> Bars:
    """Distribution over categories: the 15 commonest of either side, and new values; the other ones stand apart.

    Examples
    --------
    >>> import pyarrow as pa
    >>> edges = CategoryEdges(("a", "b"))
    >>> before, now = edges.count(pa.array(["a", "a", "b", "b"])), edges.count(pa.array(["a"] * 10 + ["c"] * 10))
    >>> [(bar.label, bar.reference, bar.current, bar.new) for bar in bars(now, before).bars]
    [('a', 0.5, 0.5, False), ('b', 0.5, 0.0, False), ('c', 0.0, 0.5, True)]
    """
    edges = reference.edges
    assert isinstance(edges, CategoryEdges)
    before, now = (_shares(profile.cells) for profile in (reference, current))
    known = np.arange(1, len(before))
    by_size = known[np.argsort(-np.maximum(before, now)[1:], kind="stable")]
    if edges.values != ("false", "true"):
        by_size = by_size[np.maximum(before, now)[by_size] > 0]
    most = len(by_size) if len(by_size) == VALUES + 1 else VALUES
    shown = np.sort(by_size[:most])
    rows = [Bar(edges.values[i - 1] or "(empty)", float(before[i]), float(now[i])) for i in shown]
    apart = []
    if len(hidden := by_size[most:]):
        apart.append(Bar(_of(len(hidden), "other value"), float(before[hidden].sum()), float(now[hidden].sum())))
    if edges.complete:
        often = list(current.fresh.often(SEEN_OFTEN).items())[:NEW_VALUES]
        rows += [Bar(value or "(empty)", 0.0, _share(n, current), new=True) for value, n in often]
        left = float(now[0]) - sum(bar.current for bar in rows if bar.new)
        if left > _NOTHING:
            rows.append(Bar("other new values" if often else "new values", 0.0, left, new=True))
    else:
        apart.append(Bar("rarer or new values", float(before[0]), float(now[0])))
    return Bars("Value", _told_apart(rows), apart=tuple(apart))


def _told_apart(rows: Sequence[Bar]) -> tuple[Bar, ...]:
    """With a space after a label that another row has already: a value may be called "other values"."""
    taken: set[str] = set()
    told: list[Bar] = []
    for bar in rows:
        label = bar.label
        while label in taken:
            label += " "
        taken.add(label)
        told.append(replace(bar, label=label))
    return tuple(told)


def week(current: ColumnProfile, reference: ColumnProfile) -> tuple[Bars, ...]:
    """Distributions of a time over the hours of the day (but not of mere dates) and over the weekdays, UTC."""
    by_hour = _in_order("Hour of the day (UTC)", HOURS, hours(current), hours(reference))
    by_day = _in_order("Weekday (UTC)", WEEKDAYS, weekdays(current), weekdays(reference))
    dates = not hours(current)[1:].any() and not hours(reference)[1:].any()
    return (by_day,) if dates else (by_hour, by_day)


def _in_order(title: str, labels: tuple[str, ...], current: Counts, reference: Counts) -> Bars:
    sides = (_shares(reference).tolist(), _shares(current).tolist())
    return Bars(title, tuple(map(Bar, labels, *sides)), ordered=True)


def text(current: ColumnProfile, reference: ColumnProfile) -> tuple[Picture, Picture]:
    """Distributions of the length of texts, in characters and in words."""
    edges = reference.edges
    assert isinstance(edges, TextEdges)
    counts = edges.lengths.cuts, _lengths(reference), _lengths(current)
    low, high = np.fmin(current.low, reference.low), np.fmax(current.high, reference.high)
    characters = cells_of(counts[0], _shares(counts[1]), _shares(counts[2]), float(low), float(high))
    words = cells_of(edges.words.cuts, _shares(word_bins(reference)), _shares(word_bins(current)), 0.0, np.inf)
    return _drawn("Characters", characters), _drawn("Words", words)


def _lengths(profile: ColumnProfile) -> Counts:
    assert isinstance(profile.edges, TextEdges)
    return profile.counts[2 : 3 + len(profile.edges.lengths.cuts)]


def key_figures(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None = None) -> tuple[Figure, ...]:
    """The table of key figures of a column of any kind: rows, missing values, and what its kind has.

    Parameters
    ----------
    current, reference, sampled
        As of `histogram`.
    """
    sides = (reference, current)
    figures = [
        Figure("Rows", "rows", reference.rows, current.rows),
        Figure("Missing", "share", *(_ratio(p.missing, p.rows) for p in sides)),
    ]
    if reference.invalid or current.invalid:
        name = "Thereof NaN" if isinstance(reference.edges, NumberEdges) else "Thereof unreadable"
        figures.append(Figure(name, "share", *(_ratio(p.invalid, p.rows) for p in sides)))
    match reference.edges:
        case NumberEdges():
            figures += _number_figures(current, reference, sampled)
        case CategoryEdges():
            figures += _category_figures(current, reference)
        case TimeEdges():
            figures += [
                Figure("First", "time", *(_known(p.low) for p in sides)),
                Figure("Last", "time", *(_known(p.high) for p in sides)),
                Figure("Span", "days", *(_known((p.high - p.low) / 86_400) for p in sides)),
                Figure(
                    "On weekends", "share", *(_ratio(int(weekdays(p)[5:].sum()), int(p.cells.sum())) for p in sides)
                ),
            ]
        case TextEdges():
            figures += _text_figures(current, reference)
        case _:
            pass
    return tuple(figures)


def _number_figures(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None) -> list[Figure]:
    sides = (reference, current)
    figures = []
    if infinite_rows(reference) or infinite_rows(current):
        figures.append(Figure("Infinite", "share", *(_ratio(infinite_rows(p), p.rows) for p in sides)))
    cells = _cells(current, reference, sampled)
    levels = [
        cells.quantiles(shares, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist() for shares in (cells.reference, cells.current)
    ]
    names = ("5% quantile", "25% quantile", "Median", "75% quantile", "95% quantile")
    moments = [mean_and_deviation(p) for p in sides]
    return [
        *figures,
        Figure("Mean", "value", *(_known(mean) for mean, _ in moments)),
        Figure("Standard deviation", "value", *(_known(deviation) for _, deviation in moments)),
        Figure("Minimum", "value", *(_known(p.low) for p in sides)),
        *(Figure(name, "value", _known(a), _known(b)) for name, a, b in zip(names, *levels, strict=True)),
        Figure("Maximum", "value", *(_known(p.high) for p in sides)),
    ]


def _category_figures(current: ColumnProfile, reference: ColumnProfile) -> list[Figure]:
    sides = (reference, current)
    edges = reference.edges
    assert isinstance(edges, CategoryEdges)
    top = [int(p.cells[1:].argmax()) if p.cells[1:].any() else None for p in sides]
    figures = [
        Figure("Commonest value", "name", *(None if i is None else edges.values[i] or "(empty)" for i in top)),
        Figure(
            "Its share",
            "share",
            *(None if i is None else _share(p.cells[1 + i], p) for i, p in zip(top, sides, strict=True)),
        ),
    ]
    if not edges.complete:
        return [*figures, Figure("Rarer or new values", "share", *(_share(p.counts[OTHER], p) for p in sides))]
    distinct = (int(np.count_nonzero(p.cells[1:])) + len(p.fresh.counts) * 2**p.fresh.level for p in sides)
    return [
        Figure("Distinct values", "rows", *distinct),
        *figures,
        Figure("New values", "share", None, _share(current.counts[OTHER], current)),
    ]


def _text_figures(current: ColumnProfile, reference: ColumnProfile) -> list[Figure]:
    edges = reference.edges
    assert isinstance(edges, TextEdges)
    sides = (reference, current)
    middle = np.array([0.5])
    return [
        Figure("Shortest (characters)", "value", *(_known(p.low) for p in sides)),
        Figure(
            "Median length (characters)",
            "value",
            *(_known(quantile(edges.lengths.cuts, _lengths(p), (p.low, p.high), middle)) for p in sides),
        ),
        Figure("Longest (characters)", "value", *(_known(p.high) for p in sides)),
        Figure("Unseen words", "share", None, _known(unseen_share(current, reference))),
    ]


def _known(value: float | NDArray[np.float64]) -> float | None:
    return float(np.squeeze(value)) if np.isfinite(value).all() else None


def _ratio(part: int, rows: int) -> float | None:
    return part / rows if rows else None


def _share(rows: int | np.int64, profile: ColumnProfile) -> float:
    """Share of the rows that have a value; 0 without any."""
    return float(rows / max(int(profile.cells.sum()), 1))


def _shares(counts: NDArray[np.int64]) -> Floats:
    return counts / max(int(counts.sum()), 1)
