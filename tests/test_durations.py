"""Lengths of time as people write them."""

from __future__ import annotations

import pytest

from holdfast.durations import seconds, written
from holdfast.errors import SettingError


@pytest.mark.parametrize(
    ("length", "expected"), [("30s", 30), ("15m", 900), ("6h", 21_600), ("1.5d", 129_600), ("2w", 1_209_600)]
)
def test_a_length_in_seconds(length: str, expected: float) -> None:
    assert seconds(length, "--window") == expected


@pytest.mark.parametrize("length", ["", "d", "7", "0d", "-1d", "1e3s", "nan", "infd", "1 d", "7D", "1..5h", "²d"])
def test_what_is_no_length_is_refused(length: str) -> None:
    with pytest.raises(SettingError, match=r"^split\.delay takes a length such as 1d, 6h, 15m or 30s; got "):
        seconds(length, "split.delay")


@pytest.mark.parametrize("length", ["45s", "15m", "6h", "3d", "2w"])
def test_seconds_are_written_as_they_are_read(length: str) -> None:
    assert written(seconds(length, "")) == length
