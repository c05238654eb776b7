"""Calls to typed-in addresses stay outside of this machine and its network, whatever the address looks like."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from core.access import outbound
from core.errors import BadInput, Unavailable


class Inside(BaseHTTPRequestHandler):
    heard: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        Inside.heard.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(302 if self.path == "/moved" else 204)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.fixture
def inside() -> Iterator[int]:
    Inside.heard.clear()
    server = HTTPServer(("127.0.0.1", 0), Inside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0", "0.0.0.0", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    ],
)  # fmt: skip
def test_no_spelling_of_this_machine_is_called(inside: int, host: str) -> None:
    with pytest.raises((BadInput, Unavailable)):
        outbound.post(f"http://{host}:{inside}/hook", b"{}", seconds=2)
    assert Inside.heard == []


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "10.0.0.8", "172.16.3.4", "192.168.1.1", "100.64.0.1", "127.0.0.53", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_of_the_inside_are_known(address: str) -> None:
    assert not outbound.is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_the_internet_are_called(address: str) -> None:
    assert outbound.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org/x", "file:///etc/passwd", "gopher://example.org", "http://", "http:///x", "//example.org",
        "http://user:secret@example.org/", "http://example.org:99999/", "http://[::1/", "javascript:alert(1)", "",
        "http://example.org/a b", "http://example.org/\r\nHost: other",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput) as caught:
        outbound.checked_address(address)
    assert caught.value.code == "outbound.address"


def test_a_name_with_one_address_inside_is_refused(inside: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of the attacker's that leads outside and inside, or first there and then here."""

    def both(host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("93.184.215.14", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(BadInput) as caught:
        outbound.post(f"http://rebind.example:{inside}/hook", b"{}", seconds=2)
    assert caught.value.code == "outbound.private"
    assert Inside.heard == []


def test_a_redirect_is_not_followed_and_the_owner_may_allow_the_inside(inside: int) -> None:
    assert outbound.post(f"http://127.0.0.1:{inside}/moved", b'{"a": 1}', seconds=2, private=True) == 302
    assert outbound.post(f"http://localhost:{inside}/hook?x=1", b"{}", seconds=2, private=True) == 204
    assert Inside.heard == [("/moved", b'{"a": 1}'), ("/hook?x=1", b"{}")]


def test_silence_is_said_in_a_sentence() -> None:
    with pytest.raises(Unavailable) as caught:
        outbound.post("http://127.0.0.1:9/", b"{}", seconds=1, private=True)
    assert caught.value.code == "outbound.failed"
    assert "127.0.0.1" in caught.value.sentence("en")
