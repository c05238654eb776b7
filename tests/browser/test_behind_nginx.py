"""Two web processes behind nginx with TLS, as deploy/ describes it: websockets, one visitor one process, body size."""

from __future__ import annotations

import http.client
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import NewDatabase
from tests.environment import environment_of
from tests.nginx import certificate, nginx_file
from tests.servers import free_port, start_web, stop

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx; install it: sudo apt-get install nginx-light"),
]


# Nobody has an account, and who comes through a proxy is not this machine.
ENTRANCE = "Create the owner's account"


@dataclass
class Front:
    port: int
    folder: Path
    webs: dict[int, subprocess.Popen[bytes]]

    def get(self, path: str, method: str = "GET", body: bytes = b"") -> http.client.HTTPResponse:
        unchecked = ssl.create_default_context()
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=unchecked)
        connection.request(method, path, body)
        return connection.getresponse()

    def served_by(self) -> list[int]:
        """Ports of the processes that websockets of visitors were led to."""
        lines = (self.folder / "access.log").read_text(encoding="utf-8").splitlines()
        return [
            int(line.split()[0].rsplit(":", 1)[1]) for line in lines if "/_stcore/stream" in line and " 101 " in line
        ]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Front]:
    with new_database() as database_url:
        yield from _front(tmp_path_factory.mktemp("nginx"), database_url)


def _front(folder: Path, database_url: str) -> Iterator[Front]:
    environment = environment_of(folder, database_url)
    ports = [free_port(), free_port()]
    webs = {port: start_web(f"http://127.0.0.1:{port}", environment, folder) for port in ports}
    certificate(folder)
    port = free_port()
    file = nginx_file(folder, port=port, plain_port=free_port(), servers=ports)
    nginx = subprocess.Popen(["nginx", "-c", str(file), "-p", str(folder)])
    found = Front(port, folder, webs)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            found.get("/healthz").read()
            break
        except OSError:
            time.sleep(0.2)
    yield found
    stop(nginx)
    for web in webs.values():
        stop(web)


def visit(chromium: Any, front: Front) -> Any:
    context = chromium.new_context(
        base_url=f"https://localhost:{front.port}", ignore_https_errors=True, locale="en-US",
        viewport={"width": 1280, "height": 900},
    )  # fmt: skip
    context.set_default_timeout(20_000)
    return context.new_page()


def test_a_visitor_stays_at_one_process_and_moves_when_it_dies(chromium: Any, front: Front) -> None:
    page = visit(chromium, front)
    page.goto("/")
    expect(page.get_by_role("heading", name=ENTRANCE)).to_be_visible()
    [cookie] = [one for one in page.context.cookies() if one["name"] == "pilotlight_visitor"]
    assert cookie["secure"]
    assert cookie["httpOnly"]
    page.reload()
    expect(page.get_by_role("heading", name=ENTRANCE)).to_be_visible()
    before = len(front.served_by())
    for _ in range(3):
        page.reload()
        expect(page.get_by_role("heading", name=ENTRANCE)).to_be_visible()
    page.goto("about:blank")  # nginx writes a websocket's line when it closes
    expect_lines(front, before + 4)  # the one that was open when they were counted, and three more
    [mine] = set(front.served_by()[-3:])
    stop(front.webs[mine])
    page.goto("/knowledge")
    expect(page.get_by_role("heading", name=ENTRANCE)).to_be_visible()
    page.goto("about:blank")
    expect_lines(front, before + 5)
    assert front.served_by()[-1] != mine
    page.context.close()


def expect_lines(front: Front, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(front.served_by()) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(front.served_by()) >= count


def test_what_is_for_the_inside_is_refused_and_a_body_too_large_as_well(front: Front) -> None:
    assert front.get("/metrics").status == 403
    assert front.get("/readyz").status == 403
    assert front.get("/healthz").status == 200
    assert front.get("/_stcore/upload_file/x/y", "PUT", bytes(56 * 1024 * 1024)).status == 413


def test_answers_carry_the_headers_of_both(front: Front) -> None:
    answer = front.get("/")
    assert re.match(r"max-age=\d+", answer.headers["strict-transport-security"])
    assert "object-src 'none'" in answer.headers["content-security-policy"]
    assert "Secure" in answer.headers["set-cookie"]
