"""Callables in a process of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from holdfast.errors import ModelError, SettingError
from holdfast.models.callable import load_callable
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model

ROWS = pa.table({"x": [0.1, 0.2, 0.7]})


def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> str:
    """A module on the path, and the address of its function `score`."""
    (tmp_path / "scoring.py").write_text(f"import time, os\n\ndef score(rows):\n    {body}\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "scoring:score"


def test_a_function_by_address_scores_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = module(tmp_path, monkeypatch, "return rows['x']")
    with pytest.raises(ModelError, match=r"importing it runs its module.*--trust"):
        load_model(address, features=["x"], task="binary")
    model = load_model(address, trust=True, features=["x"], task="binary")
    assert (model.family, model.classes) == ("callable", ("0", "1"))
    assert model.predict(ROWS).tolist() == [0.1, 0.2, 0.7]


def test_a_lambda_does_too() -> None:
    scale = 10.0
    model = load_model(lambda rows: scale * rows["x"].to_numpy(), features=["x"], task="regression")
    assert model.predict(ROWS) == pytest.approx([1.0, 2.0, 7.0])


def test_a_callable_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = module(tmp_path, monkeypatch, "time.sleep(600)")
    model = load_callable(address, features=["x"], task="binary", time_limit=0.5)
    with pytest.raises(ModelError, match=r"took more than 0.5 s for 3 rows and was stopped"):
        model.predict(ROWS)


def test_the_row_at_which_it_raises_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = module(tmp_path, monkeypatch, "return [1 / (x.as_py() != 0.2) * 0.5 for x in rows['x']]")
    with pytest.raises(ModelError, match="raised ZeroDivisionError at row 1 "):
        load_callable(address, features=["x"], task="binary").predict(ROWS)


@pytest.mark.parametrize(("body", "code"), [("os._exit(7)", 7), ("import no_such_package", "row 0")])
def test_a_crash_is_told_from_an_exception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, code: Any
) -> None:
    with pytest.raises(ModelError, match=str(code)):
        load_callable(module(tmp_path, monkeypatch, body), features=["x"], task="binary").predict(ROWS.slice(0, 1))


def test_a_module_that_is_not_there_is_said() -> None:
    with pytest.raises(ModelError, match="cannot be imported"):
        load_callable("no_such_module:score", features=["x"], task="binary").predict(ROWS)


def test_what_a_callable_does_not_say_must_be_given() -> None:
    with pytest.raises(SettingError, match="neither its `features` nor its `task`"):
        load_model(len)
    with pytest.raises(SettingError, match="needs `classes`"):
        load_model(len, features=["x"], task="classes")
    with pytest.raises(SettingError, match="name the positive one last"):
        load_model(len, features=["x"], task="binary", classes=["bad", "good"], positive="bad")


def test_it_cannot_be_sealed() -> None:
    with pytest.raises(ModelError, match="cannot be sealed for serving"):
        to_onnx(load_model(len, features=["x"], task="binary"), ROWS)
