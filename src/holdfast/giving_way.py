"""A thread that lets others go first, where there are more of them than processors."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress


def give_way(niceness: int) -> None:
    """Let other threads go before the one that calls, for good; nothing where the system does not tell threads apart.

    Parameters
    ----------
    niceness
        0 to 19: at 10 it gets a tenth of a processor that another thread wants, at 19 a seventieth.

    Source: `sched(7)` of Linux, where niceness is that of a thread, and can only be raised.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
