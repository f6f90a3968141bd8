"""Is the model that will be served the one that was judged, and can it be afforded?"""

from __future__ import annotations

from holdfast.checks.ask import Said, not_applicable
from holdfast.checks.limits import ReleaseLimits
from holdfast.evidence import Parity, RunningCost
from holdfast.records import Status


def parity(found: Parity | None, limits: ReleaseLimits, unsealable: str = "") -> list[Said]:
    """Does the converted model give the scores and the decisions of the original?

    Parameters
    ----------
    found
        What was seen on every test row; None: the model was not converted.
    limits
        `flipped`: share of decisions that may differ.
    unsealable
        Why the model has no ONNX form, where it has none.

    Examples
    --------
    >>> found = Parity(rows=1_000, worst=0.3, tolerance=1e-4, beyond=2, flips=1, flipped=(17,))
    >>> print(parity(found, ReleaseLimits())[0].message)
    The scores of 2 of 1,000 rows differ by more than 0.0001 (at most 0.3), and 1 decision differs.
    """
    if found is None:
        why = f": {unsealable}" if unsealable else ", because it was not converted"
        return [Said(status=Status.WARN, message=f"The model can be judged, and it cannot be sealed{why.rstrip('.')}.")]
    if not found.rows:
        return [Said(status=Status.INCONCLUSIVE, message="There was no row to compare on.")]
    share = found.flips / found.rows
    # Written so that NaN does not pass.
    holds = found.beyond == 0 and found.worst <= found.tolerance and share <= limits.flipped
    decisions = f"{found.flips:,} decision{' differs' if found.flips == 1 else 's differ'}"
    return [
        Said(
            status=(Status.WARN if found.flips else Status.PASS) if holds else Status.FAIL,
            message=f"The scores of {found.beyond:,} of {found.rows:,} rows differ by more than {found.tolerance:g} "
            f"(at most {found.worst:.2g}), and {decisions}.",
            value=share,
            limit=limits.flipped,
            unit="share",
            evidence={
                "beyond": found.beyond,
                "flips": found.flips,
                "worst": found.worst,
                "flipped": list(found.flipped),
            },
        )
    ]


def running(found: RunningCost | None, limits: ReleaseLimits) -> list[Said]:
    """What does one row take, in time and memory, and is that affordable?

    Parameters
    ----------
    found
        As measured; None: it was not.
    limits
        `row_milliseconds` and `model_megabytes`, where there are such.

    Examples
    --------
    >>> cost = RunningCost(single_row_ms=0.4, batch_us_per_row=2.0, batch_rows=10_000, model_bytes=180_000)
    >>> time, memory = running(cost, ReleaseLimits(row_milliseconds=0.1))
    >>> print(time.status, time.message)
    fail A single row takes 0.4 ms; 0.1 ms are tolerable.
    >>> print(memory.status, memory.message)
    not_applicable How many MB the model takes was not measured.
    """
    if found is None:
        if limits.row_milliseconds is None and limits.model_megabytes is None:
            return [not_applicable("Time and memory were not measured.")]
        return [
            Said(status=Status.FAIL, message="There is a limit for time or memory, and they could not be measured.")
        ]
    return [
        _afforded("time", "a single row takes", found.single_row_ms, limits.row_milliseconds, "ms"),
        _afforded("memory", "the model takes", found.memory_mb, limits.model_megabytes, "MB"),
    ]


def _afforded(subject: str, what: str, value: float | None, limit: float | None, unit: str) -> Said:
    if value is None:
        status = Status.FAIL if limit is not None else Status.NOT_APPLICABLE
        return Said(status=status, subject=subject, message=f"How many {unit} {what} was not measured.", limit=limit)
    ending = f"; {limit:g} {unit} are tolerable." if limit is not None else "."
    return Said(
        status=Status.PASS if limit is None or value <= limit else Status.FAIL,
        subject=subject,
        message=f"{what[0].upper()}{what[1:]} {value:.3g} {unit}{ending}",
        value=value,
        limit=limit,
        unit=unit,
    )
