"""The manifest: one way to write it, strict reading, and names that mean one file everywhere."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from holdfast.errors import ReleaseError
from holdfast.releases.manifest import (
    Environment,
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


def manifest(origin: Origin, **fields: object) -> Manifest:
    file = File(sha256=digest(b"x"), bytes=1, media="application/onnx", purpose="the model")
    return Manifest(**{"model": "fraud", "version": 3, "origin": origin, "files": {"model.onnx": file}} | fields)  # type: ignore[arg-type]


def test_it_is_canonical_json(origin: Origin) -> None:
    data = encode(manifest(origin, parent=identity(b"before")))
    again = json.loads(data)
    assert data == json.dumps(again, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    assert again["origin"]["created"] == "2025-03-01T12:00:00Z"
    assert again["files"] == {
        "model.onnx": {
            "sha256": hashlib.sha256(b"x").hexdigest(),
            "bytes": 1,
            "media": "application/onnx",
            "purpose": "the model",
        }
    }


def test_it_is_read_as_it_was_written(origin: Origin) -> None:
    assert decode(encode(manifest(origin)), "here") == manifest(origin)


def test_the_identity_is_the_tagged_digest_of_the_bytes() -> None:
    assert identity(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_same_moment_in_another_zone_has_the_same_bytes(origin: Origin) -> None:
    moved = origin.created.astimezone(timezone(timedelta(hours=5)))
    assert encode(manifest(msgspec.structs.replace(origin, created=moved))) == encode(manifest(origin))


def test_a_time_without_a_zone_is_refused(origin: Origin) -> None:
    with pytest.raises(ReleaseError, match="with its zone"):
        msgspec.structs.replace(origin, created=datetime(2025, 3, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, "unknown field `extra`"),
        ({"version": 0}, r">= 1 - at `\$\.version`"),
        ({"parent": "md5:1"}, r"at `\$\.parent`"),
        ({"model": "../fraud"}, "Expected a model to be named"),
        ({"files": {"../x": {"sha256": "0" * 64, "bytes": 1}}}, "file name '../x' is refused"),
        ({"files": {"x": {"sha256": "0" * 63, "bytes": 1}}}, r"at `\$\.files\[\.\.\.\]\.sha256`"),
        ({"format": 2, "whatever": 1}, "has format 2; this Holdfast reads up to 1. Update Holdfast."),
        ({"format": "x"}, "is no manifest"),
    ],
)
def test_what_is_no_manifest_of_this_format_is_refused(origin: Origin, change: dict[str, object], message: str) -> None:
    data = json.dumps(json.loads(encode(manifest(origin))) | change).encode()
    with pytest.raises(ReleaseError, match=message):
        decode(data, "here")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff\xfe", b'{"format":1', b'{"format":1}'])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ReleaseError, match="here is no manifest"):
        decode(data, "here")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/x", "a/../b", "a//b", "a/", "a\\b", "C:x", ".hidden", "a/.b", "a.", "a b", "é", "a\n", "x" * 101],
)  # fmt: skip
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(ReleaseError, match="is refused"):
        check_files([name])


@pytest.mark.parametrize("names", [["a", "A"], ["a/b", "A/B"], ["a", "a/b"], ["A/b", "a"]])
def test_names_that_are_one_file_on_some_system_are_refused(names: list[str]) -> None:
    with pytest.raises(ReleaseError, match="there twice"):
        check_files(names)


@pytest.mark.parametrize("name", ["manifest.json", "Manifest.JSON", "manifest.sha256"])
def test_own_names_are_refused(name: str) -> None:
    with pytest.raises(ReleaseError, match="Holdfast's own"):
        check_files([name])


def test_ordinary_names_are_allowed() -> None:
    check_files(["model.onnx", "profile/inputs.profile", "profile/scores.profile", "a-b_c.1.json", "x/manifest.json"])


@pytest.mark.parametrize("name", ["", ".", "a/b", "..", "a b", "-a", "a.", "x" * 101])
def test_models_that_cannot_be_folders_are_refused(name: str) -> None:
    with pytest.raises(ReleaseError, match="Name it otherwise"):
        check_model(name)


def test_models_that_can_be_folders() -> None:
    assert [check_model(name) for name in ("fraud", "Fraud-2_b.c", "x" * 100)]


def test_media_types_go_by_the_ending() -> None:
    assert media_type("a/REPORT.HTML") == "text/html"
    assert media_type("inputs.profile") == "application/octet-stream"


def test_an_environment_has_its_versions() -> None:
    made = Environment(python="3.12.1", platform="Linux", packages={})
    assert Origin(created=datetime.now(UTC), author="a", environment=made).commit is None
