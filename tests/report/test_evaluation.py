"""The report of an evaluation: whole, closed against names in the data, and drawn by a real browser without a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from holdfast.evidence import Baseline, Estimate, Evidence, Group, Metric, Part
from holdfast.policy import Policy
from holdfast.records import Finding, Status
from holdfast.report import offline
from holdfast.report.evaluation import page
from holdfast.report.evaluation_business import business, verdict_text
from holdfast.report.evaluation_technical import technical
from holdfast.report.model_card import markdown
from holdfast.testing.evaluations import bare, bikes, findings, fraud, species
from holdfast.testing.pages import Document, chromium, opened, read

SAMPLES = [fraud, bikes, species, bare]
ATTACKS = ("</script><script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }} ${alert(3)}")


def made(evidence: Evidence, **changed: Any) -> str:
    return page(evidence, **{"findings": [], "verdict": "pass", "refusing": [], "title": "Judged"} | changed)


def rich() -> str:
    found, refusing = findings()
    return made(
        fraud(),
        findings=found,
        verdict="fail",
        refusing=refusing,
        intended_use="Stops payments.",
        policy=Policy(rule="threshold", threshold=0.3187),
    )


def headings(document: Document) -> list[str]:
    return [text for tag, text in document.texts if tag in {"h1", "h2", "h3"}]


# --- What it says ---------------------------------------------------------------------------------------------------


def test_the_positive_class_of_two_is_named_at_the_top_and_in_the_card() -> None:
    evidence = fraud()
    evidence = replace(evidence, subject=replace(evidence.subject, classes=("accept", "reject")))
    assert "lightgbm, two classes (positive: reject)" in made(evidence).partition("</header>")[0]
    card = markdown(evidence, [], verdict="pass")
    assert "- Family: lightgbm; task: two classes (positive: reject)." in card
    assert "positive:" not in made(species()).partition("</header>")[0]


def test_the_business_page_comes_before_the_technical_ones() -> None:
    assert headings(read(rich())) == [
        "Judged",
        "For the business",
        "What it earns",
        "At which threshold",
        "How sure this is",
        "What it costs to be wrong",
        "Who is treated differently",
        "Technical",
        "Data and split",
        "Metrics",
        "Performance over time",
        "Curves",
        "Groups of rows",
        "Weak segments",
        "What the scores rest on",
        "Interactions",
        "How the score depends on a feature",
        "Beside the champion, release 2",
        "Conversion and running cost",
        "Policy",
        "Findings",
    ]


def test_sections_without_content_are_left_out() -> None:
    assert headings(read(made(bare()))) == [
        "Judged",
        "For the business",
        "How good it is",
        "How sure this is",
        "Technical",
    ]


def test_the_verdict_names_what_refuses_before_anything_else() -> None:
    start = read(rich()).text.partition("For the business")[0]
    assert "This model must not be released: 2 findings refuse it." in start
    assert all(finding.message in start for finding in findings()[1])
    assert "It moved." not in start


@pytest.mark.parametrize(
    ("verdict", "n", "told"),
    [
        ("pass", 0, "This model may be released: nothing refuses it."),
        ("fail", 1, "This model must not be released: 1 finding refuses it."),
        ("inconclusive", 2, "This model cannot be released yet: 2 limits cannot be decided with so few rows."),
    ],
)
def test_verdicts_in_words(verdict: str, n: int, told: str) -> None:
    one = Finding(code="gate.limit", status=Status.FAIL, message="No.")
    assert verdict_text(verdict, [one] * n) == told


def sentences(evidence: Evidence, anchor: str) -> str:
    (section,) = (section for section in (*business(evidence), *technical(evidence)) if section.anchor == anchor)
    return " ".join((*section.text, *section.items))


def test_what_it_earns_is_told_in_money_and_as_surely_as_the_interval_allows() -> None:
    told = sentences(fraud(), "earns")
    assert "Cost per row on 41,273 test rows: 0.52 EUR (0.46 to 0.59); lower is better." in told
    assert "Beside “never positive” it saves 0.79 EUR (0.70 to 0.89) per row, 60% of what the rule costs." in told
    assert "(-0.03 to 0.15) per row, 10% of what the rule costs; the interval holds 0, so this may be chance." in told
    assert "A random split would have said 0.31 EUR (0.27 to 0.35)." in told
    assert "that figure flatters" in told


def test_a_model_that_is_worse_than_a_rule_is_told_so() -> None:
    rule = Baseline(
        key="never",
        title="Never",
        objective=Estimate(value=0.4, unit="EUR"),
        saving=Estimate(value=-0.12, low=-0.18, high=-0.06, unit="EUR"),
    )
    told = sentences(replace(fraud(), baselines=(rule,)), "earns")
    assert "Beside “Never” it costs more, by 0.12 EUR (0.06 to 0.18) per row." in told


def test_a_random_split_that_does_not_flatter_is_told_so() -> None:
    told = sentences(replace(fraud(), inflated=Estimate(value=0.6, unit="EUR")), "earns")
    assert "here that made no better figure" in told
    assert "flatters" not in told


def test_peeking_is_told() -> None:
    assert "3 evaluations, this one included, have looked" in sentences(fraud(), "sure")
    assert "Nobody had looked at these test rows before." in sentences(bikes(), "sure")
    assert "looked" not in sentences(bare(), "sure")


def test_a_trend_is_told_only_if_it_is_no_chance() -> None:
    assert "it gets worse: +0.026 EUR (+0.004 to +0.048)" in sentences(fraud(), "time")
    chance = replace(fraud(), trend=Estimate(value=0.02, low=-0.01, high=0.05, unit="EUR"))
    assert "no trend that could be told from chance" in sentences(chance, "time")
    better = replace(fraud(), trend=Estimate(value=-0.02, low=-0.03, high=-0.01, unit="EUR"))
    assert "it gets better" in sentences(better, "time")


def test_mistakes_are_counted_in_a_thousand_rows() -> None:
    accuracy = Estimate(value=0.99, low=0.985, high=0.994, unit="share")
    evidence = replace(bare(), metrics=(Metric(key="accuracy", title="Accuracy", estimate=accuracy),))
    (section,) = (section for section in business(evidence) if section.anchor == "wrong")
    assert section.tables[0].rows == (("Wrong answers, of 1,000 rows that it decides", "10", "6 to 15"),)


def test_the_price_of_a_mistake_and_the_share_that_goes_to_a_person() -> None:
    told = sentences(fraud(), "wrong")
    assert "A false alarm costs 5 EUR." in told
    assert "A missed positive costs what its column “amount” says." in told
    assert "3.1% of the rows go to a person: 2.4% because their score lies in the band of doubt" in told


def test_a_number_is_told_with_its_bias_and_its_coverage() -> None:
    told = sentences(bikes(), "wrong")
    assert "A prediction is off by 89.7 bikes (86.6 to 92.8) on average." in told
    assert "On average it predicts too low by 21 bikes (17 to 26)." in told
    assert "hold the truth 90% of the time hold it 88.3% (87.2% to 89.4%) of the time" in told


def test_who_is_treated_differently_is_told_in_points_and_doubt_is_told() -> None:
    told = sentences(fraud(), "treated")
    assert (
        "rows called positive is higher by 1.2 points (0.8 to 1.6) where age = under 30 than where age = over 60."
        in told
    )
    assert "is higher by 7 points (-2 to 16) where age = under 30 than where age = over 60; this may be chance." in told


def test_parts_show_what_they_have_and_no_empty_columns() -> None:
    evidence = replace(bare(), parts=(Part(name="test", rows=1_000, positives=10),))
    (section,) = (section for section in technical(evidence) if section.anchor == "data")
    assert section.tables[0].head == ("Part", "Rows", "Positives")
    assert section.tables[0].rows == (("test", "1,000", "10 (1%)"),)


def test_metrics_of_all_parts_stand_beside_one_another() -> None:
    (section,) = (section for section in technical(fraud()) if section.anchor == "metrics")
    table = section.tables[0]
    assert table.head == ("Metric", "Test", "Interval", "Validation", "Train", "Random split", "Better")
    assert table.rows[1] == ("ROC AUC", "93.1%", "91.9% to 94.3%", "93.7%", "95.2%", "96.6%", "higher")


def test_an_objective_that_is_a_metric_stands_there_once() -> None:
    (section,) = (section for section in technical(bikes()) if section.anchor == "metrics")
    assert [row[0] for row in section.tables[0].rows] == ["Mean absolute error", "Bias", "R2"]


def test_a_group_of_too_few_rows_has_no_figures() -> None:
    groups = tuple(
        Group(columns=("sex",), values=(name,), rows=rows, enough=rows > 30, figures=figures)
        for name, rows, figures in (("f", 500, {"mae": Estimate(value=2.0, low=1.5, high=2.5)}), ("x", 3, {}))
    )
    (section,) = (section for section in technical(replace(bare(), groups=groups)) if section.anchor == "groups")
    assert section.tables[0].rows == (("f", "500", "2.0\n1.5 to 2.5"), ("x", "3", "–"))
    assert "named without figures" in section.text[0]


def test_weak_segments_say_whether_they_are_confirmed() -> None:
    (section,) = (section for section in technical(fraud()) if section.anchor == "weak")
    assert [(row[0], row[-1]) for row in section.tables[0].rows] == [
        ("country = PL, hour = below 6", "yes"),
        ("card_age_days = below 30", "no"),
    ]


def test_flipped_decisions_are_listed() -> None:
    assert "Decisions that differ: 2 (test rows 1,733, 20,411)." in sentences(fraud(), "running")


def test_the_policy_is_shown_as_json() -> None:
    assert '"threshold": 0.3187' in read(rich()).text


# --- How it is made -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
def test_links_lead_somewhere_and_tables_have_captions_and_scopes(sample: Callable[[], Evidence]) -> None:
    text = rich() if sample is fraud else made(sample())
    document = read(text)
    ids = [a["id"] for _, a in document.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert all((a["href"] or "")[1:] in ids for a in document.named("a") if a.get("class") != "skip")
    assert all(a["aria-labelledby"] in ids for _, a in document.elements if "aria-labelledby" in a)
    assert all(a.get("scope") in {"col", "row"} for a in document.named("th"))
    assert text.count("<caption") == text.count("<table")
    assert all(a.get("aria-label") for _, a in document.elements if a.get("role") in {"img", "region"})


@pytest.mark.parametrize("sample", SAMPLES)
def test_nothing_is_loaded(sample: Callable[[], Evidence]) -> None:
    document = read(made(sample()))
    loading = [a[key] for _, a in document.elements for key in ("src", "href", "action", "data") if a.get(key)]
    assert all((target or "").startswith(("#", "data:,")) for target in loading)
    (policy,) = (a["content"] for a in document.named("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert (policy or "").startswith("default-src 'none'")
    assert "unsafe-eval" not in (policy or "")


def test_a_page_without_pictures_carries_no_scripts_for_them() -> None:
    document = read(made(bare()))
    assert document.named("script") == []
    assert "Scripts are off" not in document.text
    assert "charts are missing" not in document.text


def test_every_picture_is_told_in_words() -> None:
    described = [a["aria-label"] or "" for _, a in read(rich()).elements if a.get("class") == "plot"]
    assert len(described) == 14
    assert described[0].startswith("Beside simple rules. this model: 0.52 EUR (0.46 to 0.59); never positive: 1.31 EUR")


def attacked() -> str:
    """Every name that comes from a user is an attack."""
    groups = tuple(
        Group(columns=(attack,), values=(attack,), rows=99, figures={"objective": Estimate(value=1.0)})
        for attack in ATTACKS
    )
    evidence = replace(
        fraud(),
        subject=replace(fraud().subject, name=ATTACKS[0], features=ATTACKS),
        groups=groups,
        notes=ATTACKS,
        dependences=tuple(replace(one, feature=ATTACKS[0]) for one in fraud().dependences),
    )
    told = [Finding(code=a, status=Status.FAIL, subject=a, message=a, unit=a, evidence={a: a}) for a in ATTACKS]
    return made(evidence, findings=told, refusing=told, verdict="fail", title=ATTACKS[0], intended_use=ATTACKS[1])


def test_text_of_the_user_stays_text() -> None:
    document = read(attacked())
    assert not document.named("img")
    assert not [name for _, a in document.elements for name in a if name.startswith("on")]
    assert all(attack in document.text for attack in ATTACKS)
    assert len(document.named("script")) == len(read(rich()).named("script"))


def test_every_shown_number_is_free_of_machine_noise() -> None:
    assert not re.search(r"\d\.\d{9}", read(rich()).text)


# --- In a browser ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if offline.drawing_bundle() is None:
        pytest.skip("the script bundle was not built: run scripts/vega_bundle.py")
    with chromium() as started:
        if started is None:
            pytest.skip("Chromium or playwright is not installed")
        yield started


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_charts_are_drawn_offline(browser: Any, tmp_path: Path, scheme: str, width: int) -> None:
    tab = opened(browser, tmp_path / "a.html", rich(), viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.page.locator(".plot:not([data-drawn])").first.wait_for(state="detached")
    assert tab.drawn() == tab.page.locator(".plot").count() == 14
    assert tab.complaints == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert not tab.page.get_by_text("Scripts are off").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("sample", [bikes, species])
def test_other_tasks_are_drawn_too(browser: Any, tmp_path: Path, sample: Callable[[], Evidence]) -> None:
    tab = opened(browser, tmp_path / "a.html", made(sample()), viewport={"width": 390, "height": 800})
    tab.page.locator(".plot:not([data-drawn])").first.wait_for(state="detached")
    assert tab.drawn() == tab.page.locator(".plot").count() > 0
    assert tab.complaints == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.browser
def test_a_threshold_tells_its_cost_under_the_pointer(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "a.html", rich(), viewport={"width": 1440, "height": 800})
    plot = tab.page.locator("section[aria-labelledby=threshold] .plot")
    plot.scroll_into_view_if_needed()
    plot.locator(".drawn svg").wait_for()
    plot.hover(position={"x": 300, "y": 100})
    plot.hover(position={"x": 303, "y": 103})
    assert re.fullmatch(r"0\.\d+\nvalue\n[\d.]+ EUR \([\d.]+ to [\d.]+\)", tab.page.locator(".tip").inner_text())


@pytest.mark.browser
def test_attacks_run_nothing(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "a.html", attacked(), viewport={"width": 1440, "height": 800})
    tab.page.locator(".plot:not([data-drawn])").first.wait_for(state="detached")
    assert tab.complaints == []


@pytest.mark.browser
def test_without_scripts_the_numbers_are_in_tables(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "a.html", rich(), java_script_enabled=False)
    assert tab.page.get_by_text("Scripts are off").is_visible()
    tab.page.locator("section[aria-labelledby=threshold] summary").click()
    assert tab.page.locator("section[aria-labelledby=threshold] tbody tr").count() == 12


# --- Without the bundle ---------------------------------------------------------------------------------------------


def test_without_the_bundle_the_page_says_so_and_has_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(offline, "_BUNDLE", tmp_path / "vega.js.gz")
    offline.drawing_bundle.cache_clear()
    try:
        document = read(rich())
    finally:
        offline.drawing_bundle.cache_clear()
    assert "The charts are missing" in document.text
    assert "Numbers: Cost by threshold" in document.text
    assert document.named("script") == []
