"""Paths, globs and URIs: the files that they name, and how each is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.sources.delimited import open_delimited
from holdfast.sources.delta import open_delta
from holdfast.sources.failures import READ_ERRORS, naming
from holdfast.sources.ipc import open_ipc
from holdfast.sources.parquet import open_parquet
from holdfast.sources.part import Part

_READERS: Mapping[tuple[str, ...], Callable[..., Part]] = {
    (".parquet", ".pq"): open_parquet,
    (".csv", ".csv.gz", ".tsv", ".tsv.gz"): open_delimited,
    (".arrow", ".arrows", ".feather", ".ipc"): open_ipc,
}
_ENDINGS = ", ".join(ending for endings in _READERS for ending in endings)


def open_files(address: str, temporary: ExitStack) -> Sequence[Part]:
    """The files that a path, glob or URI names."""
    from pyarrow.fs import FileType

    files, path = _located(address)
    info = files.get_file_info(path)
    base, found = path, [info]
    if info.type == FileType.Directory:
        if files.get_file_info(f"{path}/_delta_log").type == FileType.Directory:
            return open_delta(files, path, address)
        found = _files_below(files, info)
        if not found:
            raise InputError(f"the folder {path} holds no table; expected a Delta table, or files ending in {_ENDINGS}")
    elif info.type == FileType.NotFound and re.search(r"[*?[]", path):
        base, pattern = _fixed_start(path)
        below = (file for match in _matching(files, base, pattern) for file in _files_below(files, match))
        found = list({file.path: file for file in below}.values())  # `**` meets a file once for each folder above it
        if not found:
            raise InputError(f"no table matches {path}; check the pattern: expected files ending in {_ENDINGS}")
    elif info.type == FileType.NotFound:
        start = "" if "://" in address else f" (relative ones start at {Path.cwd()})"
        raise InputError(f"{path} does not exist; check the path{start}")
    elif _reader_of(path) is None:
        raise InputError(f"{path} has an unknown ending; expected one of {_ENDINGS}: rename or convert the file")
    read, *others = {_reader_of(file.path) for file in found}
    assert read is not None
    if others:
        raise InputError(f"{path} names files of several formats; name those of one format, as in {path}/*.parquet")
    parts = []
    for file in sorted(found, key=lambda file: str(file.path)):
        if file.size == 0:
            raise InputError(f"{file.path} is empty (0 bytes); write it again, or leave it out")
        fixed = _named_in_folders(file.path.removeprefix(base))
        with naming(file.path):
            parts.append(replace(read(files, file.path, temporary), fixed=fixed))
    return parts


def _located(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path there."""
    from pyarrow import fs

    scheme, separator, _ = address.partition("://")
    if not separator:
        return fs.LocalFileSystem(), Path(address).expanduser().absolute().as_posix()
    if scheme in ("sqlite", "postgresql", "postgres"):
        raise InputError("a database came without a query; say which rows with query='SELECT ...'")
    try:
        files, path = fs.FileSystem.from_uri(address)
    except READ_ERRORS:
        # The address is not repeated: it may hold a key.
        raise InputError(
            f"the {scheme}:// address cannot be opened; expected a path, or a URI of file, s3, gs, abfs or hdfs "
            "(with %20 for a space)"
        ) from None
    return files, path


def _fixed_start(path: str) -> tuple[str, list[str]]:
    """The folder before the first wildcard, and the names from there on."""
    names = path.split("/")
    first = next(position for position, name in enumerate(names) if re.search(r"[*?[]", name))
    return "/".join(names[:first]) or "/", names[first:]


def _matching(files: Any, folder: str, pattern: list[str]) -> Iterator[Any]:
    """What lies below the folder and fits the pattern, name by name; `**` is any number of folders."""
    from pyarrow.fs import FileSelector, FileType

    name, *rest = pattern
    if name == "**":
        yield from _matching(files, folder, rest or ["*"])
    for info in files.get_file_info(FileSelector(folder, allow_not_found=True)):
        if info.base_name[0] in "._" and name[0] not in "._":  # what writers hide
            continue
        if name == "**":
            if info.type == FileType.Directory:
                yield from _matching(files, info.path, pattern)
        elif fnmatchcase(info.base_name, name):
            if not rest:
                yield info
            elif info.type == FileType.Directory:
                yield from _matching(files, info.path, rest)


def _files_below(files: Any, info: Any) -> list[Any]:
    """The tables in a folder and its folders, but for names that writers hide; or the file itself."""
    from pyarrow.fs import FileSelector, FileType

    if info.type == FileType.File:
        return [info] if _reader_of(info.path) else []
    return [
        file
        for file in files.get_file_info(FileSelector(info.path, recursive=True))
        if file.type == FileType.File
        and _reader_of(file.path)
        and not any(name[0] in "._" for name in PurePosixPath(file.path).relative_to(info.path).parts)
    ]


def _reader_of(path: str) -> Callable[..., Part] | None:
    return next((read for endings, read in _READERS.items() if path.lower().endswith(endings)), None)


def _named_in_folders(path: str) -> dict[str, pa.Scalar]:
    """The columns that folders named `key=value` stand for."""
    pairs = [name.split("=", 1) for name in path.split("/")[:-1] if "=" in name]
    return {
        unquote(key): pa.scalar(None if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value), pa.string())
        for key, value in pairs
    }
