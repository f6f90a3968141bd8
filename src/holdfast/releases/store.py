"""All releases under one root, `<model>/<version>/`: a local folder, or a prefix of an object store."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from holdfast.errors import ReleaseError
from holdfast.releases.folder import Item, Location, Problem, SealedFolder, open_release, verify, write
from holdfast.releases.manifest import MANIFEST, Origin, check_model, is_model
from holdfast.releases.places import Content, Place, place

# Each attempt that fails has met another writer, or what a dead one left.
_ATTEMPTS = 50


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list of releases; `problem` where its manifest cannot be trusted, and then nothing else is known."""

    model: str
    version: int
    identity: str = ""
    created: datetime | None = None
    author: str = ""
    commit: str | None = None
    files: int = 0
    bytes: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Store:
    """The releases under one root. Make one with `open_store`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from holdfast.releases.environment import origin
    >>> with TemporaryDirectory() as folder:
    ...     store = open_store(folder)
    ...     first = store.add("fraud", {"card.md": b"# One"}, origin())
    ...     second = store.add("fraud", {"card.md": b"# Two"}, origin())
    ...     store.models(), store.versions("fraud"), second.manifest.parent == first.identity
    (['fraud'], [1, 2], True)
    """

    root: Place

    def models(self) -> list[str]:
        """Names of the models that have a release, sorted."""
        return [name for name in self.root.folders() if is_model(name) and self.versions(name)]

    def versions(self, model: str) -> list[int]:
        """Versions of a model, rising; a folder without a manifest is none."""
        return [number for number in self._numbers(model) if self._at(model, number).has(MANIFEST)]

    def latest(self, model: str) -> int:
        """The newest version of a model; `ReleaseError` if there is none."""
        if not (versions := self.versions(model)):
            known = ", ".join(self.models()) or "none"
            raise ReleaseError(f"There is no release of {model!r} in {self.root}; models with one: {known}.")
        return versions[-1]

    def get(self, model: str, version: int | None = None) -> SealedFolder:
        """A release; without `version` the newest."""
        number = self.latest(model) if version is None else version
        if version is not None and version not in (versions := self.versions(check_model(model))):
            known = ", ".join(map(str, versions)) or "none"
            raise ReleaseError(f"There is no version {version} of {model!r} in {self.root}; versions: {known}.")
        return self._checked(model, number)

    def named(self, name: str) -> SealedFolder:
        """A release by `model/version`, or the newest of `model`."""
        model, slash, version = name.partition("/")
        if slash and not (version.isascii() and version.isdigit()):
            raise ReleaseError(f"Expected a release as model/version, such as fraud/3, or as a model; got {name!r}.")
        return self.get(model, int(version) if slash else None)

    def listed(self, model: str | None = None) -> list[Listed]:
        """Every release, or those of one model, sorted by model and version; damaged ones too."""
        models = self.models() if model is None else [check_model(model)]
        return [self._line(name, number) for name in models for number in self.versions(name)]

    def add(self, model: str, files: Mapping[str, Content | Item], origin: Origin) -> SealedFolder:
        """Seal files as the next version of a model; its parent is the newest version that is there then.

        Two that do it at once get two versions. See `folder.seal` for the files.

        Raises
        ------
        ReleaseError
            As `folder.seal`; or others kept taking the numbers.
        """
        check_model(model)
        number = 0
        for attempt in range(_ATTEMPTS):
            number = max([number, *self._numbers(model)]) + 1
            before = [n for n in self.versions(model) if n < number]
            parent = self._checked(model, before[-1]).identity if before else None
            where = self._at(model, number)
            try:
                return write(where, files, model=model, version=number, origin=origin, parent=parent)
            except FileExistsError:
                time.sleep(random.uniform(0, 0.01 * (attempt + 1)))  # noqa: S311 - so that two do not meet again
        raise ReleaseError(
            f"No version of {model!r} in {self.root} was free in {_ATTEMPTS} attempts: others are sealing it, too. "
            "Seal again when they have finished."
        )

    def verify(self, model: str, version: int) -> tuple[Problem, ...]:
        """What is wrong with a release: its files, its name, and whether the one before is still its parent."""
        if problems := verify(self._at(check_model(model), version)):
            return problems
        try:
            parent = self._checked(model, version).manifest.parent
        except ReleaseError as error:
            return (Problem(file=MANIFEST, message=str(error)),)
        # None claims nothing: on an object store an earlier version may have been finished later than this one.
        identities = [self._line(model, number).identity for number in self.versions(model) if number < version]
        if parent is not None and identities and parent not in identities:
            message = "names a parent that is none of the versions before it: one of them was changed or removed"
            return (Problem(file=MANIFEST, message=message),)
        return ()

    def _at(self, model: str, number: int) -> Place:
        return self.root.child(model).child(str(number))

    def _numbers(self, model: str) -> list[int]:
        """Numbers that are taken, rising: by a release, or by what is none."""
        names = self.root.child(check_model(model)).folders()
        # "01" is no version: it would be a second folder of the same number.
        return sorted(int(name) for name in names if name.isascii() and name.isdigit() and str(int(name)) == name)

    def _checked(self, model: str, number: int) -> SealedFolder:
        release = open_release(self._at(model, number))
        if release.name != f"{model}/{number}":
            raise ReleaseError(
                f"{release.place} says that it is {release.name}: it was copied to a wrong place. Move it back."
            )
        return release

    def _line(self, model: str, number: int) -> Listed:
        try:
            release = self._checked(model, number)
        except ReleaseError as error:
            return Listed(model=model, version=number, problem=str(error))
        files, origin = release.manifest.files.values(), release.manifest.origin
        return Listed(
            model=model,
            version=number,
            identity=release.identity,
            created=origin.created,
            author=origin.author,
            commit=origin.commit,
            files=len(files),
            bytes=sum(file.bytes for file in files),
        )


def open_store(location: Location) -> Store:
    """The store of releases at a path or a URI; it need not be there yet."""
    return Store(place(location))
