"""What `holdfast serve` says when it listens: which releases answer, which do not, and why."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.releases.store import open_store
from holdfast.testing.releases import seal_small
from holdfast.testing.servers import START_SECONDS, serving, small_site
from holdfast.testing.waiting import until


def said(folder: Path, *names: str) -> list[str]:
    """The lines of a server from its address on, without the records of its log."""
    with serving(folder, *names) as server:
        output = until(lambda: server.output if "Stop with Ctrl-C.\n" in server.output else "")
        lines = [line for line in output.splitlines() if not re.match(r"\d{4}-\d\d-\d\d", line)]
        return [line.replace(server.address, "ADDRESS") for line in lines]


def test_what_answers_is_said_with_its_versions(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary", "classes")
    seal_small(open_store(folder / "releases"), "binary", seed=7)
    assert said(folder, "binary", "binary/2", "classes") == [
        "Serving  ADDRESS",
        "Ready    binary/1, binary/2 by its version, classes/1",
        "Docs     ADDRESS/docs",
        "Metrics  ADDRESS/metrics",
        "Stop with Ctrl-C.",
    ]


def test_what_does_not_answer_is_said_with_the_reason(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary", "classes")
    seal_small(open_store(folder / "releases"), "regression", "regression")
    (folder / "releases" / "classes" / "1" / "policy.json").unlink()
    assert said(folder, "binary", "classes", "regression") == [
        "Serving    ADDRESS",
        "Ready      binary/1",
        "Not ready  classes/1 is damaged: policy.json is missing; take the release again",
        "           from where it was sealed.",
        "Not ready  regression: it has no champion: holdfast promote regression VERSION",
        "Docs       ADDRESS/docs",
        "Metrics    ADDRESS/metrics",
        "What is not ready is tried again each second.",
        "Stop with Ctrl-C.",
    ]


def test_where_nothing_answers_that_is_said(tmp_path: Path) -> None:
    seal_small(open_store(tmp_path / "releases"), "binary")
    assert said(tmp_path, "binary") == [
        "Listening  ADDRESS",
        "Not ready  binary: it has no champion: holdfast promote binary VERSION",
        "Docs       ADDRESS/docs",
        "Metrics    ADDRESS/metrics",
        "Nothing answers yet. What is not ready is tried again each second.",
        "Stop with Ctrl-C.",
    ]


def test_a_book_that_is_away_is_no_model_without_a_champion(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary")
    (folder / "site.toml").write_text('book = "postgresql://ada:hush@127.0.0.1:9/none"\n')
    told = " ".join(" ".join(said(folder, "binary")).split())
    assert "Not ready binary: the book cannot be read: " in told
    assert "promote" not in told
    assert "hush" not in told


def test_no_line_is_wider_than_a_terminal_of_80_columns(tmp_path: Path) -> None:
    """In a real one, which it asks for its width."""
    folder = small_site(tmp_path, "binary")
    (folder / "releases" / "binary" / "1" / "policy.json").write_bytes(b"{}")
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, b"\x18\x00\x50\x00\x00\x00\x00\x00")
    command = [sys.executable, "-m", "holdfast", "serve", "binary", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        os.close(theirs)
        output, end = b"", time.monotonic() + START_SECONDS
        while b"Ctrl-C" not in output and time.monotonic() < end:
            if select.select([ours], [], [], 1)[0]:
                output += os.read(ours, 4_096)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    os.close(ours)
    lines = output.decode().splitlines()
    assert lines[0].startswith("Listening  http://127.0.0.1:")
    assert any(line.startswith("Not ready  binary/1 is damaged: ") for line in lines)
    assert max(map(len, lines)) <= 80
