"""A sealed folder: written once, whole or not at all, and read only with its digests checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import msgspec

from holdfast.errors import ReleaseError
from holdfast.releases.manifest import (
    CHECKSUM,
    MANIFEST,
    OWN,
    File,
    Manifest,
    Origin,
    check_files,
    check_model,
    decode,
    digest,
    encode,
    identity,
    media_type,
)
from holdfast.releases.places import Content, Place, place
from holdfast.releases.stored import Tombstone, stored

Location = str | os.PathLike[str] | Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file to seal: its bytes or where they are, what it is for, and whether it may be erased (it holds rows)."""

    content: Content
    purpose: str = ""
    erasable: bool = False


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one file of a sealed folder."""

    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFolder:
    """A sealed folder whose manifest was checked; its files are checked when they are read.

    Attributes
    ----------
    place
        Where it is.
    manifest
        What it says of itself.
    identity
        `sha256:` and the digest of the manifest's bytes.
    """

    place: Place
    manifest: Manifest
    identity: str

    @property
    def name(self) -> str:
        """Model and version, such as `fraud/3`."""
        return f"{self.manifest.model}/{self.manifest.version}"

    def __repr__(self) -> str:
        return f"SealedFolder({self.name}, {len(self.manifest.files)} files in {self.place}, {self.identity})"

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises
        ------
        ReleaseError
            There is no such file, it was changed or erased, or it cannot be read.
        """
        file = self.manifest.files.get(name)
        if file is None:
            raise ReleaseError(
                f"{self.place} has no file {name!r}; it has {', '.join(sorted(self.manifest.files)) or 'none'}."
            )
        found = stored(self.place, name, file)
        if isinstance(found, Tombstone):
            raise ReleaseError(
                f"{name} of {self.place} was erased on {found.erased:%Y-%m-%d} by {found.author}; it cannot be had again."
            )
        return found


def seal(
    target: Location,
    files: Mapping[str, Content | Item],
    *,
    model: str,
    version: int,
    origin: Origin,
    parent: str | None = None,
) -> SealedFolder:
    """Seal files into a new folder, the manifest last.

    Parameters
    ----------
    target
        The folder, which must not be there: a path or a URI.
    files
        Bytes, or the path of a file, or an `Item`, by name.
    model, version
        What is released; the version counts from 1.
    origin
        When, by whom, from what; see `environment.origin`.
    parent
        Identity of the release before this one.

    Raises
    ------
    ReleaseError
        The folder is there already, a name or a pickle is refused, a file cannot be read, or the folder cannot be
        written. Nothing is left then.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from holdfast.releases.environment import origin
    >>> with TemporaryDirectory() as folder:
    ...     release = seal(f"{folder}/1", {"card.md": b"# Card"}, model="fraud", version=1, origin=origin())
    ...     release.read("card.md"), verify(f"{folder}/1")
    (b'# Card', ())
    """
    where = place(target)
    try:
        return write(where, files, model=model, version=version, origin=origin, parent=parent)
    except FileExistsError:
        raise ReleaseError(
            f"{where} is there already, and what is sealed is never written again. Take the next version."
        ) from None


def write(
    where: Place,
    files: Mapping[str, Content | Item],
    *,
    model: str,
    version: int,
    origin: Origin,
    parent: str | None = None,
) -> SealedFolder:
    """Like `seal`, but with a `FileExistsError` where the folder is there."""
    check_model(model)
    check_files(files)
    items = {name: item if isinstance(item, Item) else Item(content=item) for name, item in files.items()}
    for name, item in items.items():
        refuse_pickle(name, item.content)
    try:
        with where.draft() as draft:
            sealed = {}
            for name, item in items.items():
                sha256, size = draft.write(name, item.content)
                media = media_type(name)
                sealed[name] = File(
                    sha256=sha256, bytes=size, media=media, purpose=item.purpose, erasable=item.erasable
                )
            manifest = Manifest(model=model, version=version, origin=origin, parent=parent, files=sealed)
            data = encode(manifest)
            decode(data, MANIFEST)  # the limits in the types are checked when a record is read
            draft.write(CHECKSUM, f"{digest(data)}  {MANIFEST}\n".encode())
            draft.commit(MANIFEST, data)
    except FileExistsError:
        raise
    except OSError as error:
        raise ReleaseError(
            f"{where} could not be sealed: {error.strerror or type(error).__name__}. Mend that and seal again; "
            "nothing of it is left."
        ) from error
    return SealedFolder(place=where, manifest=manifest, identity=identity(data))


