"""The page: whole, closed against what stands in the data, and drawn by a real browser without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.engines.local import profile_of, reference_profile
from holdfast.profile.table import Profile
from holdfast.records import Finding, Status
from holdfast.report import html, offline
from holdfast.schema import infer
from holdfast.tables import open_table
from holdfast.testing.pages import chromium, opened, read

ATTACKS = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "${alert(3)} {{ 7 * 7 }} `x`",
    "<!-- <script> & 'quotes'",
)


@dataclass
class Responsible:
    positions: tuple[int, ...]
    ids: tuple[str, ...]
    values: tuple[str, ...]
    reason: str


def profiles(before: dict[str, Any], now: dict[str, Any]) -> tuple[Profile, Profile]:
    table = open_table(pa.table(before))
    reference = reference_profile(table, infer(table))
    return profile_of(open_table(pa.table(now)), reference.edges), reference


def arguments(**changed: Any) -> dict[str, Any]:
    """A comparison with a number, a category, a time, and findings of every status."""
    rng = np.random.default_rng(0)
    start = np.datetime64("2024-01-01", "s")
    current, reference = profiles(
        {
            "amount": rng.normal(size=500),
            "colour": ["red", "green"] * 250,
            "when": start + rng.integers(0, 10**6, 500),
            "note": ["some words of a longer text " * (1 + i % 5) + str(i) for i in range(500)],
        },
        {
            "amount": rng.normal(1, 1, 200),
            "colour": ["red"] * 180 + ["often"] * 11 + ["seldom"] * 9,
            "when": start + rng.integers(10**6, 2 * 10**6, 200),
            "extra": np.ones(200),
        },
    )
    findings = [
        Finding(
            code="drift.numeric",
            status=Status.FAIL,
            subject="amount",
            message="It moved.",
            value=0.98,
            limit=0.25,
            interval=(0.8, 1.1),
            visible=0.12,
            unit="sd",
            weight=4,
            evidence={"psi": 0.31, "certain": True, "distances": {"total_variation": 0.4}},
        ),
        Finding(
            code="quality.new", status=Status.WARN, subject="colour", message="New values.", value=0.1, unit="share"
        ),
        Finding(code="quality.rows", status=Status.PASS, message="As many rows as before.", value=200, unit="rows"),
        Finding(code="quality.a", status=Status.INCONCLUSIVE, subject="when", message="Too few rows to say."),
        Finding(code="quality.b", status=Status.NOT_APPLICABLE, subject="when", message="Times have no range."),
        Finding(code="quality.c", status=Status.SKIPPED, message="It was switched off."),
        Finding(code="quality.d", status=Status.ERROR, subject="note", message="The check could not run."),
        Finding(
            code="drift.joint",
            status=Status.FAIL,
            subject="amount × amount",
            message="The dependence changed.",
            evidence={"pair": ["amount", "amount"]},
        ),
    ]
    rows = {"amount": Responsible((7, 12), ("A7", "A12"), ("3.9", "3.7"), "Furthest out.")}
    return {
        "title": "Two tables",
        "findings": findings,
        "current": current,
        "reference": reference,
        "rows": rows,
    } | changed


@pytest.fixture(scope="module")
def page() -> str:
    return html.page(**arguments())


# --- What it says ---------------------------------------------------------------------------------------------------


def test_the_summary_comes_first(page: str) -> None:
    document = read(page)
    assert [text for tag, text in document.texts if tag in {"h1", "h2"}] == [
        "Two tables",
        "Findings",
        "Across columns",
        "Columns",
    ]
    summary = document.text.partition("Findings")[0]
    assert "2 of 8 checks fail: amount and amount × amount (1 could not run and 1 could not be decided)." in summary
    assert all(word in summary for word in ("500", "200", "2024-01-01 0", "5 columns"))


def test_every_finding_is_on_the_page_whatever_its_status(page: str) -> None:
    text = read(page).text
    for finding in arguments()["findings"]:
        if finding.status is not Status.PASS:
            assert finding.message in text
        assert finding.code in text


def test_a_finding_has_its_numbers(page: str) -> None:
    assert re.search(r"0\.98 sd.*0\.25.*0\.8 to 1\.1.*0\.12", re.sub(r"\s+", " ", read(page).text))
    assert "total variation 0.4" in read(page).text


def test_failing_columns_come_first_and_open(page: str) -> None:
    columns = [a for a in read(page).named("details") if (a.get("class") or "").startswith("column ")]
    assert [(a["data-status"], "open" in a) for a in columns] == [
        ("fail", True),
        ("warn", True),
        ("error", False),
        ("inconclusive", False),
        ("skipped", False),
    ]


def test_responsible_rows_are_shown(page: str) -> None:
    text = read(page).text
    assert all(word in text for word in ("Furthest out.", "A12", "3.7"))


def test_a_rare_new_value_is_not_named(page: str) -> None:
    assert "often" in page
    assert "seldom" not in page


def test_many_findings_are_folded_not_cut() -> None:
    one = Finding(code="drift.numeric", status=Status.FAIL, subject="amount", message="It moved.")
    shown = html.page(**arguments(findings=[one] * 40))
    assert "15 further findings that fail or warn" in shown


def test_tables_without_rows_have_a_page() -> None:
    current, reference = profiles({"x": pa.nulls(0, pa.float64())}, {"x": pa.nulls(0, pa.float64())})
    text = read(html.page(title="Empty", findings=[], current=current, reference=reference, rows={})).text
    assert "No check came to a result." in text
    assert "There are no values to draw." in text


# --- How it is made -------------------------------------------------------------------------------------------------


def test_links_and_labels_lead_somewhere(page: str) -> None:
    document = read(page)
    ids = [a["id"] for _, a in document.elements if "id" in a]
    assert len(ids) == len(set(ids))
    targets = [a["href"] for tag, a in document.elements if tag in {"a", "use"} and "href" in a]
    assert targets
    assert all((target or "").removeprefix("#") in ids for target in targets)
    assert all(a["for"] in ids for a in document.named("label"))
    assert all(a["aria-labelledby"] in ids for _, a in document.elements if "aria-labelledby" in a)


def test_tables_have_captions_and_scopes(page: str) -> None:
    document = read(page)
    assert all(a.get("scope") in {"col", "row"} for a in document.named("th"))
    assert all(a.get("aria-label") for _, a in document.elements if a.get("role") in {"img", "group", "region"})
    assert page.count("<caption") >= page.count("<table") - 1  # but for the rows, whose summary says what they are


def test_nothing_is_loaded(page: str) -> None:
    document = read(page)
    loading = [
        a[key] for _, a in document.elements for key in ("src", "href", "action", "data", "poster") if a.get(key)
    ]
    assert all((target or "").startswith(("#", "data:,")) for target in loading)
    style = "".join(text for tag, text in document.texts if tag == "style")
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = (a["content"] for a in document.named("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_have_the_contrast_of_wcag_aa(scheme: str) -> None:
    """4.5 to 1 on both grounds, also on the tint of a status."""
    style = offline.static("report.css")
    light, dark = (dict(re.findall(r"--(\w+): (#\w+)", style.split("@media")[part])) for part in (0, 1))
    colours = light if scheme == "light" else light | dark
    for ground in ("ground", "surface"):
        for word in ("text", "muted", "link", "fail", "warn", "error", "inconclusive", "pass"):
            assert contrast(colours[word], colours[ground]) >= 4.5, word
    for word in ("fail", "warn", "error", "inconclusive", "pass", "muted"):
        tint = [0.11 * a + 0.89 * b for a, b in zip(channels(colours[word]), channels(colours["ground"]), strict=True)]
        assert contrast_of(channels(colours[word]), tint) >= 4.5, word


def channels(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def contrast(one: str, other: str) -> float:
    return contrast_of(channels(one), channels(other))


def contrast_of(one: list[float], other: list[float]) -> float:
    """Ratio of relative luminances, as of WCAG 2.2."""
    lights = []
    for colour in (one, other):
        red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in colour)
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    return max(lights) / min(lights)


# --- Closed against the data ----------------------------------------------------------------------------------------


def attacked() -> dict[str, Any]:
    """Every text that comes from a user is an attack."""
    before = {name: [attack, "b"] * 20 for name, attack in zip(ATTACKS, ATTACKS, strict=True)}
    now = {name: [attack + "new", "b"] * 20 for name, attack in zip(ATTACKS, ATTACKS, strict=True)}
    current, reference = profiles(before, now)
    findings = [
        Finding(
            code=attack,
            status=status,
            subject=subject,
            message=attack,
            value=1.0,
            unit=attack,
            evidence={attack: [attack, {attack: attack}]},
        )
        for attack in ATTACKS
        for status in Status
        for subject in ("", attack)
    ]
    rows = {attack: Responsible((1,), (attack,), (attack,), attack) for attack in ATTACKS}
    names = (ATTACKS[0], ATTACKS[1])
    return {
        "title": ATTACKS[0],
        "findings": findings,
        "current": current,
        "reference": reference,
        "rows": rows,
        "names": names,
    }


@pytest.mark.parametrize("make", [html.page, html.notebook])
def test_text_of_the_user_stays_text(make: Any) -> None:
    document = read(make(**attacked()))
    assert not document.named("img")
    assert not [name for _, a in document.elements for name in a if name.startswith("on")]
    for attack in ATTACKS[: 4 if make is html.page else 1]:
        assert attack in document.text
    calm = read(make(**arguments()))
    assert len(document.named("script")) == len(calm.named("script"))


def test_json_of_the_charts_keeps_every_value() -> None:
    if offline.drawing_bundle() is None:
        pytest.skip("the script bundle was not built")
    page = html.page(**attacked())
    (source,) = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', page)
    assert not set(source) & set("<>&\u2028\u2029")
    labels = {row["t"] for picture in json.loads(source)["pictures"] for row in picture["rows"]}
    assert labels >= {*ATTACKS, *(f"{attack}new" for attack in ATTACKS)}


# --- Without the bundle, and in a notebook --------------------------------------------------------------------------


@pytest.fixture
def unbuilt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(offline, "_BUNDLE", tmp_path / "vega.js.gz")
    offline.drawing_bundle.cache_clear()
    yield
    offline.drawing_bundle.cache_clear()


@pytest.mark.usefixtures("unbuilt")
def test_without_the_bundle_the_page_says_so_and_has_tables() -> None:
    document = read(html.page(**arguments()))
    assert "The charts are missing" in document.text
    assert "Standard deviation" in document.text
    assert len(document.named("script")) == 1


def test_a_notebook_gets_the_verdict_and_small_pictures_without_scripts() -> None:
    shown = html.notebook(**arguments())
    document = read(shown)
    assert "2 of 8 checks fail" in document.text
    assert "It moved." in document.text
    assert document.named("svg")
    assert not document.named("script")
    assert len(shown) < 20_000


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
def test_charts_are_drawn_offline(browser: Any, page: str, tmp_path: Path, scheme: str, width: int) -> None:
    tab = opened(browser, tmp_path / "report.html", page, viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.page.locator("#open-all").click()
    for plot in tab.page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".drawn svg").wait_for()
    assert tab.drawn() == tab.page.locator(".plot").count() >= 5
    assert tab.complaints == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    line = tab.page.locator(".plot path[stroke-width='1.5']").first.evaluate("x => getComputedStyle(x).stroke")
    assert line == ("rgb(31, 36, 43)" if scheme == "light" else "rgb(231, 233, 236)")


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390])
def test_names_and_periods_of_the_tables_fit_on_a_phone(browser: Any, tmp_path: Path, width: int) -> None:
    """The tables have a time, and names and numbers of rows as long as they are in earnest."""
    text = html.page(**arguments(names=("january_2024_transactions.parquet", "february_2024_transactions.parquet")))
    text = text.replace('<td class="number">500</td>', '<td class="number">12,466,282</td>')
    tab = opened(browser, tmp_path / "report.html", text, viewport={"width": width, "height": 800})
    assert "12,466,282" in tab.page.locator(".sides").inner_text()
    assert "2024-01-01" in tab.page.locator(".sides").inner_text()
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_charts_wait_until_they_are_seen(browser: Any, page: str, tmp_path: Path) -> None:
    """Folded columns cost nothing: 500 of them open as fast as 5."""
    tab = opened(browser, tmp_path / "report.html", page, viewport={"width": 1440, "height": 800})
    tab.page.locator("#column-0 .plot").scroll_into_view_if_needed()
    tab.page.locator("#column-0 .drawn svg").wait_for()
    assert tab.page.locator("#column-3 .drawn").count() == 0


@pytest.mark.browser
def test_columns_are_searched_filtered_and_linked(browser: Any, page: str, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "report.html", page, viewport={"width": 1440, "height": 800})
    seen = tab.page.locator(".column:not([hidden]) h3")
    tab.page.get_by_label("Search columns").fill("COL")
    assert seen.all_inner_texts() == ["colour"]
    assert tab.page.get_by_role("status").inner_text() == "1 of 5 columns"
    tab.page.get_by_label("Search columns").fill("")
    tab.page.get_by_role("button", name="Inconclusive").click()
    assert seen.all_inner_texts() == ["when"]
    tab.page.get_by_role("button", name="All 5").click()
    tab.page.get_by_role("navigation").get_by_role("link", name="when").click()
    column = tab.page.locator("#column-3")
    assert column.get_attribute("open") is not None
    assert 0 <= column.bounding_box()["y"] < 800


@pytest.mark.browser
def test_a_bin_tells_its_shares_under_the_pointer(browser: Any, page: str, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "report.html", page, viewport={"width": 1440, "height": 800})
    plot = tab.page.locator("#column-0 .plot")
    plot.scroll_into_view_if_needed()
    plot.locator(".drawn svg").wait_for()
    plot.hover(position={"x": 300, "y": 100})
    plot.hover(position={"x": 303, "y": 103})
    assert re.fullmatch(r"\S+ to \S+\nreference\n[\d.]+%\ncurrent\n[\d.]+%", tab.page.locator(".tip").inner_text())


@pytest.mark.browser
def test_attacks_run_nothing(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "report.html", html.page(**attacked()), viewport={"width": 1440, "height": 800})
    tab.page.locator("#open-all").click()
    tab.page.locator("#column-0 .drawn svg").wait_for()
    assert tab.complaints == []


@pytest.mark.browser
def test_without_scripts_the_page_reads_well(browser: Any, page: str, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "report.html", page, java_script_enabled=False)
    assert tab.page.get_by_text("Scripts are off").is_visible()
    assert tab.page.locator("#column-0 .outline").is_visible()
    assert tab.page.get_by_role("searchbox").count() == 0
