"""The demo's release goes into service: weeks of rows over HTTP, labels that come late, and a server that is killed midway."""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa

import holdfast as hf
from holdfast.book.opening import open_book
from holdfast.book.stages import promote
from holdfast.config import Project
from holdfast.gate.evaluation import Evaluation
from holdfast.log.proof import proof
from holdfast.profile.calendar import moments
from holdfast.testing.servers import Server, serving

SITE = """\
# Where everything lies and how it is served; all of it optional.
releases = "releases"

[server]
workers = 2
"""
REQUEST_ROWS = 20
CONNECTIONS = 4
MOST_ROWS = 10_000
PATIENCE_SECONDS = 60.0

ID = "hf_demo_id"


@dataclass(slots=True)
class Client:
    """A client that sends a request again until it is answered, under the same ids.

    Attributes
    ----------
    acknowledged
        Ids that were answered.
    again
        Requests that had to be sent again.
    """

    path: str
    port: int
    acknowledged: set[str] = field(default_factory=set)
    again: int = 0
    lock: Lock = field(default_factory=Lock)

    def send(self, body: bytes) -> None:
        """Send rows until they are answered."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                reply = post(self.port, self.path, body)
            except (OSError, http.client.HTTPException):
                if time.monotonic() > end:
                    raise
                with self.lock:
                    self.again += 1
                time.sleep(0.05)
                continue
            with self.lock:
                self.acknowledged |= {answer["id"] for answer in reply["answers"]}
            return


def serve(project: Project, sealed: hf.SealedFolder, evaluation: Evaluation, output: Path) -> None:
    """Promote a release, replay its test period over HTTP, kill the server in the middle, and prove that nothing is lost."""
    (output / "site.toml").write_text(SITE, encoding="utf-8")
    book = open_book(output / ".holdfast" / "book.db")
    promote(book, project.name, sealed.manifest.version, sealed.identity, author="demo", reason="the gate let it pass")
    book.close()
    rows = test_rows(project, evaluation)
    truths = dict(zip(rows[ID].to_pylist(), rows[project.data.target].to_pylist(), strict=True))
    bodies = list(requests(rows.drop_columns([project.data.target]), project.data.id or "id"))
    path = f"/v1/models/{project.name}/predict"
    half = len(bodies) // 2
    with ExitStack() as stack:
        server = stack.enter_context(serving(output, project.name))
        print(f"Serving   {sealed.name} at {server.address} with two workers")
        client = Client(path, server.port)
        started = time.monotonic()
        _replay(client, bodies[:half])
        early = sorted(client.acknowledged)
        seconds = time.monotonic() - started
        print(f"Replayed  {len(early):,} rows of the test period, {REQUEST_ROWS} a request, in {seconds:.1f} s")
        _labels(server, project.name, {name: truths[name] for name in early[: len(early) // 2]})
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            sending = [pool.submit(client.send, body) for body in bodies[half:]]
            while len(client.acknowledged) < len(early) + len(rows) // 10 and not all(one.done() for one in sending):
                time.sleep(0.005)
            server.kill()
            print("Killed    every process with SIGKILL, while requests were on their way")
            server = stack.enter_context(serving(output, project.name, port=server.port))
            for one in sending:
                one.result()
        print(f"Restarted and went on: {client.again} requests were sent again")
        _labels(server, project.name, {name: truths[name] for name in client.acknowledged if name not in set(early)})
        server.stop()
    _prove(project.name, sealed.manifest.version, client, output)


def test_rows(project: Project, evaluation: Evaluation) -> pa.Table:
    """The rows of the test part, as many as there are at most `MOST_ROWS`, with what they are called in the column `ID`."""
    with hf.open_table(project.path(project.data.path), name="history") as table:
        rows = pa.Table.from_batches(table.batches())
    test = evaluation.parts.test
    if project.data.time is not None and test.time is not None:
        moment = moments(rows[project.data.time].combine_chunks())[0]
        rows = rows.filter(pa.array(moment >= test.time.min()))
    rows = rows.slice(max(0, len(rows) - min(len(test), MOST_ROWS)))
    names = rows[project.data.id].to_pylist() if project.data.id else [f"row-{i}" for i in range(len(rows))]
    return rows.append_column(ID, pa.array([str(name) for name in names]))


def requests(rows: pa.Table, id_column: str) -> Iterator[bytes]:
    """Bodies of requests, in the order of the rows."""
    plain = rows.drop_columns([ID]).to_pylist()
    named = ({**row, id_column: name} for row, name in zip(plain, rows[ID].to_pylist(), strict=True))
    while piece := list(itertools.islice(named, REQUEST_ROWS)):
        yield json.dumps({"rows": piece}, default=_as_text).encode()


def post(port: int, path: str, body: bytes) -> Any:
    """The answer to a request over a connection of its own; `OSError` where nobody answers, or not well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body)
        reply = connection.getresponse()
        content = reply.read()
    finally:
        connection.close()
    if reply.status == 503:
        raise OSError(content.decode())
    if reply.status != 200:
        raise hf.InputError(f"The server refuses a request of the demo: {content.decode()}")
    return json.loads(content)


def _replay(client: Client, bodies: Sequence[bytes]) -> None:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(client.send, bodies))


def _labels(server: Server, model: str, truths: dict[str, Any]) -> None:
    labels = [{"model": model, "id": name, "label": truth} for name, truth in truths.items() if truth is not None]
    if labels:
        accepted = post(server.port, "/v1/labels", json.dumps({"labels": labels}, default=_as_text).encode())[
            "accepted"
        ]
        print(f"Labelled  {accepted:,} rows, late, as it goes")


def _prove(model: str, release: int, client: Client, output: Path) -> None:
    """Hold what was acknowledged against the log of this release, and that of the model against itself.

    An earlier demo in this folder had another release, or another model.
    """
    root = output / ".holdfast"
    logged = hf.open_log(root).predictions(model, release=release, columns=["hf_id"]).read_all()["hf_id"].to_pylist()
    missing, twice = client.acknowledged - set(logged), len(logged) - len(set(logged))
    print(
        f"Logged    {len(logged):,} rows; acknowledged {len(client.acknowledged):,}, missing {len(missing)}, twice {twice}"
    )
    for one in proof(root):
        if (one.model, one.kind) == (model, "predictions"):
            print(
                f"Proof     {one.accepted:,} accepted = {one.committed:,} committed + {one.pending:,} pending\n"
                f"          + {one.duplicates:,} sent again + {one.refused:,} refused"
            )
    if missing or twice:
        raise hf.HoldfastError("The prediction log lost or doubled rows: this is a defect of Holdfast.")


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return str(value)
