"""What committers remember."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import LogError
from holdfast.log.state import FILE, denied, deny, remember_writer, writer_known


def test_ids_are_denied_for_one_model_and_for_good(tmp_path: Path) -> None:
    deny(tmp_path, "fraud", ["a", "b"])
    deny(tmp_path, "fraud", ["b", "c"])
    assert denied(tmp_path, "fraud") == {"a", "b", "c"}
    assert denied(tmp_path, "churn") == frozenset()


def test_the_writer_of_a_spool_is_remembered(tmp_path: Path) -> None:
    assert writer_known(tmp_path, "0.db") is None
    remember_writer(tmp_path, "0.db", "one")
    remember_writer(tmp_path, "0.db", "two")
    assert writer_known(tmp_path, "0.db") == "two"


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(LogError, match="cannot be used"):
        denied(tmp_path, "fraud")
