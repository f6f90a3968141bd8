"""Joint drift: has the dependence between columns changed, although each column may look the same? On the samples of rows."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.checks.channels import POWER_QUANTILE
from holdfast.checks.context import Context
from holdfast.profile.arrays import text_codes
from holdfast.profile.calendar import moments
from holdfast.profile.categorical import CategoryEdges, as_text
from holdfast.profile.numeric import NumberEdges, numbers
from holdfast.profile.table import Profile, time_covered
from holdfast.records import Finding, Status
from holdfast.schema import Role
from holdfast.stats.classifier import Discrimination, discriminate
from holdfast.stats.dependence import PairScan, pair_scan

INDICATORS = 10
"""Most values of a category that take part, the commonest ones."""

LEAST_SHARE = 0.02
"""Smallest share of the reference at which a value takes part."""

WINDOW_ROWS = 100
"""Sampled rows of a window of the reference, at least."""

LEAST_AREA = 0.60
"""Area under the ROC curve from which the classifier's opinion is material."""

Array = NDArray[np.float64]


class Joint(msgspec.Struct, frozen=True, kw_only=True):
    """The two opinions on joint drift, which share the level."""

    names: list[str]
    scan: PairScan
    opinion: Discrimination
    rows: tuple[int, int]

    @property
    def p_value(self) -> float:
        """Bonferroni over the two opinions."""
        known = [p for p in (self.scan.p_value, self.opinion.p_value) if not np.isnan(p)]
        return min(1.0, min(known) * len(known))

    def finding(self, adjusted: float, cut: float, level: float, context: Context) -> Finding:
        """The finding after the budget has been spent.

        Parameters
        ----------
        adjusted
            Adjusted p-value.
        cut, level
            Largest p-value that is certain; what a single question needs when nothing else has changed.
        context
            Limits and importance.
        """
        from scipy.special import ndtri

        scan, opinion, minimum = self.scan, self.opinion, context.settings.dependence
        names = self.names[scan.first], self.names[scan.second]
        pair = f"{names[0]} × {names[1]}"
        change = scan.current - scan.reference
        # Each opinion is certain only by itself: its own p-value, doubled for the two of them.
        certain = adjusted <= context.settings.error_budget and 2 * scan.p_value <= cut
        pair_failed = certain and abs(change) >= minimum
        # Where a pair explains the difference, its size decides.
        told_apart = not certain and 2 * opinion.p_value <= cut and opinion.area >= LEAST_AREA
        error = float(np.sqrt(1 / max(self.rows[0] - 3, 1) + 1 / max(self.rows[1] - 3, 1)))
        quantile = -float(ndtri(level / (4 * scan.tests)))
        visible = float(np.tanh((quantile + POWER_QUANTILE) * error))
        moved = (
            f"The dependence of {pair} went from {scan.reference:+.2f} to {scan.current:+.2f} "
            f"(correlation of {scan.kind} on the rank scale)"
        )
        if pair_failed:
            message = f"{moved}: more than chance over {scan.tests} pairs explains."
        elif told_apart:
            message = (
                f"A classifier tells the rows of the two tables apart (area {opinion.area:.2f}), although no single pair "
                f"of columns shows why; nearest: {pair}."
            )
        elif certain:
            message = f"{moved}: certain, but less than the {minimum:.2g} that matter."
        else:
            message = f"No pair of {scan.tests} changed by more than chance explains; nearest: {pair}."
        unclear = Status.PASS if visible <= minimum else Status.INCONCLUSIVE
        return Finding(
            code="drift.joint",
            status=Status.FAIL if pair_failed or told_apart else unclear,
            subject=pair,
            message=message,
            value=change,
            limit=max(minimum, float(np.tanh(quantile * error))),
            interval=(change - 1.96 * error, change + 1.96 * error),
            visible=visible,
            unit="correlation",
            weight=max(context.weight(name) for name in names) * abs(change) / minimum,
            evidence={
                "adjusted_p_value": adjusted,
                "pair": list(names),
                "kind": scan.kind,
                "current": scan.current,
                "reference": scan.reference,
                "tests": scan.tests,
                "windows": scan.windows,
                "classifier_area": None if np.isnan(opinion.area) else opinion.area,
                "classifier_p_value": None if np.isnan(opinion.p_value) else opinion.p_value,
                "sampled_rows": list(self.rows),
            },
        )


