"""Who is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfast.alerts.routes import routes_of
from holdfast.errors import SettingError
from holdfast.records import Severity
from holdfast.site import AlertRoute, load_site


def site(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "site.toml"
    file.write_text(text)
    return load_site(file)


def test_routes_are_read_with_what_is_secret_from_the_environment(tmp_path: Path) -> None:
    found = site(
        tmp_path,
        """
[[alerts]]
url = "$PAGER"
name = "pager"
secret = "$PAGER_SECRET"
severity = "high"
models = ["fraud"]
cooldown = "6h"

[[alerts]]
url = "stdout"
""",
    )
    pager, out = routes_of(found.alerts, {"PAGER": "https://example.org/x", "PAGER_SECRET": "s"})
    assert (pager.name, pager.url, pager.secret, pager.severity) == ("pager", "https://example.org/x", "s", "high")
    assert (pager.models, pager.cooldown) == (("fraud",), 21_600.0)
    assert (out.name, out.url, out.secret, out.severity, out.models) == ("stdout", "stdout", None, "low", ())


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(SettingError, match=r"the variable PAGER, which is not set"):
        routes_of([AlertRoute(url="$PAGER")], {})


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("stdout", "stdout"),
        ("https://ada:hush@Hooks.Example.org:8443/token", "hooks.example.org"),
        ("http://ada:hu@sh@127.0.0.1/x", "127.0.0.1"),
        ("slack://hush/hush/hush", "slack"),
        ("mailtos://ada:hush@example.org", "mailtos"),
        ("$PAGER_URL", "PAGER_URL"),
    ],
)
def test_a_route_is_called_by_what_is_not_secret_of_it(url: str, name: str) -> None:
    route = AlertRoute(url=url)
    assert route.called == name
    assert repr(route) == f"AlertRoute(name={name!r})"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[alerts]]\nurl = "hush"', r"\$\.alerts\[0\]\.url"),
        ('[[alerts]]\nurl = "slack://hush"\nsecret = "hush"', "secret signs webhooks"),
        ('[[alerts]]\nurl = "slack://hush"\n[[alerts]]\nurl = "slack://hush2"', "two alerts are called slack"),
        ('[[alerts]]\nurl = "stdout"\nseverity = "hush"', r"\$\.alerts\[0\]\.severity"),
        ('[[alerts]]\nurl = "stdout"\ncooldown = "hush"', r"\$\.alerts\[0\]\.cooldown"),
        ('[[alerts]]\nurl = "stdout"\nevery = 3', "unknown field `every`"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place_and_without_secrets(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(SettingError, match=said) as caught:
        site(tmp_path, text)
    assert "slack://" not in str(caught.value)


def test_a_site_without_alerts_stays_as_it_was() -> None:
    assert msgspec.to_builtins(load_site()) == {}


def test_a_route_takes_its_models_from_its_severity_on() -> None:
    (route,) = routes_of([AlertRoute(url="stdout", severity="medium", models=("fraud",))], {})
    assert [route.takes("fraud", one) for one in Severity] == [False, True, True]
    assert not route.takes("churn", Severity.HIGH)
