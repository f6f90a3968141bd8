"""Where and by whom a release is made: Python, platform, packages, git commit, author, time."""

from __future__ import annotations

import getpass
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path

from holdfast.releases.manifest import Environment, Origin


def environment() -> Environment:
    """This Python, this platform, and all packages that are installed.

    Examples
    --------
    >>> environment().packages["msgspec"]
    '...'
    """
    # A broken installation may have no name.
    found = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        packages=dict(sorted(found.items(), key=lambda item: item[0].lower())),
    )


def git_commit(folder: Path | None = None) -> str | None:
    """The commit that a folder (None: the current one) is at, `-dirty` behind it where tracked files were changed.

    None without git, outside a repository, and before the first commit.
    """
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def author() -> str:
    """The name that this user goes by on this machine; `unknown` where there is none, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def origin(data: Mapping[str, str] | None = None, *, code: Path | None = None, by: str | None = None) -> Origin:
    """An origin that describes this process, now.

    Parameters
    ----------
    data
        Digest of each part of the data, by its name.
    code
        Folder of the code, for its git commit. None: the current one.
    by
        The author. None: this user.
    """
    return Origin(
        created=datetime.now(UTC),
        author=by or author(),
        commit=git_commit(code),
        environment=environment(),
        data=dict(data or {}),
    )
