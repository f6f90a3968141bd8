"""What the commands answer that do something about incidents which alert nobody anyway."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.book.incidents import annotate
from holdfast.book.monitoring import Kept, Run, record_run
from holdfast.book.opening import open_book
from holdfast.cli import run
from holdfast.monitoring.incidents.grouping import plain
from holdfast.site import load_site
from holdfast.testing.monitored import payments


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs `holdfast incidents` over those of a made-up model; what it prints."""
    monkeypatch.chdir(tmp_path)
    Path("site.toml").write_text("")
    book = open_book(load_site(None).book_location)
    at = datetime.now(UTC)
    one = Run(number=1, model="payments", release=4, at=at, received_until=0, labelled_until=0)
    assert record_run(book, one, Kept(watch=b"", incidents={one.id: plain(one) for one in payments().incidents}))
    since = datetime.fromtimestamp(payments().incidents[1].since, UTC)
    annotate(book, "payments", "new device", since=since, columns=("distance_km",), author="ada")
    book.close()

    def typed(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["holdfast", "incidents", *arguments])
        assert run() == 0
        return capsys.readouterr().out

    return typed


def test_what_does_no_harm_is_snoozed_for_the_case_that_it_does(said) -> None:
    assert re.fullmatch(
        r"payments-4 is noted: the objective is not expected to become worse by it, so it alerts nobody\. "
        r"Should that change, it is snoozed to \d{4}-\d\d-\d\d\.\n",
        said("snooze", "payments-4", "--until", "3d"),
    )
    assert said("ack", "payments-4").endswith("Should that change, it is acknowledged.\n")


def test_what_is_known_or_over_says_why_it_stays_so(said) -> None:
    known = "payments-3 is known: a known change explains it, so it alerts nobody.\n"
    assert said("snooze", "payments-3", "--until", "3d") == known
    assert said("ack", "payments-2") == "payments-2 is resolved: what it is about is over, so it alerts nobody.\n"


def test_a_model_that_is_not_watched_is_an_error(
    said, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "payments-1" in said("list", "--model", "payments")
    for model, watched in (("payment", "did you mean 'payments'?"), ("nope", "watched are 'payments'.")):
        monkeypatch.setattr("sys.argv", ["holdfast", "incidents", "--model", model])
        assert run() == 2
        out, told = capsys.readouterr()
        assert (out, " ".join(told.split())) == ("", f"holdfast: No model '{model}' is watched: {watched}")


def test_what_was_over_when_it_was_found_says_so(said) -> None:
    """Of what opened and was over in one run nothing was looked at."""
    assert re.search(r"What +It was over when it was found\.", said("show", "payments-2"))
    assert "It was over" not in said("show", "payments-1")


def test_what_alerts_says_only_how_it_stands(said) -> None:
    assert said("ack", "payments-1") == "payments-1 is acknowledged.\n"
    assert said("resolve", "payments-4") == "payments-4 is resolved.\n"
