"""Delta tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError, MissingExtraError
from holdfast.sources.failures import naming
from holdfast.sources.parquet import open_parquet
from holdfast.sources.part import Part, readable


def open_delta(files: Any, path: str, address: str) -> Sequence[Part]:
    """The Parquet files of the latest version of a Delta table."""
    try:
        import deltalake
    except ModuleNotFoundError:
        raise MissingExtraError("deltalake", "delta", "Reading a Delta table") from None
    from pyarrow.dataset import get_partition_keys
    from pyarrow.fs import SubTreeFileSystem

    try:
        table = deltalake.DeltaTable(path if files.type_name == "local" else address)
        dataset = table.to_pyarrow_dataset(filesystem=SubTreeFileSystem(path, files))
    except deltalake.exceptions.DeltaProtocolError as error:  # names the features that are missing
        raise InputError(f"the Delta table {path} cannot be read: {error}") from None
    except deltalake.exceptions.DeltaError as error:
        raise InputError(f"{path} is no readable Delta table ({type(error).__name__}); check its _delta_log") from None
    parts = []
    for fragment in dataset.get_fragments():
        values = get_partition_keys(fragment.partition_expression)
        fixed = {
            column: pa.scalar(values.get(column), dataset.schema.field(column).type)
            for column in table.metadata().partition_columns
        }
        file = f"{path}/{fragment.path}"
        with naming(file):
            parts.append(replace(open_parquet(files, file), fixed=fixed))
    held = {column for part in parts for column in (*part.types, *part.fixed)}
    declared, left_out = readable(path, dataset.schema)
    unheld = {column: data_type for column, data_type in declared.items() if column not in held}
    return [*parts, Part(where=path, types=unheld, left_out=left_out, read=lambda *_: iter(()), rows=0)]
