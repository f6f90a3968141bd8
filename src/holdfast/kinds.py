"""What a column can be: how its values are read, and what it is for."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """How the values of a column are read, summarised and compared."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    TEXT = "text"
    TIME = "time"


class Role(StrEnum):
    """What a column is for. The last five are never guessed."""

    FEATURE = "feature"
    TIME = "time"
    ID = "id"
    TARGET = "target"
    SCORE = "score"
    PREDICTION = "prediction"
    WEIGHT = "weight"
    SEGMENT = "segment"
    PROTECTED = "protected"
    COST = "cost"
    GROUP = "group"
    IGNORE = "ignore"
