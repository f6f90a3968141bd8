"""The commands over the book, as they are typed."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from holdfast.book.key import digest_of
from holdfast.book.keys import keys
from holdfast.book.opening import open_book
from holdfast.book.stages import champions, in_force
from holdfast.cli import run
from holdfast.releases.store import open_store
from holdfast.testing.releases import seal_small

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"


class Done(NamedTuple):
    """What a command printed, and its exit code."""

    out: str
    error: str
    code: int


Holdfast = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def holdfast(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Holdfast:
    """Runs `holdfast` there, on 80 columns."""
    assert folder == Path.cwd()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("holdfast.releases.environment.author", lambda: "ada")

    def typed(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["holdfast", *arguments])
        code = run()
        printed = capsys.readouterr()
        return Done(printed.out, printed.err, code)

    return typed


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two releases."""
    pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")
    folder = tmp_path_factory.mktemp("store") / "releases"
    for seed in range(2):
        seal_small(open_store(folder), "fraud", seed=seed)
    return folder


# promote and stages


def test_a_release_is_promoted_and_another_takes_its_place(holdfast: Holdfast, sealed: Path, folder: Path) -> None:
    shutil.copytree(sealed, folder / "releases")
    first = holdfast("promote", "fraud", "2", "--reason", "the first one")
    assert first == Done("fraud/2 is the champion of fraud. Before: none.\n", "", 0)
    second = holdfast("promote", "fraud", "1", "--reason", "2 is slow")
    assert second == Done("fraud/1 is the champion of fraud. Before: fraud/2.\n", "", 0)
    again = holdfast("promote", "fraud", "1")
    assert re.fullmatch(f"fraud/1 is the champion of fraud already, since {TIME}\\.\n", again.out)
    listed = holdfast("stages")
    lines = [re.sub(rf" +{TIME} +", " | ", line) for line in listed.out.splitlines()[1:]]
    assert lines == ["fraud/2  was champion | ada  the first one", "fraud/1  champion | ada  2 is slow"]
    assert holdfast("stages", "churn").out == "Nothing of churn was promoted.\n"
    facts = json.loads(holdfast("stages", "fraud", "--json").out)
    assert [(fact["version"], fact["stage"]) for fact in facts] == [(2, "champion"), (1, "champion")]
    assert json.loads(holdfast("promote", "fraud", "2", "--json").out)["version"] == 2
    book = open_book(".holdfast/book.db")
    assert in_force(book)["fraud"].identity == open_store(sealed).get("fraud", 2).identity
    book.close()


def test_a_damaged_release_is_not_promoted(holdfast: Holdfast, sealed: Path, folder: Path) -> None:
    shutil.copytree(sealed, folder / "releases")
    policy = folder / "releases" / "fraud" / "1" / "policy.json"
    policy.chmod(0o644)
    policy.write_text("{}")
    done = holdfast("promote", "fraud", "1")
    assert done.code == 1
    assert done.out.startswith("policy.json  ")
    assert done.out.endswith("fraud/1 is not as it was sealed: it is not promoted.\n")
    assert not (folder / ".holdfast").exists()


def test_a_release_that_answers_otherwise_is_not_promoted(holdfast: Holdfast, folder: Path) -> None:
    from holdfast.releases.environment import origin

    open_store(folder / "releases").add("fraud", {"card.md": b"# Nothing to answer with"}, origin())
    done = holdfast("promote", "fraud", "1")
    assert (done.out.splitlines()[-1], done.code) == ("fraud/1 is not as it was sealed: it is not promoted.", 1)


