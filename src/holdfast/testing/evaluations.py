"""Evidence of made-up evaluations, for those who write pages and stores: as rich as it can be, and as poor."""

from __future__ import annotations

import math

from holdfast.evidence import (
    Baseline,
    Coverage,
    Curve,
    Decided,
    Dependence,
    Direction,
    Disparity,
    Equalised,
    Estimate,
    Evidence,
    Goal,
    Group,
    Importance,
    Interaction,
    Metric,
    Parity,
    Part,
    Period,
    RunningCost,
    Subject,
    Versus,
)
from holdfast.records import Finding, Severity, Status

DAY = 86_400.0
START = 1_738_368_000.0
"""2025-02-01, UTC."""


def bare() -> Evidence:
    """The least that an evaluation can find out."""
    return Evidence(
        created="2025-03-15T10:00:00+00:00",
        subject=Subject(name="bare", family="onnx", task="binary"),
        goal=Goal(title="F1 score", direction="higher"),
        parts=(),
        objective=Estimate(value=None),
    )


def fraud() -> Evidence:
    """Two classes with costs, everything measured; some things look good, and some do not."""
    return Evidence(
        created="2025-03-15T10:00:00+00:00",
        subject=Subject(
            name="card fraud",
            family="lightgbm",
            task="binary",
            features=("amount", "hour", "country", "merchant_risk", "card_age_days", "unused"),
            digest="sha256:5d4c8e11f0aa",
        ),
        goal=Goal(
            title="Cost per row",
            direction="lower",
            unit="EUR",
            settings={"kind": "cost", "false_positive": 5.0, "false_negative": "amount", "currency": "EUR"},
        ),
        parts=(
            _part("train", 180_000, 0.012, -60, 0),
            _part("validation", 42_000, 0.011, 3, 17),
            Part(
                name="test",
                rows=41_273,
                positives=454,
                start=START + 20 * DAY,
                end=START + 34 * DAY,
                digest="sha256:9b1fe2207766cc",
                uses=3,
            ),
        ),
        objective=_money(0.5214, 0.4632, 0.5871),
        total=_money(21_520.0, 19_118.0, 24_231.0),
        metrics=_metrics(0.0),
        validation=_metrics(0.006),
        train=_metrics(0.021),
        baselines=(
            Baseline(
                key="never",
                title="never positive",
                objective=_money(1.312, 1.171, 1.462),
                saving=_money(0.79, 0.7, 0.89),
            ),
            Baseline(
                key="always",
                title="always positive",
                objective=_money(4.945, 4.939, 4.951),
                saving=_money(4.42, 4.36, 4.49),
            ),
            Baseline(
                key="simple",
                title="amount of 250 or more",
                objective=_money(0.581, 0.512, 0.659),
                saving=_money(0.06, -0.03, 0.15),
            ),
        ),
        inflated=_money(0.3112, 0.2741, 0.3519),
        inflated_metrics=_metrics(0.035),
        dropped={"no truth": 1_204, "no time": 3},
        periods=tuple(
            Period(
                start=START + (20 + 2 * i) * DAY,
                end=START + (22 + 2 * i) * DAY,
                rows=5_896,
                positives=60 + 3 * i,
                figures={"objective": _money(0.44 + 0.026 * i, 0.33 + 0.026 * i, 0.56 + 0.03 * i)},
            )
            for i in range(7)
        ),
        folds=tuple(
            Period(
                start=START + (7 * i - 40) * DAY,
                end=START + (7 * i - 33) * DAY,
                rows=20_120,
                figures={"objective": _money(0.5 + 0.02 * math.sin(i), 0.43 + 0.02 * math.sin(i), 0.57)},
            )
            for i in range(6)
        ),
        trend=_money(0.026, 0.004, 0.048),
        curves=_curves(),
        decided=Decided(
            rule="threshold",
            threshold=0.3187,
            review=(0.2201, 0.3187),
            calibration="isotonic",
            decided=0.969,
            reviewed={"band": 0.024, "support": 0.007},
            explored=0.005,
            positive=0.0143,
            guarantee="With 95% confidence, at most 2% of the decided rows are decided wrongly.",
        ),
        importances=(
            _importance("amount", 0.41, 0.46, 0.44, 0.71),
            _importance("merchant_risk", 0.22, 0.25, 0.29, 0.88),
            _importance("hour", 0.09, 0.21, 0.15, -0.08),
            _importance("country", 0.031, 0.034, 0.08, None),
            _importance("card_age_days", 0.008, 0.012, 0.04, -0.6),
            _importance("unused", 0.0, 0.0, 0.0, None),
        ),
        interactions=(
            Interaction(features=("amount", "merchant_risk"), strength=0.21),
            Interaction(features=("amount", "hour"), strength=0.043),
        ),
        dependences=(
            Dependence(
                feature="amount",
                x=tuple(float(10 * i * i + 1) for i in range(15)),
                mean=tuple(0.01 + 0.2 / (1 + math.exp(3 - i / 2)) for i in range(15)),
                single=tuple(
                    tuple(0.005 * k + 0.25 / (1 + math.exp(3 + k / 5 - i / 2)) for i in range(15)) for k in range(8)
                ),
            ),
            Dependence(
                feature="hour",
                x=tuple(float(i) for i in range(24)),
                mean=tuple(0.02 + 0.015 * math.cos(i / 24 * math.tau) for i in range(24)),
            ),
            Dependence(feature="country", labels=("DE", "FR", "PL", "NL"), mean=(0.011, 0.013, 0.031, 0.012)),
        ),
        explained_rows=500,
        groups=(
            *(_group(("country",), (name,), rows, cost) for name, rows, cost in _COUNTRIES),
            _group(("age",), ("under 30",), 11_420, 0.612),
            _group(("age",), ("30 to 60",), 22_003, 0.498),
            _group(("age",), ("over 60",), 7_850, 0.455),
            Group(columns=("age", "sex"), values=("over 60", "other"), rows=14, positives=0, enough=False),
        ),
        disparities=(
            _disparity("demographic_parity_difference", 0.0121, 0.0083, 0.0161),
            _disparity("demographic_parity_ratio", 0.437, 0.31, 0.61),
            _disparity("equal_opportunity_difference", 0.071, -0.022, 0.163),
        ),
        equalised=(
            Equalised(
                columns=("age",),
                measure="demographic_parity_difference",
                thresholds={"under 30": 0.412, "30 to 60": 0.317, "over 60": 0.243},
                before=Estimate(value=0.0121, low=0.0083, high=0.0161, unit="share"),
                after=Estimate(value=0.0009, low=-0.002, high=0.0041, unit="share"),
                objective_before=0.5214,
                objective_after=0.5588,
            ),
        ),
        weak=(
            _weak(("country", "hour"), ("PL", "below 6"), 612, True),
            _weak(("card_age_days",), ("below 30",), 2_015, False),
        ),
        parity=Parity(rows=41_273, worst=2.1e-7, tolerance=1e-5, beyond=0, flipped=(1_733, 20_411)),
        running=RunningCost(
            single_row_ms=0.213, batch_us_per_row=3.91, batch_rows=10_000, model_bytes=1_843_200, memory_mb=212.0
        ),
        champion=tuple(
            Versus(
                release="2",
                metric="objective",
                candidate=_money(0.5214, 0.4632, 0.5871),
                champion=_money(0.5702, 0.51, 0.64),
                difference=_money(value, value - 0.06, value + 0.06),
                margin=0.01,
                slice=where,
            )
            for where, value in (("", 0.0488), ("country = DE", 0.071), ("country = PL", -0.022))
        ),
        notes=("The target of the last three days before the test part was not known when the model was fitted.",),
    )


