"""The clients that people already have, unchanged, against a real server.

Those of KServe and MLServer want other versions of what is installed here: set `HOLDFAST_CLIENTS` to the Python of an
environment of their own (`pip install kserve mlserver==1.7.1 "uvloop<0.22"`).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio

from holdfast.released import load_release
from holdfast.releases.store import open_store
from holdfast.testing.releases import CLASSES, FEATURES, payments
from holdfast.testing.servers import Running, Server

CLIENTS = os.environ.get("HOLDFAST_CLIENTS", "")
elsewhere = pytest.mark.skipif(not CLIENTS, reason="HOLDFAST_CLIENTS is not set")

ROWS = payments(3, seed=1).select(list(FEATURES)).to_pydict()
KINDS = {"amount": ("FP64", "f8"), "items": ("INT64", "i8"), "country": ("BYTES", "O"), "online": ("BOOL", "?")}


@pytest.fixture
def server(running: Running) -> Server:
    return running.server


@pytest.fixture
def scores(running: Running) -> np.ndarray[Any, Any]:
    """What the release itself says of the rows."""
    rows = payments(3, seed=1).select(list(FEATURES))
    return load_release(open_store(running.folder / "releases").named("binary")).model.predict(rows)


def host(server: Server) -> str:
    return server.address.removeprefix("http://")


def inputs(*, binary: bool, module: Any = triton) -> list[Any]:
    made = []
    for name, (datatype, dtype) in KINDS.items():
        values = ["" if value is None else value for value in ROWS[name]]
        made.append(module.InferInput(name, [3], datatype))
        made[-1].set_data_from_numpy(np.array(values, dtype=dtype), binary_data=binary)
    return made


def test_triton_s_client_asks_for_health_and_metadata(server: Server) -> None:
    with triton.InferenceServerClient(host(server)) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("binary")
        assert client.is_model_ready("binary", "1")
        assert not client.is_model_ready("unknown")
        assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
        told = client.get_model_metadata("classes", "1")
        assert told["versions"] == ["1"]
        assert {one["name"]: one["datatype"] for one in told["inputs"]}.items() >= {
            name: datatype for name, (datatype, _) in KINDS.items()
        }.items()
        score = next(one for one in told["outputs"] if one["name"] == "score")
        assert score["shape"] == [-1, 3]
        assert sorted(score["parameters"]["labels"]) == sorted(CLASSES)


@pytest.mark.parametrize("binary", [True, False])
def test_triton_s_client(server: Server, scores: np.ndarray[Any, Any], *, binary: bool) -> None:
    with triton.InferenceServerClient(host(server)) as client:
        outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("score", "decision", "id")]
        for version in ("", "1"):
            result = client.infer(
                "binary", inputs(binary=binary), version, outputs=outputs, request_id=f"t{version}{binary}"
            )
            np.testing.assert_allclose(result.as_numpy("score"), scores, atol=1e-6)
            assert result.as_numpy("decision").tolist() == (scores >= 0.5).tolist()
            assert result.get_response()["model_version"] == "1"
            assert result.get_response()["id"] == f"t{version}{binary}"
        for packed in ("gzip", "deflate"):
            result = client.infer("binary", inputs(binary=binary), request_compression_algorithm=packed)
            np.testing.assert_allclose(result.as_numpy("score"), scores, atol=1e-6)
            assert len(set(result.as_numpy("id"))) == 3


def test_triton_s_client_waits_for_many_answers(server: Server, scores: np.ndarray[Any, Any]) -> None:
    with triton.InferenceServerClient(host(server), concurrency=4) as client:
        asked = [client.async_infer("binary", inputs(binary=True)) for _ in range(20)]
        for one in asked:
            np.testing.assert_allclose(one.get_result().as_numpy("score"), scores, atol=1e-6)


def test_triton_s_client_is_told_what_is_wrong(server: Server) -> None:
    with triton.InferenceServerClient(host(server)) as client:
        with pytest.raises(triton.InferenceServerException, match=r"\[404\] There is no such model"):
            client.infer("unknown", inputs(binary=True))
        with pytest.raises(triton.InferenceServerException, match=r"\[422\] .*rows\[0\].amount"):
            client.infer("binary", inputs(binary=True)[1:])
        with pytest.raises(triton.InferenceServerException, match=r"\[400\] outputs\[0\]: expected one of score"):
            client.infer("binary", inputs(binary=True), outputs=[triton.InferRequestedOutput("x")])


@pytest.mark.parametrize("binary", [True, False])
def test_triton_s_asyncio_client(server: Server, scores: np.ndarray[Any, Any], *, binary: bool) -> None:
    async def ask() -> list[Any]:
        async with triton_aio.InferenceServerClient(host(server), conn_timeout=300) as client:
            assert await client.is_server_live()
            assert await client.is_model_ready("binary")
            return await asyncio.gather(
                *(client.infer("binary", inputs(binary=binary, module=triton_aio)) for _ in range(10))
            )

    for result in asyncio.run(ask()):
        np.testing.assert_allclose(result.as_numpy("score"), scores, atol=1e-6)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


KSERVE = """
import asyncio, json, sys
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

address, rows = sys.argv[1], json.loads(sys.argv[2])
kinds = {"amount": ("FP64", "f8"), "items": ("INT64", "i8"), "country": ("BYTES", "O"), "online": ("BOOL", "?")}

