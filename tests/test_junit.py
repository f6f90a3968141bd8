"""Findings as JUnit XML, read back by an XML parser."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import holdfast as hf
from holdfast.junit import junit
from holdfast.records import Finding, Status

ODD = "a<b>&\"c' \x00\x1b[31m\x0b \ud800 \ufffe é 北 \U0001f600"


def finding(status: Status = Status.PASS, subject: str = "x", message: str = "Words.") -> Finding:
    return Finding(code="quality.range", status=status, subject=subject, message=message)


def suite(*findings: Finding) -> ET.Element:
    (found,) = ET.fromstring(junit(findings).encode())
    return found


def test_every_status_has_its_place_and_only_a_pass_is_bare() -> None:
    found = suite(*(finding(status) for status in Status))
    children = {status: [child.tag for child in case] for status, case in zip(Status, found, strict=True)}
    assert children == {
        Status.PASS: [],
        Status.WARN: ["system-out"],
        Status.FAIL: ["failure"],
        Status.INCONCLUSIVE: ["skipped"],
        Status.NOT_APPLICABLE: ["skipped"],
        Status.SKIPPED: ["skipped"],
        Status.ERROR: ["error"],
    }
    counts = {name: found.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "7", "failures": "1", "errors": "1", "skipped": "3"}


def test_a_case_has_the_code_the_column_and_the_message() -> None:
    (case,) = suite(finding(Status.FAIL, "amount", "Too much."))
    assert (case.get("classname"), case.get("name")) == ("quality.range", "amount")
    assert case[0].get("message") == "Too much."
    (case,) = suite(finding(Status.SKIPPED, "amount", "Switched off."))
    assert case[0].get("message") == "skipped: Switched off."
    (case,) = suite(finding(Status.WARN, "amount", "Odd."))
    assert case[0].text == "warning: Odd."


def test_a_finding_of_the_whole_table_is_called_so() -> None:
    (case,) = suite(finding(subject=""))
    assert case.get("name") == "table"


@pytest.mark.parametrize("status", [Status.FAIL, Status.ERROR, Status.WARN, Status.SKIPPED])
def test_what_xml_cannot_write_is_replaced(status: Status) -> None:
    (case,) = suite(finding(status, ODD, ODD))
    kept = "a<b>&\"c' \ufffd\ufffd[31m\ufffd \ufffd \ufffd é 北 \U0001f600"
    assert case.get("name") == kept
    assert kept in (case[0].get("message") or case[0].text)


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_makes_xml_that_can_be_parsed(subject: str, message: str) -> None:
    (case,) = suite(finding(Status.FAIL, subject, message))
    assert case.get("name")
    assert case[0].get("message") is not None


def test_no_findings_are_an_empty_suite() -> None:
    assert (len(suite()), suite().get("tests")) == (0, "0")


def test_a_result_of_columns_with_odd_names() -> None:
    names = ["a b", "<x>", 'say "hi"', "tab\there", "\x01", "π", ""]
    rows = {name: [1.0, 2.0] * 50 for name in names}
    (found,) = ET.fromstring(hf.compare(rows, {name: [9.0] * 100 for name in names}).to_junit().encode())
    failed = {case.get("name") for case in found if case.find("failure") is not None}
    assert failed >= {"a b", "<x>", 'say "hi"', "tab\there", "\ufffd", "π"}
    assert int(found.get("failures")) == sum(case.find("failure") is not None for case in found)
