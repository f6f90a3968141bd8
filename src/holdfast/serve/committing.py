"""The process beside those that answer: it brings what they logged into the lake.

The supervisor tells it on standard input what to do; when that ends, so does the process.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from holdfast.decoding import ready
from holdfast.errors import HoldfastError
from holdfast.serve.telemetry import log_to_stderr
from holdfast.site import Site
from holdfast.startup import prepare

if TYPE_CHECKING:
    from holdfast.log.following import Step

NICENESS = 11
"""Where processors are short it gets a thirteenth of one, and those that answer the rest: what is in the spool can wait. This is
enough to keep up with a worker that is busy with single rows; a flood of large requests is brought in when it is over."""

PATIENCE_SECONDS = 20.0
"""For so long rows may wait while those that answer want all of the processors, as in a burst of requests."""


def main() -> None:
    """Commit until told to stop, and then what is left; and follow what was committed."""
    _give_way()
    prepare()
    from holdfast.log import following
    from holdfast.log.committer import run

    site = msgspec.json.decode(sys.stdin.buffer.readline(), type=ready(Site))
    log_to_stderr(site.server.log_lines)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])  # blocked by who started this process
    threading.Thread(target=_follow, args=(stop,), daemon=True, name="holdfast-parent").start()
    ended = threading.Event()
    steps = steps_of(site)
    follower = threading.Thread(
        target=following.run, args=(site.root_path, steps, ended), daemon=True, name="holdfast-follow"
    )
    follower.start()
    try:
        run(
            site.root_path,
            stop,
            rows=site.log.rows,
            seconds=site.log.seconds,
            keep_days=site.log.keep_days,
            patience=PATIENCE_SECONDS,
        )
    except HoldfastError as error:
        logging.getLogger("holdfast.log").error("%s", error)  # noqa: TRY400 - the message says it all
        sys.exit(2)
    ended.set()
    follower.join()


def _give_way() -> None:
    os.nice(NICENESS)
    with suppress(OSError):  # where Linux shares processors out by session, this is what counts
        Path("/proc/self/autogroup").write_text(f"{NICENESS}", encoding="ascii")


def steps_of(site: Site) -> list[Step]:
    """What follows a commit: labels find their predictions, and rows that a person should decide are queued."""
    from holdfast.log.following import match
    from holdfast.log.queueing import queue
    from holdfast.releases.store import open_store
    from holdfast.serve.gains import saved_in

    saved = saved_in(open_store(site.path(site.releases)))
    return [match, lambda root, model: queue(root, model, saved)]


def _follow(stop: threading.Event) -> None:
    """End with whoever started this process."""
    # Not through sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 4_096):
        pass
    stop.set()


if __name__ == "__main__":
    main()
