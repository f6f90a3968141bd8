"""What is the truth of a task, in whichever words it comes."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from holdfast.log.labels import Task, truth


@pytest.mark.parametrize(
    ("classes", "label", "expected"),
    [
        (("no", "yes"), True, True),
        (("no", "yes"), 0.0, False),
        (("no", "yes"), Decimal("1.0"), True),
        (("no", "yes"), "TRUE", True),
        (("no", "yes"), " False ", False),
        (("no", "yes"), "0", False),
        (("no", "yes"), "no", False),
        (("no", "yes"), 2, None),
        (("no", "yes"), None, None),
        (("no", "yes"), "", None),
        (("false", "true"), "True", True),
        (("true", "false"), "True", False),
        (("true", "false"), "false", True),
        (("true", "false"), True, True),
        (("1", "2"), 1, False),
        (("1", "2"), 2.0, True),
        ((), True, True),
        ((), "False", False),
    ],
)
def test_two_classes(classes: tuple[str, ...], label: object, expected: object) -> None:
    """A boolean is yes or no; text and numbers may name a class, which goes before."""
    assert truth(Task("binary", classes), label) is expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [(1, "1"), (2.0, "2"), ("a", "a"), (3, None), (1.5, None), (None, None), (True, None), (math.inf, None)],
)
def test_several_classes(label: object, expected: object) -> None:
    assert truth(Task("classes", ("1", "2", "a")), label) == expected


@pytest.mark.parametrize(
    ("label", "expected"), [(2, 2.0), (0.5, 0.5), (True, None), ("2", None), (math.nan, None), (None, None)]
)
def test_numbers(label: object, expected: object) -> None:
    assert truth(Task("regression", ()), label) == expected
