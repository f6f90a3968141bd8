"""Promotions over HTTP: who may, what is refused, what the book says afterwards, and who answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from holdfast.book.audit import entries, verify
from holdfast.book.keys import add_key
from holdfast.book.opening import open_book
from holdfast.book.stages import stages
from holdfast.releases.store import open_store
from holdfast.testing.releases import seal_otherwise, seal_small
from holdfast.testing.servers import Server, serving, small_site
from holdfast.testing.waiting import until

ROW: dict[str, Any] = {"amount": 20.5, "items": 3, "country": "FR", "online": True}
CHAMPION = "/v1/models/binary/champion"
ROLES = ("predict", "label", "read", "operate")


class Site(NamedTuple):
    """A server, its folder, and a key of each role."""

    folder: Path
    server: Server
    keys: dict[str, str]

    def promote(self, body: Any, key: str | None = "operate", **more: Any) -> httpx.Response:
        headers = {"X-API-Key": self.keys[key]} if key in self.keys else {}
        headers |= more.pop("headers", {})
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return httpx.post(self.server.address + CHAMPION, headers=headers, timeout=60, **content, **more)

    def answering(self) -> int:
        """The version that answers."""
        headers = {"X-API-Key": self.keys["predict"]} if self.keys else {}
        path = f"{self.server.address}/v1/models/binary/predict"
        found: int = httpx.post(path, json={"rows": [ROW]}, headers=headers, timeout=60).json()["release"]
        return found

    def history(self) -> list[tuple[int, str, str]]:
        """Version, author and reason of each promotion; the audit knows each of them."""
        book = open_book(self.folder / ".holdfast" / "book.db", create=False)
        try:
            assert verify(book).problems == ()
            found = [(stage.version, stage.author, stage.reason) for stage in stages(book)]
            audited = [entry.author for entry in entries(book) if entry.action == "promote"]
        finally:
            book.close()
        assert audited == [author for _, author, _ in found]
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Sound are the versions 1 and 2; version 3 lacks a file, version 4 answers otherwise than it says."""
    folder = small_site(tmp_path_factory.mktemp("promoting"), "binary")
    store = open_store(folder / "releases")
    for seed in (7, 8):
        seal_small(store, "binary", seed=seed)
    (folder / "releases" / "binary" / "3" / "policy.json").unlink()
    assert seal_otherwise(store, "binary").manifest.version == 4
    (folder / "site.toml").write_text('[server]\nauthentication = "keys"\n')
    book = open_book(folder / ".holdfast" / "book.db")
    keys = {role: add_key(book, f"{role}-1", [role], author="test")[1] for role in ROLES}
    book.close()
    with serving(folder, "binary") as server:
        yield Site(folder, server, keys)


def test_a_promotion_and_the_way_back_take_effect_with_their_answer_and_are_audited(site: Site) -> None:
    before = len(site.history())
    reply = site.promote({"version": 2, "reason": "cheaper, says März"})
    assert reply.status_code == 200, reply.text
    told = reply.json()
    assert {name: told[name] for name in ("model", "champion", "before", "author")} == {
        "model": "binary",
        "champion": 2,
        "before": 1,
        "author": "operate-1",
    }
    assert site.answering() == 2
    # Again: nothing is changed, and nothing is written.
    assert site.promote({"version": 2, "reason": "once more"}).json() == told | {"before": 2}
    assert site.promote({"version": 1}).json()["before"] == 2
    assert site.answering() == 1
    assert site.history()[before:] == [(2, "operate-1", "cheaper, says März"), (1, "operate-1", "")]


@pytest.mark.parametrize("role", ["predict", "label", "read"])
def test_another_role_promotes_nothing(site: Site, role: str) -> None:
    before = site.history()
    reply = site.promote({"version": 2}, role)
    assert (reply.status_code, reply.json()) == (403, {"error": "This key has not the role 'operate'."})
    assert site.promote({"version": 2}, None).status_code == 401
    assert site.history() == before


