"""Free text: lengths, words, and hashed words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.profile.text import TOKENS, TextEdges, token_sums, tokens, unseen_share, word_bins

SHORT = TextEdges.learn(pa.array(["", "a", "a b", "a b c"]))
texts = st.lists(
    st.none() | st.sampled_from(["", "a", "A b", " a  b\tc ", "ééé", "\ufffd", "one two three four"]), max_size=20
)


def cell_of(text: str) -> int:
    return int(SHORT.place(pa.array([text]))[0])


def test_lengths_are_counted_in_characters_not_in_bytes() -> None:
    assert cell_of("ééé") == cell_of("abc")
    assert cell_of("a") != cell_of("é b")
    assert SHORT.lengths.cuts[0] == 0


def test_words_are_separated_by_any_white_space() -> None:
    profile = SHORT.count(pa.array(["a", " a ", "a\tb", "a  b\n", "", "  ", None]))
    edges = SHORT.words
    expected = edges.count(pa.array([1, 1, 2, 2, 0, 0])).cells
    assert word_bins(profile).tolist() == expected.tolist()


def test_blank_texts_have_no_words() -> None:
    profile = SHORT.count(pa.array(["", " ", "\t\n"]))
    assert tokens(profile).sum() == 0
    assert word_bins(profile)[1] == 3


def test_the_same_word_falls_into_the_same_bucket_whatever_its_case_and_place() -> None:
    profile = SHORT.count(pa.array(["Card declined", "declined CARD card", None]))
    assert sorted(tokens(profile)[tokens(profile) > 0].tolist()) == [2, 3]
    assert len(tokens(profile)) == TOKENS


def test_the_share_of_unseen_words() -> None:
    reference = SHORT.count(pa.array(["red green", "blue"]))
    assert unseen_share(SHORT.count(pa.array(["red", "blue green"])), reference) == 0
    assert unseen_share(SHORT.count(pa.array(["red violet", "violet pink"])), reference) == 0.75
    assert np.isnan(unseen_share(SHORT.count(pa.array([""])), reference))


@settings(deadline=None, max_examples=50)
@given(texts, st.sampled_from([pa.string(), pa.large_string(), pa.binary(), "dictionary"]))
def test_every_encoding_gives_the_same_counts_and_the_place_of_each_row(values, kind) -> None:
    plain = pa.array(values, pa.string())
    array = plain.dictionary_encode() if kind == "dictionary" else plain.cast(kind)
    profile = SHORT.count(array)
    np.testing.assert_array_equal(profile.counts, SHORT.count(plain).counts)
    assert (profile.rows, profile.nulls) == (len(values), values.count(None))
    places = SHORT.place(array)
    np.testing.assert_array_equal(np.bincount(places[places >= 0], minlength=len(profile.cells)), profile.cells)
    assert tokens(profile).sum() == sum(len(v.split()) for v in values if v)


def test_texts_that_are_not_utf8_are_counted() -> None:
    broken = pa.array([b"caf\xe9 au lait", b"ok", None]).view(pa.string())
    profile = SHORT.count(broken)
    assert (profile.rows, profile.nulls, tokens(profile).sum()) == (3, 1, 4)
    assert (SHORT.place(broken) >= 0).tolist() == [True, True, False]


@pytest.mark.parametrize(
    "array",
    [pa.array([1, 22, None]), pa.array([0.5, 1.5, None]), pa.array(["a", "bb", None], pa.string_view())],
    ids=["integers", "floats", "views"],
)
def test_other_types_are_counted_by_their_text(array: pa.Array) -> None:
    profile = SHORT.count(array)
    assert (profile.rows, profile.nulls, tokens(profile).sum()) == (3, 1, 2)
    assert (SHORT.place(array) < 0).sum() == 1


@pytest.mark.parametrize("array", [pa.nulls(3), pa.array([], pa.string())], ids=["all null", "empty"])
def test_without_texts(array: pa.Array) -> None:
    edges = TextEdges.learn(array)
    assert len(edges.lengths.cuts) == len(edges.words.cuts) == 0
    profile = edges.count(pa.array(["a b", None]))
    assert (profile.rows, profile.nulls, len(profile.counts)) == (2, 1, edges.size)
    assert SHORT.count(array).counts.sum() == len(array)


def test_the_range_and_sums_are_those_of_the_lengths() -> None:
    profile = SHORT.count(pa.array(["", "abcd", None]))
    assert (profile.low, profile.high) == (0, 4)
    centre = SHORT.lengths.centre
    assert profile.sums.tolist() == [4 - 2 * centre, centre**2 + (4 - centre) ** 2]
    assert SHORT.groups is SHORT.lengths.groups


@given(texts)
def test_the_values_of_the_words_of_a_text_are_summed(values) -> None:
    """One for each word gives the number of words, and one for each bucket's words together their counts."""
    array = pa.array(values, pa.string())
    ones = token_sums(array, np.ones(TOKENS))
    assert ones.tolist() == [len((text or "").split()) for text in values]
    weights = np.random.default_rng(0).normal(size=TOKENS)
    for same in (array, array.dictionary_encode()):
        assert token_sums(same, weights).sum() == pytest.approx(tokens(SHORT.count(array)) @ weights)
