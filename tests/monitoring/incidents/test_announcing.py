"""Changes are announced of models and columns that there are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.book.incidents import known_changes
from holdfast.book.opening import open_book
from holdfast.errors import SettingError
from holdfast.monitoring.incidents.announcing import announce
from holdfast.releases.store import open_store
from holdfast.site import Site
from holdfast.testing.releases import seal_small

MAY = datetime(2025, 5, 3, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation with a release of `fraud`."""
    found = Site(folder=str(tmp_path))
    seal_small(open_store(found.path(found.releases)), "fraud")
    return found


def announced(site: Site, model: str, *columns: str) -> tuple[str, ...]:
    """The columns that are written down."""
    book = open_book(site.book_location)
    try:
        return announce(book, site, model, "price rise", since=MAY, columns=columns, author="ada").columns
    finally:
        book.close()


def test_columns_of_the_release_groups_of_rows_and_what_is_no_column_can_be_named(site: Site) -> None:
    columns = ("amount", "country=AT", "country × online=AT × true", "volume")
    assert announced(site, "fraud", *columns) == columns
    assert announced(site, "fraud@1", "amount") == ("amount",)


@pytest.mark.parametrize(
    ("model", "column", "told"),
    [
        ("fruad", "amount", "^Nothing is announced: there is no model 'fruad' here: did you mean 'fraud'\\?$"),
        ("churn", "amount", "^Nothing is announced: there is no model 'churn' here: there are 'fraud'\\.$"),
        ("fraud", "amout", "no release of fraud has a column 'amout': did you mean 'amount'\\?$"),
        ("fraud", "country × onlin=AT × true", "no release of fraud has a column"),
        ("fraud", "performanse", "did you mean 'performance'\\?$"),
    ],
)
def test_what_there_is_not_is_refused_and_nothing_is_written(site: Site, model: str, column: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        announced(site, model, column)
    book = open_book(site.book_location)
    assert known_changes(book) == ()
    book.close()


def test_where_there_is_no_model_yet_any_change_can_be_announced(tmp_path: Path) -> None:
    assert announced(Site(folder=str(tmp_path)), "fraud", "amount") == ("amount",)
