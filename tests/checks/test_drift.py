"""Drift of single columns: what fails, what passes, and what is said about it."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

import holdfast as hf
from holdfast.checks.catalogue import TITLES
from holdfast.checks.channels import Pair, missing_channels
from holdfast.checks.context import Context
from holdfast.checks.drift import _message, drift
from holdfast.engines.local import profile_of
from holdfast.records import Severity, Status
from holdfast.tables import open_table

START = 1_735_689_600  # 2025-01-01 00:00 UTC
DAY = 86_400
WITHOUT_JOINT = {"skip": ["drift.joint"]}


def table(rows: int, seed: int, **shifts: float) -> dict[str, np.ndarray]:
    """Three normal columns and a category; `x=0.5` moves x by half a standard deviation."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(shifts.get(name, 0.0), 1, rows) for name in "xyz"}
    return columns | {"kind": rng.choice(["a", "b", "c"], rows, p=[0.5, 0.3, 0.2])}


def days(days: int, rows: int, seed: int, first: int = 0, shift: float = 0.0, sd: float = 0.0) -> pa.Table:
    """So many rows a day of two normal columns; the level of x has a standard deviation of `sd` between days."""
    rng = np.random.default_rng(seed)
    clock = np.sort(rng.uniform(0, DAY - 1, (days, rows)), axis=1)
    clock[:, -1] = DAY - 1
    seconds = START + DAY * (first + np.arange(days))[:, None] + clock
    level = np.repeat(rng.normal(0, sd, days), rows) + shift
    return pa.table(
        {
            "timestamp": pa.array((seconds.ravel() * 1e6).astype(np.int64), pa.timestamp("us", "UTC")),
            "x": rng.normal(size=days * rows) + level,
            "y": rng.normal(size=days * rows),
        }
    )


def moments(hours: np.ndarray, first_day: int) -> pa.Array:
    """Moments at these hours, one row every ten minutes of the following weeks."""
    day = first_day + np.arange(len(hours)) // 144
    return pa.array((START + DAY * day + hours * 3600).astype(np.int64), pa.timestamp("s"))


# --- What fails -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [-0.5, 0.5])
def test_half_a_deviation_fails_and_the_finding_has_all_its_numbers(ask, shift: float) -> None:
    findings = ask("drift.numeric", table(5_000, 1), table(1_000, 2, x=shift))
    finding = findings["x"]
    assert {name: str(f.status) for name, f in findings.items()} == {"x": "fail", "y": "pass", "z": "pass"}
    assert finding.value == pytest.approx(shift, abs=0.12)
    assert finding.interval[0] < finding.value < finding.interval[1]
    assert (finding.limit, finding.unit, finding.severity) == (0.25, "sd", Severity.MEDIUM)
    assert 0 < finding.visible < 0.25
    assert finding.evidence["measure"] == "location"
    assert finding.evidence["windows"] == 0
    assert finding.evidence["natural_variation"] == "sampling noise only"
    assert finding.message.startswith(f"Its middle moved {'up' if shift > 0 else 'down'} by 0.")
    assert set(finding.evidence["distances"]) >= {"psi", "kolmogorov_smirnov", "wasserstein_in_deviations"}


def test_a_change_of_shape_without_a_shift_fails(ask) -> None:
    rng = np.random.default_rng(3)
    finding = ask("drift.numeric", {"x": rng.normal(size=5_000)}, {"x": rng.normal(0, 2.5, 2_000)})["x"]
    assert (finding.status, finding.evidence["measure"], finding.unit) == (Status.FAIL, "shape", "share")


def test_other_shares_of_categories_fail(ask) -> None:
    finding = ask("drift.categories", {"k": ["a"] * 500 + ["b"] * 500}, {"k": ["a"] * 800 + ["b"] * 200})["k"]
    assert (finding.status, finding.limit, finding.unit) == (Status.FAIL, 0.1, "share")
    assert finding.value == pytest.approx(0.3, abs=0.02)  # less what chance alone gives
    assert finding.evidence["distances"]["total_variation"] == pytest.approx(0.3)


def test_one_category_that_became_another_one_fails(ask) -> None:
    assert ask("drift.categories", {"k": ["a"] * 300}, {"k": ["b"] * 300})["k"].status is Status.FAIL


