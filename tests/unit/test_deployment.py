"""The deployment files say what the code can do: commands, settings, paths, and no secret or default password."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = ["Dockerfile", "compose.yaml", "deploy/compose.env.example", "deploy/kubernetes/pilotlight.yaml"]
SETTINGS = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
OF_COMPOSE = {"PILOTLIGHT_PUBLIC_PORT"}  # read by compose.yaml alone


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "deploy/kubernetes/pilotlight.yaml").read_text(encoding="utf-8")))


def pods() -> list[dict[str, Any]]:
    return [one["spec"]["template"]["spec"] for one in manifests() if one["kind"] == "Deployment"]


@pytest.mark.parametrize("name", FILES)
def test_only_settings_that_exist_are_named(name: str) -> None:
    named = set(re.findall(r"\bPILOTLIGHT_[A-Z_]+\b", (ROOT / name).read_text(encoding="utf-8")))
    assert named - SETTINGS - OF_COMPOSE == set()


def test_what_the_image_copies_is_there_and_reaches_the_build() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = [source for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M) for source in line.split()[:-1]]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(line.startswith(f"!{source}") for line in sent), f"{source} is ignored by .dockerignore"


def test_the_image_and_the_pods_run_as_nobody_in_particular() -> None:
    assert re.search(r"^USER 10001:10001$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M)
    assert len(pods()) == 2
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            inside = container["securityContext"]
            assert inside["readOnlyRootFilesystem"] is True
            assert inside["allowPrivilegeEscalation"] is False
            assert inside["capabilities"]["drop"] == ["ALL"]


def test_the_roles_are_commands() -> None:
    from typer.main import get_command

    from core.cli.main import cli

    commands = set(get_command(cli).commands)  # type: ignore[attr-defined]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    asked = {compose["services"][name]["command"][0] for name in ("web", "worker")}
    asked |= {container["args"][0] for pod in pods() for container in pod["containers"]}
    asked |= set(re.findall(r'HEALTHCHECK .*"core", "(\w+)"', (ROOT / "Dockerfile").read_text(encoding="utf-8")))
    assert asked == {"web", "worker", "healthy"}
    assert asked <= commands


def test_every_secret_must_be_given() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    for name in re.findall(r"\$\{(\w*PASSWORD\w*)([^}]*)\}", text):
        assert name[1].startswith(":?"), f"{name[0]} has a default"
    example = (ROOT / "deploy/compose.env.example").read_text(encoding="utf-8")
    assert re.findall(r"^\w*PASSWORD=(.*)$", example, re.M) == ["", ""]


def test_nothing_but_the_web_app_is_published_and_only_to_this_machine() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    published = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}
    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx; install it with: sudo apt-get install nginx-light")
def test_nginx_takes_its_file(tmp_path: Path) -> None:
    from tests.nginx import certificate, nginx_file

    certificate(tmp_path)
    file = nginx_file(tmp_path, port=18443, plain_port=18080, servers=[18501, 18502])
    found = subprocess.run(["nginx", "-t", "-c", str(file), "-p", str(tmp_path)], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
