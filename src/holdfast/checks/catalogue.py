"""All checks by their codes: a table that can be read whole. Each code has a page, `docs/checks/<code>.md`."""

from __future__ import annotations

from holdfast.checks.ask import Check
from holdfast.checks.categories import constant, unseen_category
from holdfast.checks.duplicates import duplicate_columns, duplicate_keys, duplicate_rows
from holdfast.checks.identity import conflicting_labels, identifier_leakage
from holdfast.checks.missing import infinite, missing_rate, new_nulls
from holdfast.checks.ranges import out_of_range, outliers
from holdfast.checks.text import special_characters, string_variants
from holdfast.checks.types import extra_columns, missing_columns, mixed_types, type_change
from holdfast.checks.volume import freshness, row_count
from holdfast.records import Severity

LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH

QUALITY = {
    "quality.missing_column": Check(title="Missing column", severity=HIGH, table=missing_columns),
    "quality.extra_column": Check(title="Extra column", severity=LOW, table=extra_columns),
    "quality.type": Check(title="Type change", severity=HIGH, column=type_change),
    "quality.mixed_types": Check(title="Mixed types", severity=MEDIUM, column=mixed_types),
    "quality.missing_rate": Check(title="Missing rate", severity=HIGH, column=missing_rate),
    "quality.new_nulls": Check(title="New nulls", severity=HIGH, column=new_nulls),
    "quality.infinite": Check(title="Infinite values", severity=HIGH, column=infinite),
    "quality.range": Check(title="Out of range", severity=MEDIUM, column=out_of_range),
    "quality.outliers": Check(title="Outlier share", severity=MEDIUM, column=outliers),
    "quality.unseen_category": Check(title="Unseen category", severity=MEDIUM, column=unseen_category),
    "quality.constant": Check(title="Constant or almost constant", severity=MEDIUM, column=constant),
    "quality.string_variants": Check(title="String variants", severity=LOW, column=string_variants),
    "quality.special_characters": Check(title="Special characters", severity=LOW, column=special_characters),
    "quality.duplicate_rows": Check(title="Duplicate rows", severity=MEDIUM, table=duplicate_rows),
    "quality.duplicate_keys": Check(title="Repeated identifiers", severity=HIGH, table=duplicate_keys),
    "quality.duplicate_columns": Check(title="Duplicate columns", severity=LOW, table=duplicate_columns),
    "quality.identifier_leakage": Check(title="Identifier leakage", severity=MEDIUM, table=identifier_leakage),
    "quality.conflicting_labels": Check(title="Conflicting labels", severity=MEDIUM, table=conflicting_labels),
    "quality.row_count": Check(title="Row count", severity=HIGH, table=row_count),
    "quality.freshness": Check(title="Freshness", severity=HIGH, table=freshness),
}

DRIFT = {
    "drift.numeric": "Drift of a number",
    "drift.categories": "Drift of a category",
    "drift.text": "Drift of a text",
    "drift.time": "Drift of a time of day or week",
    "drift.missing": "Drift of missingness",
    "drift.prediction": "Drift of the prediction",
    "drift.label": "Drift of the label",
    "drift.joint": "Drift of the dependence between columns",
}
"""Codes of the drift findings, which one function judges together (`drift.drift`): they share a budget."""

RELEASE = {
    "leakage.time": Check(title="Fitted on rows that it is judged on", severity=HIGH),
    "leakage.identity": Check(title="Rows in two parts", severity=HIGH),
    "leakage.group": Check(title="Owners in two parts", severity=LOW),
    "leakage.duplicates": Check(title="Near-duplicates in two parts", severity=HIGH),
    "leakage.target": Check(title="Features that give the label away", severity=HIGH),
    "overfit.gap": Check(title="Better on train than on test", severity=MEDIUM),
    "performance.baseline": Check(title="Gain over simple rules", severity=HIGH),
    "performance.trend": Check(title="Getting worse over time", severity=HIGH),
    "performance.segments": Check(title="Weak segments", severity=MEDIUM),
    "performance.unstable_segments": Check(title="Unstable segments", severity=MEDIUM),
    "performance.calibration": Check(title="Probabilities that are off", severity=MEDIUM),
    "performance.coverage": Check(title="Coverage below its level", severity=HIGH),
    "policy.guarantee": Check(title="Guarantee that cannot be had", severity=HIGH),
    "label.delay": Check(title="Labels that have not arrived", severity=MEDIUM),
    "fairness.disparity": Check(title="Protected groups treated differently", severity=HIGH),
    "robustness.nulls": Check(title="Missing features", severity=HIGH),
    "robustness.noise": Check(title="Small noise", severity=MEDIUM),
    "model.parity": Check(title="Converted model that differs", severity=HIGH),
    "model.cost": Check(title="Time and memory", severity=LOW),
}
"""Checks before a release: of a model on the parts of its history, asked by the gate (`gate.findings`)."""

WATCHED = {"label.representative": Check(title="Labelled rows unlike the others", severity=MEDIUM)}
"""Asked of the labels of each window in service, by the monitor (`monitoring.labelling`)."""

SERVED = {"skew.serving": "Training/serving skew"}
"""Of features as they were served, asked row by row of the same ones made again (`monitoring.skew`)."""

TITLES = {code: check.title for code, check in QUALITY.items()} | DRIFT
"""What a comparison of two tables asks. All codes there are: `gate.catalogue`."""
