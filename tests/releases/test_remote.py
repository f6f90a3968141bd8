"""An object store: the last file makes the folder, and a folder has one writer. Against a server that speaks S3, too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyarrow import fs

from holdfast.errors import ReleaseError
from holdfast.releases.evaluations import Evaluations
from holdfast.releases.folder import erase, verify
from holdfast.releases.manifest import MANIFEST, Origin
from holdfast.releases.places import place
from holdfast.releases.remote import CLAIMS, RemoteFolder
from holdfast.releases.store import Store, open_store


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a small S3 server."""
    moto = pytest.importorskip("moto.server", reason="the S3 server for tests is not installed")
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    before = dict(os.environ)
    os.environ.update(keys)
    running = moto.ThreadedMotoServer(port=0, verbose=False)
    running.start()
    try:
        yield "{}:{}".format(*running.get_host_and_port())
    finally:
        running.stop()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(params=["arrow", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> RemoteFolder:
    if request.param == "arrow":
        return RemoteFolder(fs.LocalFileSystem(), str(tmp_path / "root"))
    address = request.getfixturevalue("server")
    options = f"scheme=http&endpoint_override={address}&region=us-east-1"
    found = place(
        f"s3://bucket-{tmp_path.name.replace('_', '-').lower()[-40:]}/root?{options}&allow_bucket_creation=true"
    )
    assert isinstance(found, RemoteFolder)
    return found


def test_a_folder_is_written_read_and_listed(remote: RemoteFolder) -> None:
    folder = remote.child("fraud").child("1")
    assert not folder.has("last")
    assert folder.files() == set()
    with folder.draft() as draft:
        assert draft.write("a/b.txt", b"abc") == ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3)
        draft.commit("last", b"")
    assert folder.files() == {"a/b.txt", "last"}
    assert folder.read("a/b.txt") == b"abc"
    assert folder.has("last")
    assert (remote.folders(), remote.child("fraud").folders()) == (["fraud"], ["1"])
    with pytest.raises(ReleaseError, match="other is not there"):
        folder.read("other")


def test_what_is_there_is_never_written_over(remote: RemoteFolder) -> None:
    with remote.child("1").draft() as draft:
        draft.commit("last", b"first")
    with pytest.raises(FileExistsError), remote.child("1").draft():
        pass
    assert remote.child("1").read("last") == b"first"


def test_whoever_sees_the_claim_of_another_gives_up(remote: RemoteFolder) -> None:
    with remote.child("1").draft() as draft:
        with pytest.raises(FileExistsError), remote.child("1").draft():
            pass
        draft.commit("last", b"first")
    assert remote.child("1").read("last") == b"first"


def test_nothing_is_left_of_a_draft_that_fails(remote: RemoteFolder, tmp_path: Path) -> None:
    def write() -> None:
        with remote.child("1").draft() as draft:
            draft.write("a/b", b"x" * 3_000_000)
            draft.write("c", tmp_path / "none")

    with pytest.raises(FileNotFoundError):
        write()
    assert remote.child("1").files() == set()
    assert remote.child(CLAIMS).files() == set()


def test_of_concurrent_writers_at_most_one_wins_a_folder(remote: RemoteFolder) -> None:
    def write(number: int) -> int:
        try:
            with remote.child("1").draft() as draft:
                draft.write("who", str(number).encode())
                draft.commit("last", str(number).encode())
        except FileExistsError:
            return 0
        return 1

    with ThreadPoolExecutor(4) as pool:
        wins = sum(pool.map(write, range(12)))
    assert wins <= 1  # all may have seen each other
    assert remote.child("1").files() == ({"who", "last"} if wins else set())
    if wins:
        assert remote.child("1").read("who") == remote.child("1").read("last")


@pytest.mark.parametrize("remote", ["s3"], indirect=True)
def test_concurrent_sealers_get_versions_of_their_own(remote: RemoteFolder, origin: Origin) -> None:
    """On a store whose objects appear whole: Arrow's local files can be seen half written, by the next sealer as well."""
    store = Store(remote)
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda n: store.add("fraud", {"who.txt": str(n).encode()}, origin), range(6)))
    versions = store.versions("fraud")
    assert sorted(release.manifest.version for release in made) == versions
    assert len(set(versions)) == 6
    assert [release.read("who.txt") for release in made] == [str(n).encode() for n in range(6)]
    assert [store.verify("fraud", version) for version in versions] == [()] * 6


def test_what_a_dead_writer_left_is_no_release_and_its_number_is_passed_over(
    remote: RemoteFolder, origin: Origin
) -> None:
    store = Store(remote)
    store.add("fraud", {"a.txt": b"1"}, origin)
    remote.system.create_dir(f"{remote.path}/fraud/2")
    with remote.system.open_output_stream(f"{remote.path}/fraud/2/a.txt") as sink:
        sink.write(b"half")
    remote.system.create_dir(f"{remote.path}/fraud/{CLAIMS}/3")
    with remote.system.open_output_stream(f"{remote.path}/fraud/{CLAIMS}/3/0123") as sink:
        sink.write(b"")
    assert store.versions("fraud") == [1]
    release = store.add("fraud", {"a.txt": b"2"}, origin)
    assert release.name == "fraud/4"
    assert release.manifest.parent == store.get("fraud", 1).identity


def test_a_changed_and_an_erased_file_are_told_apart(remote: RemoteFolder, origin: Origin) -> None:
    from holdfast.releases.folder import Item

    release = Store(remote).add("fraud", {"a.txt": b"1", "rows.arrow": Item(content=b"2", erasable=True)}, origin)
    erase(release.place, "rows.arrow", author="ada", reason="asked for")
    assert verify(release.place) == ()
    release.place.replace("a.txt", b"x")
    assert [problem.file for problem in verify(release.place)] == ["a.txt"]
    release.place.replace(MANIFEST, b"{}")
    assert [problem.file for problem in verify(release.place)] == [MANIFEST]


def test_evaluations_are_kept_and_counted(remote: RemoteFolder) -> None:
    kept = Evaluations(remote)
    for recall in (0.1, 0.2):
        kept.keep("m", configuration={}, metrics={"recall": recall}, verdict="fail", test_rows="rows1:a")
    assert kept.uses("m", "rows1:a") == 2


@pytest.mark.parametrize("uri", ["ftp://host/x", "s3://", "nothing://x"])
def test_addresses_that_are_none_are_refused(uri: str) -> None:
    with pytest.raises(ReleaseError, match="Expected a path, or a URI"):
        open_store(uri)


def test_a_store_that_cannot_be_reached_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    unreachable = fs.S3FileSystem(
        endpoint_override="127.0.0.1:1", scheme="http", access_key="a", secret_key="b", region="us-east-1",
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1), connect_timeout=1,
    )  # fmt: skip
    with pytest.raises(ReleaseError, match="cannot be reached"):
        Store(RemoteFolder(unreachable, "bucket/root")).models()
