"""All checks before a release, of LightGBM models on generated transactions, honest and with planted faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.linear_model import LogisticRegression

from holdfast.checks.catalogue import SERVED, WATCHED
from holdfast.config import project_of
from holdfast.errors import SettingError
from holdfast.evidence import Evidence
from holdfast.gate.catalogue import TITLES
from holdfast.gate.evaluate import tried
from holdfast.gate.evidence import Trial, figures
from holdfast.gate.findings import QUESTIONS, findings_of
from holdfast.gate.reading import loaded_model, read_parts, scores_of
from holdfast.records import Finding, Status
from holdfast.testing.planted import since_mask
from holdfast.testing.transactions import transactions

FEATURES = ["amount", "distance_km", "customer_count_7d", "terminal_risk_7d", "age"]
UNTIL = "2025-02-08"


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return transactions(customers=250, terminals=400, days=60, seed=3)


def settings(**sections: Any) -> dict[str, Any]:
    base = {
        "name": "fraud",
        "data": {
            "path": "-",
            "target": "is_fraud",
            "time": "time",
            "id": "transaction_id",
            "roles": {"customer_id": "group", "country": "segment"},
        },
        "model": {"path": "-", "trained_until": UNTIL},
        "objective": {"kind": "cost", "false_positive": 5, "false_negative": "amount", "currency": "EUR"},
        "split": {"test": "10d", "validation": "9d", "delay": "1d"},
    }
    return base | sections


def fitted(table: pa.Table, features: list[str], model: Any = None) -> Any:
    early = table.filter(pa.array(~since_mask(table, UNTIL, "time")))
    model = model or lightgbm.LGBMClassifier(n_estimators=30, num_leaves=7, verbosity=-1, n_jobs=1, random_state=0)
    frame = early.select(features).to_pandas()
    return model.fit(frame, early["is_fraud"].to_numpy(zero_copy_only=False))


def trial_of(table: pa.Table, model: Any, asked: Mapping[str, Any]) -> tuple[Trial, Evidence]:
    project = project_of(dict(asked))
    loaded = loaded_model(model, project)
    parts, schema = read_parts(table, project, loaded)
    trial, why = tried(loaded, schema, parts, scores_of(loaded, parts), project)
    return trial, figures(trial, why, uses=1)


def found(table: pa.Table, features: list[str] = FEATURES, model: Any = None) -> list[Finding]:
    return findings_of(*trial_of(table, fitted(table, features, model), settings()))


@pytest.fixture(scope="module")
def honest(table: pa.Table) -> tuple[Trial, Evidence]:
    return trial_of(table, fitted(table, FEATURES), settings())


def asked_again(honest: tuple[Trial, Evidence], **sections: Any) -> list[Finding]:
    """The findings on the same model and rows under other settings of the checks."""
    trial, evidence = honest
    return findings_of(replace(trial, project=project_of(settings(**sections))), evidence)


def of(code: str, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.code == code]


def test_an_honest_model_fails_nothing_and_every_code_is_answered(honest: tuple[Trial, Evidence]) -> None:
    findings = findings_of(*honest)
    assert [f for f in findings if f.status in {Status.FAIL, Status.ERROR}] == []
    asked_elsewhere = {c for c in TITLES if c.startswith(("quality", "gate"))} | {*WATCHED, *SERVED}
    assert {f.code for f in findings} == set(TITLES) - asked_elsewhere - {
        "drift.categories",  # no feature is a category or a text
        "drift.text",
        "drift.prediction",
    }
    assert of("leakage.time", findings)[0].status is Status.PASS
    assert of("leakage.identity", findings)[0].status is Status.PASS
    assert of("leakage.group", findings)[0].subject == "customer_id"


def test_a_feature_that_is_known_only_after_the_fraud_is_named(table: pa.Table) -> None:
    leaky = table.append_column("refund", pc.if_else(table["is_fraud"], table["amount"], 0.0))
    findings = of("leakage.target", found(leaky, [*FEATURES, "refund"]))
    assert [(finding.status, finding.subject) for finding in findings] == [(Status.FAIL, "refund"), (Status.WARN, "")]
    assert findings[1].message.startswith("ROC AUC is ")  # so good that something must be wrong


def test_test_rows_that_were_copied_into_train_fail(table: pa.Table) -> None:
    """A thousand of the last rows come again among the first ones, under new times."""
    last, first = table.slice(table.num_rows - 1_000), table.slice(0, 1_000)
    copied = last.set_column(table.column_names.index("time"), "time", first["time"])
    findings = found(pa.concat_tables([table, copied]))
    assert of("leakage.identity", findings)[0].status is Status.FAIL
    assert of("leakage.duplicates", findings)[0].status is Status.FAIL


def test_a_model_of_unknown_age_is_told(honest: tuple[Trial, Evidence]) -> None:
    assert of("leakage.time", asked_again(honest, model={"path": "-"}))[0].status is Status.WARN


def test_drift_between_train_and_test_warns_and_does_not_refuse(table: pa.Table) -> None:
    late = pa.array(since_mask(table, "2025-02-18", "time"))
    changed = table.set_column(
        table.column_names.index("amount"),
        "amount",
        pc.if_else(late, pc.multiply(table["amount"], 3.0), table["amount"]),
    )
    [finding] = [f for f in of("drift.numeric", found(changed)) if f.subject == "amount"]
    assert finding.status is Status.WARN


def test_a_model_that_cannot_take_nulls_warns_where_none_ever_came(table: pa.Table) -> None:
    [finding] = of("robustness.nulls", found(table, ["amount", "age"], LogisticRegression()))
    assert (finding.status, finding.evidence) == (Status.WARN, {"features": ["amount", "age"]})


def test_one_broken_check_hides_no_other(honest: tuple[Trial, Evidence], monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(*_: object) -> list[Any]:
        raise ValueError("the amount is 17.50")

    whole = findings_of(*honest)
    monkeypatch.setitem(QUESTIONS, "leakage.target", raising)
    monkeypatch.setattr("holdfast.gate.drift.compare", raising)
    broken = findings_of(*honest)
    [error] = of("leakage.target", broken)
    assert error.status is Status.ERROR
    assert "17.50" not in error.message
    assert all(f.status is Status.ERROR for f in broken if f.code.startswith("drift"))
    rest = [f for f in whole if f.code != "leakage.target" and not f.code.startswith("drift")]
    assert [f for f in broken if f.status is not Status.ERROR] == rest


def test_checks_that_are_switched_off_are_skipped(honest: tuple[Trial, Evidence]) -> None:
    findings = asked_again(honest, checks={"skip": ["robustness", "explain.unused", "drift", "leakage.group"]})
    skipped = {f.code for f in findings if f.status is Status.SKIPPED}
    assert skipped >= {"robustness.nulls", "robustness.noise", "explain.unused", "leakage.group", "drift.numeric"}
    assert "leakage.time" not in skipped


def test_a_check_that_does_not_exist_is_refused(honest: tuple[Trial, Evidence]) -> None:
    with pytest.raises(SettingError, match=r"gate\.warnings"):
        asked_again(honest, gate={"warnings": ["leakage.tyme"]})


def test_limits_come_from_the_configuration(honest: tuple[Trial, Evidence]) -> None:
    [finding] = of("leakage.target", asked_again(honest, gate={"checks": {"target_area": 0.99}}))
    assert finding.limit == 0.99


def test_numbers_are_judged_by_their_own_questions(table: pa.Table) -> None:
    """A regression of the amount, whose target is the sum of two of its features."""
    rng = np.random.default_rng(0)
    part = rng.uniform(0, 1, table.num_rows) * table["amount"].to_numpy()
    parts = table.append_column("net", pa.array(part)).append_column("tax", pa.array(table["amount"].to_numpy() - part))
    features = ["net", "tax", "age"]
    model = lightgbm.LGBMRegressor(n_estimators=20, verbosity=-1, n_jobs=1)
    model.fit(parts.slice(0, 10_000).select(features).to_pandas(), parts.slice(0, 10_000)["amount"].to_numpy())
    asked = settings() | {"objective": {"kind": "mae"}}
    asked["data"] = asked["data"] | {"target": "amount"}
    findings = findings_of(*trial_of(parts.drop_columns(["is_fraud"]), model, asked))
    assert [f for f in findings if f.status is Status.ERROR] == []
    assert [f.subject for f in of("leakage.target", findings)] == ["net + tax"]
    assert of("performance.calibration", findings)[0].status is Status.NOT_APPLICABLE


def test_a_guarantee_that_cannot_be_had_fails(table: pa.Table) -> None:
    asked = settings(policy={"guarantee": {"risk": 1e-6}})
    [finding] = of("policy.guarantee", findings_of(*trial_of(table, fitted(table, FEATURES), asked)))
    assert finding.status is Status.FAIL