@pytest.mark.parametrize(
    ("version", "status", "told"),
    [
        (9, 404, "binary has no such version; versions: 1, 2, 3, 4. What the gate refused has none."),
        (3, 409, "binary/3 is not as it was sealed, and is not promoted: policy.json is missing"),
        (
            4,
            409,
            "binary/4 is not as it was sealed, and is not promoted: golden.arrow the model scores 1 of 20 rows otherwise",
        ),
        (10**30, 404, "binary has no such version"),
        (0, 400, 'Expected {"version": 3, "reason": "..."}: Expected `int` >= 1 - at `$.version`.'),
    ],
)
def test_what_is_not_there_or_not_sound_is_not_promoted(site: Site, version: int, status: int, told: str) -> None:
    before = site.history()
    reply = site.promote({"version": version})
    assert (reply.status_code, reply.json()["error"][: len(told)]) == (status, told)
    assert str(site.folder) not in reply.text
    line = f"operate-1 asked in vain to promote a version of binary ({status}): {told}"
    until(lambda: line in site.server.output)
    assert site.history() == before
    assert site.answering() == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "The body is empty: expected JSON."),
        (b"{", "The body is no JSON: "),
        (b"3", 'Expected {"version": 3, "reason": "..."}: '),
        (b'{"version":"2"}', 'Expected {"version": 3, "reason": "..."}: Expected `int`, got `str` - at `$.version`.'),
        (b'{"version":true}', 'Expected {"version": 3, "reason": "..."}: Expected `int`, got `bool` - at `$.version`.'),
        (b'{"version":2,"force":true}', 'Expected {"version": 3, "reason": "..."}: Object contains unknown field'),
        (b'{"reason":"x"}', 'Expected {"version": 3, "reason": "..."}: Object missing required field `version`.'),
        (b'{"version":2,"reason":"\\u0000"}', 'Expected {"version": 3, "reason": "..."}: Expected `str` matching'),
    ],
)
def test_a_body_of_another_form_is_told_what_is_expected(site: Site, body: bytes, told: str) -> None:
    reply = site.promote(body)
    assert (reply.status_code, reply.json()["error"][: len(told)]) == (400, told)
    assert site.answering() == 1


def test_only_models_that_are_served_are_promoted_and_only_by_post(site: Site) -> None:
    headers = {"X-API-Key": site.keys["operate"]}
    path = f"{site.server.address}/v1/models/none/champion"
    assert httpx.post(path, json={"version": 1}, headers=headers, timeout=60).status_code == 404
    reply = httpx.get(site.server.address + CHAMPION, headers=headers, timeout=60)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_promotions_are_counted(site: Site) -> None:
    site.promote({"version": 9})
    headers = {"X-API-Key": site.keys["read"]}
    text = httpx.get(f"{site.server.address}/metrics", headers=headers, timeout=60).text
    assert 'holdfast_requests_total{api="champion",model="binary",outcome="unknown",release="1"}' in text
    assert 'holdfast_client_requests_total{api="champion",client="operate-1"}' in text


def test_where_no_keys_are_used_only_this_machine_promotes_and_the_book_is_begun(tmp_path: Path) -> None:
    """No page of another site does; the server that had no champion is ready with the answer."""
    seal_small(open_store(tmp_path / "releases"), "binary")
    with serving(tmp_path, "binary") as server:
        site = Site(tmp_path, server, {})
        ready = f"{server.address}/v2/health/ready"
        assert httpx.get(ready, timeout=60).status_code == 503
        for header in ({"Host": "example.org"}, {"Origin": "https://example.org"}):
            assert site.promote({"version": 1}, headers=header).status_code == 403
        assert not (tmp_path / ".holdfast" / "book.db").exists()
        told = site.promote({"version": 1}).json()
        assert (told["champion"], told["before"], told["author"]) == (1, None, "anonymous")
        assert httpx.get(ready, timeout=60).status_code == 200
        assert site.history() == [(1, "anonymous", "")]
        records = [line.split(" ", 2)[2] for line in server.output.splitlines() if line.startswith("20")]
        assert records == [
            "WARNING binary has no champion, and does not answer: holdfast promote binary VERSION",
            "INFO binary/1 was promoted by anonymous",
            "INFO binary/1 is loaded",
            "INFO binary/1 answers for binary",
        ]


def test_every_worker_follows(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary")
    seal_small(open_store(folder / "releases"), "binary", seed=7)
    with serving(folder, "binary", options=["--workers", "2"]) as server:
        site = Site(folder, server, {})
        assert site.promote({"version": 2}).json()["before"] == 1
        # A connection each, so that either worker is asked.
        until(lambda: [site.answering() for _ in range(20)] == [2] * 20)
        assert "defect" not in server.output


def test_a_book_that_is_away_is_told(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary")
    (folder / "site.toml").write_text('book = "postgresql://ada:hush@127.0.0.1:9/none"\n')
    with serving(folder, "binary") as server:
        reply = Site(folder, server, {}).promote({"version": 1})
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
        assert reply.json() == {"error": "The book cannot be written: nothing was changed."}
        assert "hush" not in server.output
