"""How old the times in a row are when it is answered: what tells stale features from fresh ones.

The moments themselves move on; their ages, on a logarithmic scale, do not.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.profile.calendar import moments
from holdfast.schema import Kind, Role, Schema

Array = NDArray[np.float64]


def aged(schema: Schema) -> tuple[str, ...]:
    """Columns of times, but for that which says when the row happened, and those of personal data, such as births."""
    return tuple(c.name for c in schema.columns if c.kind is Kind.TIME and c.role is not Role.TIME and not c.personal)


def ages_of(schema: Schema, inputs: pa.RecordBatch, when: Array) -> Array | None:
    """Logarithm of one more than the seconds by which each time lies before that of its row, (n, columns).

    Of times after it the negative of theirs; NaN where there is none. None where the schema has no such column.

    Parameters
    ----------
    schema
        Of the inputs.
    inputs
        Columns that are there.
    when
        When the rows happened, in seconds since 1970, (n,).
    """
    names = aged(schema)
    if not names:
        return None
    found = np.full((len(when), len(names)), np.nan)
    for place, name in enumerate(names):
        if name in inputs.schema.names:
            age = when - moments(inputs.column(name))[0]
            found[:, place] = np.sign(age) * np.log1p(np.abs(age))
    return found
