"""Keys open what their roles allow, as often as their rate allows; without keys only this machine may ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.book.keys import Key, Role, digest_of
from holdfast.errors import SettingError
from holdfast.serve.access import Access, Client, allowed_address
from holdfast.serve.errors import ServeError

TOKEN = f"holdfast_0123456789_{'a' * 64}"
OTHER = f"holdfast_9876543210_{'b' * 64}"
AT = datetime(2025, 1, 1, tzinfo=UTC)


def key(
    token: str = TOKEN, *, name: str = "scoring", roles: tuple[Role, ...] = ("predict",), rate: float | None = None
) -> Key:
    return Key(id=token[9:19], name=name, digest=digest_of(token), roles=roles, rate=rate, created=AT)


def bearer(token: str) -> dict[bytes, bytes]:
    return {b"host": b"models.example.org", b"authorization": f"Bearer {token}".encode()}


def refused(ask: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ServeError) as caught:
        ask()
    return caught.value.status, caught.value.message


class Clock:
    """Seconds that are set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


# Keys


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-api-key", TOKEN),
        ("x-api-key", f" {TOKEN} "),
        ("authorization", f"Bearer {TOKEN}"),
        ("authorization", f"bearer  {TOKEN}"),
    ],
)
def test_a_key_says_who_asks(name: str, value: str) -> None:
    access = Access([key(), key(OTHER, name="other")])
    headers = {b"accept": b"*/*", name.encode(): value.encode(), b"content-length": b"2"}
    assert [access.who(headers, "predict") for _ in range(2)] == [Client("scoring", frozenset({"predict"}))] * 2


def test_the_header_of_keys_goes_before_that_of_a_proxy() -> None:
    access = Access([key()])
    headers = {b"authorization": b"Basic dXNlcjpzZWNyZXQ=", b"x-api-key": TOKEN.encode()}
    assert access.who(headers, "predict").name == access.client(headers, "predict") == "scoring"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        OTHER,
        TOKEN[:-1],
        TOKEN[:-1] + "b",
        f"{TOKEN} {TOKEN}x",
        "Bearer holdfast__",
        "Bearer \xff\xfe",
    ],
)
def test_what_is_no_key_in_use_is_refused(value: str) -> None:
    access = Access([key()])
    said = refused(lambda: access.who({b"authorization": value.encode("latin-1")}, "predict"))
    assert said == (401, "This key is not in use here: check it, or ask for one.")


@pytest.mark.parametrize("keys", [[], [key()]])
def test_without_a_key_nobody_is_let_in(keys: list[Key]) -> None:
    said = refused(lambda: Access(keys).who({b"host": b"localhost"}, "predict"))
    assert said == (401, "A key is needed: send it as X-API-Key, or as Authorization: Bearer.")


def test_a_key_may_do_what_its_roles_say() -> None:
    access = Access([key(roles=("label", "read"))])
    assert access.who(bearer(TOKEN), "label").roles == {"label", "read"}
    assert access.who(bearer(TOKEN), "read").name == "scoring"
    assert refused(lambda: access.who(bearer(TOKEN), "predict")) == (403, "This key has not the role 'predict'.")


def test_a_revoked_key_is_refused_at_once() -> None:
    access = Access([key()])
    access.who(bearer(TOKEN), "predict")
    access.update([msgspec.structs.replace(key(), revoked=AT)])
    assert refused(lambda: access.who(bearer(TOKEN), "predict"))[0] == 401


def test_keys_are_still_needed_when_the_last_is_gone() -> None:
    access = Access([key()])
    access.update([])
    assert not access.open
    assert refused(lambda: access.who(bearer(TOKEN), "predict"))[0] == 401


def test_a_new_key_is_accepted_and_its_roles_may_change() -> None:
    access = Access([key()])
    assert refused(lambda: access.who(bearer(OTHER), "predict"))[0] == 401
    access.update([key(), key(OTHER, name="other")])
    assert access.who(bearer(OTHER), "predict").name == "other"
    access.update([key(), key(OTHER, name="other", roles=("read",))])
    assert refused(lambda: access.who(bearer(OTHER), "predict"))[0] == 403


@given(st.binary(max_size=120))
def test_no_header_breaks_it(value: bytes) -> None:
    access = Access([key()])
    assert refused(lambda: access.who({b"x-api-key": value}, "predict"))[0] == 401


def test_many_spellings_of_one_key_do_not_fill_the_memory() -> None:
    access = Access([key()])
    for spaces in range(5_000):
        access.who({b"authorization": b"Bearer" + b" " * (spaces + 1) + TOKEN.encode()}, "predict")
    assert len(access._verified) <= 4_096


# Rates