def test_booleans_are_categories(ask) -> None:
    finding = ask("drift.categories", {"b": [True, False] * 300}, {"b": [True] * 300})["b"]
    assert finding.status is Status.FAIL
    assert finding.value == pytest.approx(0.5, abs=0.05)


def test_integer_codes_are_numbers_whose_shares_are_compared(ask) -> None:
    """The middle stays where it is; the codes 1 and 3 give way to 2."""
    finding = ask("drift.numeric", {"code": [1, 2, 2, 3] * 300}, {"code": [2] * 400})["code"]
    assert (finding.status, finding.evidence["measure"]) == (Status.FAIL, "shape")
    assert finding.value == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("before", "now", "status", "effect"),
    [(0.05, 0.60, "fail", 0.55), (0.60, 0.05, "fail", -0.55), (0.05, 0.05, "pass", 0.0), (0.05, 0.07, "pass", 0.02)],
)
def test_missingness_is_compared_for_itself(ask, before: float, now: float, status: str, effect: float) -> None:
    """From 5% to 60% missing is "no drift" to a peer that drops what is missing first."""

    def rows(share: float, n: int) -> dict[str, list[float | None]]:
        gone = round(share * n)
        return {"x": [None] * gone + [float(i % 7) for i in range(n - gone)]}

    finding = ask("drift.missing", rows(before, 4_000), rows(now, 2_000))["x"]
    assert (finding.status, finding.severity, finding.unit) == (status, Severity.HIGH, "share")
    assert finding.value == pytest.approx(effect)
    assert finding.limit == 0.05
    assert (finding.evidence["reference"], finding.evidence["current"]) == (before, now)


@pytest.mark.parametrize("empty", [pa.nulls(300), pa.nulls(300, pa.float64()), pa.array([np.nan] * 300)])
def test_an_empty_column_fails_its_missingness_and_has_no_other_drift(empty: pa.Array) -> None:
    result = hf.compare({"x": [1.0, 2.0] * 300, "y": [1.0, 2.0] * 300}, pa.table({"x": empty, "y": [1.0, 2.0] * 150}))
    statuses = {f.code: str(f.status) for f in result.findings if f.subject == "x" and f.code.startswith("drift")}
    assert statuses == {"drift.missing": "fail", "drift.numeric": "not_applicable"}
    others = {str(f.status) for f in result.findings if f.subject == "y" and f.code.startswith("drift")}
    assert "not_applicable" not in others


def test_numbers_that_became_words_fail_their_missingness(ask) -> None:
    finding = ask("drift.missing", {"x": [1.0, 2.0] * 100}, {"x": ["cheap", "dear"] * 50})["x"]
    assert (finding.status, finding.value) == (Status.FAIL, 1.0)


def test_numbers_that_came_as_text_are_the_same_numbers(ask) -> None:
    findings = ask("drift.numeric", {"x": [1.0, 2.0, 3.5] * 1_000}, {"x": ["1", "2.0", " 3.5"] * 1_000})
    assert findings["x"].status is Status.PASS


def test_another_time_of_day_fails_in_a_column_that_is_not_the_time(ask) -> None:
    rng = np.random.default_rng(4)
    before = {"created_at": moments(rng.uniform(8, 18, 2_016), 0), "visit": moments(rng.uniform(8, 18, 2_016), 0)}
    now = {"created_at": moments(rng.uniform(8, 18, 1_008), 14), "visit": moments(rng.uniform(0, 8, 1_008), 14)}
    findings = ask("drift.time", before, now, roles={"created_at": "time"})
    assert findings["visit"].status is Status.FAIL
    assert (findings["created_at"].status, findings["created_at"].message) == (
        Status.NOT_APPLICABLE,
        "Not compared: time moves on.",
    )


def test_the_same_times_of_later_weeks_are_no_drift(ask) -> None:
    rng = np.random.default_rng(5)
    before, now = ({"visit": moments(rng.uniform(8, 18, 2_016), first)} for first in (0, 70))
    assert ask("drift.time", before, now, roles={"visit": "feature"})["visit"].status is Status.PASS


