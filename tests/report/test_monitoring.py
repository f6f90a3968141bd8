"""The report of the monitor: whole, closed against names in the data, and drawn by a real browser without a network."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from holdfast.monitoring.result import Monitored
from holdfast.report import offline
from holdfast.report.monitoring import notebook, outlines, page
from holdfast.testing.monitored import calm, nothing, payments
from holdfast.testing.pages import Document, chromium, opened, read
from holdfast.watched import Watched

ATTACKS = ("</script><script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }} ${alert(3)}")
SAMPLES = {
    "rich": (payments(),),
    "several": (payments(), calm(5, labelled=True), nothing()),
    "one window": (calm(),),
    "no window": (nothing(),),
    "no model": (),
}


def headings(document: Document) -> list[str]:
    return [text for tag, text in document.texts if tag in {"h1", "h2", "h3", "h4"}]


# --- What it says ---------------------------------------------------------------------------------------------------


def test_incidents_come_before_pictures() -> None:
    assert headings(read(page((payments(),)))) == [
        "Monitoring: payments",
        "payments",
        "Incidents",
        "amount moved",
        "distance_km moved",
        "age moved",
        "age changed its share of missing values",
        "Cost per row over time",
        "Inputs",
        "Other figures",
        "Scores and answers",
        "Rows and truth",
        "Missing values",
        "Data quality",
        "Groups of rows",
        "Noted, too small to matter",
    ]


def test_a_model_is_told_in_a_line() -> None:
    start = read(page((payments(),))).text.partition("Incidents")[2].partition("amount moved since")[0]
    assert "1 incident is open: amount moved, expected to cost 310 EUR (250 to 370) a day." in start
    assert "Besides: 1 change announced, 1 change noted." in start
    assert "release 4 · 40 windows, 1 Apr 2025 to 10 May 2025 (UTC) · 78,000 rows · truth known of 92.1%" in start
    assert "newest run: 40 windows judged, 80,000 rows and 60,000 labels read" in start


def test_an_incident_tells_its_story() -> None:
    told = re.sub(r"\s+", " ", read(page((payments(),))).text)
    assert "The answers became worse." in told
    assert "What to do: See whether the unit of this column has changed; if the values are right, retrain." in told
    assert "Since 21 Apr 2025 (between 20 Apr 2025 and 22 Apr 2025)" in told
    assert "How sure by chance less than 1 in a billion" in told
    assert "Cost a day 310 EUR (250 to 370)" in told
    assert "Where country = PT" in told
    assert "What else changed release 4 came into force on 29 Apr 2025; volume fell by 12%" in told
    assert "01JWF7ZZEG20FK77CRANMX0Z4Q" in told
    assert "Cost a day only labels can tell" in told
    assert "Announced as a new measuring device" in told
    assert "Until 4 May 2025" in told
    assert "1 noted: the objective is not expected to become worse" in told


def test_numbers_of_a_picture_stand_side_by_side() -> None:
    after = page((payments(),)).partition("<summary>Numbers: Cost per row</summary>")[2]
    body = after.partition("<thead>")[2].partition("</table>")[0]
    table = re.sub(r"\s+", " ", read(f"<table><thead>{body}</table>").text)
    assert "At Measured Expected 1 Apr 2025, release 3" in table
    assert table.rstrip().endswith("10 May 2025, release 4 – 0.58 EUR (0.48 to 0.70)")


def test_without_windows_it_waits() -> None:
    document = read(page((nothing(),)))
    assert headings(document) == ["Monitoring: new", "new"]
    assert "Nothing was judged yet: no window has ended." in document.text
    assert document.named("script") == []


def test_without_models_it_says_so() -> None:
    assert "No model is watched." in read(page(())).text
    assert "No model is watched." in read(notebook(())).text


def test_without_labels_nothing_is_called_well() -> None:
    told = read(page((calm(),))).text
    assert "No incident is open; no truth is known yet." in told
    assert "No truth is known yet, so nothing was measured." in told
    assert "The truth is known of 0 of 1,000 rows (0%)." in told


def test_several_models_are_listed_first() -> None:
    text = page((payments(), calm(5, labelled=True), nothing()))
    top = read(text.partition("</header>")[0].partition("<header")[2].partition(">")[2]).text
    assert "Monitoring: 3 models" in top
    assert "No incident is open." in top
    assert "Nothing was judged yet" in top


def test_pages_of_long_histories_stay_small() -> None:
    """400 windows of 60 columns, besides the bundle of scripts that draws them."""
    bundle = offline.drawing_bundle()
    assert len(page((payments(400, 60),))) - len(bundle.base64 if bundle else "") < 700_000


def test_the_result_writes_its_page(tmp_path: Path) -> None:
    result = Monitored(models=(payments(),))
    result.to_html(tmp_path / "week.html")
    assert (tmp_path / "week.html").read_text(encoding="utf-8") == result.to_html() == page(result.models)
    assert result._repr_html_() == notebook(result.models)


# --- A notebook -----------------------------------------------------------------------------------------------------


def test_a_notebook_shows_open_incidents_only() -> None:
    document = read(notebook((payments(),)))
    told = re.sub(r"\s+", " ", document.text)
    assert "Act · payments · 1 incident is open: amount moved" in told
    assert "Act amount moved payments-1" in told
    assert not re.search("payments-[234]", told)
    assert document.named("script") == []
    assert [a["aria-label"] for a in document.named("svg")] == ["Cost per row over time"]


def test_a_small_picture_fills_its_box() -> None:
    model = calm(3, labelled=True)
    assert outlines(model) == ("M0 1L50 1L100 1L100 27L50 27L0 27Z", "M0 14L50 14L100 14")
    assert outlines(calm(1, labelled=True)) is None
    assert outlines(calm(3)) is None


# --- How it is made -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
def test_links_lead_somewhere_and_tables_have_captions_and_scopes(sample: str) -> None:
    text = page(SAMPLES[sample])
    document = read(text)
    ids = [a["id"] for _, a in document.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert all((a["href"] or "")[1:] in ids for a in document.named("a"))
    assert all(a["aria-labelledby"] in ids for _, a in document.elements if "aria-labelledby" in a)
    assert all(a.get("scope") in {"col", "row"} for a in document.named("th"))
    assert text.count("<caption") == text.count("<table")
    assert all(a.get("aria-label") for _, a in document.elements if a.get("role") in {"img", "region"})


@pytest.mark.parametrize("sample", SAMPLES)
def test_nothing_is_loaded(sample: str) -> None:
    document = read(page(SAMPLES[sample]))
    loading = [a[key] for _, a in document.elements for key in ("src", "href", "action", "data") if a.get(key)]
    assert all((target or "").startswith(("#", "data:,")) for target in loading)
    (policy,) = (a["content"] for a in document.named("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert (policy or "").startswith("default-src 'none'")
    assert "unsafe-eval" not in (policy or "")


def test_every_picture_is_told_in_words() -> None:
    described = [a["aria-label"] or "" for _, a in read(page((payments(),))).elements if a.get("class") == "plot"]
    assert len(described) == 11
    assert described[0].startswith("Cost per row. 1 Apr 2025, release 3: 0.3")
    assert described[1].startswith("How far each column is from the reference. amount, ")


def attacked() -> Watched:
    """Every name that comes from a user is an attack."""
    first, second, third = ATTACKS
    model = payments()
    names = {f"column:{attack}:location": 0.9 for attack in ATTACKS} | {f"decision:{first}": 0.2, f"{third}": 1.0}
    windows = tuple(
        replace(
            window,
            effects=names,
            figures=window.figures | {second: (0.1, 0.0, 0.2)},
            segments={f"{first}={second}": {"rows": 99, "labelled": 99, "figures": {"loss": (1.0, 0.9, 1.1)}}},
            unknown={"loss": third},
        )
        for window in model.windows
    )
    incidents = tuple(
        replace(
            one,
            id=f"{first}{place}",
            title=second,
            story=third,
            where=ATTACKS,
            rows=ATTACKS,
            upstream=ATTACKS,
            advice=first,
            known=second,
            signs=tuple(replace(sign, key=f"column:{third}:location") for sign in one.signs),
        )
        for place, one in enumerate(model.incidents)
    )
    return dataclasses.replace(
        model,
        model=first,
        loss_title=second,
        unit=third,
        windows=windows,
        incidents=incidents,
        minimum=dict.fromkeys(names, 0.3),
    )


@pytest.mark.parametrize("made", [page, notebook])
def test_text_of_the_user_stays_text(made: Any) -> None:
    document = read(made((attacked(),)))
    assert not document.named("img")
    assert not [name for _, a in document.elements for name in a if name.startswith("on")]
    assert all(attack in document.text for attack in ATTACKS[:2])
    assert len(document.named("script")) == len(read(made((payments(),))).named("script"))


def test_every_shown_number_is_free_of_machine_noise() -> None:
    assert not re.search(r"\d\.\d{9}", read(page((payments(),))).text)


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
@pytest.mark.parametrize(
    ("scheme", "width", "sample"),
    [("light", 390, "rich"), ("dark", 1440, "rich"), ("dark", 390, "several"), ("light", 1440, "one window")],
)
def test_charts_are_drawn_offline(browser: Any, tmp_path: Path, scheme: str, width: int, sample: str) -> None:
    text = page(SAMPLES[sample])
    tab = opened(browser, tmp_path / "a.html", text, viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.page.locator(".plot:not([data-drawn])").first.wait_for(state="detached")
    assert tab.drawn() == tab.page.locator(".plot").count() > 0
    assert tab.complaints == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert not tab.page.get_by_text("Scripts are off").is_visible()


@pytest.mark.browser
def test_tables_with_words_are_read_on_a_phone_without_scrolling(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "a.html", page((payments(),)), viewport={"width": 390, "height": 800})
    tab.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    hidden = "one.parentElement.scrollWidth - one.parentElement.clientWidth"
    sides = f"all => all.map((one) => [one.querySelector('caption').textContent, {hidden}])"
    cut = dict(tab.page.locator("table.stacked").evaluate_all(sides))
    assert {"Findings in the newest window", "Noted changes", "Largest change of each column"} < set(cut)
    assert set(cut.values()) == {0}
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 390
    labels = "all => all.map((one) => getComputedStyle(one, '::before').content)"
    assert '"State"' in tab.page.locator("table.stacked td").evaluate_all(labels)


@pytest.mark.browser
def test_names_that_attack_are_drawn_as_names(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "a.html", page((attacked(),)), viewport={"width": 1440, "height": 800})
    tab.page.locator(".plot:not([data-drawn])").first.wait_for(state="detached")
    assert tab.drawn() == tab.page.locator(".plot").count()
    assert tab.complaints == []


@pytest.mark.browser
def test_without_scripts_the_numbers_are_there(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path / "a.html", page((payments(),)), java_script_enabled=False)
    assert tab.page.get_by_text("Scripts are off here").is_visible()
    assert tab.page.get_by_text("Numbers: Cost per row").first.is_visible()
