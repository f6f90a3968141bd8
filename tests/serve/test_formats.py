"""What bodies are, and how they are packed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.serve.errors import ServeError
from holdfast.serve.formats import format_asked, format_of, unpacked


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/csv", "csv"),
        ("Text/CSV;charset=UTF-8", "csv"),
        ("application/vnd.apache.arrow.stream", "arrow"),
        ("application/json", "json"),
        ("", "json"),
        ("application/octet-stream", "json"),
    ],
)
def test_the_format_of_a_body(content_type: str, expected: str) -> None:
    assert format_of(content_type) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html", "json"),
        ("text/csv", "csv"),
        ("text/csv;q=0", "json"),
        ("text/csv;q=x", "json"),
        ("text/csv; q=0.2, application/vnd.apache.arrow.stream; q=0.9, */*", "arrow"),
        ("application/json, text/csv", "json"),
        ("text/csv;charset=utf-8;q=1.0, application/json;q=0.9", "csv"),
        ("text/csv;q=²", "json"),
    ],
)
def test_the_format_that_is_asked_for(accept: str, expected: str) -> None:
    assert format_asked(accept) == expected


@given(st.text())
def test_any_accept_has_an_answer(accept: str) -> None:
    assert format_asked(accept) in {"json", "csv", "arrow"}


@given(st.binary())
def test_bodies_are_unpacked_as_the_client_packed_them(body: bytes) -> None:
    assert unpacked(gzip.compress(body, mtime=0), "gzip", 1_000) == body
    assert unpacked(zlib.compress(body), " Deflate ", 1_000) == body
    assert unpacked(body, "identity", 0) == body
    assert unpacked(body, "", 0) == body


def test_a_body_that_grows_beyond_the_limit_is_not_unpacked(peak: Callable[[], int]) -> None:
    packer = zlib.compressobj()
    body = b"".join([*(packer.compress(b"\x00" * 100_000) for _ in range(500)), packer.flush()])
    assert len(body) < 100_000
    with pytest.raises(ServeError, match="at most 100000 bytes, unpacked") as error:
        unpacked(body, "deflate", 100_000)
    assert peak() < 1_000_000
    assert error.value.status == 413


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"{}", "gzip", 400),
        (gzip.compress(b"{}", mtime=0)[:-1], "gzip", 400),
        (gzip.compress(b"{}", mtime=0) + b"x", "gzip", 400),
        (b"", "deflate", 400),
        (b"{}", "br", 415),
    ],
)
def test_bodies_that_are_not_packed_as_they_say(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(ServeError) as error:
        unpacked(body, encoding, 1_000)
    assert error.value.status == status


@given(st.binary(), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_are_unpacked_or_refused(body: bytes, encoding: str) -> None:
    with suppress(ServeError):
        assert len(unpacked(body, encoding, 100)) <= 100