def notes(words: int, seed: int, vocabulary: str = "w") -> dict[str, list[str]]:
    """Texts of about so many words each."""
    rng = np.random.default_rng(seed)
    return {
        "note": [
            " ".join(f"{vocabulary}{i}" for i in rng.integers(100, 1_000, n))
            for n in rng.integers(words - 2, words + 3, 10_000)
        ]
    }


def test_longer_texts_fail(ask) -> None:
    finding = ask("drift.text", notes(8, 1), notes(12, 2))["note"]
    assert (finding.status, finding.unit) == (Status.FAIL, "share")
    assert finding.evidence["unseen_words"] < 0.05


def test_texts_of_the_same_kind_pass(ask) -> None:
    assert ask("drift.text", notes(8, 1), notes(8, 2))["note"].status is Status.PASS


def test_the_smallest_effect_of_a_text_is_that_of_its_words_too(ask) -> None:
    reference, current = notes(10, 1), notes(10, 2, "v")
    current["note"][: 2 * len(current["note"]) // 3] = notes(10, 3)["note"][: 2 * len(current["note"]) // 3]
    found = [
        ask("drift.text", reference, current, settings={"columns": {"note": {"minimum_effect": least}}})["note"]
        for least in (0.05, 0.3)
    ]
    assert [(f.status, f.evidence["measure"], f.evidence["minimum_effect"]) for f in found] == [
        (Status.FAIL, "words", 0.05),
        (Status.PASS, "words", 0.3),
    ]


def test_words_are_judged_by_sampling_noise_also_where_the_reference_has_windows(ask) -> None:
    """They are not counted per window, and the finding says so."""
    seconds = START + 120 * np.arange(10_500)
    reference = notes(10, 1) | {"timestamp": pa.array(seconds[:10_000], pa.timestamp("s"))}
    current = {"note": notes(10, 2, "v")["note"][:500], "timestamp": pa.array(seconds[10_000:], pa.timestamp("s"))}
    finding = ask("drift.text", reference, current)["note"]
    assert (finding.status, finding.evidence["measure"]) == (Status.FAIL, "words")
    assert (finding.evidence["windows"], finding.evidence["natural_variation"]) == (0, "sampling noise only")
    assert "more than sampling noise (words are not counted per window) explains" in finding.message
    assert ask("drift.missing", reference, current)["note"].evidence["windows"] == 19


def test_texts_of_the_same_length_in_unseen_words_fail(ask) -> None:
    finding = ask("drift.text", notes(8, 1), notes(8, 2, vocabulary="v"))["note"]
    assert finding.evidence["unseen_words"] > 0.8
    assert finding.status is Status.FAIL


@pytest.mark.parametrize(
    ("role", "code", "severity"),
    [
        ("target", "drift.label", "high"),
        ("prediction", "drift.prediction", "high"),
        ("score", "drift.prediction", "high"),
        ("feature", "drift.numeric", "medium"),
        ("segment", "drift.numeric", "medium"),
    ],
)
def test_labels_and_predictions_have_codes_of_their_own(ask, role: str, code: str, severity: str) -> None:
    rng = np.random.default_rng(6)
    before, now = {"value": rng.uniform(size=2_000)}, {"value": rng.uniform(size=1_000) ** 3}
    finding = ask(code, before, now, roles={"value": role})["value"]
    assert (finding.status, finding.severity) == (Status.FAIL, severity)


def test_a_label_that_is_a_category_has_the_code_of_the_label(ask) -> None:
    finding = ask("drift.label", {"y": ["no"] * 900 + ["yes"] * 100}, {"y": ["no", "yes"] * 300}, roles={"y": "target"})
    assert finding["y"].status is Status.FAIL


def test_identifiers_and_ignored_columns_are_not_compared() -> None:
    before = {"id": [f"a{i}" for i in range(300)], "note": [1.0] * 300, "x": [1.0, 2.0] * 150}
    now = {"id": [f"b{i}" for i in range(300)], "note": [2.0] * 300, "x": [1.0, 2.0] * 150}
    result = hf.compare(before, now, roles={"note": "ignore"})
    assert result.passed
    (unjudged,) = [f for f in result.findings if f.subject == "id" and f.code.startswith("drift")]
    assert (unjudged.status, unjudged.message) == (Status.NOT_APPLICABLE, "Not compared: identifiers are always new.")
    assert not [f for f in result.findings if f.subject == "note" and f.status is Status.FAIL]


# --- Certain and material -------------------------------------------------------------------------------------------


def test_a_certain_change_that_does_not_matter_passes_and_says_so(ask) -> None:
    finding = ask("drift.numeric", table(100_000, 7), table(100_000, 8, x=0.1))["x"]
    assert finding.status is Status.PASS
    assert finding.evidence["certain"] is True
    assert finding.message.endswith("certain, but less than the 0.25 sd that matter.")


def test_a_large_change_of_few_rows_is_inconclusive_and_says_what_it_could_have_seen(ask) -> None:
    finding = ask("drift.numeric", table(5_000, 9), table(10, 10, x=0.5))["x"]
    assert finding.status is Status.INCONCLUSIVE
    assert finding.visible > 0.25
    assert "only a change of" in finding.message


def test_no_share_changes_by_more_than_all_of_it(ask) -> None:
    """Of two rows in twenty-six letters, a change of more than 100 points would have to be seen: there is none."""
    before = {"x": list("abcdefghijklmnopqrstuvwxyz") * 20}
    finding = ask("drift.categories", before, {"x": ["a", "b"]})["x"]
    assert finding.status is Status.INCONCLUSIVE
    assert finding.message.endswith("; with so few rows no change, however large, would surely have been seen.")
    assert finding.visible is None


def test_one_row_is_inconclusive_and_no_rows_are_not_applicable(ask) -> None:
    assert ask("drift.numeric", table(1_000, 1), table(1, 2))["x"].status is Status.INCONCLUSIVE
    nothing = {name: column[:0] for name, column in table(1, 2).items()}
    for code in ("drift.numeric", "drift.categories", "drift.missing"):
        assert {f.status for f in ask(code, table(1_000, 1), nothing).values()} == {Status.NOT_APPLICABLE}


def test_all_findings_share_one_budget() -> None:
    """The adjusted p-values are those of Benjamini and Hochberg over all columns and their missingness."""
    result = hf.compare(table(2_000, 11), table(500, 12, x=0.3), settings=WITHOUT_JOINT)
    found = [f for f in result.findings if f.code.startswith("drift.") and f.status is not Status.SKIPPED]
    assert len(found) == 8
    raw = []
    for finding in found:
        channels = [
            value
            for name, value in finding.evidence.items()
            if name.endswith("_p_value") and name != "adjusted_p_value"
        ]
        raw.append(min(1.0, min(channels) * len(channels)))
    adjusted = multipletests(raw, method="fdr_bh")[1]
    assert [f.evidence["adjusted_p_value"] for f in found] == pytest.approx(adjusted)


def test_the_budget_is_a_setting(ask) -> None:
    before, now = table(3_000, 13), table(300, 14, x=0.3)
    strict = ask("drift.numeric", before, now, settings={"error_budget": 1e-9})["x"]
    assert (strict.status, strict.evidence["certain"]) == (Status.INCONCLUSIVE, False)
    assert ask("drift.numeric", before, now)["x"].status is Status.FAIL


@pytest.mark.parametrize(
    ("limits", "status"),
    [({}, "fail"), ({"minimum_effect": 0.9}, "pass"), ({"minimum_effect": 0.3}, "fail"), ({"missing": 0.9}, "fail")],
)
def test_the_smallest_effect_that_matters_is_a_setting_of_the_column(ask, limits, status: str) -> None:
    """Its shape keeps the general limit: a shift by half a deviation is one of 20% of the rows."""
    settings = {"variation": 0.5, "columns": {"x": limits}}
    finding = ask("drift.numeric", table(5_000, 1), table(2_000, 2, x=0.5), settings=settings)["x"]
    assert finding.status == status
    assert finding.evidence["minimum_effect"] == limits.get("minimum_effect", 0.25)


def test_the_smallest_missingness_that_matters_is_a_setting_of_the_column(ask) -> None:
    before, now = (
        {"x": [1.0] * 1_000, "y": [1.0] * 1_000},
        {"x": [None] * 200 + [1.0] * 800, "y": [None] * 200 + [1.0] * 800},
    )
    findings = ask("drift.missing", before, now, settings={"columns": {"x": {"missing": 0.3}}})
    assert {name: str(f.status) for name, f in findings.items()} == {"x": "pass", "y": "fail"}


def test_an_ignored_column_has_no_finding_at_all() -> None:
    result = hf.compare(table(1_000, 1), table(1_000, 2, x=2.0), settings={"columns": {"x": {"ignore": True}}})
    assert result.passed
    assert not [f for f in result.findings if f.subject == "x"]


# --- Distances and tests by name ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "distance", ["total_variation", "psi", "jensen_shannon", "hellinger", "kolmogorov_smirnov", "wasserstein"]
)
def test_the_distance_of_numbers_is_chosen_by_name(ask, distance: str) -> None:
    settings = {"number_distance": distance}
    changed = ask("drift.numeric", table(5_000, 1), table(2_000, 2, x=0.6), settings=settings)
    assert {f.evidence["measure"] for f in changed.values()} == {distance}
    assert {name: str(f.status) for name, f in changed.items()} == {"x": "fail", "y": "pass", "z": "pass"}


