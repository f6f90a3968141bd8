"""Settings: defaults, per column, and what is refused."""

from __future__ import annotations

import pytest

import holdfast as hf
from holdfast.checks.context import ColumnLimits, Context, Settings

ROWS = {"x": [1.0, 2.0, 3.0] * 40, "k": ["a", "b", "c"] * 40}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"locaton": 0.1}, "Object contains unknown field `locaton`"),
        ({"columns": {"x": {"mising": 0.1}}}, r"unknown field `mising` - at `\$\.columns\.x`"),
        ({"location": -0.1}, r"Expected `float` > 0.0 - at `\$\.location`"),
        ({"error_budget": 1.0}, r"Expected `float` < 1.0 - at `\$\.error_budget`"),
        ({"duplicates": 1.5}, r"at `\$\.duplicates`"),
        ({"rows_ratio": 1.0}, r"at `\$\.rows_ratio`"),
        ({"number_distance": "euclid"}, r"'euclid' - at `\$\.number_distance`"),
        ({"category_distance": "kolmogorov_smirnov"}, r"at `\$\.category_distance`"),
        ({"test": "t"}, r"at `\$\.test`"),
        ({"missing": "5%"}, r"Expected `float`, got `str` - at `\$\.missing`"),
        ({"columns": {"x": {"missing": 0}}}, r"at `\$\.columns\.x\.missing`"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_with_its_path(settings: dict[str, object], message: str) -> None:
    with pytest.raises(hf.SettingError, match=message):
        hf.compare(ROWS, ROWS, settings=settings)


@pytest.mark.parametrize("options", [{"settings": {"columns": {"y": {}}}}, {"importance": {"y": 2.0}}])
def test_a_limit_for_a_column_that_does_not_exist_is_refused(options: dict[str, object]) -> None:
    """It would be silently without effect."""
    with pytest.raises(hf.SettingError, match="name a column 'y', which neither table has"):
        hf.compare(ROWS, ROWS, **options)


@pytest.mark.parametrize("side", [0, 1])
def test_a_column_of_one_table_alone_may_be_named(side: int) -> None:
    tables = [ROWS, ROWS]
    tables[side] = ROWS | {"extra": [1, 2, 3] * 40}
    settings = {"columns": {"extra": {"ignore": True}}}
    result = hf.compare(*tables, settings=settings)
    assert not [f for f in result.findings if f.subject == "extra"]


@pytest.mark.parametrize("code", ["qualty", "drift.numerical", ""])
def test_switching_off_a_check_that_does_not_exist_is_refused(code: str) -> None:
    with pytest.raises(hf.SettingError, match="there is no check"):
        hf.compare(ROWS, ROWS, settings={"skip": [code]})


def test_defaults_are_those_of_the_documentation() -> None:
    settings = Settings()
    assert (settings.error_budget, settings.location, settings.variation) == (0.04, 0.25, 0.10)
    assert (settings.missing, settings.dependence, settings.test) == (0.05, 0.20, "chi2")
    assert (settings.number_distance, settings.category_distance) == ("location", "total_variation")


def test_importance_is_that_of_the_settings_then_of_the_model_then_one() -> None:
    context = Context(settings=Settings(columns={"x": ColumnLimits(importance=0.0)}), importance={"x": 5.0, "k": 3.0})
    assert [context.weight(name) for name in ("x", "k", "other")] == [0.0, 3.0, 1.0]


def test_settings_may_be_a_record_or_a_mapping() -> None:
    settings = {"location": 0.5, "columns": {"x": {"missing": 0.2}}}
    record = Settings(location=0.5, columns={"x": ColumnLimits(missing=0.2)})
    assert hf.compare(ROWS, ROWS, settings=settings).findings == hf.compare(ROWS, ROWS, settings=record).findings
