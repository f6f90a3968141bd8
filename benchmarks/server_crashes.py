"""A real server under load, whose processes are killed at random moments: is every acknowledged row in the log exactly once?

Clients send rows with ids of their own, each until it is acknowledged, and labels of what was; others send rows without an
id. Meanwhile a worker, the committer, or all processes at once are killed with SIGKILL, and started again.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from bars import Bar, Effort, for_information
from holdfast.testing.logged import in_lake
from holdfast.testing.servers import Server, serving, small_site

SITE = """[server]
drain_seconds = 5
[log]
rows = 200
seconds = 0.2
"""
CLIENTS = 6
ROWS = (1, 2, 3, 4, 100)
"""Of a request: frames of few rows lie in the database of a spool, those of many in its volumes."""
TIMEOUT_SECONDS = 20.0

Victim = Literal["worker", "committing", "all"]


class Outcome(NamedTuple):
    """What a campaign found, `longest` being the longest wait of a client for an answer, in seconds."""

    kills: Counter[str]
    acknowledged: int
    retries: int
    longest: float
    wrong: list[str]


def server_crashes(effort: Effort) -> Iterator[Bar]:
    """Two hundred kills."""
    kills = {"quick": 10, "usual": 200, "thorough": 2_000}[effort]
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(Path(folder), kills, 0)
    told = ", ".join(f"{count} of {NAMES[victim]}" for victim, count in sorted(found.kills.items()))
    setting = (
        f"{kills} kills of a server ({told}) while {found.acknowledged:,} rows were acknowledged: rows lost or doubled"
    )
    yield Bar(setting=setting, bar="0", measured=f"{len(found.wrong)}", met=not found.wrong)
    yield for_information(
        "Longest wait of a client for an answer meanwhile, its attempts together",
        f"{found.longest:.1f} s, {found.retries:,} requests were sent again",
    )


NAMES = {"worker": "a worker", "committing": "the committer", "all": "all processes"}


@dataclass(slots=True)
class _Clients:
    """What the clients know."""

    port: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    sent: set[str] = field(default_factory=set)
    acknowledged: list[str] = field(default_factory=list)
    labelled: list[str] = field(default_factory=list)
    retries: int = 0
    longest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def campaign(folder: Path, kills: int, seed: int) -> Outcome:
    """Kill so often, and see what is in the log."""
    moments = random.Random(seed)
    small_site(folder, "binary")
    (folder / "site.toml").write_text(SITE)
    clients, done = _Clients(), Counter[str]()
    threads = [threading.Thread(target=_client, args=(clients, number, seed)) for number in range(CLIENTS)]
    with ExitStack() as running:
        server = running.enter_context(_served(folder, 0))
        clients.port = server.port
        for thread in threads:
            thread.start()
        try:
            while sum(done.values()) < kills:
                time.sleep(moments.uniform(0.0, 1.0))
                (victim,) = moments.choices(get_args(Victim), weights=(4, 4, 1))
                if victim == "all":
                    server.kill()
                    running.pop_all().close()
                    server = running.enter_context(_served(folder, clients.port))
                elif not _killed(server, victim, moments):
                    continue
                done[victim] += 1
            time.sleep(2)  # those that were killed last come back
        finally:
            clients.stopping.set()
            for thread in threads:
                thread.join()
        if (code := server.stop()) != 0:
            clients.wrong.append(f"the server ended with {code}")
    wrong = [*clients.wrong, *_problems(folder, clients)]
    return Outcome(done, len(clients.acknowledged), clients.retries, clients.longest, wrong)


def _served(folder: Path, port: int) -> AbstractContextManager[Server]:
    return serving(folder, "binary", port=port, options=["--workers", "2"])


def _killed(server: Server, victim: str, moments: random.Random) -> bool:
    there = server.children()[victim]
    if not there:  # it was killed a moment ago
        return False
    try:
        os.kill(moments.choice(there), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _client(clients: _Clients, number: int, seed: int) -> None:
    try:
        _ask(clients, number, seed)
    except Exception as error:  # noqa: BLE001 - a client that has ended would not be missed
        clients.wrong.append(f"a client ended with {error!r}")


def _ask(clients: _Clients, number: int, seed: int) -> None:
    """One client: rows with ids of its own, or, every third of them, without."""
    made, count = random.Random(f"{seed}-{number}"), 0
    while not clients.stopping.is_set():
        ids = [f"{number}-{count + i}" for i in range(made.choice(ROWS))]
        count += len(ids)
        own = number % 3 != 2
        rows = [
            {"amount": float(count + i), "items": 3, "country": "FR", "online": True}
            | ({"payment": one} if own else {})
            for i, one in enumerate(ids)
        ]
        if own:
            clients.sent.update(ids)
        answers = _until_answered(clients, "/v1/models/binary/predict", {"rows": rows})["answers"]
        got = [answer["id"] for answer in answers]
        if own and got != ids:
            clients.wrong.append("a client got other ids than its own")
        clients.acknowledged += got
        if made.random() < 0.2:
            labels = [{"id": one, "label": True} for one in got]
            _until_answered(clients, "/v1/labels", {"labels": labels})
            clients.labelled += got


def _until_answered(clients: _Clients, path: str, body: dict[str, Any]) -> Any:
    """Send until there is an answer; what is refused otherwise than for the moment is wrong."""
    since, content = time.monotonic(), json.dumps(body)
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", clients.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", path, content)
            reply = connection.getresponse()
            answer = json.loads(reply.read())
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            pass
        else:
            if reply.status == 200:
                clients.longest = max(clients.longest, time.monotonic() - since)
                return answer
            if reply.status != 503:
                clients.wrong.append(f"{path} was answered with {reply.status}")
        finally:
            connection.close()
        clients.retries += 1
        if clients.stopping.is_set() and time.monotonic() - since > 60:
            raise TimeoutError(f"{path} was never answered")
        time.sleep(0.05)


def _problems(folder: Path, clients: _Clients) -> Iterator[str]:
    """What is missing, there twice or from nowhere; and what `holdfast log verify` says."""
    command = [sys.executable, "-m", "holdfast", "log"]
    for step in ("commit", "verify"):  # what the last commit did not come to, if it was cut short
        ran = subprocess.run([*command, step], cwd=folder, capture_output=True, text=True, check=False)
        if ran.returncode:
            yield f"holdfast log {step}: {ran.stdout}{ran.stderr}"
    rows = in_lake(folder / ".holdfast", "binary")
    there = Counter(rows.column("hf_id").to_pylist())
    yield from (
        f"{one} was acknowledged and is there {there[one]} times" for one in clients.acknowledged if there[one] != 1
    )
    yield from (f"{one} is there {count} times" for one, count in there.items() if count > 1)
    given = {row["hf_id"] for row in rows.select(["hf_id", "hf_given"]).to_pylist() if row["hf_given"]}
    yield from (f"{one} was never sent" for one in given - clients.sent)
    yield from (f"{row['hf_id']} came with other inputs" for row in rows.to_pylist() if row["hf_conflict"])
    labels = set(in_lake(folder / ".holdfast", "binary", "labels").column("hf_id").to_pylist())
    yield from (f"the label of {one} is missing" for one in clients.labelled if one not in labels)


if __name__ == "__main__":
    outcome = campaign(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(outcome._asdict() | {"kills": dict(outcome.kills)}))
