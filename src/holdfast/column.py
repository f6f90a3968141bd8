"""What one column is."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from holdfast.errors import SettingError
from holdfast.kinds import Kind, Role


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    r"""One column, as it was in the rows that were looked at.

    Attributes
    ----------
    name, physical
        Its name, and its name at rest: unique ignoring case, free of `` ,;{}()\n\t=``, not starting with `hf_`.
    kind, type
        How its values are read, and their Arrow type as text (of the values, where they are dictionary-encoded).
    role
        What it is for.
    nullable
        Whether values were missing (null, NaN, or blank where the text of a time is expected), or there was no row.
    minimum, maximum
        Range of a number, in its own unit; None on a side that is unknown or was infinite, and for other kinds.
    categories
        Every value of a category, sorted; None if there were none, more than 1,000, or if they may identify somebody.
    personal
        Whether the name suggests data about a person; only strings are looked at.
    identifier
        Whether it numbers or names the rows: integers or short strings without a repeat.
    constant
        Whether all values that are not missing are the same.
    """

    name: str
    physical: Annotated[str, msgspec.Meta(pattern=r"^(?![hH][fF]_)[^ ,;{}()\n\t=]+\Z")]
    kind: Kind
    type: str
    role: Role = Role.FEATURE
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    personal: bool = False
    identifier: bool = False
    constant: bool = False

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        if not all(map(math.isfinite, bounds)) or bounds != sorted(bounds):
            raise SettingError(
                f"column {self.name!r}: expected a finite minimum at most as large as a finite maximum; "
                "leave a bound out where there is none"
            )
