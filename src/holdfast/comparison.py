"""Compare two tables: the loop over checks that everything goes through, before release and after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, overload

import msgspec
import numpy as np

from holdfast.checks.ask import Check, Said, Seen
from holdfast.checks.catalogue import DRIFT, QUALITY, TITLES
from holdfast.checks.clocks import explained
from holdfast.checks.context import Context, Settings
from holdfast.checks.drift import drift
from holdfast.engines.local import profile_of, reference_profile
from holdfast.errors import InputError, ProfileError, SettingError
from holdfast.numerals import several
from holdfast.profile.codec import load_profile, looks_like_profile
from holdfast.profile.history import rounded
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.learn import time_range
from holdfast.profile.sample import ROWS
from holdfast.profile.table import Profile
from holdfast.records import Finding, Severity, Status
from holdfast.rows import ResponsibleRows, responsible_rows
from holdfast.schema import Role, Schema, infer
from holdfast.tables import Table, open_table
from holdfast.validated import read_toml, validated

if TYPE_CHECKING:
    import pyarrow as pa

HEAD = 20_000
"""Rows from which kinds and roles of columns are inferred when no schema is given."""

_ORDER = [
    Status.FAIL,
    Status.ERROR,
    Status.WARN,
    Status.INCONCLUSIVE,
    Status.PASS,
    Status.NOT_APPLICABLE,
    Status.SKIPPED,
]
_SEVERE = {Severity.HIGH: 0, Severity.MEDIUM: 1, Severity.LOW: 2}


@dataclass(frozen=True)
class Result:
    """What a comparison found.

    Attributes
    ----------
    findings
        All of them, the most urgent first.
    current, reference
        The two profiles.
    rows
        The most responsible rows of each failing column.
    names
        What the two tables are called in reports: reference, current.
    """

    findings: tuple[Finding, ...]
    current: Profile
    reference: Profile
    rows: Mapping[str, ResponsibleRows]
    names: tuple[str, str] = ("reference", "current")

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that fail, and those that could not be had: neither lets a table pass."""
        return tuple(f for f in self.findings if f.status in {Status.FAIL, Status.ERROR})

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @cached_property
    def counts(self) -> dict[Status, int]:
        """Number of findings of each status."""
        return {status: sum(f.status is status for f in self.findings) for status in _ORDER}

    def to_dicts(self) -> list[dict[str, Any]]:
        """The findings as plain dictionaries."""
        return [_without_nan(msgspec.to_builtins(f, enc_hook=_plain)) for f in self.findings]

    def to_json(self) -> str:
        """Findings, counts and responsible rows (ids and positions, no values) as JSON text."""
        rows = {name: {"code": r.code, "positions": r.positions, "ids": r.ids} for name, r in self.rows.items()}
        body = {
            "reference": {"name": self.names[0], "rows": self.reference.rows},
            "current": {"name": self.names[1], "rows": self.current.rows},
            "edges": self.reference.edges.digest,
            "passed": self.passed,
            "counts": {str(status): n for status, n in self.counts.items()},
            "findings": self.findings,
            "rows": rows,
        }
        return msgspec.json.format(msgspec.json.encode(body, enc_hook=_plain)).decode()

    def to_arrow(self) -> pa.Table:
        """The findings as an Arrow table, one row each; intervals as two columns, evidence as JSON text."""
        import pyarrow as pa

        number, text = pa.float64(), pa.string()
        low = [f.interval[0] if f.interval else None for f in self.findings]
        high = [f.interval[1] if f.interval else None for f in self.findings]
        columns: dict[str, pa.Array] = {
            name: pa.array([str(getattr(f, name)) for f in self.findings], text)
            for name in ("code", "status", "subject", "severity", "message", "unit")
        }
        columns |= {
            name: pa.array([getattr(f, name) for f in self.findings], number)
            for name in ("value", "limit", "visible", "weight")
        }
        columns |= {"interval_low": pa.array(low, number), "interval_high": pa.array(high, number)}
        columns["evidence"] = pa.array(
            [msgspec.json.encode(f.evidence, enc_hook=_plain).decode() for f in self.findings], text
        )
        return pa.table(columns)

    def to_junit(self) -> str:
        """JUnit XML for continuous integration: one test case per finding."""
        from holdfast.junit import junit

        return junit(self.findings)

    @overload
    def to_html(self, path: None = None, title: str = ...) -> str: ...

    @overload
    def to_html(self, path: str | Path, title: str = ...) -> None: ...

    def to_html(self, path: str | Path | None = None, title: str = "Comparison of two tables") -> str | None:
        """The report as one HTML page that works offline; written to `path` if given."""
        from holdfast.report.html import page

        text = page(
            title=title,
            findings=self.findings,
            current=self.current,
            reference=self.reference,
            rows=self.rows,
            names=self.names,
        )
        if path is None:
            return text
        Path(path).write_text(text, encoding="utf-8")
        return None

    def _repr_html_(self) -> str:
        from holdfast.report.html import notebook

        return notebook(
            title="Comparison of two tables",
            findings=self.findings,
            current=self.current,
            reference=self.reference,
            rows=self.rows,
            names=self.names,
        )

    def __repr__(self) -> str:
        told = ", ".join(f"{n} {status}" for status, n in self.counts.items() if n)
        return f"Result({several(self.current.rows, 'row')} against {self.reference.rows:,}: {told})"