def test_everything_lies_where_the_site_says(holdfast: Holdfast, sealed: Path, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    site = folder / "elsewhere" / "site.toml"
    site.write_text(f'root = "state"\nreleases = "{sealed.as_posix()}"\n')
    assert holdfast("promote", "fraud", "1", "--site", str(site)).code == 0
    book = open_book(folder / "elsewhere" / "state" / "book.db")
    assert champions(book) == {"fraud": 1}
    book.close()


# keys


def test_a_key_is_made_listed_and_revoked(holdfast: Holdfast, folder: Path) -> None:
    made = holdfast("keys", "add", "scoring", "--role", "label", "--role", "predict", "--rate", "20")
    token, *rest = made.out.splitlines()
    assert rest == [
        "This is the key of scoring, shown this once: the book keeps its digest only.",
        'It is asked for once site.toml has authentication = "keys" under [server].',
    ]
    book = open_book(".holdfast/book.db")
    (key,) = keys(book)
    book.close()
    assert (key.digest, key.roles, key.rate) == (digest_of(token), ("predict", "label"), 20.0)
    listed = holdfast("keys").out.splitlines()[1]
    assert re.fullmatch(rf"{key.id}  scoring  predict, label  20 a second  since {TIME}", listed)
    assert token not in holdfast("keys", "--json").out
    revoked = holdfast("keys", "revoke", "scoring")
    assert revoked.out == f"The key {key.id} of scoring is revoked; servers refuse it within a second.\n"
    listed = holdfast("keys").out.splitlines()[1]
    assert re.fullmatch(rf"{key.id}  scoring  predict, label  20 a second  revoked {TIME}", listed)
    (folder / "site.toml").write_text('[server]\nauthentication = "keys"\n')
    assert len(holdfast("keys", "add", "other", "--role", "read").out.splitlines()) == 2


def test_a_key_is_made_by_a_program(holdfast: Holdfast) -> None:
    made = json.loads(holdfast("keys", "add", "scoring", "--role", "predict", "--json").out)
    assert made["key"].startswith(f"holdfast_{made['id']}_")
    assert (made["name"], made["roles"], made["rate"]) == ("scoring", ["predict"], None)
    assert json.loads(holdfast("keys", "revoke", made["id"], "--json").out)["revoked"] is not None


# audit


def test_the_audit_tells_every_change(holdfast: Holdfast, sealed: Path, folder: Path) -> None:
    shutil.copytree(sealed, folder / "releases")
    holdfast("promote", "fraud", "1")
    holdfast("keys", "add", "scoring", "--role", "predict")
    lines = [re.sub(rf" +{TIME} +", " | ", line) for line in holdfast("audit").out.splitlines()[1:]]
    assert lines[0] == "1 | ada  promote  fraud/1"
    assert re.fullmatch(r"2 \| ada  add key  scoring \([0-9a-f]{10}\)", lines[1])
    verified = holdfast("audit", "verify")
    assert re.fullmatch("2 entries, and all is as they say\\.\nHead  [0-9a-f]{64}\n", verified.out)
    assert verified.code == 0
    told = json.loads(holdfast("audit", "--json").out)
    assert verified.out.split()[-1] == told[-1]["hash"]
    assert holdfast("audit", "verify", "--head", told[0]["hash"]).code == 0


def test_a_change_behind_its_back_is_named(holdfast: Holdfast) -> None:
    holdfast("keys", "add", "scoring", "--role", "predict")
    with sqlite3.connect(".holdfast/book.db") as connection:
        connection.execute("UPDATE keys SET roles = '[\"operate\"]', id = 'x'")
    connection.close()
    done = holdfast("audit", "verify")
    assert done.out.startswith("x of keys is in no sound entry of the audit\n")
    assert "\n1 entry.\nHead  " in done.out
    assert done.code == 1
    found = json.loads(holdfast("audit", "verify", "--json", "--head", "aa").out)
    assert (found["entries"], len(found["problems"])) == (1, 3)


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promote", "fraud", "1"], "There is no version 1 of 'fraud' in releases; versions: none."),
        (["promote", "fraud", "new"], "Invalid value for 'VERSION'"),
        (["stages"], "There is no book yet in .*book.db; `holdfast promote` and `holdfast keys add` begin one."),
        (["keys"], "There is no book yet in "),
        (["keys", "revoke", "scoring"], "There is no book yet in "),
        (["audit"], "There is no book yet in "),
        (["keys", "add"], "`add` takes 1 name; got 0."),
        (["keys", "add", "scoring"], "Expected at least one role of predict, label, read, operate; got none."),
        (["keys", "add", "scoring", "--role", "admin"], "got 'admin'."),
        (["keys", "revoke", "scoring", "--rate", "2"], "`--role` and `--rate` belong to `holdfast keys add`."),
        (["audit", "list", "--head", "aa"], "`--head` belongs to `holdfast audit verify`."),
        (
            ["stages", "--site", "none.toml"],
            "Cannot read the site's configuration none.toml: No such file or directory.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_in_one_line(holdfast: Holdfast, arguments: list[str], message: str) -> None:
    done = holdfast(*arguments)
    assert re.search(message, done.error)
    assert done.error.count("\n") == 1
    assert (done.out, done.code) == ("", 2)


def test_a_book_without_an_entry(holdfast: Holdfast) -> None:
    open_book(".holdfast/book.db").close()
    assert holdfast("stages").out == "Nothing was promoted.\n"
    assert holdfast("keys").out == "No keys; `holdfast keys add NAME --role predict` makes one.\n"
    assert holdfast("audit").out == "Nothing was changed yet.\n"


@pytest.mark.parametrize("command", ["promote", "stages", "keys", "audit"])
def test_every_command_has_help(holdfast: Holdfast, command: str) -> None:
    done = holdfast(command, "--help")
    assert f"Usage: holdfast {command}" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert (done.error, done.code) == ("", 0)