def bikes() -> Evidence:
    """A predicted number, with intervals and their coverage."""
    unit = "bikes"

    def estimate(value: float, reach: float) -> Estimate:
        return Estimate(value=value, low=value - reach, high=value + reach, unit=unit, rows=2_900)

    def covered(value: float, reach: float) -> dict[str, Estimate]:
        coverage = Estimate(value=value, low=value - reach, high=min(1.0, value + reach), unit="share")
        return {"coverage": coverage, "width": estimate(331.0 * value, 8.0)}

    return Evidence(
        created="2025-03-15T10:00:00+00:00",
        subject=Subject(name="bike sharing", family="sklearn", task="regression", features=("hour", "temperature")),
        goal=Goal(title="Mean absolute error", direction="lower", unit=unit, settings={"kind": "mae"}),
        parts=(_part("train", 11_000, None, -300, 0), _part("test", 2_900, None, 0, 120)),
        objective=estimate(89.7, 3.1),
        metrics=(
            Metric(key="objective", title="Mean absolute error", estimate=estimate(89.7, 3.1), direction="lower"),
            Metric(key="mae", title="Mean absolute error", estimate=estimate(89.7, 3.1), direction="lower"),
            Metric(key="bias", title="Bias", estimate=estimate(-21.4, 4.4)),
            Metric(key="r2", title="R2", estimate=Estimate(value=0.6612, low=0.633, high=0.689), direction="higher"),
        ),
        baselines=(
            Baseline(
                key="simple",
                title="value of the same hour a week ago",
                objective=estimate(121.3, 4.2),
                saving=estimate(31.6, 3.8),
            ),
        ),
        inflated=estimate(44.2, 1.6),
        coverage=(
            Coverage(
                method="normalised split conformal",
                level=0.9,
                coverage=covered(0.883, 0.011)["coverage"],
                width=estimate(292.0, 6.0),
                groups=tuple(
                    Group(columns=("season",), values=(name,), rows=725, figures=covered(value, 0.02))
                    for name, value in (("spring", 0.91), ("summer", 0.842), ("autumn", 0.897))
                ),
                periods=tuple(
                    Period(
                        start=START + 28 * i * DAY,
                        end=START + 28 * (i + 1) * DAY,
                        rows=700,
                        figures=covered(0.9 - 0.01 * i, 0.03),
                    )
                    for i in range(4)
                ),
            ),
        ),
        dependences=(
            Dependence(
                feature="temperature",
                x=tuple(float(i) for i in range(-5, 35, 4)),
                mean=tuple(90.0 + 9 * i for i in range(10)),
            ),
        ),
    )


