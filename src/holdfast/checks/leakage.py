"""Has the model seen what it is judged on: the moments, the rows, their owners, or rows like them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.checks.ask import CONFIDENCE, Said, not_applicable, passed
from holdfast.checks.limits import ReleaseLimits
from holdfast.profile.arrays import floats
from holdfast.profile.hashing import Hashes, row_hashes
from holdfast.records import Status
from holdfast.stats.intervals import newcombe

Times: TypeAlias = NDArray[np.float64] | None

_DROPPED = np.uint64(42)
"""Bits of a float64 that near-duplicates may differ in: 10 of its 52 binary digits stay, about three decimal ones."""


def time_leakage(parts: Sequence[Times], trained_until: float | None, delay_seconds: float = 0.0) -> list[Said]:
    """Was the model fitted on moments that it is judged on?

    Parameters
    ----------
    parts
        Times of train, validation and test, seconds since 1970, (n,) each; None without a time.
    trained_until
        The last moment that the model was fitted on, in seconds since 1970; None: nobody has said.
    delay_seconds
        How long a label takes to arrive.

    Examples
    --------
    >>> day = np.arange(10.0)
    >>> [found] = time_leakage([day[:6], day[6:8], day[8:]], trained_until=6.5)
    >>> print(found.status, found.message)
    fail 1 row of validation and test is not younger than what the model was fitted on.
    """
    if any(times is None for times in parts):
        return [
            Said(
                status=Status.WARN,
                message="The rows have no time, so nobody knows whether the model was fitted on rows that it is judged on.",
            )
        ]
    known = [np.asarray(times) for times in parts]
    early = sum(int(np.count_nonzero(before >= after.min(initial=np.inf))) for before, after in pairwise(known))
    if early:
        message = f"{early:,} rows of an earlier part are not older than the start of the part that follows it."
        return [Said(status=Status.FAIL, message=message, value=float(early), limit=0.0, unit="rows")]
    if trained_until is None:
        message = (
            "Nobody has said until when the model was fitted, so it may have seen the rows that it is judged on: "
            "say it in model.trained_until."
        )
        return [Said(status=Status.WARN, message=message)]
    judged = np.concatenate(known[1:])
    seen = int(np.count_nonzero(judged <= trained_until))
    if seen:
        verb = "row of validation and test is" if seen == 1 else "rows of validation and test are"
        message = f"{seen:,} {verb} not younger than what the model was fitted on."
        return [Said(status=Status.FAIL, message=message, value=float(seen), limit=0.0, unit="rows")]
    if len(judged) and judged.min() - trained_until < delay_seconds:
        message = (
            "The model was fitted on rows whose labels had not arrived when the first rows that it is judged on came."
        )
        return [Said(status=Status.WARN, message=message)]
    return [passed("The model was fitted on rows that are older than all that it is judged on.")]


def identity_leakage(ids: Sequence[pa.Array | None]) -> list[Said]:
    """Is a row in two parts, by what identifies it?

    Parameters
    ----------
    ids
        Of train, validation and test, (n,) each; None where rows have none.

    Examples
    --------
    >>> [found] = identity_leakage([pa.array(["a", "b"]), pa.array(["c"]), pa.array(["b", "d"])])
    >>> print(found.status, found.message)
    fail 1 of 3 rows of validation and test has the identifier of a row of an earlier part.
    """
    known = [one.dictionary_decode() if pa.types.is_dictionary(one.type) else one for one in ids if one is not None]
    if len(known) < len(ids):
        return [not_applicable("No column has the role `id`.")]
    earlier, bad, judged = known[0], 0, 0
    for part in known[1:]:
        seen = pc.and_(pc.is_in(part, value_set=earlier.drop_null().cast(part.type)), pc.is_valid(part))
        bad += pc.sum(seen).as_py() or 0
        judged += len(part)
        earlier = pa.concat_arrays([earlier, part.cast(earlier.type)])
    if not bad:
        return [passed(f"None of {judged:,} rows of validation and test is in an earlier part.")]
    verb = "has" if bad == 1 else "have"
    return [
        Said(
            status=Status.FAIL,
            message=f"{bad:,} of {judged:,} rows of validation and test {verb} the identifier of a row of an earlier part.",
            value=bad / judged,
            limit=0.0,
            unit="share",
            evidence={"rows": bad},
        )
    ]


def group_leakage(groups: Mapping[str, Sequence[NDArray[np.int64]]]) -> list[Said]:
    """Are the owners of the test rows known from training?

    Parameters
    ----------
    groups
        By column, codes of the owner in the rows of train, validation and test, -1 where missing.

    Examples
    --------
    >>> codes = np.array([0, 0, 1, 2])
    >>> [found] = group_leakage({"customer": [codes, codes, np.array([1, 3, 4, 5])]})
    >>> print(found.status, found.subject, found.value)
    warn customer 0.25
    """
    if not groups:
        return [not_applicable("No column has the role `group`.")]
    return [_known_owners(name, parts[0], parts[-1]) for name, parts in groups.items()]


def _known_owners(name: str, train: NDArray[np.int64], test: NDArray[np.int64]) -> Said:
    owned = test[test >= 0]
    if not len(owned):
        return Said(status=Status.NOT_APPLICABLE, subject=name, message="No test row has an owner.")
    share = float(np.isin(owned, train).mean())
    if not share:
        return Said(status=Status.PASS, subject=name, message="No owner of a test row occurs in train.", value=0.0)
    message = (
        f"{share:.1%} of the test rows belong to owners that occur in train: the figures say little about new owners; "
        "to judge those, name the column as split.group."
    )
    return Said(status=Status.WARN, subject=name, message=message, value=share, limit=0.0, unit="share")


def duplicate_leakage(train: pa.Table, test: pa.Table, limits: ReleaseLimits, *, drawn: bool = False) -> list[Said]:
    """Do more test rows have a near-duplicate in train than rows of train have among themselves?

    Rows are near-duplicates if all features are equal, numbers to about three significant digits (10 binary ones).
    Numbers that lie at the edge of such a step are missed: a random sample of near-duplicates is found, all exact ones.

    Parameters
    ----------
    train, test
        Features, the same columns.
    limits
        `duplicates`: the excess that is tolerable.
    drawn
        Whether the parts were drawn at random: then train repeats itself as often as it is repeated in test, and any
        share beyond the limit is worth a look.
    """
    if not train.num_rows or not test.num_rows or not test.num_columns:
        return [not_applicable("There are no rows of train to look at.")]
    known, own = _near(train), _near(test)
    values, counts = np.unique(known, return_counts=True)
    usual = int(counts[counts > 1].sum())
    twins = int(np.isin(own, values).sum())
    low, high = (float(end) for end in newcombe(twins, len(own), usual, len(known), CONFIDENCE))
    share, base = twins / len(own), usual / len(known)
    excess = share - base
    certain, more = low > limits.duplicates, excess > limits.duplicates
    status = Status.FAIL if certain else Status.WARN if more or (drawn and share > limits.duplicates) else Status.PASS
    return [
        Said(
            status=status,
            message=f"{share:.2%} of the test rows have a near-duplicate in train; of the rows of train, {base:.2%} have "
            f"one in train. {limits.duplicates:.2%} more are tolerable.",
            value=excess,
            limit=limits.duplicates,
            interval=(low, high),
            unit="share",
            evidence={"test": share, "train": base, "rows": twins},
        )
    ]


def _near(features: pa.Table) -> Hashes:
    """Hashes of rows that are equal for near-duplicates."""
    columns = {name: _rounded(features[name]) for name in features.column_names}
    rounded = pa.table(columns).combine_chunks()
    batches = rounded.to_batches()
    return np.concatenate([row_hashes(batch) for batch in batches])


def _rounded(column: pa.ChunkedArray) -> pa.Array:
    whole = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
    kind = whole.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        # Categories by their texts: codes of two tables do not mean the same.
        return (whole.cast(kind.value_type) if pa.types.is_dictionary(kind) else whole).combine_chunks()
    values = np.concatenate([floats(chunk) for chunk in whole.chunks]) if whole.num_chunks else np.empty(0)
    half, step = np.uint64(1) << (_DROPPED - np.uint64(1)), (np.uint64(1) << _DROPPED) - np.uint64(1)
    bits = np.where(np.isnan(values), np.nan, values).view(np.uint64)
    with np.errstate(over="ignore"):
        return pa.array(((bits + half) & ~step).view(np.float64), from_pandas=False)
