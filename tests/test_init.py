"""The public names, and what an import costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import holdfast as hf


def fresh(code: str) -> str:
    """What a new Python prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_an_import_loads_none_of_the_heavy_packages() -> None:
    heavy = {"numpy", "pyarrow", "scipy", "msgspec", "pandas", "altair", "jinja2", "typer", "rich"}
    loaded = fresh("import sys, holdfast; print(*{m.split('.')[0] for m in sys.modules})").split()
    assert not heavy & set(loaded)


def test_a_name_loads_what_it_needs_and_no_more() -> None:
    assert fresh("import sys, holdfast as hf; hf.SettingError; print('numpy' in sys.modules)") == "False"
    assert fresh("import sys, holdfast as hf; hf.compare; print('numpy' in sys.modules)") == "True"
    assert fresh("import sys, holdfast as hf; hf.compare; print('scipy.stats' in sys.modules)") == "False"


@pytest.mark.parametrize("name", hf.__all__)
def test_every_public_name_is_there_in_a_fresh_process(name: str) -> None:
    assert getattr(hf, name).__name__ == name
    assert getattr(hf, name).__doc__


def test_the_public_names_are_sorted_and_none_is_missing() -> None:
    assert hf.__all__ == sorted(hf.__all__)
    assert fresh("from holdfast import *; print(compare.__name__, Result.__name__)") == "compare Result"


def test_the_names_can_be_completed_before_they_are_loaded() -> None:
    listed = fresh("import holdfast; print(*dir(holdfast))").split()
    assert set(hf.__all__) <= set(listed)
    assert "__version__" in listed


def test_the_version_is_that_of_the_package() -> None:
    assert hf.__version__.count(".") == 2


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'holdfast' has no attribute 'comparee'"):
        hf.comparee  # noqa: B018


def test_the_function_compare_is_not_hidden_by_a_module() -> None:
    assert fresh("import holdfast.comparison, holdfast as hf; print(callable(hf.compare))") == "True"
