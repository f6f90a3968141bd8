"""How far test lies from train: the comparison of two tables, before a release."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa

from holdfast.checks.catalogue import DRIFT, TITLES
from holdfast.comparison import compare
from holdfast.evaluation.labelled import Labelled
from holdfast.evidence import Evidence
from holdfast.gate.evidence import Trial
from holdfast.kinds import Role
from holdfast.records import Finding, Status


def drift_between(trial: Trial, evidence: Evidence) -> list[Finding]:
    """What a comparison of test with train finds of features, missingness and target. It warns: time changes things."""
    project, train, test = trial.project, _table(trial, trial.parts.train), _table(trial, trial.parts.test)
    names = set(train.column_names)
    roles: dict[str, Role | str] = dict.fromkeys(trial.model.features, Role.FEATURE)
    roles |= {name: role for name, role in ((project.data.target, Role.TARGET), (project.data.time, Role.TIME)) if name}
    settings = msgspec.structs.replace(
        project.checks,
        skip=("quality", *(code for code in project.checks.skip if code in TITLES or code == "drift")),
        columns={name: limits for name, limits in project.checks.columns.items() if name in names},
    )
    importance = {
        one.feature: one.shapley * len(evidence.importances) for one in evidence.importances if one.shapley is not None
    }
    found = compare(
        train,
        test,
        roles={name: role for name, role in roles.items() if name in names},
        settings=settings,
        importance=importance,
    ).findings
    return [
        msgspec.structs.replace(one, status=Status.WARN) if one.status is Status.FAIL else one
        for one in found
        if one.code in DRIFT
    ]


def _table(trial: Trial, rows: Labelled) -> pa.Table:
    """Features, target and time of rows, as a comparison reads them."""
    data = trial.project.data
    columns = {name: rows.features[name] for name in rows.features.column_names}
    columns[data.target] = pa.array(rows.truth)
    if rows.time is not None and data.time is not None:
        columns[data.time] = pa.array((rows.time * 1e6).astype(np.int64), pa.timestamp("us", "UTC"))
    return pa.table(columns)
