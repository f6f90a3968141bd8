"""Which releases answer: those that were asked for, and of each model the champion that the book names, as it names it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from holdfast.errors import HoldfastError
from holdfast.log.spool import Spool
from holdfast.releases.store import Store
from holdfast.serve.engine import Engine
from holdfast.serve.errors import ServeError
from holdfast.serve.live import Live, Rules
from holdfast.serve.loaded import Loaded, load
from holdfast.serve.metrics import Metrics
from holdfast.serve.names import asked
from holdfast.serve.standing import Standing

POLL_SECONDS = 1.0

logger = logging.getLogger("holdfast.serve")


class Revision(NamedTuple):
    """What the book has in place of a part of a release's sealed policy; number 0 is the sealed one."""

    number: int
    content: Mapping[str, Any]


SEALED = Revision(0, {})


class Champion(NamedTuple):
    """The version of a model that answers where none is asked for, and its identity."""

    version: int
    identity: str


@dataclass(frozen=True, slots=True)
class Serving:
    """A release that answers, and how it is asked."""

    loaded: Loaded
    live: Live


class Named(NamedTuple):
    """What the book says: the champion of each model, and the newest policy revision of each release that has one."""

    champions: Mapping[str, Champion] = {}
    revisions: Mapping[tuple[str, int], Revision] = {}


