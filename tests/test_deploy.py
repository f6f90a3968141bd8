"""The examples of deployment, as linters see them: no container engine runs in these tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from holdfast.site import Site, load_site

DEPLOY = Path(__file__).parents[1] / "deploy"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def command(name: str) -> str:
    """A program that came with a package of the tests."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def passes(*arguments: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_built_as_one_should() -> None:
    passes(command("hadolint"), str(DEPLOY / "Dockerfile"))


def test_compose_is_of_its_schema() -> None:
    passes(command("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml"))


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.name)
def test_kubernetes_knows_every_key(path: Path) -> None:
    passes(command("kubernetes-validate"), "--strict", "-k", "1.32", str(path))


def test_prometheus_reads_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "holdfast.key").write_text("key")
    text = (DEPLOY / "prometheus.yml").read_text().replace("/etc/prometheus/", f"{tmp_path}/")
    (tmp_path / "prometheus.yml").write_text(text)
    passes(command("promtool"), "check", "config", str(tmp_path / "prometheus.yml"))


def test_the_sites_are_read() -> None:
    site = load_site(DEPLOY / "site.toml")
    assert (site.server.host, site.server.authentication) == ("0.0.0.0", "keys")
    text = (DEPLOY / "kubernetes" / "site.yaml").read_text()
    inside = "\n".join(line.strip() for line in text.partition("site.toml: |\n")[2].splitlines())
    assert msgspec.convert(tomllib.loads(inside), Site).server.authentication == "keys"
