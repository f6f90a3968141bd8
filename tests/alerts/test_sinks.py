"""The ways out, with real servers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from holdfast.alerts import sinks
from holdfast.alerts.alert import Alert
from holdfast.alerts.routes import Route
from holdfast.alerts.sinks import send

from .conftest import Hook

Make = Callable[..., Alert]


def nothing(_: str) -> None:
    raise AssertionError


def test_standard_output_gets_one_line(alert: Make) -> None:
    said: list[str] = []
    assert send(Route(name="out", url="stdout"), alert(cost=310.0, unit="EUR"), said.append) == ""
    assert said == ["[high] fraud: amount moved, about 310 EUR a day (fraud-1)"]


def test_a_webhook_gets_json_with_a_stable_key_and_a_signature(hook: Hook, alert: Make) -> None:
    before = int(time.time())
    one = alert(story="amount moved since 5 May 2025.", cost=310.0, unit="EUR", advice="Retrain.")
    for _ in range(2):
        assert send(Route(name="hook", url=hook.url, secret="s3cret"), one, nothing) == ""
    (headers, body), (again, _) = hook.posted
    content = json.loads(body)
    assert (content["key"], content["incident"], content["event"], content["severity"]) == (
        "fraud-1:1:opened",
        "fraud-1",
        "opened",
        "high",
    )
    assert (content["cost"], content["unit"], content["advice"]) == (310.0, "EUR", "Retrain.")
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == again["webhook-id"] == "fraud-1:1:opened"
    assert before <= int(headers["webhook-timestamp"]) <= time.time()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_without_a_secret_nothing_is_signed(hook: Hook, alert: Make) -> None:
    send(Route(name="hook", url=hook.url), alert(), nothing)
    assert "webhook-signature" not in hook.posted[0][0]


def test_a_login_in_the_address_goes_into_a_header(hook: Hook, alert: Make) -> None:
    url = hook.url.replace("http://", "http://ada:p%40ss@")
    assert send(Route(name="hook", url=url), alert(), nothing) == ""
    assert hook.posted[0][0]["authorization"] == f"Basic {base64.b64encode(b'ada:p@ss').decode()}"


@pytest.mark.parametrize("status", [301, 400, 500])
def test_what_a_webhook_does_not_take_is_said(hook: Hook, alert: Make, status: int) -> None:
    hook.status, hook.headers = status, {"location": hook.url}
    assert send(Route(name="hook", url=hook.url), alert(), nothing) == f"it answered with status {status}"
    assert len(hook.posted) == 1


def test_a_webhook_that_hangs_is_left(hook: Hook, alert: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "ANSWER_SECONDS", 0.2)
    hook.answers.clear()
    assert send(Route(name="hook", url=hook.url), alert(), nothing) == "it did not answer within 0.2 s"


def test_a_webhook_that_is_away_is_said_without_its_address(alert: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = send(Route(name="hook", url=f"http://ada:hush@127.0.0.1:{port}/token"), alert(), nothing)
    assert said == "connection refused"


def test_an_address_that_cannot_be_read_is_said_without_it(alert: Make) -> None:
    said = send(Route(name="hook", url="http://127.0.0.1:hush/token"), alert(), nothing)
    assert said
    assert "hush" not in said


def test_a_route_shows_nothing_of_its_address() -> None:
    shown = repr(Route(name="hook", url="https://ada:hush@example.org", secret="s3cret"))
    assert "hush" not in shown
    assert "s3cret" not in shown


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # of a package that Apprise looks into
def test_apprise_sends_what_it_knows_how_to(hook: Hook, alert: Make) -> None:
    pytest.importorskip("apprise", reason="needs the extra `alerts`")
    route = Route(name="json", url=hook.url.replace("http://", "json://"))
    assert send(route, alert(advice="Retrain."), nothing) == ""
    content = json.loads(hook.posted[0][1])
    assert content["title"] == "[high] fraud: amount moved (fraud-1)"
    assert "Retrain." in content["message"]
    assert content["type"] == "warning"
    hook.status = 500
    assert send(route, alert(), nothing) == "Apprise could not send it"


def test_apprise_tells_nobody_a_password() -> None:
    """Its own log has addresses; a logger without handlers prints to standard error."""
    pytest.importorskip("apprise", reason="needs the extra `alerts`")
    code = """
import logging
logging.basicConfig(level=logging.DEBUG)
from holdfast.alerts.alert import Alert
from holdfast.alerts.routes import Route
from holdfast.alerts.sinks import send
alert = Alert(incident="m-1", model="m", subject="a", number=1, event="opened", severity="high", title="t", since=0.0)
for url in ("json://ada:hush@127.0.0.1:9/hush", "slack://hush", "nonsense://hush", "mailto://ada:hush@127.0.0.1:9"):
    print(send(Route(name="x", url=url), alert, print))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("Apprise") == 4
    assert "hush" not in done.stdout + done.stderr
