"""Servers of the same model, each as its documentation has it, with one worker: how they are started and asked.

Those of others live in environments of their own below benchmarks/.peers.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from load import HOST, SERVER_CORE, Running, running
from peers import installed
from serving_project import MODEL, Row

APPS = Path(__file__).parent / "serving_apps"

PINS = {
    "FastAPI": ["fastapi==0.165.0", "uvicorn==0.54.0", "uvloop", "httptools"],
    "MLServer": ["mlserver==1.7.1", "uvloop<0.22"],
    "BentoML": ["bentoml==1.4.39"],
    "MLflow": ["mlflow==3.17.2"],
}
"""What is installed for each of the others with ONNX Runtime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server, and how it is asked.

    Attributes
    ----------
    name
        With the version.
    start
        Starts it in a folder, on a port.
    path
        Where it answers rows.
    body
        Rows as it wants them, before they become JSON.
    scores
        The scores in its answer.
    """

    name: str
    start: Callable[[Path, int], AbstractContextManager[Running]]
    path: str
    body: Callable[[Sequence[Row]], Any]
    scores: Callable[[Any], list[float]]

    def body_of(self, rows: Sequence[Row]) -> bytes:
        """A request."""
        return json.dumps(self.body(rows)).encode()


@contextmanager
def holdfast(folder: Path, port: int, cores: str = SERVER_CORE) -> Iterator[Running]:
    """`holdfast serve` with the defaults, and an empty log."""
    command = [sys.executable, "-m", "holdfast", "serve", MODEL, "--port", str(port)]
    with tempfile.TemporaryDirectory() as own:
        for part in ("releases", ".holdfast"):
            shutil.copytree(folder / part, Path(own, part))
        with running(command, port, "/v2/health/ready", folder=Path(own), environment={}, cores=cores) as server:
            yield server


def bare(folder: Path, port: int) -> AbstractContextManager[Running]:
    """`serving_apps/bare.py`, in Holdfast's own environment."""
    return running(
        [sys.executable, str(APPS / "bare.py"), str(port)], port, "/", folder=folder, environment=model(folder)
    )


def fastapi(folder: Path, port: int) -> AbstractContextManager[Running]:
    """`serving_apps/fastapi_app.py`."""
    command = [str(python("FastAPI")), str(APPS / "fastapi_app.py"), str(port)]
    return running(command, port, "/ready", folder=folder, environment=model(folder))


def mlserver(folder: Path, port: int) -> AbstractContextManager[Running]:
    """`mlserver start`, without processes for inference: the faster way for a small model."""
    home = folder / "mlserver"
    home.mkdir(exist_ok=True)
    settings = {
        "host": HOST,
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    (home / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    own = {"name": MODEL, "implementation": "mlserver_runtime.Scores"}
    (home / "model-settings.json").write_text(json.dumps(own), encoding="utf-8")
    command = [str(python("MLServer").with_name("mlserver")), "start", str(home)]
    return running(command, port, "/v2/health/ready", folder=home, environment=model(folder))


def bentoml(folder: Path, port: int) -> AbstractContextManager[Running]:
    """`bentoml serve`."""
    command = [str(python("BentoML").with_name("bentoml")), "serve", "bentoml_service:Scores", "--host", HOST]
    environment = {**model(folder), "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(folder / "bentoml")}
    return running([*command, "--port", str(port)], port, "/readyz", folder=APPS, environment=environment)


def mlflow(folder: Path, port: int) -> AbstractContextManager[Running]:
    """`mlflow models serve`, in the environment where MLflow is."""
    home, environment = folder / "mlflow", {**model(folder), "MLFLOW_DISABLE_TELEMETRY": "true"}
    interpreter = python("MLflow")
    if not home.exists():
        saving = [str(interpreter), str(APPS / "mlflow_model.py"), str(home)]
        subprocess.run(saving, check=True, capture_output=True, env=environment, cwd=folder)
    command = [str(interpreter.with_name("mlflow")), "models", "serve", "--model-uri", str(home), "--host", HOST]
    # It finds its own programs by the path.
    environment["PATH"] = f"{interpreter.parent}:/usr/bin:/bin"
    command += ["--port", str(port), "--env-manager", "local", "--workers", "1"]
    return running(command, port, "/ping", folder=folder, environment=environment)


def python(name: str) -> Path:
    """The Python of another server's environment."""
    return installed(name, [*PINS[name], "onnxruntime"])


def model(folder: Path) -> dict[str, str]:
    """What tells the others the model: the file that was released, its output, and the column of the positive class."""
    release = next(folder.glob(f"releases/{MODEL}/*/model.onnx")).parent
    signature = json.loads((release / "signature.json").read_text(encoding="utf-8"))
    return {
        "MODEL": str(release / "model.onnx"),
        "MODEL_OUTPUT": signature["output"],
        "MODEL_COLUMN": str(signature["column"]),
        "PYTHONPATH": str(APPS),
    }


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def records(rows: Sequence[Row]) -> dict[str, Any]:
    """Rows as objects."""
    return {"rows": rows}


def matrix(rows: Sequence[Row]) -> list[list[float]]:
    """Rows as lists."""
    return [list(row.values()) for row in rows]


def tensor(rows: Sequence[Row]) -> dict[str, Any]:
    """Rows as one tensor of the Open Inference Protocol."""
    flat = [value for row in rows for value in row.values()]
    shape = [len(rows), len(rows[0])]
    return {"inputs": [{"name": "rows", "shape": shape, "datatype": "FP64", "data": flat}]}


SERVERS = {
    "Holdfast": Server(
        name="Holdfast",
        start=holdfast,
        path=f"/v1/models/{MODEL}/predict",
        body=records,
        scores=lambda answer: [one["score"] for one in answer["answers"]],
    ),
    "bare": Server(
        name="bare ASGI, msgspec, uvicorn", start=bare, path="/", body=records, scores=lambda answer: answer["scores"]
    ),
    "FastAPI": Server(
        name="FastAPI 0.165.0, uvicorn",
        start=fastapi,
        path="/predict",
        body=records,
        scores=lambda answer: answer["scores"],
    ),
    "MLServer": Server(
        name="MLServer 1.7.1, parallel_workers=0",
        start=mlserver,
        path=f"/v2/models/{MODEL}/infer",
        body=tensor,
        scores=lambda answer: answer["outputs"][0]["data"],
    ),
    "BentoML": Server(
        name="BentoML 1.4.39",
        start=bentoml,
        path="/predict",
        body=lambda rows: {"rows": matrix(rows)},
        scores=lambda answer: answer,
    ),
    "MLflow": Server(
        name="MLflow 3.17.2",
        start=mlflow,
        path="/invocations",
        body=lambda rows: {"inputs": matrix(rows)},
        scores=lambda answer: answer["predictions"],
    ),
}
"""Holdfast and the bare application first: they are compared most closely."""
