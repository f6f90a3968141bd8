"""A sealed folder: what goes in comes out, and whatever is changed is found and named."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.errors import ReleaseError
from holdfast.releases.folder import Item, SealedFolder, erase, open_release, seal, verify
from holdfast.releases.manifest import CHECKSUM, MANIFEST, Origin, encode, identity
from holdfast.releases.places import Place

FILES = {"model.onnx": b"\x08\x0a model", "profile/inputs.profile": b"counts", "rows.arrow": b"rows"}


@pytest.fixture
def sealed(tmp_path: Path, origin: Origin) -> SealedFolder:
    items = FILES | {"rows.arrow": Item(content=b"rows", purpose="golden rows", erasable=True)}
    return seal(tmp_path / "fraud" / "3", items, model="fraud", version=3, origin=origin, parent="sha256:" + "0" * 64)


def path_of(release: SealedFolder) -> Path:
    return Path(str(release.place))


def test_what_is_sealed_is_read(root: Place, origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"from a file")
    seal(root.child("3"), FILES | {"card.md": tmp_path / "source"}, model="fraud", version=3, origin=origin)
    release = open_release(root.child("3"))
    assert {name: release.read(name) for name in release.manifest.files} == FILES | {"card.md": b"from a file"}
    assert (release.name, release.manifest.origin, release.manifest.parent) == ("fraud/3", origin, None)
    assert root.child("3").files() == {*FILES, "card.md", MANIFEST, CHECKSUM}
    assert verify(root.child("3"), expected=release.identity) == ()


def test_the_identity_is_that_of_the_manifest(sealed: SealedFolder) -> None:
    assert sealed.identity == identity((path_of(sealed) / MANIFEST).read_bytes()) == identity(encode(sealed.manifest))
    assert open_release(path_of(sealed)) == sealed
    entry = sealed.manifest.files["rows.arrow"]
    assert (entry.bytes, entry.purpose, entry.erasable) == (4, "golden rows", True)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum")
def test_the_manifest_can_be_checked_without_holdfast(sealed: SealedFolder) -> None:
    done = subprocess.run(["sha256sum", "--check", CHECKSUM], cwd=path_of(sealed), capture_output=True, check=False)
    assert done.returncode == 0


def test_the_same_files_and_origin_give_the_same_identity(sealed: SealedFolder, root: Place, origin: Origin) -> None:
    items = {"rows.arrow": Item(content=b"rows", purpose="golden rows", erasable=True), **dict(reversed(FILES.items()))}
    items["rows.arrow"] = Item(content=b"rows", purpose="golden rows", erasable=True)
    again = seal(root.child("x"), items, model="fraud", version=3, origin=origin, parent="sha256:" + "0" * 64)
    assert again.identity == sealed.identity


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_one_changed_byte_anywhere_is_refused_and_named(sealed: SealedFolder, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*FILES, MANIFEST, CHECKSUM]))
    path = path_of(sealed) / name
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    changed = bytearray(before)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(changed)
    try:
        [problem] = verify(path_of(sealed))
        assert problem.file == (name if name in FILES else MANIFEST)
        with pytest.raises(ReleaseError, match=f"{name if name in FILES else MANIFEST} of .* is not what was sealed"):
            open_release(path_of(sealed)).read(name)
    finally:
        path.write_bytes(before)


def test_missing_and_extra_files_are_named(sealed: SealedFolder) -> None:
    (path_of(sealed) / "model.onnx").unlink()
    (path_of(sealed) / "profile" / "more").write_bytes(b"x")
    assert [str(problem) for problem in verify(path_of(sealed))] == [
        "model.onnx: is missing; take the release again from where it was sealed",
        "profile/more: was not sealed; remove it",
    ]


@pytest.mark.parametrize("name", [MANIFEST, CHECKSUM])
def test_without_its_manifest_it_is_no_release(sealed: SealedFolder, name: str) -> None:
    (path_of(sealed) / name).unlink()
    [problem] = verify(path_of(sealed))
    assert problem.file == MANIFEST
    with pytest.raises(ReleaseError, match=r"is no release: it has no manifest.json|manifest.sha256 is not there"):
        open_release(path_of(sealed))


def test_a_manifest_changed_with_its_checksum_has_another_identity(sealed: SealedFolder) -> None:
    import hashlib

    changed = (path_of(sealed) / MANIFEST).read_bytes().replace(b'"ada"', b'"eve"')
    (path_of(sealed) / MANIFEST).write_bytes(changed)
    (path_of(sealed) / CHECKSUM).write_text(f"{hashlib.sha256(changed).hexdigest()}  {MANIFEST}\n")
    assert verify(path_of(sealed)) == ()
    [problem] = verify(path_of(sealed), expected=sealed.identity)
    assert "is another release than expected" in problem.message


def test_a_manifest_that_names_files_elsewhere_is_refused(sealed: SealedFolder) -> None:
    """Also when somebody made its checksum anew."""
    import hashlib

    manifest = json.loads((path_of(sealed) / MANIFEST).read_bytes())
    manifest["files"]["../../secret"] = manifest["files"].pop("model.onnx")
    data = json.dumps(manifest).encode()
    (path_of(sealed) / MANIFEST).write_bytes(data)
    (path_of(sealed) / CHECKSUM).write_text(f"{hashlib.sha256(data).hexdigest()}  {MANIFEST}\n")
    with pytest.raises(ReleaseError, match="is refused"):
        open_release(path_of(sealed))


def test_a_link_is_refused_even_to_the_same_bytes(sealed: SealedFolder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(FILES["model.onnx"])
    (path_of(sealed) / "model.onnx").unlink()
    (path_of(sealed) / "model.onnx").symlink_to(tmp_path / "elsewhere")
    [problem] = verify(path_of(sealed))
    assert problem.file == "model.onnx"
    assert "is a link" in problem.message


def test_a_folder_in_the_place_of_a_file_is_named(sealed: SealedFolder) -> None:
    (path_of(sealed) / "model.onnx").unlink()
    (path_of(sealed) / "model.onnx").mkdir()
    assert [problem.file for problem in verify(path_of(sealed))] == ["model.onnx"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the superuser reads everything")
def test_a_file_that_cannot_be_read_is_named(sealed: SealedFolder) -> None:
    (path_of(sealed) / "model.onnx").chmod(0)
    [problem] = verify(path_of(sealed))
    assert "cannot be read" in problem.message


def test_rows_may_be_erased_and_the_rest_stays(sealed: SealedFolder) -> None:
    stone = erase(path_of(sealed), "rows.arrow", author="eve", reason="asked for by a customer")
    assert verify(path_of(sealed), expected=sealed.identity) == ()
    assert json.loads((path_of(sealed) / "rows.arrow").read_bytes())["reason"] == "asked for by a customer"
    release = open_release(path_of(sealed))
    assert release.read("model.onnx") == FILES["model.onnx"]
    with pytest.raises(ReleaseError, match=rf"rows.arrow of .* was erased on {stone.erased:%Y-%m-%d} by eve"):
        release.read("rows.arrow")
    assert {path.name for path in path_of(sealed).parent.iterdir()} == {"3"}


@pytest.mark.parametrize("name", ["model.onnx", "none", MANIFEST])
def test_only_what_was_sealed_as_erasable_is_erased(sealed: SealedFolder, name: str) -> None:
    with pytest.raises(ReleaseError, match=r"cannot be erased; files that can: rows\.arrow"):
        erase(path_of(sealed), name, author="eve", reason="")


def test_a_tombstone_in_the_place_of_another_file_is_a_change(sealed: SealedFolder) -> None:
    erase(path_of(sealed), "rows.arrow", author="eve", reason="")
    stone = (path_of(sealed) / "rows.arrow").read_bytes()
    (path_of(sealed) / "model.onnx").write_bytes(stone)
    assert [problem.file for problem in verify(path_of(sealed))] == ["model.onnx"]
    (path_of(sealed) / "rows.arrow").write_bytes(stone.replace(b'"rows.arrow"', b'"other.arrow"'))
    assert [problem.file for problem in verify(path_of(sealed))] == ["model.onnx", "rows.arrow"]


def test_nothing_is_sealed_over(root: Place, origin: Origin) -> None:
    seal(root.child("1"), {"a.txt": b"1"}, model="fraud", version=1, origin=origin)
    with pytest.raises(ReleaseError, match="is there already, and what is sealed is never written again"):
        seal(root.child("1"), {"a.txt": b"2"}, model="fraud", version=1, origin=origin)
    assert open_release(root.child("1")).read("a.txt") == b"1"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"../x": b""}, "is refused"),
        ({"manifest.json": b""}, "Holdfast's own"),
        ({"a": b"", "A": b""}, "there twice"),
        ({"model.onnx": pickle.dumps({"a": 1})}, "'model.onnx' is a pickle"),
        ({"model.pkl": b"x"}, "Convert the model to ONNX"),
        ({"x": Path("there-is-none")}, "The file to seal as 'x' cannot be read"),
    ],
)
def test_what_is_refused_leaves_nothing(root: Place, origin: Origin, files: dict, message: str) -> None:
    with pytest.raises(ReleaseError, match=message):
        seal(root.child("1"), files, model="fraud", version=1, origin=origin)
    assert root.folders() == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"model": "a/b"}, "Expected a model"), ({"version": 0}, r"\$\.version"), ({"parent": "x"}, r"\$\.parent")],
)
def test_fields_that_make_no_sense_leave_nothing(root: Place, origin: Origin, fields: dict, message: str) -> None:
    with pytest.raises(ReleaseError, match=message):
        seal(root.child("1"), {}, **({"model": "fraud", "version": 1, "origin": origin} | fields))
    assert root.child("1").files() == set()


def test_a_place_that_cannot_be_written_is_said_to_be(tmp_path: Path, origin: Origin) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReleaseError, match="could not be sealed: Not a directory"):
        seal(tmp_path / "file" / "1", {}, model="fraud", version=1, origin=origin)


def test_a_file_that_was_not_sealed_is_not_read(sealed: SealedFolder) -> None:
    with pytest.raises(
        ReleaseError, match=r"has no file 'x'; it has model\.onnx, profile/inputs\.profile, rows\.arrow"
    ):
        sealed.read("x")


def test_no_release_at_all(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="is no release"):
        open_release(tmp_path / "none")
    assert [problem.file for problem in verify(tmp_path / "none")] == [MANIFEST]


def test_a_release_is_shown_in_one_line(sealed: SealedFolder) -> None:
    """Not by its whole manifest, which a notebook would print."""
    assert repr(sealed) == f"SealedFolder(fraud/3, 3 files in {sealed.place}, {sealed.identity})"
