"""Any Python callable from a table to scores, run in a process of its own with a time limit."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from holdfast.errors import MissingExtraError, ModelError, SettingError
from holdfast.models.labels import class_names, positive_last
from holdfast.models.protocol import FittedModel, RowError, Scores, Task, failing_row

TIME_LIMIT = 300.0
"""Seconds that a callable may take for a batch of rows (65,536 at most), with the start of its process."""

FAILED_ROWS = 3
"""Exit code of the process when the callable raised; any other but 0 is that it could not be run at all."""


def load_callable(
    source: Callable[[pa.Table], Any] | str,
    features: Sequence[str] | None = None,
    positive: Any | None = None,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    time_limit: float = TIME_LIMIT,
) -> FittedModel:
    """A callable that gets an Arrow table with `features`, and gives the scores of the task.

    Parameters
    ----------
    source
        A callable, or `"package.module:function"`.
    features, task
        Both are needed: a callable says neither.
    classes
        Labels in the order of the scores; by default 0 and 1 for a binary one.
    positive
        For a binary one: must be the class that the score is of, the last one.
    time_limit
        Seconds per batch, after which its process is killed.

    Raises
    ------
    MissingExtraError
        When a callable that no module holds (a lambda, or one of a notebook) needs cloudpickle to be sent.
    SettingError
        When features, task or classes are missing.
    """
    if features is None or task is None:
        raise SettingError("a callable says neither its `features` nor its `task`; give both")
    held: tuple[str, ...] = ()
    if task == "classes" and classes is None:
        raise SettingError("a callable for several classes needs `classes`, in the order of its scores")
    if task != "regression":
        held = class_names(classes if classes is not None else (0, 1))
    if task == "binary" and positive_last(held, positive)[1] != 1:
        raise SettingError("a callable's score is of the last class: name the positive one last in `classes`")
    job = source.encode() if isinstance(source, str) else _pickled(source)
    names = tuple(features)
    return FittedModel("callable", task, held, names, source, lambda rows: _scored(job, rows, time_limit))


def _pickled(function: Callable[[pa.Table], Any]) -> bytes:
    """Bytes that make the callable again in another process."""
    module = getattr(function, "__module__", None)
    if module not in {None, "__main__"}:
        try:
            return pickle.dumps(function)
        except (pickle.PicklingError, AttributeError, TypeError):
            pass  # a lambda or a closure
    try:
        import cloudpickle
    except ModuleNotFoundError:
        raise MissingExtraError("cloudpickle", "callable", "Running a callable that no module holds") from None
    content: bytes = cloudpickle.dumps(function)
    return content


def _scored(job: bytes, rows: pa.Table, time_limit: float) -> Scores:
    """Scores of rows from a process of its own."""
    with tempfile.TemporaryDirectory(prefix="holdfast-callable-") as folder:
        work = Path(folder)
        (work / "job").write_bytes(job)
        with pa.OSFile(str(work / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows)
        paths = pickle.dumps(sys.path)
        command = [sys.executable, "-m", "holdfast.models.callable", folder]
        try:
            done = subprocess.run(command, input=paths, timeout=time_limit, capture_output=True, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise ModelError(
                f"the callable took more than {time_limit:g} s for {rows.num_rows} rows and was stopped; make it faster, or "
                "raise the time limit"
            ) from None
        if done.returncode == FAILED_ROWS:
            kind, row = json.loads((work / "failure.json").read_bytes())
            raise RowError(kind, row)
        if done.returncode:
            raise ModelError(
                f"the process of the callable ended with {done.returncode}: it cannot be imported there, or it crashed"
            )
        scores: Scores = np.load(work / "scores.npy", allow_pickle=False)
        return scores


def main(folder: str) -> int:
    """What the process does: rows and callable from a folder, scores into it."""
    sys.path[:] = pickle.loads(sys.stdin.buffer.read())  # noqa: S301  # from the parent
    work = Path(folder)
    job = (work / "job").read_bytes()
    if job.startswith(b"\x80"):
        function = pickle.loads(job)  # noqa: S301  # from the parent
    else:
        import importlib

        module, _, name = job.decode().partition(":")
        function = getattr(importlib.import_module(module), name)
    with pa.memory_map(str(work / "rows.arrow")) as source:
        rows = pa.ipc.open_file(source).read_all()
        try:
            scores = np.asarray(function(rows), dtype=np.float64)
        except Exception as error:  # noqa: BLE001  # a foreign callable may raise anything
            failure = (type(error).__name__, failing_row(function, rows))
            (work / "failure.json").write_text(json.dumps(failure))
            return FAILED_ROWS
    np.save(work / "scores.npy", scores)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
