"""Differences of nested records, by path; and of releases."""

from __future__ import annotations

from pathlib import Path

import msgspec

from holdfast.releases.differences import Change, changes, compare_releases, flat
from holdfast.releases.manifest import Environment, Origin, digest
from holdfast.releases.store import open_store


def test_nested_values_go_by_their_path() -> None:
    assert flat({"a": {"b": [1, {"c": None}], "d": []}, "e": True}) == {"a.b.0": 1, "a.b.1.c": None, "e": True}


def test_records_of_a_list_go_by_their_key_so_that_one_more_moves_none() -> None:
    before = {"metrics": [{"key": "auc", "value": 0.9}, {"key": "f1", "value": 0.5}]}
    after = {"metrics": [{"key": "ks", "value": 0.4}, {"key": "auc", "value": 0.9}, {"key": "f1", "value": 0.6}]}
    assert changes(flat(before), flat(after)) == (
        Change(name="metrics.f1.value", before=0.5, after=0.6),
        Change(name="metrics.ks.value", before=None, after=0.4),
    )


def test_records_with_one_key_twice_go_by_their_place() -> None:
    assert flat([{"key": "a", "v": 1}, {"key": "a", "v": 2}]) == {"0.key": "a", "0.v": 1, "1.key": "a", "1.v": 2}


def test_a_value_that_is_none_is_another_than_one_that_is_not_there() -> None:
    assert changes({"a": None}, {}) == (Change(name="a", before=None, after=None),)
    assert changes({"a": None}, {"a": None}) == ()


def test_releases_differ_in_files_data_and_packages(tmp_path: Path, origin: Origin) -> None:
    store = open_store(tmp_path)
    first = store.add("fraud", {"same.txt": b"1", "changed.txt": b"1", "gone.txt": b"1"}, origin)
    newer = Environment(python="3.12.1", platform="Linux", packages={"numpy": "2.1.0", "onnx": "1.17.0"})
    moved = msgspec.structs.replace(origin, environment=newer, data={"test": "rows1:cd"})
    second = store.add("fraud", {"same.txt": b"1", "changed.txt": b"2", "new.txt": b"1"}, moved)
    found = compare_releases(first, second)
    one, two = digest(b"1"), digest(b"2")
    assert (found.before, found.after) == ("fraud/1", "fraud/2")
    assert found.files == (
        Change(name="changed.txt", before=one, after=two),
        Change(name="gone.txt", before=one, after=None),
        Change(name="new.txt", before=None, after=one),
    )
    assert found.data == (Change(name="test", before="rows1:ab", after="rows1:cd"),)
    assert found.environment == (
        Change(name="numpy", before="2.0.0", after="2.1.0"),
        Change(name="onnx", before=None, after="1.17.0"),
    )
