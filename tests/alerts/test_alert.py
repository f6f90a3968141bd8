"""What somebody is told."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.alerts.alert import Alert

Make = Callable[..., Alert]


def test_the_headline_says_how_bad_what_and_which(alert: Make) -> None:
    assert alert().headline == "[high] fraud: amount moved (fraud-1)"
    assert alert(cost=310.0).headline == "[high] fraud: amount moved, about 310 a day (fraud-1)"
    assert alert(cost=310.0, unit="EUR", event="worse").headline == (
        "[high] fraud: worse: amount moved, about 310 EUR a day (fraud-1)"
    )
    assert alert(cost=310.0, event="resolved").headline == "[high] fraud: resolved: amount moved (fraud-1)"
    assert alert(event="known", known="price rise").headline == (
        "[high] fraud: explained: amount moved (price rise) (fraud-1)"
    )


def test_the_text_tells_the_story_and_what_to_do(alert: Make) -> None:
    told = alert(story="amount moved since 5 May 2025.", cost=310.0, advice="Retrain.")
    assert told.text == "amount moved since 5 May 2025.\nRetrain.\nholdfast incidents show fraud-1"
    assert alert(cost=310.0, unit="EUR", event="resolved").text == (
        "amount moved. Since 1970-01-01 00:00 UTC.\nIt costs about 310 EUR a day."
    )


def test_a_key_is_of_the_incident_its_number_and_what_happened(alert: Make) -> None:
    assert alert(number=2, event="resolved").key == "fraud-1:2:resolved"
