"""What the quality checks found in windows of service, as a report shows it."""

from __future__ import annotations

import dataclasses

from msgspec.structs import replace

from holdfast.records import Status
from holdfast.report.monitoring import page
from holdfast.report.monitoring_findings import SHOWN, findings_panel, found_of
from holdfast.report.monitoring_view import view
from holdfast.testing.monitored import calm, payments
from holdfast.watched import Watched


def finding(code: str, subject: str = "age", status: str = "fail", message: str = "It is wrong.") -> dict[str, str]:
    return {"code": code, "subject": subject, "status": status, "message": message}


def watched(*found: list[dict[str, str]]) -> Watched:
    """A model, and what was found in each of its windows."""
    one = calm(len(found))
    return dataclasses.replace(
        one, windows=tuple(replace(w, findings=own) for w, own in zip(one.windows, found, strict=True))
    )


def test_each_finding_is_told_once_with_its_newest_words_and_stretch() -> None:
    old, new = finding("quality.range", message="old"), finding("quality.range", status="warn", message="new")
    other = finding("quality.range", subject="amount")
    windows = watched([old], [], [old, other], [new]).windows
    newest, over = found_of(windows)
    assert (newest.subject, newest.status, newest.message) == ("age", Status.WARN, "new")
    assert (newest.windows, newest.since, newest.last) == (3, windows[2].start, windows[3].start)
    assert newest.lasting
    assert (over.subject, over.windows, over.lasting, over.since) == ("amount", 1, False, windows[2].start)


def test_windows_without_rows_end_no_finding() -> None:
    one = watched([finding("quality.type")], [], [finding("quality.type")], [])
    windows = [replace(w, rows=0) if place in {1, 3} else w for place, w in enumerate(one.windows)]
    (found,) = found_of(windows)
    assert (found.windows, found.since, found.lasting) == (2, windows[0].start, True)


def test_what_lasts_and_fails_stands_first() -> None:
    order = [
        finding("quality.range", "over"),
        finding("quality.range", "warns", "warn"),
        finding("quality.range", "fails"),
        finding("quality.range", "unknown", "error"),
    ]
    found = found_of(watched(order, order[1:]).windows)
    assert [one.subject for one in found] == ["fails", "unknown", "warns", "over"]


def test_many_findings_are_folded_and_none_are_no_section() -> None:
    many = [finding("quality.range", f"c{place}") for place in range(SHOWN + 3)]
    section = findings_panel(view(watched([finding("quality.type")], many)), "quality").section
    assert [(len(table.rows), table.folded) for table in section.tables] == [(SHOWN, False), (3, True), (1, True)]
    assert section.text[0].endswith("The newest window has 15 of them.")
    assert section.tables[0].rows[0] == ("c0", "✕ Fail", "It is wrong.\nquality.range", "since 2 Apr 2025", "1 of 2")
    assert findings_panel(view(watched([], [])), "quality").section.empty


def test_the_page_has_them() -> None:
    text = page([payments()])
    assert '<h3 id="model-0-quality">Data quality</h3>' in text
    assert "quality.unseen_category" in text
    assert '<a href="#model-0-quality">Data quality</a>' in text
    assert "Data quality" not in page([calm(3)])
