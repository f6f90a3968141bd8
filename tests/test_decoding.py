"""Records that several threads read for the first time at once."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import holdfast

AT_ONCE = """
import sys
from threading import Barrier, Thread
import msgspec
from holdfast.decoding import ready

sys.setswitchinterval(1e-6)
read = []
for number in range(200):
    inner = msgspec.defstruct(f"Inner{number}", [(f"a{k}", "dict[str, int] | None", None) for k in range(10)])
    fields = [(f"b{k}", "list[int] | None", None) for k in range(20)]
    kind = msgspec.defstruct(f"Outer{number}", [*fields, ("inner", inner | None, None)])
    data = msgspec.json.encode({f"b{k}": [k] for k in range(20)} | {"inner": {"a1": {"x": 1}}})
    together = Barrier(4)

    def go():
        together.wait()
        read.append(msgspec.json.decode(data, type=ready(kind)).inner.a1)

    threads = [Thread(target=go) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(read == [{"x": 1}] * 800)
"""


def test_threads_may_read_a_record_for_the_first_time_at_once() -> None:
    """In a process of its own: without being made ready the type would end it."""
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def unready(source: str) -> list[int]:
    """Lines that read a record whose type is not made ready."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        if name == "msgspec.convert":
            kind: ast.expr | None = call.args[1]
        elif name in {"msgspec.json.decode", "msgspec.msgpack.decode"}:
            kind = next((one.value for one in call.keywords if one.arg == "type"), None)
        else:
            continue
        is_record = isinstance(kind, ast.Name) and (kind.id.lstrip("_")[:1].isupper() or kind.id == "kind")
        if is_record and kind is not None:
            found.append(call.lineno)
    return found


def test_a_line_that_reads_a_record_is_seen() -> None:
    assert unready("msgspec.convert(x, Kind)\nmsgspec.convert(x, ready(Kind))\nmsgspec.json.decode(x, type=_Kind)") == [
        1,
        3,
    ]


SOURCES = sorted(Path(next(iter(holdfast.__path__))).rglob("*.py"))


@pytest.mark.parametrize("part", sorted({path.parts[-2] for path in SOURCES}))
def test_all_records_are_made_ready(part: str) -> None:
    found = [
        (path.name, line) for path in SOURCES if path.parts[-2] == part for line in unready(path.read_text("utf-8"))
    ]
    assert found == []
