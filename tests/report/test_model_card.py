"""The model card: all headings of the paper, filled from the evidence, and text that stays text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from holdfast.evidence import Evidence
from holdfast.report import model_card
from holdfast.report.markdown import document, escaped
from holdfast.report.sections import Section, Table
from holdfast.testing.evaluations import bare, bikes, findings, fraud, species
from holdfast.testing.pages import read

HEADINGS = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]
"""Of Mitchell and others (2019), in their order."""


def card(section: str) -> str:
    """A section of a rich card in Markdown."""
    found, refusing = findings()
    text = model_card.markdown(fraud(), found, verdict="fail", refusing=refusing, intended_use="Stops payments.")
    return text.partition(f"## {section}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("sample", [fraud, bikes, species, bare])
def test_every_card_has_the_headings_of_the_paper(sample: Callable[[], Evidence]) -> None:
    text = model_card.markdown(sample(), [], verdict="pass")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    page = read(model_card.html(sample(), [], verdict="pass"))
    assert [words for tag, words in page.texts if tag == "h2"] == HEADINGS


def test_no_section_is_empty_even_where_nothing_is_known() -> None:
    text = model_card.markdown(bare(), [], verdict="pass")
    assert all(part.strip() for part in re.split(r"^## .*$", text, flags=re.MULTILINE))
    assert "The intended use was not stated." in text
    assert "whether people are treated differently is unknown" in text


def test_the_card_is_filled_from_the_evidence() -> None:
    assert "- Family: lightgbm; task: two classes." in card("Model details")
    assert "- This model must not be released: 2 findings refuse it." in card("Model details")
    assert card("Intended use").strip().startswith("Stops payments.")
    assert "- country: 4 groups." in card("Factors")
    assert "The objective: Cost per row, in EUR, lower is better." in card("Metrics")
    assert "| test | 41,273 | 454 (1.1%) |" in card("Evaluation data")
    assert "| train | 180,000 | 2,160 (1.2%) |" in card("Training data")
    assert "| ROC AUC | 93.1% | 91.9% to 94.3% | 93.7% | 95.2% | 96.6% | higher |" in card("Quantitative analyses")
    assert "higher by 1.2 points (0.8 to 1.6)" in card("Ethical considerations")
    assert "- merchant_risk: This feature alone tells the target too well. (leakage.target, fail)" in card(HEADINGS[-1])
    assert "- hour: It moved. (drift.numeric, warn)" in card(HEADINGS[-1])
    assert "It is worse where country = PL, hour = below 6" in card(HEADINGS[-1])


def test_a_refusing_finding_is_told_once() -> None:
    assert card(HEADINGS[-1]).count("leakage.target") == 1


def test_tables_of_markdown_are_whole() -> None:
    text = model_card.markdown(fraud(), [], verdict="pass")
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        rows = [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
        assert len(set(rows)) == 1
        assert re.fullmatch(r"\|( -{3}:? \|)+", table.splitlines()[1])


ATTACKS = (
    "<script>alert(1)</script>",
    "a | b",
    "# not *a* heading",
    "- an item\n\n## Model details",
    "[x](javascript:1)",
)


def test_text_of_the_user_stays_text() -> None:
    evidence = replace(fraud(), subject=replace(fraud().subject, name=ATTACKS[0], features=ATTACKS), notes=ATTACKS)
    text = model_card.markdown(evidence, [], verdict="pass", intended_use=ATTACKS[3])
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert not re.search(r"(?<!\\)<", text)
    page = read(model_card.html(evidence, [], verdict="pass", intended_use=ATTACKS[0]))
    assert page.named("script") == []
    assert ATTACKS[0] in page.text


def test_a_cell_of_two_lines_is_one_in_markdown() -> None:
    table = Table(caption="Groups", head=("Group", "Cost"), rows=(("a|b", "1.5\n1.0 to 2.0"),))
    text = document("Card", [Section(anchor="a", title="All", tables=(table,))])
    assert text == "# Card\n\n## All\n\n**Groups**\n\n| Group | Cost |\n| --- | ---: |\n| a\\|b | 1.5 (1.0 to 2.0) |\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("card_age", "card_age"), ("_x_", r"\_x\_"), ("1. x", r"1\. x"), ("- x", r"\- x"), ("-0.5", "-0.5")],
)
def test_signs_are_escaped_where_they_would_mean_something(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_the_page_loads_nothing_and_holds_no_scripts() -> None:
    page = read(model_card.html(fraud(), [], verdict="inconclusive"))
    assert page.named("script") == []
    assert all((a.get("href") or "").startswith("data:,") for a in page.named("link"))
    assert all(a.get("scope") in {"col", "row"} for a in page.named("th"))
