"""The expected tables of all tasks: read back from bytes, and added."""

from __future__ import annotations

from typing import TypeAlias

from holdfast.errors import ProfileError
from holdfast.estimation import class_table, loss_table
from holdfast.estimation.class_table import ExpectedClasses
from holdfast.estimation.loss_table import ExpectedLosses
from holdfast.estimation.table import ExpectedTable

Expected: TypeAlias = ExpectedTable | ExpectedClasses | ExpectedLosses
"""Of two classes, of several, of numbers."""


def from_bytes(data: bytes, where: str = "these bytes") -> Expected:
    """The table that `to_bytes` of any of them wrote; `ProfileError` if the bytes are damaged or no such table."""
    if data.startswith(class_table.MAGIC):
        return ExpectedClasses.from_bytes(data, where)
    if data.startswith(loss_table.MAGIC):
        return ExpectedLosses.from_bytes(data, where)
    return ExpectedTable.from_bytes(data, where)


def added(first: Expected, second: Expected) -> Expected:
    """Rows of both; `ProfileError` unless they come from one release."""
    match first, second:
        case ExpectedTable(), ExpectedTable():
            return first + second
        case ExpectedClasses(), ExpectedClasses():
            return first + second
        case ExpectedLosses(), ExpectedLosses():
            return first + second
    raise ProfileError("The two expected tables are of different tasks. Estimate each release by itself.")
