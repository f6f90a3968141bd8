"""Findings as JUnit XML, which every continuous-integration server shows."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from holdfast.records import Finding, Status

_SKIPPED = {Status.SKIPPED, Status.NOT_APPLICABLE, Status.INCONCLUSIVE}


def junit(findings: Iterable[Finding], name: str = "holdfast compare") -> str:
    """One test case per finding: `fail` is a failure, `error` an error, what was not judged is skipped, the rest passed."""
    cases = list(findings)
    suite = Element(
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=str(sum(f.status is Status.FAIL for f in cases)),
        errors=str(sum(f.status is Status.ERROR for f in cases)),
        skipped=str(sum(f.status in _SKIPPED for f in cases)),
    )
    for finding in cases:
        case = SubElement(suite, "testcase", classname=finding.code, name=_clean(finding.subject) or "table")
        message = _clean(finding.message)
        if finding.status is Status.FAIL:
            SubElement(case, "failure", message=message)
        elif finding.status is Status.ERROR:
            SubElement(case, "error", message=message)
        elif finding.status in _SKIPPED:
            SubElement(case, "skipped", message=f"{finding.status}: {message}")
        elif finding.status is Status.WARN:
            SubElement(case, "system-out").text = f"warning: {message}"
    suites = Element("testsuites")
    suites.append(suite)
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=True)


def _clean(text: str) -> str:
    """Without the control characters that XML 1.0 has no way to write."""
    return "".join(
        c
        if c in "\t\n\r" or (ord(c) >= 32 and not 0xD800 <= ord(c) <= 0xDFFF and c not in "\ufffe\uffff")
        else "\ufffd"
        for c in text
    )
