"""`site.toml`: where everything lies and how it is served; one file for each installation, all of it optional."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from holdfast.durations import PATTERN
from holdfast.errors import SettingError
from holdfast.validated import read_toml, validated

FILE = "site.toml"

Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[server]`: addresses, processes, and who may ask.

    Attributes
    ----------
    host, port
        Where requests are taken. Any address but a loopback one needs `authentication = "keys"`.
    workers
        Processes that answer.
    authentication
        `none`, or `keys`: every request but health needs a key (`holdfast keys add`).
    certificate, private_key
        PEM files, for TLS.
    most_bytes
        Largest body of a request.
    drain_seconds
        How long a stopping server goes on with the requests that it has.
    log_lines
        Lines on standard error as `text` or `json`.
    traces, traced_share
        Where OpenTelemetry's collector is, such as `http://127.0.0.1:4318`, and the share of requests that are traced.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    authentication: Literal["none", "keys"] = "none"
    certificate: str | None = None
    private_key: str | None = None
    most_bytes: Count = 32 << 20
    drain_seconds: Positive = 20.0
    log_lines: Literal["text", "json"] = "text"
    traces: str | None = None
    traced_share: Annotated[float, Meta(ge=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key belong together")
        if self.traces is not None and not re.match("https?://[^/]", self.traces):
            raise ValueError("traces is the address of a collector, such as http://127.0.0.1:4318")


class Log(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[log]`: the prediction log.

    Attributes
    ----------
    enabled
        Whether predictions are logged.
    durability
        `group`: an answer waits until its group is committed, a power cut loses at most the last second; `sync`: until the
        disk has it.
    when_unwritable
        `refuse` predictions that cannot be logged, or `answer` them and count.
    rows, seconds
        A commit to the lake holds so many rows, or comes after so long.
    keep_days
        Days that are kept; None: all.
    hash_key
        What hashes of columns are made with: without it nobody can try out values. `$NAME` takes it from the environment.
    """

    enabled: bool = True
    durability: Literal["group", "sync"] = "group"
    when_unwritable: Literal["refuse", "answer"] = "refuse"
    rows: Count = 10_000
    seconds: Positive = 5.0
    keep_days: Count | None = None
    hash_key: Annotated[str, Meta(min_length=1)] | None = None


class Served(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[models.<name>]`: how one model is served.

    Attributes
    ----------
    validation
        What happens to rows with missing values where there always was one, or values of another type: `reject` the
        request, or `flag` them: answer with a warning, the value taken for missing.
    unusual
        The same of values outside the history's range or categories, and of unknown keys.
    deadline_seconds
        A request that waited longer is refused.
    left_out, hashed
        Columns that are not logged, and those of which only a hash is.
    explain_seconds
        What contributions of a request may take where they are sampled.
    """

    validation: Literal["reject", "flag"] = "reject"
    unusual: Literal["reject", "flag"] = "flag"
    deadline_seconds: Positive = 10.0
    left_out: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    explain_seconds: Positive = 0.2


class AlertRoute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[alerts]]`: somebody who is told of incidents.

    Attributes
    ----------
    url
        `stdout`; `https://...`, a webhook; or an address of Apprise, such as `mailto://` or `slack://`. `$NAME` takes it
        from the environment.
    name
        What the route is called; by default the host of a webhook, or the service.
    secret
        What webhooks are signed with; `$NAME` takes it from the environment.
    severity
        The mildest that is told.
    models
        Whose incidents; empty: of all.
    cooldown
        How long the same subject of a model does not open again for it.
    """

    url: Annotated[str, Meta(pattern=r"^(stdout|\$\w+|[a-zA-Z][a-zA-Z0-9+.-]*://.+)$")]
    name: Annotated[str, Meta(pattern=r"^[\w.@-]{1,100}$")] | None = None
    secret: Annotated[str, Meta(min_length=1)] | None = None
    severity: Literal["low", "medium", "high"] = "low"
    models: tuple[str, ...] = ()
    cooldown: Annotated[str, Meta(pattern=PATTERN)] = "1d"

    def __post_init__(self) -> None:
        if self.secret is not None and not self.url.startswith(("$", "http://", "https://")):
            raise ValueError("secret signs webhooks: it goes with a url of https")

    @property
    def called(self) -> str:
        """The name; never with what is secret of the address."""
        if self.name is not None:
            return self.name
        scheme, _, rest = self.url.partition("://")
        if scheme not in {"http", "https"}:
            return scheme.lstrip("$")
        return urlsplit(f"//{rest}").hostname or scheme

    def __repr__(self) -> str:
        return f"AlertRoute(name={self.called!r})"


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All of `site.toml`. Folders are relative to that of the file.

    Attributes
    ----------
    root
        Folder of the log and the book.
    releases
        Folder or URI of the releases.
    book
        URL of the book's database; None: a file under `root`.
    alerts
        Who is told of incidents.
    """

    root: str = ".holdfast"
    releases: str = "releases"
    book: str | None = None
    server: Server = Server()
    log: Log = Log()
    models: dict[str, Served] = {}
    alerts: tuple[AlertRoute, ...] = ()
    folder: str = "."

    def __post_init__(self) -> None:
        names = [one.called for one in self.alerts]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two alerts are called {twice[0]}: give each a name")

    def path(self, relative: str) -> str:
        """A path of the file, from where the program runs; URIs and absolute paths stay."""
        return relative if "://" in relative else str(Path(self.folder) / relative)

    @property
    def root_path(self) -> Path:
        """The folder of the log and the book."""
        return Path(self.path(self.root))

    @property
    def hash_key(self) -> bytes:
        """What hashes in the log are made with, 64 bytes or none; `SettingError` if its variable is not set."""
        key = self.log.hash_key
        return b"" if key is None else hashlib.blake2b(looked_up(key, os.environ).encode()).digest()

    @property
    def spool_path(self) -> Path:
        """The folder of the spools."""
        return self.root_path / "spool"

    @property
    def book_location(self) -> str:
        """Where the book is."""
        return self.book or str(self.root_path / "book.db")


def looked_up(text: str, environment: Mapping[str, str]) -> str:
    """A text of `site.toml`, or that of a variable of the environment where it is `$NAME`.

    Raises
    ------
    SettingError
        There is no such variable.
    """
    if not text.startswith("$"):
        return text
    found = environment.get(text[1:])
    if not found:
        raise SettingError(f"site.toml names the variable {text[1:]}, which is not set. Set it.")
    return found


def load_site(path: str | Path | None = None) -> Site:
    """Read `site.toml`.

    Parameters
    ----------
    path
        The file; None: `site.toml` of the current folder, or the defaults where there is none.

    Raises
    ------
    SettingError
        It cannot be read, has an unknown key or a value that makes no sense; the message gives the place.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "site.toml"
    >>> _ = file.write_text('[server]' + chr(10) + 'port = 9000')
    >>> load_site(file).server.port
    9000
    """
    file = Path(path or FILE)
    if path is None and not file.exists():
        return Site()
    values = read_toml(file, "the site's configuration")
    if "folder" in values:
        raise SettingError(f"{file}: Object contains unknown field `folder`.")
    return validated({**values, "folder": str(file.parent)}, Site, str(file))
