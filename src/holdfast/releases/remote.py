"""A prefix of an object store, through `pyarrow.fs`: a folder counts once its last file is there, and has one writer.

Arrow's file systems cannot create an object only if it is absent. So a writer first leaves a *claim* beside the folder
and lists the claims: whoever sees another's, or finds the folder written, gives up. A listing shows whatever was written
before it began (as S3, Google Cloud Storage and Azure promise), so of two writers at least one sees the other: one may
win, or none, and never both.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
from pyarrow import fs

from holdfast.errors import ReleaseError
from holdfast.releases.local import CHUNK_BYTES

CLAIMS = ".claims"


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A folder of a `pyarrow.fs` file system; see `places.Place`."""

    system: fs.FileSystem
    path: str

    @classmethod
    def of(cls, uri: str) -> Self:
        """The place that a URI names."""
        try:
            system, path = fs.FileSystem.from_uri(uri)
            reason = "" if path else "it names no folder"
        except (pa.ArrowInvalid, OSError) as error:
            reason = _first_line(error)
        if reason:
            raise ReleaseError(
                "Expected a path, or a URI such as s3://bucket/folder (file://, gs:// and abfs:// as well); "
                f"this one cannot be used: {reason}."
            )
        return cls(system, path.rstrip("/"))

    def __str__(self) -> str:
        return f"{self.system.type_name}://{self.path}"

    def child(self, name: str) -> RemoteFolder:
        """The folder of this name in it, which need not be there."""
        return RemoteFolder(self.system, f"{self.path}/{name}")

    def folders(self) -> list[str]:
        """Names of the folders in it, sorted; hidden ones are left out."""
        infos = self._list(self.path, recursive=False)
        return sorted(i.base_name for i in infos if i.type == fs.FileType.Directory and not i.base_name.startswith("."))

    def files(self) -> set[str]:
        """Names of everything below it that is not a folder."""
        infos = self._list(self.path, recursive=True)
        return {info.path.removeprefix(f"{self.path}/") for info in infos if info.type != fs.FileType.Directory}

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        with self._asked(name):
            return bool(self.system.get_file_info(f"{self.path}/{name}").type == fs.FileType.File)

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        with self._asked(name), self.system.open_input_stream(f"{self.path}/{name}", compression=None) as stream:
            data: bytes = stream.read()
            return data

    def replace(self, name: str, content: bytes) -> None:
        """Put other bytes into a file: an object is replaced at once."""
        with self._asked(name):
            self._put(f"{self.path}/{name}", content)

    @contextmanager
    def draft(self) -> Iterator[RemoteDraft]:
        """Begin to write this folder, if nobody else has. What a writer leaves that dies is no release, but stays."""
        parent, _, own = self.path.rpartition("/")
        claims = f"{parent}/{CLAIMS}/{own}"
        claim = f"{claims}/{secrets.token_hex(16)}"
        with self._asked("the folder"):
            self._put(claim, b"")
        try:
            # After the claims, what is there: who has finished leaves no claim, but a folder.
            if {i.path for i in self._list(claims, recursive=False)} != {claim} or self.files():
                raise FileExistsError(str(self))
            draft = RemoteDraft(self)
            try:
                yield draft
            except BaseException:
                with suppress(OSError):
                    self.system.delete_dir(self.path)
                raise
        finally:
            with suppress(OSError):
                self.system.delete_file(claim)

    def _list(self, path: str, *, recursive: bool) -> list[Any]:
        selector = fs.FileSelector(path, allow_not_found=True, recursive=recursive)
        with self._asked(path):
            infos: list[Any] = self.system.get_file_info(selector)
            return infos

    def _put(self, path: str, content: bytes | Path) -> tuple[str, int]:
        self.system.create_dir(path.rpartition("/")[0], recursive=True)
        digest, size = hashlib.sha256(), 0
        with (
            BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source,
            self.system.open_output_stream(path, compression=None) as sink,
        ):
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                size += sink.write(chunk)
        return digest.hexdigest(), size

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Errors of the store as `ReleaseError`."""
        try:
            yield
        except FileNotFoundError:
            raise ReleaseError(f"{what} is not there in {self}. Check the address.") from None
        except (OSError, pa.ArrowException) as error:
            raise ReleaseError(
                f"{what} in {self} cannot be reached: {_first_line(error)}. Check the address and your access."
            ) from error


@dataclass(frozen=True, slots=True)
class RemoteDraft:
    """A folder that is being written in its place; see `places.Draft`."""

    folder: RemoteFolder

    def write(self, name: str, content: bytes | Path) -> tuple[str, int]:
        """Write one file; returns the SHA-256 of its bytes and their number."""
        return self.folder._put(f"{self.folder.path}/{name}", content)

    def commit(self, name: str, content: bytes) -> None:
        """Write the last file."""
        self.write(name, content)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")
