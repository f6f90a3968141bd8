"""Starts the command line, after two things that must be settled before NumPy and Arrow are loaded, for this process only.

NumPy sorts with AVX-512 where the processor has it. On AMD's Zen 4 the compress-to-memory instructions that this sort is
built on are microcoded, and sorting is five times slower than with AVX2; on Intel's processors the difference is small.
Sorting is where a profile spends its time, so it is told to keep to AVX2 there.

Arrow's allocator keeps freed pages for a second before it gives them back, which is longer than most readings take: the
peak then counts every batch twice. Ten milliseconds keep the speed and give the memory back.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Run `holdfast`."""
    _prefer_avx2()
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "10")
    from holdfast.cli import run

    sys.exit(run())


def _prefer_avx2() -> None:
    """Takes effect at the import of NumPy; nothing is changed for a user who has set the variable."""
    name = "NPY_DISABLE_CPU_FEATURES"
    if name in os.environ or "numpy" in sys.modules or not _is_amd_with_avx512():
        return
    os.environ[name] = "X86_V4 AVX512_ICL" if _numpy_version() >= (2, 4) else "AVX512_SKX AVX512_ICL"


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


if __name__ == "__main__":
    main()
