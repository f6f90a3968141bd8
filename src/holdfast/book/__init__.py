"""What the system knows about itself: which release is in force, who may ask, and every change of that."""

from __future__ import annotations

from importlib.util import find_spec

from holdfast.errors import MissingExtraError

if find_spec("sqlalchemy") is None:
    raise MissingExtraError("sqlalchemy", "serve", "The book")
