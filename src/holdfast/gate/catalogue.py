"""All codes there are, with titles and severities: of comparisons, of checks before a release, of signals and limits."""

from __future__ import annotations

from holdfast.checks.catalogue import DRIFT, QUALITY, RELEASE, SERVED, WATCHED
from holdfast.config import Project
from holdfast.errors import SettingError
from holdfast.evaluation.limits import CODE
from holdfast.explain import signals
from holdfast.records import Severity
from holdfast.schema import Schema

TITLES = (
    {code: check.title for code, check in QUALITY.items()}
    | DRIFT
    | {code: check.title for code, check in (RELEASE | WATCHED).items()}
    | signals.TITLES
    | SERVED
    | {CODE: "Limits of the configuration"}
)
"""Each has a page, `docs/checks/<code>.md`."""

SEVERITIES = (
    {code: check.severity for code, check in (QUALITY | RELEASE | WATCHED).items()}
    | signals.SEVERITIES
    | dict.fromkeys([*SERVED, CODE], Severity.HIGH)
)
"""Of all but drift, whose findings are weighed by the column."""


def check_names(project: Project, schema: Schema) -> None:
    """Refuse names that would be silently without effect.

    Raises
    ------
    SettingError
        `checks.skip` or `gate.warnings` names no check and no family, or `checks.columns` no column.
    """
    known = {*TITLES, *(code.partition(".")[0] for code in TITLES)}
    for where, codes in (("checks.skip", project.checks.skip), ("gate.warnings", project.gate.warnings)):
        for code in codes:
            if code not in known:
                raise SettingError(f"{where}: there is no check {code!r}; `holdfast checks` lists them.")
    for name in project.checks.columns:
        if name not in {column.name for column in schema.columns}:
            raise SettingError(f"checks.columns names a column {name!r}, which the history does not have.")