@pytest.mark.parametrize("distance", ["total_variation", "psi", "jensen_shannon", "hellinger"])
def test_the_distance_of_categories_is_chosen_by_name(ask, distance: str) -> None:
    settings = {"category_distance": distance}
    before, now = (
        {"k": ["a", "b"] * 1_000, "l": ["a", "b"] * 1_000},
        {"k": ["a"] * 850 + ["b"] * 150, "l": ["a", "b"] * 500},
    )
    findings = ask("drift.categories", before, now, settings=settings)
    assert {f.evidence["measure"] for f in findings.values()} == {distance}
    assert {name: str(f.status) for name, f in findings.items()} == {"k": "fail", "l": "pass"}
    plain = findings["k"].evidence["distances"][distance]
    assert 0.9 * plain < findings["k"].value < plain


@pytest.mark.parametrize("rows", [999, 1_000, 1_001, 30_000])
def test_no_rule_switches_at_a_number_of_rows(ask, rows: int) -> None:
    """A peer takes other tests from 1,000 reference rows on."""
    finding = ask("drift.numeric", table(rows, 1), table(rows, 2, x=0.6))["x"]
    assert {name for name in finding.evidence if name.endswith("_p_value")} == {
        "adjusted_p_value",
        "location_p_value",
        "shape_p_value",
    }
    assert (finding.status, finding.evidence["measure"], finding.limit) == (Status.FAIL, "location", 0.25)


