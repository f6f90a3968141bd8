"""Revisions of policies are numbered for each release, and the newest is taken."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.book.audit import newest_entry, verify
from holdfast.book.opening import Book
from holdfast.book.policies import newest_policy_revisions, revise_policy
from holdfast.errors import SettingError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcé ", max_size=3), inner, max_size=3),
    max_leaves=8,
)


def test_each_release_has_its_own_newest_revision(book: Book) -> None:
    revise_policy(book, "fraud", 1, {"offset": 0.1}, author="monitor")
    revise_policy(book, "fraud", 2, {"offset": 0.2}, author="monitor")
    last = revise_policy(book, "fraud", 1, {"offset": 0.3}, author="monitor", reason="coverage was 0.86")
    found = newest_policy_revisions(book)
    assert {release: (r.revision, r.content) for release, r in found.items()} == {
        ("fraud", 1): (2, {"offset": 0.3}),
        ("fraud", 2): (1, {"offset": 0.2}),
    }
    assert found["fraud", 1] == last


def test_no_revision_is_no_entry(book: Book) -> None:
    assert newest_policy_revisions(book) == {}


@pytest.mark.parametrize("content", [{"offset": math.nan}, {"offset": [math.inf]}, {"offset": {1, 2}}])
def test_what_is_no_json_is_refused(book: Book, content: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="finite numbers"):
        revise_policy(book, "fraud", 1, content, author="monitor")
    assert newest_entry(book) == 0


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.dictionaries(st.text("abcé\"'\\{", max_size=5), VALUES, max_size=4))
def test_any_content_comes_back_as_it_was(book: Book, content: dict[str, Any]) -> None:
    revise_policy(book, "fraud", 1, content, author="monitor")
    assert newest_policy_revisions(book)["fraud", 1].content == content
    assert verify(book).problems == ()
