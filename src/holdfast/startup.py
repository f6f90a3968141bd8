"""What must be settled before NumPy and Arrow are loaded, for processes of ours only: commands, demo, servers.

NumPy sorts with AVX-512 where the processor has it. On AMD's Zen 4 the compress-to-memory instructions that this sort is
built on are microcoded, and sorting is five times slower than with AVX2; on Intel's processors the difference is small.
Sorting is where a profile spends its time, so it is told to keep to AVX2 there.

Arrow's own allocator keeps freed pages for a second before it gives them back, which is longer than most readings take:
the peak then counts every batch twice; and told to give them back sooner, it spends half its time in the system where a
table has hundreds of columns. That of the system is quick at both, and asked now and then, while a table is read, to give
back what is free.

Arrow loads pandas, where it is installed, at the first conversion of a value: half a second and 40 MB for nothing, since
a command is never handed a data frame.

NumPy multiplies matrices in threads of its own, which spin while they wait for each other. Where rows are counted in our
threads, one for each processor, they take the processors from these. A model of a user's that needs them is the exception.

Loading modules makes tens of thousands of objects that stay, among which Python looks for garbage after each 700; and when a
process ends, though all of its memory goes back at once: that alone takes a fifth of a second.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

GARBAGE_AFTER = 10_000
"""Objects more than there were, after which Python looks for garbage."""


def prepare() -> None:
    """Call this first; what a user has set in the environment stays as it is."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if "NPY_DISABLE_CPU_FEATURES" not in os.environ and "numpy" not in sys.modules and _is_amd_with_avx512():
        os.environ["NPY_DISABLE_CPU_FEATURES"] = (
            "X86_V4 AVX512_ICL" if _numpy_version() >= (2, 4) else "AVX512_SKX AVX512_ICL"
        )
    sys.meta_path.insert(0, _WithoutPandas())
    gc.set_threshold(GARBAGE_AFTER)
    atexit.register(_leave_garbage)


def allow_pandas() -> None:
    """Let pandas be found again: a pipeline that was fitted on a frame is given frames."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _WithoutPandas)]


def _leave_garbage() -> None:
    """Unless DuckDB is there, whose library complains of each of its objects that is not looked for."""
    if "_duckdb" not in sys.modules:
        gc.freeze()


class _WithoutPandas(MetaPathFinder):
    """Pandas is not to be found, as if it were not installed."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002  # its protocol
        if fullname == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")


def _numpy_version() -> tuple[int, ...]:
    """NumPy 2.4 renamed its groups of features."""
    from importlib.metadata import version

    return tuple(int(part) for part in version("numpy").split(".")[:2])


def _is_amd_with_avx512() -> bool:
    try:
        about = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").partition("\n\n")[0]
    except OSError:
        return False
    return "AuthenticAMD" in about and "avx512f" in about