def test_a_column_has_its_own_limit_in_the_unit_of_the_distance(ask) -> None:
    settings = {"number_distance": "wasserstein", "columns": {"x": {"minimum_effect": 0.9}}}
    finding = ask("drift.numeric", table(5_000, 1), table(2_000, 2, x=0.6), settings=settings)["x"]
    assert (finding.status, finding.unit, finding.evidence["minimum_effect"]) == (Status.PASS, "sd", 0.9)
    assert finding.value == pytest.approx(0.6, abs=0.08)


@pytest.mark.parametrize(("test", "oracle"), [("chi2", "pearson"), ("g", "log-likelihood")])
def test_the_test_of_the_cells_is_chosen_by_name(ask, test: str, oracle: str) -> None:
    before, now = {"k": ["a"] * 500 + ["b"] * 300 + ["c"] * 200}, {"k": ["a"] * 160 + ["b"] * 100 + ["c"] * 90}
    finding = ask("drift.categories", before, now, settings={"test": test})["k"]
    expected = stats.chi2_contingency([[160, 100, 90], [500, 300, 200]], correction=False, lambda_=oracle).pvalue
    assert finding.evidence["total_variation_p_value"] == pytest.approx(expected, rel=1e-9)


# --- Huge values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("huge", [1e6, 1e9, -1e9])
@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize("side", [0, 1])
def test_one_huge_value_changes_no_verdict(huge: float, shift: float, side: int) -> None:
    tables = [table(5_000, 15), table(1_000, 16, x=shift)]
    clean = hf.compare(*tables)
    tables[side]["x"][17] = huge
    spoiled = hf.compare(*tables)
    assert {(f.code, f.subject) for f in spoiled.failed} == {(f.code, f.subject) for f in clean.failed}
    verdicts = [{f.subject: f.status for f in r.findings if f.code == "drift.numeric"} for r in (clean, spoiled)]
    assert verdicts[0] == verdicts[1]


