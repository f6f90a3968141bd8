"""The description of a server: its examples are answered as they stand, and so are the lines of its page."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.column import Column
from holdfast.kinds import Kind
from holdfast.serve.described import about
from holdfast.serve.fields import Field
from holdfast.testing.pages import PATIENCE_MILLISECONDS, chromium, read
from holdfast.testing.servers import Running


@pytest.mark.parametrize("task", ["binary", "classes", "regression"])
def test_examples_are_answered_without_a_warning(running: Running, task: str) -> None:
    paths = running.client.get("/openapi.json").json()["paths"]
    path = f"/v1/models/{task}/predict"
    example = paths[path]["post"]["requestBody"]["content"]["application/json"]["example"]
    (answer,) = running.client.post(path, json=example).json()["answers"]
    assert "warnings" not in answer
    path = f"/v2/models/{task}/infer"
    example = paths[path]["post"]["requestBody"]["content"]["application/json"]["example"]
    outputs = {one["name"]: one["data"] for one in running.client.post(path, json=example).json()["outputs"]}
    assert outputs["score"] == pytest.approx(list(answer["score"].values()) if task == "classes" else [answer["score"]])


def test_fields_are_described_as_the_schema_has_them(running: Running) -> None:
    document = running.client.get("/openapi.json").json()
    row = document["components"]["schemas"]["binary.Row"]
    assert row["required"] == ["amount", "items", "country", "online"]
    assert row["properties"]["items"]["type"] == "integer"
    assert row["properties"]["country"]["type"] == ["string", "null"]
    assert "in the history AT, FR" in row["properties"]["country"]["description"]
    assert row["properties"]["age"]["description"].startswith("protected, logged beside the features")
    # What rows are called is nobody's business.
    assert row["properties"]["payment"]["description"] == "id, logged beside the features"


def test_values_of_what_the_model_does_not_need_are_not_told() -> None:
    """They may be names of persons in a column that nobody marked."""
    customer = Column(
        name="customer", physical="customer", kind=Kind.CATEGORY, type="string", categories=("C000001", "C000002")
    )
    assert about(Field(customer, False, "string")) == "logged beside the features"
    assert about(Field(customer, True, "string")) == "in the history C000001, C000002"


def test_every_reference_leads_somewhere(running: Running) -> None:
    document = running.client.get("/openapi.json").json()

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    found = set(references(document))
    assert "#/components/schemas/Answers" in found
    for reference in found:
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_the_lines_of_the_page_work_as_printed(running: Running) -> None:
    page = read(running.client.get("/docs").text)
    assert "Release 1 answers where none is asked for." in page.text
    lines = [text for tag, text in page.texts if tag == "pre"]
    asked = next(line for line in lines if "/binary/predict" in line)
    done = subprocess.run(shlex.split(asked), capture_output=True, text=True, check=True)
    assert '"model":"binary"' in done.stdout


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        if started is None:
            pytest.skip("Chromium and playwright, which open the page, are not installed")
        yield started


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1440])
def test_a_row_is_answered_on_the_page(running: Running, browser: Any, width: int) -> None:
    complaints: list[str] = []
    page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{running.server.address}/docs")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".wide").first.evaluate("table => table.scrollWidth <= table.clientWidth")
    page.locator("button[data-model=binary]").click()
    page.locator("pre[data-model=binary]", has_text='"score":').wait_for()
    page.locator("textarea[data-model=binary]").fill("{")
    page.locator("button[data-model=binary]").click()
    page.locator("pre.wrong[data-model=binary]", has_text="The body is no JSON").wait_for()
    assert complaints == []
