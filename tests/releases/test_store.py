"""The store of releases: versions count up, each knows the one before, and what is damaged is named."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.errors import ReleaseError
from holdfast.releases.manifest import CHECKSUM, MANIFEST, Origin
from holdfast.releases.places import Place
from holdfast.releases.store import Store, open_store

SEALS_FIVE = """
import sys
from holdfast.releases.environment import origin
from holdfast.releases.store import open_store

store, made = open_store(sys.argv[1]), origin()
for number in range(5):
    store.add("fraud", {"who.txt": f"{sys.argv[2]} {number}".encode()}, made)
"""


def test_versions_count_up_and_name_their_parents(root: Place, origin: Origin) -> None:
    store = Store(root)
    releases = [store.add("fraud", {"a.txt": str(n).encode()}, origin) for n in range(11)]
    store.add("churn", {}, origin)
    assert [release.manifest.parent for release in releases] == [None, *(r.identity for r in releases[:-1])]
    assert store.models() == ["churn", "fraud"]
    assert store.versions("fraud") == list(range(1, 12))
    assert store.latest("fraud") == 11
    assert (
        store.get("fraud") == store.get("fraud", 11) == store.named("fraud") == store.named("fraud/11") == releases[-1]
    )
    assert store.get("fraud", 2).read("a.txt") == b"1"
    assert store.verify("fraud", 11) == ()


def test_the_list_has_every_release_in_order(root: Place, origin: Origin) -> None:
    store = Store(root)
    for model in ("fraud", "churn", "fraud"):
        store.add(model, {"a.txt": b"12345", "b.txt": b"1"}, origin)
    lines = store.listed()
    assert [(line.model, line.version) for line in lines] == [("churn", 1), ("fraud", 1), ("fraud", 2)]
    assert lines[1:] == store.listed("fraud")
    first = lines[0]
    assert (first.identity, first.files, first.bytes) == (store.get("churn").identity, 2, 6)
    assert (first.created, first.author, first.commit, first.problem) == (origin.created, "ada", "0" * 40, "")


def test_a_damaged_release_is_listed_with_its_problem(tmp_path: Path, origin: Origin) -> None:
    store = open_store(tmp_path)
    store.add("fraud", {}, origin)
    store.add("fraud", {}, origin)
    (tmp_path / "fraud" / "1" / MANIFEST).write_bytes(b"{}")
    damaged, whole = store.listed("fraud")
    assert "is not what was sealed" in damaged.problem
    assert (damaged.identity, whole.problem) == ("", "")


def test_writers_of_several_processes_get_versions_of_their_own(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", SEALS_FIVE, str(tmp_path), str(n)]) for n in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    store = open_store(tmp_path)
    assert store.versions("fraud") == list(range(1, 16))
    who = {store.get("fraud", version).read("who.txt").decode() for version in store.versions("fraud")}
    assert who == {f"{writer} {number}" for writer in range(3) for number in range(5)}
    identities = [store.get("fraud", version).identity for version in store.versions("fraud")]
    parents = [store.get("fraud", version).manifest.parent for version in store.versions("fraud")]
    assert parents == [None, *identities[:-1]]


def test_what_is_no_release_is_not_listed_and_its_number_is_not_taken(tmp_path: Path, origin: Origin) -> None:
    for name in ("2", "01", "notes", ".hidden", "-1", "²"):
        (tmp_path / "fraud" / name).mkdir(parents=True)
        (tmp_path / "fraud" / name / "x").write_bytes(b"")
    (tmp_path / "not a model").mkdir()
    (tmp_path / "file").write_bytes(b"")
    store = open_store(tmp_path)
    assert store.models() == []
    assert store.add("fraud", {}, origin).name == "fraud/3"
    assert (store.models(), store.versions("fraud")) == (["fraud"], [3])


def test_a_release_in_the_place_of_another_is_refused(tmp_path: Path, origin: Origin) -> None:
    store = open_store(tmp_path)
    store.add("fraud", {}, origin)
    (tmp_path / "fraud" / "1").rename(tmp_path / "fraud" / "7")
    with pytest.raises(ReleaseError, match="says that it is fraud/1: it was copied to a wrong place"):
        store.get("fraud", 7)
    assert [problem.file for problem in store.verify("fraud", 7)] == [MANIFEST]


def test_a_forged_release_is_found_by_the_one_after_it(tmp_path: Path, origin: Origin) -> None:
    store = open_store(tmp_path)
    for _ in range(3):
        store.add("fraud", {}, origin)
    folder = tmp_path / "fraud" / "2"
    forged = (folder / MANIFEST).read_bytes().replace(b'"ada"', b'"eve"')
    (folder / MANIFEST).write_bytes(forged)
    (folder / CHECKSUM).write_text(f"{hashlib.sha256(forged).hexdigest()}  {MANIFEST}\n")
    assert store.verify("fraud", 2) == ()
    [problem] = store.verify("fraud", 3)
    assert "a parent that is none of the versions before it" in problem.message


def test_what_is_not_there_is_said_with_what_is(root: Place, origin: Origin) -> None:
    store = Store(root)
    assert (store.models(), store.versions("fraud"), store.listed()) == ([], [], [])
    with pytest.raises(ReleaseError, match=r"no release of 'fraud' in .*; models with one: none"):
        store.get("fraud")
    store.add("fraud", {}, origin)
    with pytest.raises(ReleaseError, match=r"no version 2 of 'fraud' in .*; versions: 1\."):
        store.named("fraud/2")
    with pytest.raises(ReleaseError, match=r"models with one: fraud\."):
        store.latest("churn")
    assert [problem.file for problem in store.verify("fraud", 2)] == [MANIFEST]


@pytest.mark.parametrize("name", ["fraud/", "fraud/x", "fraud/1/2", "fraud/-1", "fraud/²", "../fraud", ""])
def test_names_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReleaseError, match="Expected a"):
        open_store(tmp_path).named(name)
