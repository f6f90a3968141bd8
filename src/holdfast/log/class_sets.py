"""Classes in doubt as one text of the log: joined by bars, those of a name with a backslash before them."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

BAR = "|"


def joined(names: Iterable[str]) -> str:
    r"""The classes of a set as the log has them.

    >>> joined(["cat", "dog"]), joined(["cat|wild", "dog"])
    ('cat|dog', 'cat\\|wild|dog')
    """
    return BAR.join(name.replace("\\", "\\\\").replace(BAR, f"\\{BAR}") for name in names)


def sizes(sets: pa.Array) -> pa.Array:
    r"""How many classes each set has, (n,); null where there is none.

    >>> sizes(pa.array(["cat|dog", r"cat\|wild", "", None])).to_pylist()
    [2, 1, 0, None]
    """
    bare = pc.replace_substring_regex(sets, r"\\.", "x")
    return pc.if_else(pc.equal(bare, ""), 0, pc.add(pc.count_substring(bare, BAR), 1))