def test_a_key_may_ask_as_often_as_its_rate() -> None:
    clock = Clock()
    access = Access([key(rate=2.0)], clock)
    for _ in range(2):
        access.who(bearer(TOKEN), "predict")
    with pytest.raises(ServeError) as caught:
        access.who(bearer(TOKEN), "predict")
    assert (caught.value.status, caught.value.message) == (429, "This key may ask 2 times a second.")
    assert caught.value.retry_after == 0.5
    clock.now += 0.5
    access.who(bearer(TOKEN), "predict")
    assert refused(lambda: access.who(bearer(TOKEN), "predict"))[0] == 429


def test_a_rate_below_one_lets_one_through_and_then_waits() -> None:
    clock = Clock()
    access = Access([key(rate=0.1)], clock)
    access.who(bearer(TOKEN), "predict")
    with pytest.raises(ServeError) as caught:
        access.who(bearer(TOKEN), "predict")
    assert caught.value.retry_after == 10.0
    clock.now += 1_000_000
    access.who(bearer(TOKEN), "predict")
    assert refused(lambda: access.who(bearer(TOKEN), "predict"))[0] == 429


def test_rates_are_of_each_key_and_outlive_changes_of_others() -> None:
    access = Access([key(rate=1.0)], Clock())
    access.who(bearer(TOKEN), "predict")
    access.update([key(rate=1.0), key(OTHER, rate=1.0)])
    assert access.who(bearer(OTHER), "predict").name == "scoring"
    assert refused(lambda: access.who(bearer(TOKEN), "predict"))[0] == 429


@given(st.lists(st.floats(0, 0.5), max_size=60), st.floats(0.5, 20))
def test_never_more_than_the_rate_and_what_a_second_brings(pauses: list[float], rate: float) -> None:
    clock = Clock()
    access = Access([key(rate=rate)], clock)
    passed, waits = 0, []
    for pause in pauses:
        clock.now += pause
        try:
            access.who(bearer(TOKEN), "predict")
            passed += 1
        except ServeError as error:
            waits.append(error.retry_after or 0)
    assert passed <= max(1.0, rate) + sum(pauses) * rate + 1e-6
    assert all(0 < wait <= 1 / rate for wait in waits)


def test_processes_share_what_a_key_has_left(tmp_path: Path) -> None:
    clock = Clock()
    workers = [Access([key(rate=2.0)], clock, tmp_path) for _ in range(2)]
    for turn in range(2):
        workers[turn].who(bearer(TOKEN), "predict")
    assert [refused(lambda one=one: one.who(bearer(TOKEN), "predict"))[0] for one in workers] == [429, 429]  # type: ignore[misc]
    again = Access([key(rate=2.0)], clock, tmp_path)  # of a worker that was started anew
    assert refused(lambda: again.who(bearer(TOKEN), "predict"))[0] == 429
    clock.now += 0.5
    again.who(bearer(TOKEN), "predict")
    assert refused(lambda: workers[0].who(bearer(TOKEN), "predict"))[0] == 429
    for access in (*workers, again):
        access.update([])  # lets the files go


# Without keys


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "127.0.0.1:8080", "127.8.0.1", "[::1]:8080", "LocalHost"]
)
def test_anyone_on_this_machine_may_do_everything(host: str) -> None:
    client = Access(None).who({b"host": host.encode(), b"user-agent": b"curl"}, "operate")
    assert client == Client("anonymous", frozenset({"predict", "label", "read", "operate"}))


def test_its_own_pages_may_ask() -> None:
    access = Access(None)
    headers = {b"host": b"localhost:8080", b"origin": b"http://localhost:8080"}
    assert [access.who(headers, "predict").name for _ in range(2)] == ["anonymous"] * 2
    assert access.who({}, "predict").name == "anonymous"


@pytest.mark.parametrize(
    "header",
    [
        (b"host", b"rebound.example.org:8080"),
        (b"host", b"10.0.0.1"),
        (b"host", b"localhost.example.org"),
        (b"host", b"[::1"),
        (b"host", b"example.org@[::1]x"),
        (b"origin", b"https://example.org"),
        (b"origin", b"null"),
        (b"origin", b"\xff"),
    ],
)
def test_pages_of_other_sites_may_not(header: tuple[bytes, bytes]) -> None:
    status, _ = refused(lambda: Access(None).who({b"accept": b"*/*", header[0]: header[1]}, "predict"))
    assert status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_loopback_addresses_need_no_keys(host: str) -> None:
    allowed_address(host, Access(None))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.1.2.3", "models.example.org"])
def test_other_addresses_need_keys(host: str) -> None:
    with pytest.raises(SettingError) as caught:
        allowed_address(host, Access(None))
    assert str(caught.value) == (
        f'Serving at {host!r}, where others can ask, needs keys. Write authentication = "keys" under [server] of '
        "site.toml, and make one: holdfast keys add NAME --role predict. Or serve at 127.0.0.1."
    )
    allowed_address(host, Access([]))