async def ask():
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(address) is True
    assert await client.is_server_ready(address) is True
    assert await client.is_model_ready(address, "binary") is True
    assert await client.is_model_ready(address, "unknown") is False
    found = []
    for binary in (True, False):
        inputs = []
        for name, (datatype, dtype) in kinds.items():
            inputs.append(InferInput(name, [3], datatype))
            inputs[-1].set_data_from_numpy(np.array([v or "" if dtype == "O" else v for v in rows[name]], dtype=dtype), binary)
        outputs = [RequestedOutput(name, {"binary_data": binary}) for name in ("score", "decision", "id")]
        for given in (outputs, None):
            request = InferRequest("binary", inputs, request_id=f"k{binary}", request_outputs=given)
            response = await client.infer(address, request, model_name="binary")
            assert (response.model_name, response.id) == ("binary", f"k{binary}")
            assert response.get_output_by_name("id").data == [f"k{binary}-{row}" for row in range(3)]
            found.append(response.get_output_by_name("score").as_numpy().tolist())
    try:
        await client.infer(address, InferRequest("binary", inputs[1:]), model_name="binary")
    except Exception as error:
        assert "rows[0].amount" in str(error), error
    else:
        raise AssertionError("a missing field was taken")
    print(json.dumps(found))

asyncio.run(ask())
"""


@elsewhere
def test_kserve_s_client(server: Server, scores: np.ndarray[Any, Any]) -> None:
    found = json.loads(run(CLIENTS, "-c", KSERVE, server.address, json.dumps(ROWS)).splitlines()[-1])
    assert len(found) == 4
    for one in found:
        np.testing.assert_allclose(one, scores, atol=1e-6)


MLSERVER = """
import json, sys
import numpy as np, pandas as pd
from mlserver.codecs import NumpyCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, Parameters

rows = json.loads(sys.argv[1])
frame = pd.DataFrame(rows)
by_column = PandasCodec.encode_request(frame, use_bytes=False)
by_hand = InferenceRequest(
    inputs=[
        NumpyCodec.encode_input("amount", np.array(rows["amount"])),
        NumpyCodec.encode_input("items", np.array(rows["items"])),
        StringCodec.encode_input("country", [v or "" for v in rows["country"]], use_bytes=False),
        NumpyCodec.encode_input("online", np.array(rows["online"])),
    ],
    parameters=Parameters(content_type="pd"),
)
print(json.dumps([json.loads(one.model_dump_json()) for one in (by_column, by_hand)]))
"""

READ = """
import json, sys
from mlserver.codecs import PandasCodec
from mlserver.types import InferenceResponse

response = InferenceResponse.model_validate_json(sys.stdin.read())
frame = PandasCodec.decode_response(response)
print(json.dumps({name: column.tolist() for name, column in frame.items()}))
"""


@elsewhere
def test_what_mlserver_s_codecs_write_and_read(server: Server, scores: np.ndarray[Any, Any]) -> None:
    for body in json.loads(run(CLIENTS, "-c", MLSERVER, json.dumps(ROWS)).splitlines()[-1]):
        reply = httpx.post(f"{server.address}/v2/models/binary/infer", json=body, timeout=60)
        assert reply.status_code == 200, reply.text
        done = subprocess.run([CLIENTS, "-c", READ], input=reply.text, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        np.testing.assert_allclose(found["score"], scores, atol=1e-6)
        assert found["decision"] == (scores >= 0.5).tolist()
        assert len(set(found["id"])) == 3


@elsewhere
@pytest.mark.parametrize("options", [[], ["--batch-size", "2"], ["--binary-data"]], ids=["one", "two", "binary"])
def test_mlserver_infer(server: Server, scores: np.ndarray[Any, Any], tmp_path: Path, options: list[str]) -> None:
    lines = []
    for row in range(3):
        tensors = []
        for name, (datatype, _) in KINDS.items():
            value = ROWS[name][row]
            tensors.append(
                {
                    "name": name,
                    "shape": [1, 1],
                    "datatype": datatype,
                    "data": [value or "" if datatype == "BYTES" else value],
                }
            )
        lines.append(json.dumps({"id": f"m{row}{len(options)}", "inputs": tensors}))
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    run(
        str(Path(CLIENTS).with_name("mlserver")),
        "infer",
        *("-u", host(server), "-m", "binary", "-i", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out.jsonl")),
        *options,
    )
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert not [answer for answer in answers if "error" in answer]
    answers.sort(key=lambda answer: answer["parameters"]["batch_index"])
    found = [next(one["data"][0] for one in answer["outputs"] if one["name"] == "score") for answer in answers]
    np.testing.assert_allclose(found, scores, atol=1e-6)


@elsewhere
def test_mlserver_infer_sends_a_missing_number(server: Server, tmp_path: Path) -> None:
    """As a bare NaN, which is no JSON."""
    tensors: list[dict[str, Any]] = [
        {"name": "amount", "shape": [1], "datatype": "FP64", "data": [None]},
        {"name": "items", "shape": [1], "datatype": "INT64", "data": [1]},
        {"name": "country", "shape": [1], "datatype": "BYTES", "data": ["FR"]},
        {"name": "online", "shape": [1], "datatype": "BOOL", "data": [True]},
    ]
    (tmp_path / "in.jsonl").write_text(json.dumps({"inputs": tensors}) + "\n")
    command = [str(Path(CLIENTS).with_name("mlserver")), "infer", "-u", host(server), "-m", "binary", "-r", "1"]
    run(*command, "-i", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out.jsonl"))
    assert "rows[0].amount: expected a number" in (tmp_path / "out.jsonl").read_text()
