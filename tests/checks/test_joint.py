"""Dependence between columns: found, named, and no more often than chance allows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import holdfast as hf
from holdfast.records import Status

ONLY_JOINT = {"skip": ["quality"]}


def table(rows: int, seed: int, correlation: float = 0.0, columns: int = 6) -> dict[str, np.ndarray]:
    """Independent normal columns, but for the second and the fourth."""
    values = np.random.default_rng(seed).normal(size=(columns, rows))
    values[3] = correlation * values[1] + np.sqrt(1 - correlation**2) * values[3]
    return {f"c{i}": column for i, column in enumerate(values)}


def test_a_new_dependence_fails_and_names_the_pair(ask) -> None:
    (finding,) = ask("drift.joint", table(5_000, 1), table(2_000, 2, 0.5)).values()
    assert (finding.status, finding.subject, finding.unit) == (Status.FAIL, "c1 × c3", "correlation")
    assert finding.value == pytest.approx(0.5, abs=0.06)
    assert finding.interval[0] < 0.5 < finding.interval[1]
    assert finding.limit == 0.2
    evidence = finding.evidence
    assert (evidence["pair"], evidence["kind"], evidence["sampled_rows"]) == (["c1", "c3"], "values", [2_000, 5_000])
    assert evidence["current"] - evidence["reference"] == pytest.approx(finding.value)


def test_no_column_alone_has_changed_with_it() -> None:
    result = hf.compare(table(5_000, 1), table(2_000, 2, 0.5))
    assert {f.code for f in result.failed} == {"drift.joint"}


def test_a_dependence_that_has_gone_fails_with_its_sign(ask) -> None:
    (finding,) = ask("drift.joint", table(5_000, 3, 0.6), table(2_000, 4)).values()
    assert (finding.status, finding.subject) == (Status.FAIL, "c1 × c3")
    assert finding.value == pytest.approx(-0.6, abs=0.06)


def test_a_dependence_of_the_spread_alone_is_found(ask) -> None:
    """c3 varies where c1 is far from its middle: their correlation stays zero."""
    now = table(3_000, 5)
    now["c3"] = now["c3"] * np.abs(now["c1"])
    now["c3"] = stats.norm.ppf((stats.rankdata(now["c3"]) - 0.5) / 3_000)
    (finding,) = ask("drift.joint", table(5_000, 6), now).values()
    assert (finding.status, finding.subject, finding.evidence["kind"]) == (Status.FAIL, "c1 × c3", "absolute values")


def test_a_category_that_begins_to_follow_a_number_is_found(ask) -> None:
    rng = np.random.default_rng(7)
    before = table(5_000, 8, columns=4) | {"kind": rng.choice(["a", "b", "c"], 5_000)}
    now = table(2_000, 9, columns=4)
    order = np.argsort(now["c2"] + rng.normal(size=2_000))
    now["kind"] = np.empty(2_000, dtype="<U1")
    now["kind"][order] = np.repeat(["a", "b", "c"], [667, 667, 666])
    (finding,) = ask("drift.joint", before, now).values()
    assert (finding.status, finding.evidence["pair"]) == (Status.FAIL, ["c2", "kind"])


def test_a_shift_of_single_columns_is_no_joint_drift(ask) -> None:
    now = {name: np.exp(values + 1) for name, values in table(2_000, 10).items()}
    (finding,) = ask("drift.joint", table(5_000, 11), now).values()
    assert finding.status is Status.PASS


def test_a_small_change_of_dependence_that_is_certain_passes_and_says_so(ask) -> None:
    (finding,) = ask("drift.joint", table(5_000, 1), table(5_000, 2, 0.15)).values()
    assert (finding.status, finding.subject) == (Status.PASS, "c1 × c3")
    assert finding.message.endswith("certain, but less than the 0.2 that matter.")


def test_the_smallest_dependence_that_matters_is_a_setting(ask) -> None:
    settings = {"dependence": 0.1}
    (finding,) = ask("drift.joint", table(5_000, 1), table(5_000, 2, 0.15), settings=settings).values()
    assert (finding.status, finding.limit) == (Status.FAIL, 0.1)


def test_few_rows_are_inconclusive_and_say_what_they_could_have_seen(ask) -> None:
    (finding,) = ask("drift.joint", table(5_000, 12), table(60, 13)).values()
    assert finding.status is Status.INCONCLUSIVE
    assert finding.visible > 0.2


@pytest.mark.parametrize("columns", [{"x": [1.0, 2.0, 3.0] * 100}, {"x": [1.0, 2.0, 3.0] * 100, "k": ["a"] * 300}])
def test_fewer_than_two_columns_that_vary_do_not_apply(ask, columns: dict[str, object]) -> None:
    assert ask("drift.joint", columns, columns)[""].status is Status.NOT_APPLICABLE


def test_a_profile_without_rows_does_not_apply(ask, tmp_path) -> None:
    hf.save_profile(hf.profile_table(table(2_000, 1)), tmp_path / "counts.profile", rows=False)
    finding = ask("drift.joint", tmp_path / "counts.profile", table(1_000, 2, 0.8))[""]
    assert (finding.status, finding.message) == (Status.NOT_APPLICABLE, "One of the profiles holds no sample of rows.")


def test_it_can_be_switched_off(ask) -> None:
    (finding,) = ask("drift.joint", table(500, 1), table(500, 2), settings={"skip": ["drift.joint"]}).values()
    assert finding.status is Status.SKIPPED


def test_ignored_columns_and_weights_take_no_part(ask) -> None:
    settings = {"columns": {"c1": {"ignore": True}}}
    (finding,) = ask("drift.joint", table(5_000, 1), table(2_000, 2, 0.8), settings=settings).values()
    assert "c1" not in finding.evidence["pair"]
    assert finding.status is not Status.FAIL
    (finding,) = ask("drift.joint", table(5_000, 1), table(2_000, 2, 0.8), roles={"c1": "weight"}).values()
    assert "c1" not in finding.evidence["pair"]


def test_missing_values_are_no_dependence(ask) -> None:
    now = table(2_000, 14)
    now["c1"][::3] = np.nan
    now["c3"][::2] = np.nan
    (finding,) = ask("drift.joint", table(5_000, 15), now).values()
    assert finding.status is not Status.FAIL


@pytest.mark.simulation
def test_the_pair_is_named_first_and_without_a_change_seldom_any() -> None:
    """Of 16 windows of 2,000 rows, judged by the 0.1% quantiles of the binomial laws of 95% and 5%."""
    reference = hf.profile_table(table(20_000, 20, columns=10))
    found = failing = 0
    for seed in range(16):
        for correlation in (0.5, 0.0):
            now = table(2_000, 100 + seed, correlation, columns=10)
            result = hf.compare(reference, now, settings=ONLY_JOINT)
            joint = [f for f in result.failed if f.code == "drift.joint"]
            if correlation:
                found += bool(joint) and joint[0].evidence["pair"] == ["c1", "c3"]
            else:
                failing += bool(joint)
    assert found >= stats.binom.ppf(0.001, 16, 0.95)
    assert failing <= stats.binom.ppf(0.999, 16, 0.05)
