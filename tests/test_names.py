"""Names: how they are stored, and whether they name a person."""

from __future__ import annotations

import pyarrow as pa
import pytest

from holdfast.schema import Column, Schema, infer
from holdfast.tables import open_table


def schema_of(columns: dict[str, object], **options: object) -> Schema:
    return infer(open_table(pa.table(columns)), **options)


def column_of(values: object, name: str = "a") -> Column:
    return schema_of({name: values}).columns[0]


@pytest.mark.parametrize(
    ("names", "physical"),
    [
        (["Amount", "größe"], ["Amount", "größe"]),
        (["a b", "a,b", "a_b"], ["a_b_2", "a_b_3", "a_b"]),
        (["A", "a", "a_2"], ["A", "a_3", "a_2"]),
        (["hf_id", "HF_ID", ""], ["x_hf_id", "x_HF_ID_2", "Unnamed:_2"]),
        (["x {1};(2)\n\t=3"], ["x__1___2____3"]),
    ],
)
def test_physical_names_can_be_stored_anywhere(names: list[str], physical: list[str]) -> None:
    schema = schema_of({name: [1] for name in names})
    assert [column.physical for column in schema.columns] == physical
    assert Schema.from_json(schema.to_json()) == schema


@pytest.mark.parametrize(
    ("name", "personal"),
    [
        ("name", True),
        ("firstName", True),
        ("CUSTOMER_NAME", True),
        ("e-mail", True),
        ("contact_email_2", True),
        ("Home Address", True),
        ("ip", True),
        ("IBAN", True),
        ("phoneNumber", True),
        ("product_name", False),
        ("ship_mode", False),
        ("description", False),
    ],
)
def test_personal_by_name(name: str, personal: bool) -> None:
    """Values that may identify somebody are not listed; numbers are never called personal."""
    column = column_of(["x", "y", "y"], name)
    assert column.personal is personal
    assert column.categories == (None if personal else ("x", "y"))
    assert not column_of([1, 2, 2], name).personal
