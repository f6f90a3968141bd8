"""The ways out: standard output, webhooks, and whatever Apprise knows. Each either takes an alert or says why not.

No reason holds an address: it may have a password anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from holdfast.alerts.alert import Alert
from holdfast.alerts.routes import Route
from holdfast.errors import MissingExtraError

Say: TypeAlias = Callable[[str], None]

ANSWER_SECONDS = 5.0
"""How long a webhook may take for each step of its answer."""

PREFIX = "whsec_"
"""Of a secret that is written in base64, as in Standard Webhooks."""


def send(route: Route, alert: Alert, say: Say) -> str:
    """Send an alert; why it was not taken, or nothing."""
    try:
        if route.url == "stdout":
            say(alert.headline)
            return ""
        if route.url.startswith(("http://", "https://")):
            return _webhook(route, alert)
        return _apprise(route, alert)
    except MissingExtraError as error:
        return str(error)


def signature(secret: str, key: str, timestamp: int, body: bytes) -> str:
    """How a webhook is signed, as in Standard Webhooks 1.0: HMAC-SHA256 over id, time and body.

    Parameters
    ----------
    secret
        Any text; after `whsec_`, base64.
    key, timestamp
        As in the headers `webhook-id` and `webhook-timestamp`.
    body
        As it is sent.

    Examples
    --------
    >>> signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    key_bytes = base64.b64decode(secret.removeprefix(PREFIX)) if secret.startswith(PREFIX) else secret.encode()
    content = f"{key}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key_bytes, content, hashlib.sha256)).decode()}"


def _webhook(route: Route, alert: Alert) -> str:
    body = msgspec.json.encode({"key": alert.key, "text": alert.headline, **msgspec.to_builtins(alert)})
    parts = urlsplit(route.url)
    now = int(time.time())
    headers = {
        "content-type": "application/json",
        "user-agent": "holdfast",
        "webhook-id": alert.key,
        "webhook-timestamp": str(now),
    }
    if route.secret is not None:
        headers["webhook-signature"] = signature(route.secret, alert.key, now, body)
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    request = urllib.request.Request(address, body, headers)  # noqa: S310  # http or https: see `send`
    try:
        with _OPENER.open(request, timeout=ANSWER_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered with status {error.code}"
    except urllib.error.URLError as error:
        return _why(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return _why(error)


def _why(error: object) -> str:
    """What went wrong, without a word of the address."""
    match error:
        case socket.timeout():
            return f"it did not answer within {ANSWER_SECONDS:g} s"
        case ssl.SSLCertVerificationError():
            return "its certificate is not to be trusted"
        case socket.gaierror():
            return "its name is not known"
        case OSError(strerror=str(words)):
            return words.lower()
    return f"it cannot be reached ({type(error).__name__})"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is sent elsewhere was not taken."""

    def redirect_request(self, *_: Any) -> None:
        """Leave the answer as it is, which is an error."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _apprise(route: Route, alert: Alert) -> str:
    try:
        import apprise
    except ModuleNotFoundError:
        raise MissingExtraError("apprise", "alerts", f"The alert route {route.name!r}") from None
    # Its log has addresses with what is secret of them.
    logger = logging.getLogger("apprise")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    sender = apprise.Apprise()
    if not sender.add(route.url):
        return "Apprise does not know such an address"
    kinds = {"opened": "warning", "worse": "failure", "known": "info", "noted": "info", "resolved": "success"}
    try:
        taken = sender.notify(title=alert.headline, body=alert.text, notify_type=kinds[alert.event])
    except Exception as error:  # noqa: BLE001  # whatever a service's plugin raises
        return f"Apprise could not send it ({type(error).__name__})"
    return "" if taken else "Apprise could not send it"
