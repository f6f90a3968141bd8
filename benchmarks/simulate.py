"""Run a function many times in two processes, each with one thread.

NumPy is not imported here: the processes settle how it sorts before they load it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from typing import TypeVar

from holdfast.startup import prepare

S = TypeVar("S")
T = TypeVar("T")

PROCESSES = 2


def simulated(function: Callable[[S], T], arguments: Sequence[S]) -> list[T]:
    """Results of a function of module level, in the order of the arguments."""
    with get_context("spawn").Pool(PROCESSES, initializer=_settle) as pool:
        return pool.map(function, arguments, chunksize=max(1, min(20, len(arguments) // (4 * PROCESSES))))


def _settle() -> None:
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    prepare()
