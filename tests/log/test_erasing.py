"""Rows of a person are erased, wherever they are, and everything else stays as it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from holdfast.book.audit import verify as verify_book
from holdfast.book.erasures import erasures
from holdfast.book.opening import open_book
from holdfast.cli import app
from holdfast.errors import InputError, LogError, SettingError
from holdfast.log import erasing, matched
from holdfast.log.batch import kept
from holdfast.log.blanking import blanked
from holdfast.log.columns import prediction_layout
from holdfast.log.committer import Committer
from holdfast.log.destination import REFUSED
from holdfast.log.erasing import Erased, erase
from holdfast.log.following import match
from holdfast.log.frames import Layout, encode, to_rows
from holdfast.log.lake import folder
from holdfast.log.proof import verify
from holdfast.log.queueing import queue
from holdfast.log.reading import open_log
from holdfast.log.retention import tidy
from holdfast.log.spool import Group, Spool
from holdfast.log.table import ConflictError, Table
from holdfast.testing.logged import MORNING, labels, predictions

PERSON, SECRET = "person-17", "12 Secret Street"
COLUMNS = (("street", "string"),)
DAY = 86_400_000_000


def rows(ids: Sequence[str], *, time: int = MORNING) -> Group:
    """Predictions with an address, which is a secret for the person."""
    streets = [SECRET if name == PERSON else "1 Main Road" for name in ids]
    return predictions(ids, columns=COLUMNS, values=[streets], time=time)  # type: ignore[arg-type]


def spooled(root: Path, *groups: Group) -> None:
    with closing(Spool(root / "spool")) as spool:
        for group in groups:
            spool.write([group])


def committed(root: Path, *groups: Group) -> None:
    spooled(root, *groups)
    with Committer(root) as committer:
        assert committer.round(flush=True).problems == []


def read(root: Path) -> list[tuple[str, str]]:
    found = open_log(root).predictions("fraud", columns=["hf_id", "street"]).read_all().to_pylist()
    return sorted((row["hf_id"], row["street"]) for row in found)


def nothing_left(root: Path) -> None:
    """Neither the secret nor the person is in any file, but for the list of those that are refused."""
    for path in (path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert SECRET.encode() not in content, path
        if path.suffix == ".parquet" and "_delta_log" not in path.parts:
            assert PERSON not in pq.ParquetFile(path).read(columns=["hf_id"]).column(0).to_pylist(), path
        elif not path.name.startswith("committer.db") and path.suffix != ".db":
            assert PERSON.encode() not in content, path
    assert verify(root)[1] == []


def held(root: Path) -> bytes:
    """All that is in the files of the spools."""
    return b"".join(path.read_bytes() for path in (root / "spool").glob("0.*"))


# The lake


def test_rows_leave_the_lake_and_all_its_versions(tmp_path: Path) -> None:
    committed(tmp_path, rows(["a", PERSON, "b"]), labels(["a", PERSON]))
    committed(tmp_path, rows(["c"]), labels(["c"]))
    before = DeltaTable(folder(tmp_path, "fraud", "predictions")).version()
    assert erase(tmp_path, "fraud", [PERSON]) == Erased(predictions=1, labels=1, files=2)
    assert read(tmp_path) == [(name, "1 Main Road") for name in "abc"]
    left = open_log(tmp_path).labels("fraud", columns=["hf_id"]).read_all().column(0).to_pylist()
    assert sorted(left) == ["a", "c"]
    nothing_left(tmp_path)
    earlier = DeltaTable(folder(tmp_path, "fraud", "predictions"), version=before)
    with pytest.raises((FileNotFoundError, OSError)):
        earlier.to_pyarrow_table()


def test_a_file_that_has_nothing_else_goes(tmp_path: Path) -> None:
    committed(tmp_path, rows([PERSON]))
    committed(tmp_path, rows(["a"]))
    assert erase(tmp_path, "fraud", [PERSON]).predictions == 1
    assert len(Table(folder(tmp_path, "fraud", "predictions")).files) == 1
    assert read(tmp_path) == [("a", "1 Main Road")]
    nothing_left(tmp_path)


def test_files_that_were_put_together_and_wait_for_their_readers_go_too(tmp_path: Path) -> None:
    committed(tmp_path, rows(["a", PERSON]))
    committed(tmp_path, rows(["b"]))
    tidy(tmp_path)
    assert erase(tmp_path, "fraud", [PERSON]).predictions == 1
    assert read(tmp_path) == [("a", "1 Main Road"), ("b", "1 Main Road")]
    nothing_left(tmp_path)


def test_what_a_crash_has_left_goes_too(tmp_path: Path) -> None:
    committed(tmp_path, rows(["a"]))
    day = folder(tmp_path, "fraud", "predictions") / "hf_date=2026-01-01"
    (whole,) = day.iterdir()
    (day / ".rows-1.parquet.999.unfinished").write_bytes(whole.read_bytes()[:-100])
    (day / "rows-other.parquet").write_bytes(whole.read_bytes())
    assert erase(tmp_path, "fraud", [PERSON]).files == 1
    assert sorted(path.name for path in day.iterdir()) == sorted(["rows-other.parquet", whole.name])


def test_rows_that_come_later_are_refused(tmp_path: Path) -> None:
    committed(tmp_path, rows(["a"]))
    erase(tmp_path, "fraud", [PERSON])
    committed(tmp_path, rows([PERSON, "b"]), labels([PERSON]))
    assert read(tmp_path) == [("a", "1 Main Road"), ("b", "1 Main Road")]
    assert open_log(tmp_path).labels("fraud").read_all().num_rows == 0
    assert {one.reason for one in kept(tmp_path / REFUSED)} == {"its id was erased"}
    erase(tmp_path, "fraud", [PERSON])
    nothing_left(tmp_path)


def test_rows_of_another_model_stay(tmp_path: Path) -> None:
    committed(tmp_path, predictions([PERSON], model="churn"))
    assert erase(tmp_path, "fraud", [PERSON]) == Erased()
    assert open_log(tmp_path).predictions("churn").read_all().num_rows == 1


def test_nothing_is_erased_twice(tmp_path: Path) -> None:
    committed(tmp_path, rows([PERSON, "a"]))
    erase(tmp_path, "fraud", [PERSON, PERSON])
    assert erase(tmp_path, "fraud", [PERSON]) == Erased()
    assert verify(tmp_path)[1] == []


@pytest.mark.parametrize("name", ["deny", "blank_spool", "write", "sync", "forget"])
def test_an_erasure_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    committed(tmp_path, rows(["a", PERSON]), labels([PERSON]))
    spooled(tmp_path, rows([PERSON]))

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erasing, name, stopped)
        with pytest.raises(KeyboardInterrupt):
            erase(tmp_path, "fraud", [PERSON])
    erase(tmp_path, "fraud", [PERSON])
    assert read(tmp_path) == [("a", "1 Main Road")]
    nothing_left(tmp_path)


def test_another_host_may_commit_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(tmp_path, rows(["a", PERSON]))
    commit, came = Table.commit, []

    def interrupted(self: Table, **given: Any) -> None:
        if not came:
            came.append(True)
            raise ConflictError
        commit(self, **given)

    monkeypatch.setattr(Table, "commit", interrupted)
    assert erase(tmp_path, "fraud", [PERSON]).predictions == 1
    nothing_left(tmp_path)
    monkeypatch.setattr(Table, "commit", lambda *_, **__: (_ for _ in ()).throw(ConflictError))
    with pytest.raises(LogError, match="being written by others all the time"):
        erase(tmp_path, "fraud", ["a"])


def test_a_damaged_file_stops_it(tmp_path: Path) -> None:
    committed(tmp_path, rows(["a", PERSON]))
    (file,) = folder(tmp_path, "fraud", "predictions").glob("hf_date=*/*")
    file.write_bytes(b"no parquet")
    with pytest.raises(LogError, match="cannot be read"):
        erase(tmp_path, "fraud", [PERSON])


# The spools


OTHERS = [f"another-{number:03}" for number in range(200)]
"""With the rows of so many others a frame is large, and lies in a volume."""


@pytest.mark.parametrize("others", [[], OTHERS], ids=["small", "large"])
def test_rows_in_a_spool_that_is_in_use_are_blanked_and_then_refused(tmp_path: Path, others: list[str]) -> None:
    left = [(name, "1 Main Road") for name in ["a", *others]]
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([rows(["a", PERSON, *others]), labels([PERSON, "a"])])
        assert len(list((tmp_path / "spool").glob("*.volume"))) == bool(others)
        assert SECRET.encode() in held(tmp_path)
        assert erase(tmp_path, "fraud", [PERSON]) == Erased(waiting=2)
        assert read(tmp_path) == left
        assert SECRET.encode() not in held(tmp_path)
        spool.write([rows(["b"])])
    committed(tmp_path)
    assert read(tmp_path) == [*left, ("b", "1 Main Road")]
    nothing_left(tmp_path)


@pytest.mark.parametrize("others", [[], OTHERS], ids=["small", "large"])
def test_what_a_spool_had_before_is_not_on_its_free_pages(tmp_path: Path, others: list[str]) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.write([rows([PERSON, *others])])
        with Committer(tmp_path) as committer:
            committer.round(flush=True)
        assert SECRET.encode() in held(tmp_path)
        erase(tmp_path, "fraud", [PERSON])
        assert SECRET.encode() not in held(tmp_path)
    nothing_left(tmp_path)


def test_rows_that_could_not_be_written_are_blanked(tmp_path: Path) -> None:
    layout = prediction_layout("fraud", "binary", (), COLUMNS)  # type: ignore[arg-type]
    columns: list[list[Any]] = [[None] for _ in layout.columns]
    columns[0], columns[-1] = ["a", PERSON], [SECRET]
    columns[4] = [1, "not a release"]
    spooled(tmp_path, Group(layout, 2, encode(columns)))
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).refused == 1
    assert erase(tmp_path, "fraud", [PERSON]) == Erased(waiting=1)
    (one,) = kept(tmp_path / REFUSED)
    assert one.count == 1
    assert PERSON.encode() not in one.content
    assert SECRET.encode() not in one.content


def test_of_bytes_that_are_no_frame_nothing_is_left() -> None:
    layout = Layout(model="fraud", kind="labels", columns=(("hf_id", "string"),))
    assert blanked(layout, 3, b"\xc1" + PERSON.encode(), {PERSON}) == (b"", 3)
    assert blanked(layout, 3, b"\xc1 something", {PERSON}) == (b"\xc1 something", 0)


def test_packed_numbers_are_blanked() -> None:
    layout = Layout(
        model="fraud", kind="predictions", columns=(("hf_id", "string"), ("amount", "float64")), packed=("amount",)
    )
    content = encode([["a", PERSON], np.array([1.5, 2.5]).tobytes()])
    left, count = blanked(layout, 2, content, {PERSON})
    assert (to_rows(layout, 2, left), count) == ([("a", 1.5), (PERSON, None)], 1)


def test_an_id_that_is_a_part_of_another_one_is_another_one(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["order-1", "order-12"]))
    committed(tmp_path, predictions(["order-123"]))
    spooled(tmp_path, predictions(["order-1234"]))
    assert erase(tmp_path, "fraud", ["order-1"]) == Erased(predictions=1, files=1)
    found = open_log(tmp_path).predictions("fraud", columns=["hf_id"]).read_all().column(0).to_pylist()
    assert sorted(found) == ["order-12", "order-123", "order-1234"]


def test_damaged_spools_are_named(tmp_path: Path) -> None:
    (tmp_path / "spool" / "damaged").mkdir(parents=True)
    (tmp_path / "spool" / "damaged" / "0-0.db").write_bytes(b"?")
    (told,) = erase(tmp_path, "fraud", [PERSON]).left
    assert told.endswith("damaged/0-0.db is damaged and cannot be searched.")


# What was derived


def test_the_person_is_gone_from_what_was_derived(tmp_path: Path) -> None:
    committed(tmp_path, rows(["a", PERSON]), labels(["a", PERSON, "never"]))
    spool = predictions([PERSON], time=MORNING + DAY)
    layout = spool.layout
    columns: list[Any] = [list(column) for column in zip(*to_rows(layout, 1, spool.content), strict=True)]
    columns[layout.names.index("hf_review")] = [True]
    committed(tmp_path, Group(layout, 1, encode(columns)))
    match(tmp_path, "fraud")
    queue(tmp_path, "fraud", lambda _, settled: [None] * len(settled))
    erase(tmp_path, "fraud", [PERSON])
    nothing_left(tmp_path)
    for path in (tmp_path / "reviews.db", matched.folder(tmp_path, "fraud") / matched.FILE):
        assert PERSON.encode() not in path.read_bytes()
    found = open_log(tmp_path).predictions("fraud", columns=["hf_id"], with_labels=True).read_all().to_pylist()
    assert [(row["hf_id"], row["hf_label"]) for row in found] == [("a", True)]
    again = match(tmp_path, "fraud")
    assert (again.labelled, again.unmatched) == (2, 1)  # what was counted stays


def test_a_damaged_index_is_made_again(tmp_path: Path) -> None:
    committed(tmp_path, rows(["a", PERSON]), labels(["a"]))
    match(tmp_path, "fraud")
    (matched.folder(tmp_path, "fraud") / matched.FILE).write_bytes(b"no database" * 500)
    erase(tmp_path, "fraud", [PERSON])
    assert match(tmp_path, "fraud").predicted == 1


# The command


def test_the_command_erases_and_writes_it_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / ".holdfast"
    committed(root, rows(["a", PERSON]), labels([PERSON]))
    typed = ["log", "erase", PERSON, "order-18", "--model", "fraud", "--reason", "letter of May 3"]
    result = CliRunner().invoke(app, typed, catch_exceptions=False)
    assert result.output == (
        "Erased 1 prediction and 1 label of the lake, and 0 rows beside it; 2 files with them deleted.\n"
        "Rows of these ids that come later are refused.\n"
    )
    book = open_book(root / "book.db")
    (fact,) = erasures(book)
    assert (fact.model, fact.ids, fact.predictions, fact.labels, fact.reason) == ("fraud", 2, 1, 1, "letter of May 3")
    assert verify_book(book).problems == ()
    book.close()
    assert PERSON.encode() not in (root / "book.db").read_bytes()
    listed = CliRunner().invoke(app, ["audit"], catch_exceptions=False).output
    assert "2 ids of fraud" in listed
    again = CliRunner().invoke(app, ["log", "erase", PERSON, "--model", "fraud", "--json"], catch_exceptions=False)
    assert json.loads(again.output)["predictions"] == 0


def test_the_command_wants_ids_a_model_and_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for typed in (["log", "erase", "a"], ["log", "erase", "--model", "fraud"]):
        with pytest.raises(SettingError, match="Name the ids and their model"):
            CliRunner().invoke(app, typed, catch_exceptions=False)
    with pytest.raises(InputError, match="There is no log"):
        CliRunner().invoke(app, ["log", "erase", "a", "--model", "fraud"], catch_exceptions=False)
    committed(tmp_path / ".holdfast", rows(["a"]))
    with pytest.raises(SettingError, match="Nothing is erased: there is no model 'frud' here: did you mean 'fraud'\\?"):
        CliRunner().invoke(app, ["log", "erase", "a", "--model", "frud"], catch_exceptions=False)
    assert not (tmp_path / ".holdfast" / "book.db").exists()