class Roster:
    """The releases of a process. For the event loop's thread.

    Parameters
    ----------
    store
        Where releases are.
    names
        Models, or `model/version`: each model's champion, and these versions beside it.
    named
        Reads the book.
    """

    def __init__(
        self,
        store: Store,
        names: tuple[str, ...],
        named: Callable[[], Named],
        spool: Spool | None,
        rules: Callable[[str], Rules],
        metrics: Metrics,
    ) -> None:
        self._store, self._named, self._spool, self._rules, self._metrics = store, named, spool, rules, metrics
        self._pinned = asked(names)
        self._without: set[str] = set()
        self._away: str | None = None
        self._champion: dict[str, Champion] = {}
        self._serving: dict[tuple[str, int], Serving] = {}
        self._failed: dict[tuple[str, int], str] = {}
        self._last = Named()
        self._refused: dict[tuple[str, int], int] = {}
        self._one = asyncio.Lock()

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models."""
        return tuple(sorted(self._pinned))

    @property
    def serving(self) -> tuple[Serving, ...]:
        """All releases that answer."""
        return tuple(self._serving.values())

    @property
    def ready(self) -> bool:
        """Whether each model answers."""
        return all(self._answers(model) for model in self._pinned)

    def champion(self, model: str) -> int | None:
        """The champion's version; None if there is none."""
        found = self._champion.get(model)
        return found.version if found else None

    def versions(self, model: str) -> list[int]:
        """Versions of a model that answer."""
        return sorted(version for name, version in self._serving if name == model)

    def find(self, model: str, version: int | None = None) -> Serving:
        """What answers for a model.

        Raises
        ------
        ServeError
            404: there is no such model or version here; 503: it has no champion, or that cannot be loaded.
        """
        if model not in self._pinned:
            raise ServeError(404, f"There is no such model here; models: {', '.join(self.models)}.")
        if version is not None:
            if found := self._serving.get((model, version)):
                return found
            known = ", ".join(map(str, self.versions(model))) or "none"
            raise ServeError(404, f"{model} has no such version here; versions: {known}.")
        champion = self.champion(model)
        if champion is None and self._away is not None:
            raise ServeError(503, f"The champion of {model} is not known: the book cannot be read.", retry_after=5)
        if champion is None:
            raise ServeError(503, f"{model} has no champion: holdfast promote {model} VERSION.", retry_after=5)
        if found := self._serving.get((model, champion)):
            return found
        raise ServeError(503, f"{model}/{champion} does not answer: {self._problem(model, champion)}", retry_after=5)

    def standings(self) -> list[Standing]:
        """How it stands with each release that is asked for."""
        found = []
        for model, versions in self._pinned.items():
            champion = self.champion(model)
            for version in sorted(versions | ({champion} if champion else set())):
                problem = "" if (model, version) in self._serving else self._problem(model, version)
                found.append(Standing(name=f"{model}/{version}", champion=version == champion, problem=problem))
            if champion is None and not versions:
                unknown = f"the book cannot be read: {self._away}"
                none = f"it has no champion: holdfast promote {model} VERSION"
                found.append(Standing(name=model, champion=True, problem=none if self._away is None else unknown))
        return found

    def _problem(self, model: str, version: int) -> str:
        """Why a release does not answer."""
        return self._failed.get((model, version), "it is being loaded.")

    async def refresh(self) -> None:
        """Follow the book, and load what is missing; what answers goes on until what takes its place is ready."""
        async with self._one:  # who has promoted a release does not wait for the next look
            await self._follow()

    async def _follow(self) -> None:
        try:
            self._last = await asyncio.to_thread(self._named)
        except HoldfastError as error:
            # What was known last stays.
            if self._away != str(error):
                logger.warning("the book cannot be read: %s", error)
            self._away = str(error)
        else:
            if self._away is not None:
                logger.info("the book can be read again")
            self._away = None
        champions = self._last.champions
        for model, versions in self._pinned.items():
            champion = champions.get(model)
            for version in sorted(versions | ({champion.version} if champion else set())):
                identity = champion.identity if champion and champion.version == version else None
                await self._load(model, version, identity)
            if champion is None:
                if not versions and model not in self._without and self._away is None:
                    self._without.add(model)
                    logger.warning("%s has no champion, and does not answer: holdfast promote %s VERSION", model, model)
                continue
            before = self._champion.get(model)
            if champion != before and (before is None or (model, champion.version) in self._serving):
                self._champion[model] = champion
                if (model, champion.version) in self._serving:
                    logger.info("%s/%s answers for %s", model, champion.version, model)
                self._retire(model, {champion.version, *versions, *([before.version] if before else [])})
        for key, serving in self._serving.items():
            self._revise(key, serving.loaded.engine)
        self._tell()

    async def _load(self, model: str, version: int, identity: str | None) -> None:
        key = (model, version)
        held = self._serving.get(key)
        if held is not None and identity in (None, held.loaded.identity):
            return
        try:
            loaded = await asyncio.to_thread(load, self._store, model, version, identity)
        except HoldfastError as error:
            if self._failed.get(key) != str(error):
                logger.error("%s/%s is not loaded: %s", model, version, error)  # noqa: TRY400 - the reason is the message
            self._failed[key] = str(error)
            return
        self._failed.pop(key, None)
        self._revise(key, loaded.engine)
        live = Live(loaded, self._spool, self._rules(model), self._metrics)
        self._serving[key] = Serving(loaded, live)
        logger.info("%s/%s is loaded", model, version)

    def _revise(self, key: tuple[str, int], engine: Engine) -> None:
        """Follow the newest revision of the policy; one that cannot be followed is told once."""
        newest = self._last.revisions.get(key, SEALED)
        if newest.number in (engine.revision, self._refused.get(key)):
            return
        try:
            engine.revise(*newest)
        except HoldfastError as error:
            self._refused[key] = newest.number
            logger.error("revision %s of the policy of %s/%s is not followed: %s", newest.number, *key, error)  # noqa: TRY400 - the reason is the message
            return
        logger.info("%s/%s follows revision %s of its policy", *key, newest.number)

    def _retire(self, model: str, kept: set[int]) -> None:
        """Let go of what nobody asks for; what was champion before stays, for a quick way back."""
        for key in [key for key in self._serving if key[0] == model and key[1] not in kept]:
            del self._serving[key]

    def _answers(self, model: str) -> bool:
        champion = self.champion(model)
        wanted = {*self._pinned[model], *([champion] if champion else [])}
        return bool(wanted) and all((model, version) in self._serving for version in wanted)

    def _tell(self) -> None:
        self._metrics.clear("holdfast_model_info")
        for (model, version), serving in self._serving.items():
            stage = "champion" if version == self.champion(model) else ""
            self._metrics.set("holdfast_model_info", (model, str(version), serving.loaded.identity, stage), 1)
