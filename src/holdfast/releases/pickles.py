"""Pickles are programs: loading one runs it. None goes into a sealed folder."""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import PurePosixPath
from typing import IO

# What joblib, PyTorch and pandas write is pickle inside, whatever compression is around it.
_ENDINGS = frozenset({".pkl", ".pickle", ".joblib", ".p", ".pt", ".pth", ".ckpt", ".dill", ".cloudpickle"})


def is_pickle(name: str, stream: IO[bytes]) -> bool:
    r"""Whether a file is a pickle by its name, its first bytes, its opcodes, or what it holds as a zip archive.

    Parameters
    ----------
    name
        Name of the file.
    stream
        Its bytes, seekable; left at its beginning.

    Examples
    --------
    >>> import io, pickle
    >>> is_pickle("model.onnx", io.BytesIO(pickle.dumps({"a": 1}, protocol=0)))
    True
    >>> is_pickle("model.json", io.BytesIO(b'{"a": 1}'))
    False
    """
    found = _has_ending(name) or _has_opcodes(stream) or _has_pickle_inside(stream)
    stream.seek(0)
    return found


def _has_ending(name: str) -> bool:
    # Every ending counts: `model.pkl.gz`.
    return any(ending.lower() in _ENDINGS for ending in PurePosixPath(name).suffixes)


def _has_opcodes(stream: IO[bytes]) -> bool:
    """Whether the bytes begin with the mark of protocols 2 to 5, or are opcodes up to a STOP."""
    stream.seek(0)
    head = stream.read(2)
    if len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= 5:
        return True
    stream.seek(0)
    try:
        # Text that happens to be opcodes, such as a lone full stop, has no object on the stack, and `dis` raises.
        pickletools.dis(stream, out=_Nowhere())
    except Exception:  # noqa: BLE001 - whatever is no pickle makes it raise something: ValueError, IndexError, KeyError, ...
        return False
    return True


def _has_pickle_inside(stream: IO[bytes]) -> bool:
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            return any(_has_ending(name) for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


class _Nowhere(io.StringIO):
    """A text stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)
