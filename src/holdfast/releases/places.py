"""A place holds sealed folders: a local folder, or a prefix of an object store. Both do the same few things."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from holdfast.releases.local import LocalFolder

Content = bytes | Path
"""Bytes, or the file that has them."""


class Draft(Protocol):
    """A folder that is being written. It is not there for readers until `commit`."""

    def write(self, name: str, content: Content) -> tuple[str, int]:
        """Write one file; returns the SHA-256 of its bytes and their number."""
        ...

    def commit(self, name: str, content: bytes) -> None:
        """Write the last file, and let the folder be there; `FileExistsError` if somebody else was first."""
        ...


class Place(Protocol):
    """A folder, wherever it is. Names of files may have `/` in them."""

    def __str__(self) -> str:
        """Where it is, for messages."""
        ...

    def child(self, name: str) -> Self:
        """The folder of this name in it, which need not be there."""
        ...

    def folders(self) -> list[str]:
        """Names of the folders in it, sorted; hidden ones are left out."""
        ...

    def files(self) -> set[str]:
        """Names of everything below it that is not a folder; links are named and not followed."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file; `ReleaseError` where there is none, or none that is to be trusted."""
        ...

    def replace(self, name: str, content: bytes) -> None:
        """Put other bytes into a file."""
        ...

    def draft(self) -> AbstractContextManager[Draft]:
        """Begin to write this folder; what is not committed is removed. `FileExistsError` where there is one."""
        ...


Files = Mapping[str, Content]


def place(location: str | os.PathLike[str] | Place) -> Place:
    """The place that a path or a URI (`file://`, `s3://`, `gs://`, `abfs://`) names.

    Examples
    --------
    >>> str(place("file:///srv/releases"))
    '/srv/releases'
    """
    if not isinstance(location, str | os.PathLike):
        return location
    text = os.fspath(location)
    parts = urlsplit(text)
    if parts.scheme == "file":
        return LocalFolder(Path(url2pathname(parts.path)))
    if "://" not in text:
        return LocalFolder(Path(text))
    from holdfast.releases.remote import RemoteFolder

    return RemoteFolder.of(text)
