"""How values are written: variants, and characters that do not belong."""

from __future__ import annotations

import pyarrow as pa
import pytest

from holdfast.records import Severity, Status


def test_new_spellings_of_a_known_value_warn_and_are_named_when_common(ask) -> None:
    before = {"city": ["NY", "LA"] * 100}
    now = {"city": ["NY"] * 50 + ["ny "] * 40 + ["LA"] * 50 + ["la"] * 3}
    finding = ask("quality.string_variants", before, now)["city"]
    assert (finding.status, finding.value, finding.limit, finding.severity) == (Status.WARN, 2.0, 0.0, Severity.LOW)
    assert finding.evidence == {"variants": [["NY", "ny "]]}  # three rows of "la" may point at somebody
    assert finding.message == (
        "2 values are written in several ways (case, spaces), 2 of them not so in the reference."
    )


@pytest.mark.parametrize("variant", ["ny", " NY", "NY\t", "Ny", "ＮＹ"])
def test_case_spaces_and_width_make_variants(ask, variant: str) -> None:
    now = {"city": ["NY", variant] * 50}
    finding = ask("quality.string_variants", {"city": ["NY", "LA"] * 50}, now)["city"]
    assert (finding.value, finding.message[:24]) == (1.0, "1 value is written in se")


@pytest.mark.parametrize("other", ["N.Y.", "NYC", "N Y"])
def test_other_letters_make_another_value(ask, other: str) -> None:
    rows = {"city": ["NY", other] * 50}
    assert ask("quality.string_variants", {"city": ["NY", "LA"] * 50}, rows)["city"].status is Status.PASS


def test_spellings_that_the_reference_has_too_pass(ask) -> None:
    rows = {"city": ["NY", "ny"] * 50}
    finding = ask("quality.string_variants", rows, rows)["city"]
    assert (finding.status, finding.value) == (Status.PASS, 0.0)


@pytest.mark.parametrize("odd", ["a\x00b", "a\u200bb", "a\ufffdb", "a\nb", "???", "-", "\ue000"])
def test_special_characters_fail_when_they_are_new(ask, odd: str) -> None:
    before = {"k": ["ab", "cd"] * 100}
    finding = ask("quality.special_characters", before, {"k": ["ab"] * 100 + [odd] * 100})["k"]
    assert (finding.status, finding.value, finding.limit) == (Status.FAIL, 0.5, 0.001)
    assert ask("quality.special_characters", before, {"k": ["ab"] * 199 + [odd]})["k"].status is Status.PASS


@pytest.mark.parametrize("word", ["café", "北京", "a-b", "no. 7", "", " ", "👍 1"])
def test_letters_digits_and_blanks_of_any_language_are_not_special(ask, word: str) -> None:
    assert ask("quality.special_characters", {"k": ["ab", "cd"] * 100}, {"k": [word] * 100})["k"].value == 0.0


def test_special_characters_that_were_there_before_pass(ask) -> None:
    rows = {"k": ["ab", "???"] * 100}
    finding = ask("quality.special_characters", rows, rows)["k"]
    assert (finding.status, finding.value, finding.limit) == (Status.PASS, 0.5, 0.501)


def test_bytes_that_are_no_text_are_counted_and_break_nothing(ask) -> None:
    broken = pa.array([b"caf\xe9", b"tea"] * 100).view(pa.string())
    finding = ask("quality.special_characters", {"k": ["cafe", "tea"] * 100}, pa.table({"k": broken}))["k"]
    assert (finding.status, finding.value) == (Status.FAIL, 0.5)


def test_how_values_are_written_is_no_question_to_numbers(ask) -> None:
    rows = {"x": [1.0, 2.0] * 50}
    assert ask("quality.string_variants", rows, rows) == {}
    assert ask("quality.special_characters", rows, rows) == {}