def species() -> Evidence:
    """Several classes."""
    classes = ("setosa", "versicolor", "virginica")

    def estimate(value: float) -> Estimate:
        return Estimate(value=value, low=value - 0.03, high=min(1.0, value + 0.03), unit="share", rows=450)

    return Evidence(
        created="2025-03-15T10:00:00+00:00",
        subject=Subject(
            name="species", family="xgboost", task="classes", classes=classes, features=("length", "width")
        ),
        goal=Goal(title="F1 score, macro average", direction="higher", settings={"kind": "f_beta", "average": "macro"}),
        parts=(_part("train", 900, None, 0, 1), _part("test", 450, None, 1, 2)),
        objective=Estimate(value=0.931, low=0.904, high=0.955, rows=450),
        metrics=tuple(
            Metric(key=f"recall[{name}]", title=f"Recall, {name}", estimate=estimate(value), direction="higher")
            for name, value in zip(classes, (0.99, 0.91, 0.89), strict=True)
        ),
        coverage=(
            Coverage(
                method="APS",
                level=0.9,
                coverage=estimate(0.911),
                width=Estimate(value=1.21, low=1.17, high=1.25),
            ),
        ),
        dependences=tuple(
            Dependence(feature="length", output=name, x=(1.0, 2.0, 3.0), mean=(0.2 * i, 0.3, 0.6 - 0.2 * i))
            for i, name in enumerate(classes)
        ),
        notes=("There is no time column, so the split is random: a change over time cannot show.",),
    )


def findings() -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """All findings of `fraud`, and those of them that refuse a release."""
    refusing = (
        Finding(
            code="gate.limit",
            status=Status.FAIL,
            subject="objective against simple",
            message="Better than the rule by: 0.06 EUR (95% interval -0.03 to 0.15); none of it keeps to the limit 0.2.",
            severity=Severity.HIGH,
            value=0.06,
            limit=0.2,
            interval=(-0.03, 0.15),
            unit="EUR",
            evidence={"rows": 41_273},
        ),
        Finding(
            code="leakage.target",
            status=Status.FAIL,
            subject="merchant_risk",
            message="This feature alone tells the target too well.",
            severity=Severity.HIGH,
            value=0.991,
            limit=0.98,
            unit="share",
        ),
    )
    others = (
        Finding(code="drift.numeric", status=Status.WARN, subject="hour", message="It moved.", value=0.12, unit="sd"),
        Finding(code="calibration.error", status=Status.INCONCLUSIVE, message="Too few rows to say."),
        *(
            Finding(code="leakage.id", status=Status.PASS, subject=name, message="Not shared.")
            for name in ("amount", "hour")
        ),
        Finding(code="robustness.noise", status=Status.SKIPPED, message="Switched off in the settings."),
    )
    return (*refusing, *others), refusing


# --- Pieces ---------------------------------------------------------------------------------------------------------

_COUNTRIES = (("DE", 21_004, 0.471), ("FR", 9_980, 0.513), ("NL", 6_112, 0.488), ("PL", 4_177, 0.842))


def _money(value: float, low: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high, unit="EUR", rows=41_273)


def _part(name: str, rows: int, rate: float | None, first: int, last: int) -> Part:
    positives = None if rate is None else round(rate * rows)
    return Part(
        name=name,
        rows=rows,
        positives=positives,
        start=START + first * DAY,
        end=START + last * DAY,
        digest=f"sha256:{name}0123456789",
        uses=1 if name == "test" else 0,
    )


