"""Books are begun, opened by many at once, and say what stands in the way without telling secrets."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from holdfast.book.opening import Book, open_book, reading, writing
from holdfast.book.stages import champions, promote
from holdfast.errors import BookError, SettingError

OPEN = "import sys; from holdfast.book.opening import open_book; open_book(sys.argv[1]).close()"


def message_of(location: str, **options: bool) -> str:
    with pytest.raises((BookError, SettingError)) as caught:
        open_book(location, **options)
    return str(caught.value)


def test_a_book_that_is_opened_again_has_what_was_written(location: str) -> None:
    first = open_book(location)
    assert champions(first) == {}
    promote(first, "fraud", 1, "sha256:a", author="ada")
    first.close()
    second = open_book(location)
    assert champions(second) == {"fraud": 1}
    second.close()


def test_alembic_is_loaded_only_to_begin_a_book(location: str) -> None:
    look = f"{OPEN}; print('alembic' in sys.modules)"
    said = [
        subprocess.run([sys.executable, "-c", look, location], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said == ["True\n", "False\n"]


def test_processes_that_open_a_new_book_at_once_all_succeed(location: str) -> None:
    running = [subprocess.Popen([sys.executable, "-c", OPEN, location], stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[1] for process in running] == [b""] * 3
    assert [process.returncode for process in running] == [0] * 3


def test_threads_that_open_a_new_book_at_once_all_succeed(location: str) -> None:
    """They meet more closely than processes do, which first load their packages."""
    with ThreadPoolExecutor(8) as pool:
        books = list(pool.map(open_book, [location] * 8))
    assert [champions(book) for book in books] == [{}] * 8
    for book in books:
        book.close()


def test_no_book_is_begun_where_one_is_only_read(location: str) -> None:
    assert message_of(location, create=False).startswith("There is no book yet in ")
    assert not Path(location).exists()
    book = open_book(location)
    book.close()
    open_book(location, create=False).close()


def test_a_book_of_a_newer_holdfast_is_left_alone(book: Book, location: str) -> None:
    with writing(book) as connection:
        connection.execute(text("UPDATE book_version SET version_num = '9999'"))
    assert message_of(location).endswith(" was written by a newer Holdfast. Update this one.")


def test_an_error_undoes_all_of_a_transaction(book: Book) -> None:
    with contextlib.suppress(ZeroDivisionError), writing(book) as connection:
        connection.execute(text("DELETE FROM book_version"))
        raise ZeroDivisionError
    with reading(book) as connection:
        assert connection.execute(text("SELECT count(*) FROM book_version")).scalar() == 1


def test_a_reader_sees_one_moment(book: Book) -> None:
    promote(book, "fraud", 1, "sha256:a", author="ada")
    count = text("SELECT count(*) FROM stages")
    with reading(book) as connection:
        before = connection.execute(count).scalar()
        promote(book, "fraud", 2, "sha256:b", author="ada")
        assert (before, connection.execute(count).scalar()) == (1, 1)
    with reading(book) as connection:
        assert connection.execute(count).scalar() == 2


def test_readers_of_a_file_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    book = open_book(tmp_path / "book.db")
    with writing(book) as connection:
        connection.execute(text("DELETE FROM stages"))
        assert champions(book) == {}
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    book.close()


def test_relative_paths_and_sqlite_addresses_mean_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    book = open_book("book.db")
    promote(book, "fraud", 1, "sha256:a", author="ada")
    monkeypatch.chdir("/")  # a book stays where it was opened
    assert champions(book) == {"fraud": 1}
    book.close()
    again = open_book(f"sqlite:///{tmp_path / 'book.db'}")
    assert champions(again) == {"fraud": 1}
    again.close()


# What stands in the way


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "book.db").write_bytes(b"this is no database" * 100)
    assert message_of(str(tmp_path / "book.db")) == (
        f"The book cannot be reached or is damaged: {tmp_path / 'book.db'}: file is not a database. "
        "Check the database, and your access to it."
    )


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert message_of(str(tmp_path / "file" / "book.db")).startswith("The book cannot be begun: ")


def test_a_server_that_is_away(tmp_path: Path) -> None:
    message = message_of(f"postgresql://ada:s3cret@/holdfast?host={tmp_path}&connect_timeout=2&sslpassword=s3cret")
    assert message.startswith(f"The book cannot be reached or is damaged: holdfast in PostgreSQL on {tmp_path}: ")
    assert "s3cret" not in message


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada:s3c@ret@host/holdfast",
        "postgresql://ada:s3c@ret:x/holdfast",
        "mysql://ada:s3cret@host/holdfast",
        "postgresql ://ada:s3cret@host/holdfast",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(address: str) -> None:
    message = message_of(address)
    assert message.startswith("Expected the book as the path of a file, or as postgresql://user:password@host/database")
    assert "s3c" not in message
    assert "ret" not in message


def test_what_no_holdfast_has_written(book: Book) -> None:
    promote(book, "fraud", 1, "sha256:a", author="ada")
    with writing(book) as connection:
        connection.execute(text("ALTER TABLE stages RENAME COLUMN identity TO identities"))
    with pytest.raises(BookError, match=r"^The book cannot be reached or is damaged: .*identity"):
        champions(book)


def test_a_server_that_comes_back_is_used_again(book: Book) -> None:
    """The connections of the pool have died meanwhile."""
    promote(book, "fraud", 1, "sha256:a", author="ada")
    if book.engine.dialect.name != "postgresql":
        pytest.skip("a file does not go away")
    other = open_book(book.engine.url.render_as_string(hide_password=False))
    with writing(other) as connection:
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(text(f"{ended} AND pid <> pg_backend_pid()"))
    assert champions(book) == {"fraud": 1}
    other.close()


def test_a_book_does_not_show_its_password(tmp_path: Path) -> None:
    book = open_book(tmp_path / "book.db")
    assert repr(book).startswith("Book(engine=Engine(sqlite:///")
    book.close()
