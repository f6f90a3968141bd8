"""Places of columns in a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import LogError
from holdfast.log.frames import ARROW, Type
from holdfast.log.physical import Place, placed, together

AMOUNT = Place("amount", "float64", "amount")


def test_a_column_that_is_known_stays_where_it_is() -> None:
    assert placed([AMOUNT], [("amount", "float64")]) == ([AMOUNT], [])


def test_names_that_differ_in_case_only_are_one_column() -> None:
    assert placed([AMOUNT], [("Amount", "float64")]) == ([AMOUNT], [])


def test_a_new_column_gets_its_own_name() -> None:
    new = Place("age", "int64", "age")
    assert placed([AMOUNT], [("age", "int64"), ("amount", "float64")]) == ([new, AMOUNT], [new])


def test_a_changed_type_gets_a_new_place_and_goes_back_to_the_old_one() -> None:
    text = Place("amount_string", "string", "amount")
    assert placed([AMOUNT], [("amount", "string")]) == ([text], [text])
    assert placed([AMOUNT, text], [("amount", "string")]) == ([text], [])
    assert placed([AMOUNT, text], [("amount", "float64")]) == ([AMOUNT], [])


def test_a_new_place_takes_no_name_that_another_column_has_or_is_about_to_get() -> None:
    other = Place("amount_string", "string", "amount_string")
    assert placed([AMOUNT, other], [("amount", "string")])[1] == [Place("amount_string_2", "string", "amount")]
    both = placed([AMOUNT], [("amount", "string"), ("amount_string", "string")])[1]
    assert both == [Place("amount_string_2", "string", "amount"), other]


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(LogError, match="two columns of one name"):
        placed([], [("a", "int64"), ("A", "int64")])


LAYOUTS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "a_string", "a_string_2", "b_int64"]), st.sampled_from(sorted(ARROW))),
    max_size=6,
)


@given(LAYOUTS)
def test_places_are_never_shared_and_never_moved(layouts: list[dict[str, Type]]) -> None:
    known: list[Place] = []
    found: dict[tuple[str, Type], Place] = {}
    for layout in layouts:
        places, new = placed(known, layout.items())
        known += new
        assert [(place.name, place.type) for place in places] == list(layout.items())
        for place in places:
            assert found.setdefault((place.name, place.type), place) == place
    assert len({place.physical for place in known}) == len(known)
    assert sum(map(len, together(known).values())) == len(known)