# --- Windows of the reference ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("windows", "kind"),
    [
        (1, "sampling noise only"),
        (4, "sampling noise only"),
        (5, "few windows"),
        (11, "few windows"),
        (12, "reference windows"),
        (30, "reference windows"),
    ],
)
def test_the_windows_of_the_reference_are_found_and_their_number_is_said(ask, windows: int, kind: str) -> None:
    finding = ask("drift.numeric", days(windows, 200, 1), days(1, 200, 2, first=windows))["x"]
    assert (finding.evidence["windows"], finding.evidence["natural_variation"]) == (windows, kind)


def test_few_windows_say_so_in_words(ask) -> None:
    words = {
        n: ask("drift.numeric", days(n, 400, 1), days(1, 400, 2, first=n, shift=1.5))["x"].message
        for n in (1, 3, 8, 20)
    }
    assert "sampling noise (only 1 reference window, too few to learn natural variation from)" in words[1]
    assert "sampling noise (only 3 reference windows, too few to learn natural variation from)" in words[3]
    assert "what 8 reference windows vary by themselves (few windows: a wide limit)" in words[8]
    assert "what 20 reference windows vary by themselves explains" in words[20]


def test_fewer_windows_have_a_wider_limit(ask) -> None:
    limits = [
        ask("drift.numeric", days(n, 200, 3, sd=0.2), days(1, 200, 4, first=n, shift=3.0))["x"].limit
        for n in (6, 12, 60)
    ]
    assert limits[0] > limits[1] > limits[2] > 0.25


def test_what_varies_by_itself_is_no_drift_and_more_than_that_is(ask) -> None:
    reference = days(30, 400, 5, sd=0.3)
    assert ask("drift.numeric", reference, days(1, 400, 6, first=30, shift=0.5))["x"].status is not Status.FAIL
    assert ask("drift.numeric", reference, days(1, 400, 6, first=30, shift=2.0))["x"].status is Status.FAIL
    # The other column does not vary between days, and its limit stays where it was.
    now = days(1, 400, 6, first=30)
    moved = now.set_column(2, "y", pa.array(now["y"].to_numpy() + 0.6))
    assert ask("drift.numeric", reference, moved)["y"].status is Status.FAIL


def test_two_days_are_compared_with_pairs_of_days(ask) -> None:
    finding = ask("drift.numeric", days(20, 100, 7), days(2, 100, 8, first=20))["x"]
    assert finding.evidence["windows"] == 10


def test_the_length_of_a_window_can_be_given(ask) -> None:
    options = {"window_seconds": 3 * DAY}
    finding = ask("drift.numeric", days(30, 100, 9), days(3, 100, 10, first=30), **options)["x"]
    assert finding.evidence["windows"] == 10


def test_one_wrong_moment_leaves_the_windows(ask) -> None:
    """A clock that stood at 1970 once must not make one window of a century out of thirty days."""
    reference = days(30, 200, 11)
    stamps = reference["timestamp"].to_pylist()
    stamps[100] = stamps[100].replace(year=1970)
    wrong = reference.set_column(0, "timestamp", pa.array(stamps, reference.schema.field(0).type))
    finding = ask("drift.numeric", wrong, days(1, 200, 12, first=30))["x"]
    assert finding.evidence["windows"] == 30


@pytest.mark.parametrize(
    ("effect", "minimum", "told"),
    [
        (0.0997, 0.10, "up by 9.97 points: certain, but less than the 10 points"),
        (0.0813, 0.10, "up by 8.1 points: certain, but less than the 10 points"),
        (
            0.1031,
            0.1029,
            "explains, and at least the 10.3 points",
        ),
        (0.1026, 0.1025, "up by 10.3 points: more than"),
        (0.1022, 0.1021, "up by 10.22 points: more than"),
    ],
)
def test_a_size_is_told_on_its_side_of_what_matters(effect: float, minimum: float, told: str) -> None:
    counts = np.array([100, 900])
    nothing = np.empty((0, 2), dtype=np.int64)
    (channel,) = missing_channels([Pair(current=counts, reference=counts, windows=nothing)], [minimum])
    channel = msgspec.structs.replace(channel, effect=effect)
    status = Status.FAIL if effect >= minimum else Status.PASS
    assert told in _message(channel, True, status, 0.1)


