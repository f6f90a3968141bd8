"""What a column refuses to be."""

from __future__ import annotations

import math

import pytest

from holdfast.errors import SettingError
from holdfast.schema import Column, Kind

NAN, INF = math.nan, math.inf


def number(**limits: object) -> Column:
    return Column(name="a", physical="a", kind=Kind.NUMBER, type="double", **limits)


@pytest.mark.parametrize("limits", [{"minimum": INF}, {"maximum": NAN}, {"minimum": 2.0, "maximum": 1.0}])
def test_limits_are_finite_and_in_order(limits: dict[str, float]) -> None:
    """JSON has no infinity, and would keep it as null."""
    with pytest.raises(SettingError, match="column 'a': expected a finite minimum"):
        number(**limits)