def joint_dependence(current: Profile, reference: Profile, context: Context) -> Joint | Finding:
    """Compare the row samples of two profiles pair by pair, and ask a classifier."""
    if current.sample is None or reference.sample is None:
        return _without("One of the profiles holds no sample of rows.")
    names = [
        c.name
        for c in reference.edges.schema.columns
        if c.role not in {Role.TIME, Role.ID, Role.IGNORE, Role.WEIGHT}
        and c.name in current.sample.rows.schema.names
        and c.name in reference.sample.rows.schema.names
        and isinstance(reference.columns[c.name].edges, NumberEdges | CategoryEdges)
        and not context.settings.of(c.name).ignore
    ]
    cur, ref, owners, indicators = _matrices(current, reference, names)
    if len(np.unique(owners)) < 2:
        return _without("Fewer than two columns can be compared jointly.")
    windows = _windows(reference)
    scan = pair_scan(cur, ref, indicators=indicators, owners=owners, windows=windows)
    if scan is None:
        return _without("The samples hold too few rows, or no pair of columns that varies.")
    # Categories are left to the scan: their margins show in any score of theirs, and these may have changed by themselves.
    opinion = discriminate(
        cur[:, ~indicators],
        ref[:, ~indicators],
        seed=reference.edges.seed,
        windows=windows if windows.any() else None,
    )
    named = msgspec.structs.replace(scan, first=int(owners[scan.first]), second=int(owners[scan.second]))
    return Joint(names=names, scan=named, opinion=opinion, rows=(len(cur), len(ref)))


def _without(reason: str) -> Finding:
    return Finding(code="drift.joint", status=Status.NOT_APPLICABLE, message=reason)


def _matrices(
    current: Profile, reference: Profile, names: list[str]
) -> tuple[Array, Array, NDArray[np.intp], NDArray[np.bool_]]:
    """Both samples as numbers: numeric columns as they are, categories as indicators of their common values."""
    assert current.sample is not None
    assert reference.sample is not None
    parts: list[tuple[Array, Array, int, bool]] = []
    for owner, name in enumerate(names):
        before = reference.columns[name]
        edges = before.edges
        cur, ref = current.sample.rows.column(name), reference.sample.rows.column(name)
        if isinstance(edges, NumberEdges):
            now, then = numbers(cur)[0], numbers(ref)[0]
            if _is_binary(then):
                # Two values are a category, whatever they are called: their absolute rank scores say nothing.
                now, then = _above(now, then), _above(then, then)
            parts.append((now, then, owner, _is_binary(then)))
            continue
        assert isinstance(edges, CategoryEdges)
        rows = max(int(before.cells.sum()), 1)
        common = [i for i in range(min(INDICATORS, len(edges.values))) if before.cells[i + 1] >= LEAST_SHARE * rows]
        if len(common) == 2 and len(edges.values) == 2:
            common = common[:1]  # the other one is its mirror image
        parts += [(_indicator(cur, edges.values[i]), _indicator(ref, edges.values[i]), owner, True) for i in common]
    finite = [p for p in parts if _varies(p[0]) and _varies(p[1])]
    if not finite:
        return np.empty((0, 0)), np.empty((0, 0)), np.empty(0, dtype=np.intp), np.empty(0, dtype=bool)
    return (
        np.column_stack([p[0] for p in finite]),
        np.column_stack([p[1] for p in finite]),
        np.array([p[2] for p in finite]),
        np.array([p[3] for p in finite]),
    )


def _indicator(column: pa.Array, value: str) -> Array:
    words, codes = text_codes(as_text(column))
    matches = np.append(np.array([word == value for word in words.to_pylist()], dtype=np.float64), np.nan)
    return np.asarray(matches[codes])


def _is_binary(values: Array) -> bool:
    return len(np.unique(values[~np.isnan(values)])) in {1, 2}


def _above(values: Array, reference: Array) -> Array:
    """1 where a value is above the smaller one of a binary reference, else 0."""
    return np.where(np.isnan(values), np.nan, values > np.nanmin(reference))


def _varies(values: Array) -> bool:
    present = values[~np.isnan(values)]
    return len(present) > 1 and bool((present != present[0]).any())


def _windows(reference: Profile) -> NDArray[np.intp]:
    """Window of each sampled row of the reference: neighbouring windows of its history, with enough rows each."""
    assert reference.sample is not None
    rows = len(reference.sample.positions)
    time = reference.edges.time
    grid, (first, end) = reference.edges.grid, time_covered(reference)
    if grid is None or time is None or time not in reference.sample.rows.schema.names or not np.isfinite(first):
        return np.zeros(rows, dtype=np.intp)
    when = moments(reference.sample.rows.column(time))[0]
    whole = grid.whole(first, end)
    # What is cut off at the ends goes with the window beside it.
    number = grid.place(np.nan_to_num(when, nan=first)).clip(whole.start, max(whole.start, whole.stop - 1))
    _, place = np.unique(number, return_inverse=True)
    windows = int(place.max()) + 1
    fitting = max(1, min(windows, rows // WINDOW_ROWS))
    return np.asarray(place * fitting // windows, dtype=np.intp)