def open_release(location: Location, *, expected: str | None = None) -> SealedFolder:
    """Open a sealed folder, checking its manifest.

    Parameters
    ----------
    location
        Path or URI.
    expected
        The identity that it must have, where that is known from elsewhere.

    Raises
    ------
    ReleaseError
        It is no release, its manifest was changed or is of a newer format, or its identity is another one.
    """
    where = place(location)
    if not where.has(MANIFEST):
        raise ReleaseError(f"{where} is no release: it has no {MANIFEST}. Check the path, or seal it again.")
    data = where.read(MANIFEST)
    if where.read(CHECKSUM) != f"{digest(data)}  {MANIFEST}\n".encode():
        raise ReleaseError(
            f"{MANIFEST} of {where} is not what was sealed: its SHA-256 differs from that in {CHECKSUM}. "
            "Do not use this release; take it again from where it was sealed."
        )
    if expected is not None and identity(data) != expected:
        raise ReleaseError(
            f"{where} is another release than expected: its identity is {identity(data)}, expected {expected}."
        )
    return SealedFolder(place=where, manifest=decode(data, f"{MANIFEST} of {where}"), identity=identity(data))


def verify(location: Location, *, expected: str | None = None) -> tuple[Problem, ...]:
    """What is wrong with a sealed folder, by file; empty where all is as it was sealed.

    A file that may be erased may be a tombstone. With a manifest that was changed nothing else is looked at: whoever
    changes the manifest and its checksum together is found by `expected` alone, or by the release after it, whose
    parent it is (`Store.verify`).
    """
    where = place(location)
    try:
        release = open_release(where, expected=expected)
        there = where.files()
    except ReleaseError as error:
        return (Problem(file=MANIFEST, message=_about(MANIFEST, where, error)),)
    sealed = release.manifest.files
    problems = [Problem(file=name, message="was not sealed; remove it") for name in there - set(sealed) - OWN]
    for name, file in sealed.items():
        if name not in there:
            problems.append(Problem(file=name, message="is missing; take the release again from where it was sealed"))
            continue
        try:
            stored(where, name, file)
        except ReleaseError as error:
            problems.append(Problem(file=name, message=_about(name, where, error)))
    return tuple(sorted(problems, key=lambda problem: problem.file))


def _about(name: str, where: Place, error: ReleaseError) -> str:
    """What an error says, without the name of the file that it begins with."""
    return str(error).removeprefix(f"{name} of {where} ").rstrip(".")


def erase(location: Location, name: str, *, author: str, reason: str) -> Tombstone:
    """Put a tombstone in the place of a file that was sealed as erasable; the identity of the release stays.

    Raises
    ------
    ReleaseError
        There is no such file, or it is not erasable.
    """
    release = open_release(location)
    file = release.manifest.files.get(name)
    if file is None or not file.erasable:
        allowed = ", ".join(sorted(n for n, f in release.manifest.files.items() if f.erasable)) or "none"
        raise ReleaseError(f"{name!r} of {release.place} cannot be erased; files that can: {allowed}.")
    stone = Tombstone(file=name, sha256=file.sha256, erased=datetime.now(UTC), author=author, reason=reason)
    release.place.replace(name, encode(stone))
    return stone


def refuse_pickle(name: str, content: Content) -> None:
    """`ReleaseError` if a file to seal is a pickle, or cannot be read."""
    from holdfast.releases.pickles import is_pickle  # who reads a release needs no part of that

    try:
        with BytesIO(content) if isinstance(content, bytes) else Path(content).open("rb") as stream:
            refused = is_pickle(name, stream)
    except OSError as error:
        raise ReleaseError(f"The file to seal as {name!r} cannot be read: {error.strerror}. Check its path.") from error
    if refused:
        raise ReleaseError(
            f"{name!r} is a pickle, which is a program that runs when it is loaded; none goes into a release. "
            "Convert the model to ONNX, and keep other things as JSON or Arrow."
        )
