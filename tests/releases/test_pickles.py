"""Pickles of every protocol are found, and files that are none are let through."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

import numpy as np
import pyarrow as pa
import pytest

from holdfast.releases.pickles import is_pickle


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1 + 1",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value", [Runs(), {"a": [1, 2.5]}, np.arange(3), "text"], ids=["code", "dict", "array", "text"]
)
def test_a_pickle_of_any_protocol_is_found_under_any_name(protocol: int, value: object) -> None:
    data = pickle.dumps(value, protocol=protocol)
    assert is_pickle("model.onnx", io.BytesIO(data))
    assert is_pickle("model.onnx", io.BytesIO(data + b"what follows is not read"))


@pytest.mark.parametrize("name", ["model.pkl", "MODEL.PICKLE", "a/model.joblib", "model.pkl.gz", "net.pt"])
def test_names_of_pickles_are_refused_whatever_is_in_them(name: str) -> None:
    assert is_pickle(name, io.BytesIO(b"nothing"))


def test_a_pickle_in_a_zip_archive_is_found() -> None:
    """As PyTorch stores modules."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    assert is_pickle("model.bin", sink)


def arrow_file() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, pa.schema([("x", pa.int64())])) as writer:
        writer.write(pa.record_batch({"x": [1, 2]}))
    return sink.getvalue().to_pybytes()


def archive_of_text() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a.txt", b"x")
    return sink.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b".", b"\x80", b"\x80\x09abc", b"N", b"# Card\n", b"<!doctype html>", json.dumps({"a": 1}).encode(), b"I1\n",
     b"a,b\n1,2\n", b"amount,class\n1,0\n", b"\x08\x0a\x12\x08skl2onnx", arrow_file(), archive_of_text(), b"PK\x05\x06"],
)  # fmt: skip
def test_other_files_are_none(data: bytes) -> None:
    assert not is_pickle("file", io.BytesIO(data))


def test_the_stream_is_at_its_beginning_again() -> None:
    stream = io.BytesIO(b"# Card\n")
    is_pickle("card.md", stream)
    assert stream.read() == b"# Card\n"