def compare(
    reference: object,
    current: object,
    *,
    schema: Schema | None = None,
    roles: Mapping[str, Role | str] | None = None,
    settings: Settings | Mapping[str, Any] | str | Path | None = None,
    importance: Mapping[str, float] | None = None,
    window_seconds: float | None = None,
    now_seconds: float | None = None,
    workers: int | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Result:
    """Has the current table changed against the reference: by how much, by more than nature, and does it matter?

    Parameters
    ----------
    reference
        A table (anything that speaks Arrow, a path, glob or URI), a stored profile, or a `Profile`.
    current
        A table; or a `Profile` over the edges of the reference's, for instance one that was merged from several.
    schema
        Columns with kinds and roles; by default inferred from the head of the reference.
    roles
        Roles of columns by name, which win over the inferred ones: `{"paid_at": "time", "fraud": "target"}`; not with a
        schema, which has them.
    settings
        Limits and switches, as `Settings`, as a mapping with its fields, or as a TOML file.
    importance
        Importance of columns, 0 to infinity, by which findings are ordered.
    window_seconds
        Width of the reference's windows, for which it needs a column of the role time; by default the time that the
        current table covers.
    now_seconds
        Moment for the freshness checks, in seconds since 1970.
    workers
        Threads; by default one per processor.
    progress
        Called with the name of the table and the number of rows just read.

    Returns
    -------
    Result
        Ranked findings, profiles, and the most responsible rows.

    Raises
    ------
    InputError, SettingError, ProfileError
        With what was expected, what came, and what to do.

    Examples
    --------
    >>> import holdfast as hf
    >>> reference = {"amount": [x / 10 for x in range(500)], "kind": ["a", "b"] * 250}
    >>> current = {"amount": [x / 5 for x in range(500)], "kind": ["a", "b"] * 250}
    >>> [(f.code, f.subject) for f in hf.compare(reference, current).failed]
    [('quality.range', 'amount'), ('drift.numeric', 'amount')]
    """
    context = Context(settings=settings_of(settings), importance=importance or {}, now_seconds=now_seconds)
    # SciPy's functions are needed at the end and take their time to load: they do so while the tables are read.
    Thread(target=import_module, args=("scipy.special",), daemon=True).start()
    known = _stored_profile(reference)
    if known is not None and (schema or roles or window_seconds is not None):
        raise SettingError("A stored profile has its own schema and windows: give them when the profile is made.")
    counted = _stored_profile(current)
    if counted is not None:
        return _of_profiles(known, counted, context)
    with open_table(current, name="current") as now:
        left_out = now.left_out
        if known is None:
            with open_table(reference, name="reference") as then:
                left_out = then.left_out | left_out
                known = _profiled(then, schema, roles, window_seconds, like=now, workers=workers, progress=progress)
        _check_names(context, known, now.schema.names)
        profile = profile_of(now, known.edges, workers=workers, progress=_named(progress, "current"))
        findings = run(profile, known, context, left_out=left_out)
        rows = responsible_rows(findings, now, profile, known)
    return Result(findings=findings, current=profile, reference=known, rows=rows)


def _of_profiles(reference: Profile | None, current: Profile, context: Context) -> Result:
    """Compare two profiles, such as a month that was merged from its days with the reference; no rows can be named."""
    if reference is None:
        raise SettingError(
            "A profile can be compared with the profile whose edges it was counted over, not with a table."
        )
    if reference.edges.digest != current.edges.digest:
        raise ProfileError(
            "The two profiles were counted over different edges. Make the current one over the reference's."
        )
    _check_names(context, reference, list(current.types))
    return Result(findings=run(current, reference, context), current=current, reference=reference, rows={})


def profile_table(
    table: object,
    *,
    schema: Schema | None = None,
    roles: Mapping[str, Role | str] | None = None,
    window_seconds: float | None = None,
    like: Table | None = None,
    sample_rows: int = ROWS,
    workers: int | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Profile:
    """The profile of a reference, which can be stored and serves instead of the data.

    Parameters
    ----------
    table
        Anything that speaks Arrow, a path, glob or URI.
    schema, roles, window_seconds, workers, progress
        As in `compare`.
    like
        Table that will be compared with it: the windows are then as long as the time it covers.
    sample_rows
        Rows kept as a sample, for the joint check and for reports.

    Examples
    --------
    >>> import holdfast as hf
    >>> profile = hf.profile_table({"amount": [1.0, 2.0, None, 4.0]})
    >>> profile.rows, profile.columns["amount"].missing
    (4, 1)
    """
    with open_table(table, name="reference") as opened:
        return _profiled(
            opened,
            schema,
            roles,
            window_seconds,
            like=like,
            sample_rows=sample_rows,
            workers=workers,
            progress=progress,
        )


def _profiled(
    table: Table,
    schema: Schema | None,
    roles: Mapping[str, Role | str] | None,
    window_seconds: float | None,
    *,
    like: Table | None,
    sample_rows: int = ROWS,
    workers: int | None,
    progress: Callable[[str, int], None] | None,
) -> Profile:
    """The profile of a reference that is open."""
    if schema is not None and roles:
        raise SettingError("A schema has the roles of all columns: change them there, or give roles without a schema.")
    if window_seconds is not None and not 0 < window_seconds < np.inf:
        raise SettingError("window_seconds: expected a number of seconds above 0.")
    known = schema or infer(table, roles=roles, rows=HEAD)
    if window_seconds is not None and not any(c.name in table.schema.names for c in known.by_role(Role.TIME)):
        raise SettingError(
            "The length of windows was given, and the reference has no column of the role time to cut windows by: "
            "give a column that role, or leave the length out."
        )
    return reference_profile(
        table,
        known,
        window_seconds=window_seconds or (_span(like, known) if like is not None else None),
        sample_rows=sample_rows,
        workers=workers,
        progress=_named(progress, "reference"),
    )


def run(
    current: Profile, reference: Profile, context: Context, *, left_out: Mapping[str, str] | None = None
) -> tuple[Finding, ...]:
    """All checks over a pair of profiles, ranked.

    Parameters
    ----------
    current, reference
        Profiles over the same edges.
    context
        Limits, switches and importance.
    left_out
        Columns that could not be read in one of the tables, with the reason.
    """
    settings = context.settings
    findings: list[Finding] = []
    for code, check in QUALITY.items():
        if settings.skips(code):
            findings.append(switched_off(code, check.severity))
        else:
            findings.extend(_asked(code, check, current, reference, context))
    if "drift" in settings.skip:
        findings.extend(switched_off(code, Severity.MEDIUM) for code in DRIFT)
    else:
        try:
            findings.extend(drift(current, reference, context))
        except Exception as error:  # noqa: BLE001  # what the quality checks found must not be lost with it
            findings.extend(broken(code, "", error) for code in DRIFT)
    for name, reason in (left_out or {}).items():
        findings.append(
            Finding(code="quality.type", status=Status.NOT_APPLICABLE, subject=name, message=f"Left out: {reason}.")
        )
    return tuple(sorted(explained(findings, reference), key=_urgency))


def _asked(code: str, check: Check, current: Profile, reference: Profile, context: Context) -> Iterator[Finding]:
    """The findings of one quality check: of the whole table, or column by column."""
    if check.table is not None:
        try:
            yield from [
                _finding(code, check, said, said.subject, context) for said in check.table(current, reference, context)
            ]
        except Exception as error:  # noqa: BLE001  # one broken check must not hide the others
            yield broken(code, "", error)
        return
    assert check.column is not None
    for column in reference.edges.schema.columns:
        name = column.name
        if name not in current.columns or name not in reference.columns or context.settings.of(name).ignore:
            continue
        if isinstance(reference.columns[name].edges, IdentifierEdges) and code == "quality.constant":
            continue
        seen = Seen(
            column=column,
            current=current.columns[name],
            reference=reference.columns[name],
            context=context,
            tables=(current, reference),
        )
        try:
            said = check.column(seen)
        except Exception as error:  # noqa: BLE001  # one broken column must not hide the others
            yield broken(code, name, error)
        else:
            if said is not None:
                yield _finding(code, check, said, name, context)


def _finding(code: str, check: Check, said: Said, subject: str, context: Context) -> Finding:
    # Shares of bad rows are weighed like drift: in multiples of a tenth of the rows, the smallest change that matters.
    weight = said.value / 0.10 if said.unit == "share" and said.value is not None else 1.0
    return said.finding(code, check.severity, context.weight(subject) * weight, subject)


def broken(code: str, name: str, error: Exception) -> Finding:
    """The finding of a check that could not run."""
    # The text of the error is left out: it may hold values.
    message = f"The check could not run ({type(error).__name__}). This is a defect of Holdfast: please report it."
    return Finding(code=code, status=Status.ERROR, subject=name, message=message, severity=Severity.HIGH)


def switched_off(code: str, severity: Severity) -> Finding:
    """The finding of a check that the settings switch off."""
    return Finding(code=code, status=Status.SKIPPED, message="Switched off in the settings.", severity=severity)


def _urgency(finding: Finding) -> tuple[int, int, float, str, str]:
    return _ORDER.index(finding.status), _SEVERE[finding.severity], -finding.weight, finding.code, finding.subject


def _named(progress: Callable[[str, int], None] | None, name: str) -> Callable[[int], None] | None:
    return (lambda rows: progress(name, rows)) if progress else None


def settings_of(given: Settings | Mapping[str, Any] | str | Path | None) -> Settings:
    """Limits and switches from a mapping or a TOML file; a `SettingError` says what makes no sense, and where."""
    match given:
        case Settings():
            settings = given
        case str() | Path():
            read = read_toml(given, "the settings in")
            settings = validated(read, Settings, f"The settings in {given} make no sense")
        case _:
            settings = validated(given or {}, Settings, "These settings make no sense")
    known = {*TITLES, *(code.partition(".")[0] for code in TITLES)}
    for code in settings.skip:
        if code not in known:
            raise SettingError(f"skip: there is no check {code!r}; `holdfast checks` lists them.")
    return settings


def _stored_profile(reference: object) -> Profile | None:
    if isinstance(reference, Profile):
        return reference
    if isinstance(reference, str | Path) and looks_like_profile(reference):
        return load_profile(reference)
    return None


def _check_names(context: Context, reference: Profile, names: list[str]) -> None:
    """A limit for a column that does not exist would be silently without effect."""
    known = set(reference.edges.schema.names) | set(names)
    for name in [*context.settings.columns, *context.importance]:
        if name not in known:
            raise SettingError(f"The settings name a column {name!r}, which neither table has.")
    if not set(reference.edges.columns) & set(names):
        raise InputError(
            f"The two tables share no column: the reference has {_listed(reference.edges.schema.names)}, the current one "
            f"has {_listed(names)}. Compare tables of the same columns."
        )


def _plain(number: Any) -> Any:
    """NumPy's numbers as Python's, for JSON."""
    return number.item()


def _without_nan(value: Any) -> Any:
    """NaN and infinities as None, which JSON can say."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _listed(names: Any) -> str:
    shown = [repr(name) for name in list(names)[:5]]
    return ", ".join(shown) + (", …" if len(list(names)) > 5 else "")


def _span(table: Table, schema: Schema) -> float | None:
    """The time that the current table covers, as a round length; None where it is not known."""
    times = [c.name for c in schema.by_role(Role.TIME) if c.name in table.schema.names]
    if not times:
        return None
    first, end = time_range(table, times[0])
    return rounded(end - first) if np.isfinite(end) and end > first else None