# --- Broken profiles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["short", "negative", "nothing"])
def test_a_broken_column_is_an_error_and_hides_no_other_one(broken: str) -> None:
    """As a profile might be that was damaged on the way."""
    reference = hf.profile_table(table(2_000, 1))
    with open_table(table(1_000, 2, y=1.0)) as now:
        current = profile_of(now, reference.edges)
    counts = current.columns["x"].counts
    tampered = {"short": counts[:40], "negative": -counts, "nothing": None}[broken]
    column = dataclasses.replace(current.columns["x"], counts=tampered)
    damaged = dataclasses.replace(current, columns=current.columns | {"x": column})
    found = list(drift(damaged, reference, Context()))
    assert {str(f.status) for f in found if f.subject == "x"} == {"error"}
    (other,) = [f for f in found if (f.code, f.subject) == ("drift.numeric", "y")]
    assert other.status is Status.FAIL


def test_a_broken_column_keeps_the_code_of_its_check() -> None:
    reference = hf.profile_table(table(2_000, 1))
    current = dataclasses.replace(
        reference,
        columns=reference.columns | {"x": dataclasses.replace(reference.columns["x"], counts=np.zeros(3, dtype=int))},
    )
    assert {f.code for f in drift(current, reference, Context())} <= set(TITLES)


# --- The whole promise ----------------------------------------------------------------------------------------------


@pytest.mark.simulation
@pytest.mark.parametrize(("rows", "settings"), [(50, WITHOUT_JOINT), (200, {})])
def test_windows_without_a_change_seldom_fail(rows: int, settings: dict[str, object]) -> None:
    """Of 60 windows each fails with a chance of at most 5%: more than the 99.9% quantile of that binomial law is a defect."""
    reference = hf.profile_table(table(20_000, 100))
    failing = 0
    for seed in range(60):
        result = hf.compare(reference, table(rows, 1_000 + seed), settings=settings)
        failing += any(f.code.startswith("drift.") for f in result.failed)
    assert failing <= stats.binom.ppf(0.999, 60, 0.05)


@pytest.mark.simulation
@pytest.mark.parametrize("rows", [30, 200])
def test_windows_of_a_reference_in_time_seldom_fail(rows: int) -> None:
    """The same with thirty windows of 200 rows to learn from, whose level varies; the last chunk may be incomplete."""
    reference = hf.profile_table(days(31, 200, 50, sd=0.2), window_seconds=DAY)
    rng = np.random.default_rng(51)
    failing = 0
    for seed in range(60):
        now = days(1, rows, 2_000 + seed, first=31, shift=rng.normal(0, 0.2))
        failing += not hf.compare(reference, now, settings={"skip": ["quality", "drift.joint"]}).passed
    assert failing <= stats.binom.ppf(0.999, 60, 0.05)


@pytest.mark.simulation
def test_correlated_columns_do_not_multiply_the_alarms() -> None:
    """Sixteen columns at p < 0.05 each raise an alarm in 60% of the windows without a change."""
    rng = np.random.default_rng(60)

    def correlated(rows: int) -> dict[str, np.ndarray]:
        values = 0.8 * rng.normal(size=rows) + 0.6 * rng.normal(size=(16, rows))
        return {f"c{i}": column for i, column in enumerate(values)}

    reference = hf.profile_table(correlated(10_000))
    failing = sum(
        not hf.compare(reference, correlated(300), settings={"skip": ["quality", "drift.joint"]}).passed
        for _ in range(40)
    )
    assert failing <= stats.binom.ppf(0.999, 40, 0.05)


@pytest.mark.simulation
def test_half_a_deviation_is_found() -> None:
    """In at least 95% of the windows of 1,000 rows: of 40, at least the 0.1% quantile of that binomial law."""
    reference = hf.profile_table(table(20_000, 100))
    found = 0
    for seed in range(40):
        result = hf.compare(reference, table(1_000, 3_000 + seed, x=0.5), settings=WITHOUT_JOINT)
        found += ("drift.numeric", "x") in {(f.code, f.subject) for f in result.failed}
    assert found >= stats.binom.ppf(0.001, 40, 0.95)
