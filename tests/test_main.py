"""How the process starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import holdfast

HEAVY = "numpy pyarrow scipy pandas altair jinja2 msgspec"


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return done.stdout


def test_version() -> None:
    done = subprocess.run([sys.executable, "-m", "holdfast", "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"holdfast {holdfast.__version__}\n", "")


@pytest.mark.parametrize("module", ["holdfast.__main__", "holdfast.demo"])
def test_help_loads_nothing_heavy(module: str) -> None:
    """Both settle the process before NumPy is loaded, and `--help` comes at once."""
    code = (
        "import runpy, sys; sys.argv = ['holdfast', '--help']\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as stop: assert stop.code == 0, stop.code\n"
        f"print(*('loaded ' + name for name in {HEAVY!r}.split() if sys.modules.get(name)))"
    )
    assert "loaded" not in python(code)


@pytest.mark.parametrize("module", ["holdfast.__main__", "holdfast.demo"])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "system 1"),
        ({"ARROW_DEFAULT_MEMORY_POOL": "mimalloc", "OPENBLAS_NUM_THREADS": "3"}, "mimalloc 3"),
    ],
)
def test_the_process_is_settled_first(
    module: str, given: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what a user has set stays."""
    settled = ("ARROW_DEFAULT_MEMORY_POOL", "OPENBLAS_NUM_THREADS")
    for name in settled:
        monkeypatch.delenv(name, raising=False)
    code = (
        "import os, runpy, sys; sys.argv = ['holdfast', '--nonsense']\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as stop: assert stop.code == 2, stop.code\n"
        f"print(*(os.environ[name] for name in {settled}))"
    )
    assert python(code, **given) == f"{expected}\n"


def test_at_its_end_the_process_looks_for_no_garbage() -> None:
    """Of what was registered to be done at the end, the first is done last."""
    code = (
        "import atexit, gc, holdfast.startup\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
        "holdfast.startup.prepare()\n"
        "print(gc.get_freeze_count())"
    )
    assert python(code) == "0\nTrue\n"


def test_a_query_ends_without_complaints() -> None:
    """DuckDB's library tells of every object of its own that is left at the end."""
    code = (
        "import holdfast.startup; holdfast.startup.prepare()\n"
        "import duckdb; kept = duckdb.connect(); print(kept.sql('SELECT 1').fetchall())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[(1,)]\n", "")
