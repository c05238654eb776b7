"""Web apps as processes of their own, on folders of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.environment import environment_of

_exported: list[Path] = []  # where the encoders are exported


@dataclass
class Server:
    url: str
    data: Path
    environment: dict[str, str]
    web: subprocess.Popen[bytes]

    def restart(self, **settings: str) -> None:
        """Starts the web app anew, with ``settings`` for this time only."""
        stop(self.web)
        self.web = start_web(self.url, {**self.environment, **settings}, self.data)


def lend_models(folder: Path) -> None:
    """Every web app that starts from now on finds its exported models in ``folder``."""
    _exported[:] = [folder]


def _lend_models(data: Path) -> None:
    target = data / "var" / "models"
    if _exported and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(_exported[0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_web(url: str, environment: dict[str, str], data: Path) -> subprocess.Popen[bytes]:
    _lend_models(data)
    port = url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")]
    command += ["--server.port", port, "--server.address", "127.0.0.1", "--server.headless", "true"]
    with (data / "web.log").open("ab") as log:
        web = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if web.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    return web
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    raise AssertionError("the web app did not start:\n" + (data / "web.log").read_text()[-3000:])


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def fresh_web(data: Path, database_url: str = "", **settings: str) -> Iterator[Server]:
    """A web app on data of its own in ``data``, without a worker. ``settings``: as ``environment_of`` takes them."""
    environment = environment_of(data, database_url, **settings)
    url = f"http://127.0.0.1:{free_port()}"
    found = Server(url, data, environment, start_web(url, environment, data))
    try:
        yield found
    finally:
        stop(found.web)
