"""What a sealed folder says of itself: its files with their digests, and where it comes from."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated

import msgspec

from holdfast.decoding import ready
from holdfast.errors import ReleaseError

FORMAT = 1
MANIFEST = "manifest.json"
CHECKSUM = "manifest.sha256"
"""Digest of the manifest, as `sha256sum --check` reads it."""

OWN = frozenset({MANIFEST, CHECKSUM})

Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Identity = Annotated[str, msgspec.Meta(pattern="^sha256:[0-9a-f]{64}$")]

_MEDIA = {
    ".arrow": "application/vnd.apache.arrow.file",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".onnx": "application/onnx",
    ".parquet": "application/vnd.apache.parquet",
    ".toml": "application/toml",
    ".txt": "text/plain",
    ".xml": "application/xml",
}
# ASCII only, so that a name means the same file on every system and in every URI; no hidden files, nothing that climbs.
_WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?"
_MODEL = re.compile(_WORD)
_FILE = re.compile(rf"{_WORD}(?:/{_WORD})*")


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One file of a sealed folder.

    Attributes
    ----------
    sha256
        Digest of its bytes, in hexadecimal.
    bytes
        Its size.
    media
        Its media type.
    purpose
        What it is for, in a few words.
    erasable
        Whether a tombstone may replace it: it holds single rows, which a person may have the right to have erased.
    """

    sha256: Hex
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    media: str = "application/octet-stream"
    purpose: str = ""
    erasable: bool = False


class Environment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a release was made: version of Python, platform, and version of each package."""

    python: str
    platform: str
    packages: dict[str, str]


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a release comes from. `environment.origin` makes one that describes this process.

    Attributes
    ----------
    created
        When, in UTC.
    author
        Who.
    commit
        Git commit of the code, with `-dirty` behind it where files were changed; None outside a repository.
    environment
        Python, platform and packages.
    data
        Digest of each part of the data, such as `{"train": "rows1:...", "test": "rows1:..."}`.
    """

    created: Annotated[datetime, msgspec.Meta(tz=True)]
    author: str
    commit: str | None = None
    environment: Environment
    data: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.created.utcoffset() is None:
            raise ReleaseError(
                "Expected the time of a release with its zone; got one without. Give `datetime.now(UTC)`."
            )
        msgspec.structs.force_setattr(self, "created", self.created.astimezone(UTC))


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a sealed folder holds. Its bytes are what the release's identity is the digest of.

    Attributes
    ----------
    format
        Version of this record.
    model, version
        What is released: the version counts from 1.
    origin
        When, by whom, from what.
    parent
        Identity of the release before this one; None for the first.
    files
        All files but the manifest and its checksum, by name.

    Examples
    --------
    >>> environment = Environment(python="3.11.9", platform="Linux", packages={})
    >>> origin = Origin(created=datetime(2025, 1, 2, tzinfo=UTC), author="ada", environment=environment)
    >>> data = encode(Manifest(model="fraud", version=1, origin=origin, files={}))
    >>> identity(data)
    'sha256:...'
    >>> decode(data, "here").origin.author
    'ada'
    """

    format: int = FORMAT
    model: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    origin: Origin
    parent: Identity | None = None
    files: dict[str, File]

    def __post_init__(self) -> None:
        check_model(self.model)
        check_files(self.files)


class _Format(msgspec.Struct):
    format: int


def encode(record: msgspec.Struct) -> bytes:
    """The one way to write a record: JSON with sorted keys, no spaces, a line feed at its end."""
    return msgspec.json.encode(record, order="sorted") + b"\n"


def decode(data: bytes, where: str) -> Manifest:
    """The manifest that these bytes are.

    Raises
    ------
    ReleaseError
        They are none, are of a newer format, or have unknown fields or file names that are refused.
    """
    try:
        found = msgspec.json.decode(data, type=ready(_Format)).format
        if found > FORMAT:
            raise ReleaseError(f"{where} has format {found}; this Holdfast reads up to {FORMAT}. Update Holdfast.")
        return msgspec.json.decode(data, type=ready(Manifest))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{where} is no manifest: {error}. Take the release from where it was sealed.") from None


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def identity(manifest: bytes) -> str:
    """The identity of the release whose manifest these bytes are."""
    return f"sha256:{digest(manifest)}"


def media_type(name: str) -> str:
    """The media type that the ending of a name stands for."""
    return _MEDIA.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")


def is_model(name: str) -> bool:
    """Whether this can be the name of a model: it is that of a folder, everywhere."""
    return _MODEL.fullmatch(name) is not None


def check_model(name: str) -> str:
    """The name, if it can be that of a model; else `ReleaseError`."""
    if not is_model(name):
        raise ReleaseError(
            "Expected a model to be named by letters, digits, `_`, `-` and `.` (inside), at most 100 of them; "
            f"got {name!r}. Name it otherwise."
        )
    return name


def check_files(names: Iterable[str], own: frozenset[str] = OWN) -> None:
    """Refuse names that lead out of the folder, or that mean the same file or the manifest on some system."""
    names = list(names)
    for name in names:
        if not _FILE.fullmatch(name):
            raise ReleaseError(
                f"The file name {name!r} is refused: expected letters, digits, `_`, `-` and `.` (inside), "
                "with `/` between folders. Name it otherwise."
            )
        if name.lower() in own:
            raise ReleaseError(f"The file name {name!r} is Holdfast's own. Name the file otherwise.")
    # A folder and a file of one name cannot both be, nor two names that differ in case on some systems.
    taken = Counter(name.lower() for name in names)
    taken.update({str(folder).lower() for name in names for folder in PurePosixPath(name).parents})
    if twice := sorted(name for name, count in taken.items() if count > 1):
        raise ReleaseError(f"The file name {twice[0]!r} is there twice (ignoring case). Name one of them otherwise.")