def _metrics(better: float) -> tuple[Metric, ...]:
    figures: tuple[tuple[str, str, float, float, Direction, str], ...] = (
        ("roc_auc", "ROC AUC", 0.9312, 0.012, "higher", ""),
        ("pr_auc", "Average precision", 0.6121, 0.034, "higher", "sum over rising recall of (R_k - R_(k-1)) P_k"),
        ("accuracy", "Accuracy", 0.9921, 0.0009, "higher", "(TP + TN) / (TP + FP + FN + TN)"),
        ("precision", "Precision", 0.5912, 0.041, "higher", "TP / (TP + FP)"),
        ("recall", "Recall", 0.7114, 0.043, "higher", "TP / (TP + FN)"),
        ("specificity", "Specificity", 0.9945, 0.0007, "higher", "TN / (TN + FP)"),
    )
    shares = tuple(
        Metric(
            key=key,
            title=title,
            estimate=Estimate(
                value=min(1.0, value + better),
                low=min(1.0, value + better) - reach,
                high=min(1.0, value + better + reach),
                unit="share",
            ),
            direction=direction,
            formula=formula,
        )
        for key, title, value, reach, direction, formula in figures
    )
    log_loss = Estimate(value=0.0412 - better / 10, low=0.0381, high=0.0447, unit="nats")
    return (
        Metric(
            key="objective",
            title="Cost per row",
            estimate=_money(0.5214 - 4 * better, 0.4632, 0.5871),
            direction="lower",
        ),
        *shares,
        Metric(key="log_loss", title="Log loss", estimate=log_loss, direction="lower"),
    )


def _curves() -> tuple[Curve, ...]:
    grid = tuple(i / 50 for i in range(51))
    cost = tuple(0.45 + 2.2 * (x - 0.3) ** 2 for x in grid)
    return (
        Curve(
            key="threshold",
            title="Cost by threshold",
            x_title="Threshold",
            y_title="Cost per row, EUR",
            x=grid,
            y=cost,
            low=tuple(y - 0.05 for y in cost),
            high=tuple(y + 0.06 for y in cost),
            marks={"chosen": 0.3187, "best here": 0.3},
        ),
        Curve(
            key="reliability",
            title="Reliability",
            x_title="Calibrated probability",
            y_title="Share that is positive",
            x=(0.01, 0.1, 0.3, 0.55, 0.8),
            y=(0.012, 0.09, 0.34, 0.5, 0.86),
            low=(0.01, 0.06, 0.24, 0.38, 0.73),
            high=(0.014, 0.13, 0.45, 0.62, 0.94),
        ),
        Curve(
            key="roc",
            title="ROC",
            x_title="False positive rate",
            y_title="Recall",
            x=grid,
            y=tuple(x**0.15 for x in grid),
        ),
        Curve(
            key="risk_coverage",
            title="Risk by coverage",
            x_title="Share that is decided",
            y_title="Share decided wrongly",
            x=grid[1:],
            y=tuple(0.002 + 0.006 * x**3 for x in grid[1:]),
        ),
    )


def _importance(feature: str, value: float, train: float, shapley: float, direction: float | None) -> Importance:
    return Importance(
        feature=feature,
        permutation=_money(value, value - 0.03, value + 0.03),
        permutation_train=_money(train, train - 0.02, train + 0.02),
        shapley=shapley,
        direction=direction,
    )


def _group(columns: tuple[str, ...], values: tuple[str, ...], rows: int, cost: float) -> Group:
    reach = 10 / math.sqrt(rows)
    return Group(
        columns=columns,
        values=values,
        rows=rows,
        positives=round(0.011 * rows),
        figures={
            "objective": _money(cost, cost - reach, cost + reach),
            "selection_rate": Estimate(value=0.014, low=0.012, high=0.016, unit="share"),
            "recall": Estimate(value=0.71, low=0.64, high=0.77, unit="share"),
        },
    )


def _disparity(measure: str, value: float, low: float, high: float) -> Disparity:
    unit = "share" if measure.endswith("_difference") else ""
    return Disparity(
        columns=("age",),
        measure=measure,
        estimate=Estimate(value=value, low=low, high=high, level=0.983, unit=unit),
        lowest="age = over 60",
        highest="age = under 30",
    )


def _weak(columns: tuple[str, ...], values: tuple[str, ...], rows: int, confirmed: bool) -> Group:
    return Group(
        columns=columns,
        values=values,
        rows=rows,
        figures={
            "objective": _money(1.42, 0.97, 1.93),
            "elsewhere": _money(0.508, 0.46, 0.56),
            "worse_by": _money(0.91, 0.46, 1.4),
        },
        confirmed=confirmed,
    )
