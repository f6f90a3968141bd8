"""Who asks, and whether that client may: API keys, their roles and rates."""

from __future__ import annotations

import hmac
import ipaddress
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from holdfast.book.key import ANONYMOUS, ROLES, Key, Role, digest_of, public_part
from holdfast.errors import SettingError
from holdfast.serve.errors import ServeError
from holdfast.serve.rates import Bucket

Headers = Mapping[bytes, bytes]
"""Of a request: their names in lower case, as ASGI has them."""

# So many spellings of headers are remembered; a client that varies its own does not fill the memory.
_MOST_REMEMBERED = 4096

# What `Host` and `Origin` say: an address of version 6 in brackets, or another or a name; then a port.
_ADDRESS = re.compile(r"(?:https?://)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::[0-9]{1,5})?")

# Compared with where there is no key of this name, so that the answer takes as long.
_NOBODY = 64 * "0"


class Client(NamedTuple):
    """Who asks, and what it may do."""

    name: str
    roles: frozenset[Role]


class _Pass(NamedTuple):
    """A key in use; `bucket` is None where it may ask as often as it likes."""

    client: Client
    digest: str
    bucket: Bucket | None


class Access:
    """Who may ask. For the event loop's thread.

    Parameters
    ----------
    keys
        All keys, revoked ones too. None: no keys are in use, and everybody may do everything, from this machine.
    clock
        Seconds that never go back.
    shared
        Folder of files by which processes share what a key has left; None: there is one process.

    Examples
    --------
    >>> access = Access(None)
    >>> access.client({b"host": b"localhost:8080"}, "predict")
    'anonymous'
    """

    def __init__(
        self, keys: Iterable[Key] | None, clock: Callable[[], float] = time.monotonic, shared: Path | None = None
    ) -> None:
        self.open = keys is None
        self._clock, self._shared = clock, shared
        self._keys: tuple[Key, ...] = ()
        self._passes: dict[str, _Pass] = {}
        self._verified: dict[bytes, _Pass] = {}
        self._local: set[bytes] = set()
        self._anyone = Client(ANONYMOUS, ROLES)
        self.update(keys or ())

    def update(self, keys: Iterable[Key]) -> None:
        """Accept these keys from now on; what the others have used of their rate is kept."""
        if (given := tuple(keys)) == self._keys:
            return
        known = {key.id: key for key in self._keys}
        before, self._passes = self._passes, {}
        for key in given:
            if key.revoked is None:
                same = before.pop(key.id) if known.get(key.id) == key else None
                self._passes[key.id] = same or self._pass(key)
        for gone in before.values():
            if gone.bucket is not None:
                gone.bucket.close()
        self._keys = given
        self._verified.clear()

    def who(self, headers: Headers, role: str) -> Client:
        """The client that asks, if it may.

        Parameters
        ----------
        headers
            Of the request. The key is in `X-API-Key`, or else in `Authorization: Bearer`.
        role
            What is asked for.

        Raises
        ------
        ServeError
            401: no key, or one that is not in use; 403: it lacks the role, or, where no keys are in use, the request was made
            by the page of another site; 429: its rate is used up.
        """
        if self.open:
            return self._neighbour(headers)
        given = headers.get(b"x-api-key") or headers.get(b"authorization")
        # By its hash, under a seed of this process: how long it takes tells nothing of other keys.
        found = self._verified.get(given) if given is not None else None
        if found is None:
            found = self._verify(given)
        if role not in found.client.roles:
            raise ServeError(403, f"This key has not the role {role!r}.")
        if found.bucket is not None and (wait := found.bucket.take(self._clock())):
            message = f"This key may ask {found.bucket.rate:g} times a second."
            raise ServeError(429, message, retry_after=wait)
        return found.client

    def may(self, headers: Headers, role: str) -> bool:
        """Whether who asks has a role; where no keys are in use, everybody has. Asking costs nothing of a key's rate."""
        if self.open:
            return True
        given = headers.get(b"x-api-key") or headers.get(b"authorization")
        try:
            return role in self._verify(given).client.roles
        except ServeError:
            return False

    def client(self, headers: Headers, role: str) -> str:
        """The name of the client that asks; see `who`."""
        return self.who(headers, role).name

    def _pass(self, key: Key) -> _Pass:
        bucket = None
        if key.rate is not None:
            bucket = Bucket(key.rate, None if self._shared is None else self._shared / f"{key.id}.rate")
        return _Pass(Client(key.name, frozenset(key.roles)), key.digest, bucket)

    def _verify(self, given: bytes | None) -> _Pass:
        if given is None:
            raise ServeError(401, "A key is needed: send it as X-API-Key, or as Authorization: Bearer.")
        text = given.decode("latin-1").strip()
        scheme, _, rest = text.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else text
        found = self._passes.get(public_part(token) or "")
        same = hmac.compare_digest(digest_of(token), found.digest if found else _NOBODY)
        if found is None or not same:
            raise ServeError(401, "This key is not in use here: check it, or ask for one.")
        if len(self._verified) >= _MOST_REMEMBERED:
            self._verified.clear()
        self._verified[given] = found
        return found

    def _neighbour(self, headers: Headers) -> Client:
        """Anyone on this machine, but no page of another site: a browser sends what such a page tells it to send."""
        for name in (b"host", b"origin"):
            if (value := headers.get(name)) is None or value in self._local:
                continue
            found = _ADDRESS.fullmatch(value.decode("latin-1"))
            if found is None or not _is_loopback(found[1] or found[2]):
                raise ServeError(403, "Without keys only requests to a loopback address, by none but its own pages.")
            if len(self._local) < _MOST_REMEMBERED:
                self._local.add(value)
        return self._anyone


def allowed_address(host: str, access: Access) -> None:
    """Refuse to serve without keys where others than this machine could ask.

    Parameters
    ----------
    host
        The address that is going to be listened at.
    access
        Whether keys are in use.

    Raises
    ------
    SettingError
        The address is no loopback one, and no keys are in use.
    """
    if access.open and not _is_loopback(host):
        raise SettingError(
            f'Serving at {host!r}, where others can ask, needs keys. Write authentication = "keys" under [server] of '
            "site.toml, and make one: holdfast keys add NAME --role predict. Or serve at 127.0.0.1."
        )


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
