"""What every answer carries, and which host names are answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from core.api.security import POLICY, AllowedHosts, SecurityHeaders, host_of

ALLOWED = ("localhost", "127.0.0.1", "::1", "app.example.com", "*.pilots.example.com")


async def page(_request: Request) -> Response:
    return PlainTextResponse("page")


async def framed(_request: Request) -> Response:
    return PlainTextResponse("x", headers={"content-security-policy": "frame-ancestors https://shop.example"})


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


@pytest.fixture(scope="module")
def browser() -> TestClient:
    routes = [Route("/", page), Route("/framed", framed), Route("/healthz", page), WebSocketRoute("/stream", socket)]
    middleware = [Middleware(SecurityHeaders), Middleware(AllowedHosts, hosts=lambda: ALLOWED)]
    return TestClient(Starlette(routes=routes, middleware=middleware), base_url="http://localhost:8501")


def test_every_answer_carries_the_headers(browser: TestClient) -> None:
    for answer in (browser.get("/"), browser.get("/missing"), browser.get("/", headers={"host": "evil.example"})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["content-security-policy"] == f"{POLICY}; frame-ancestors 'self'"


def test_an_embedded_page_says_itself_who_may_frame_it_and_keeps_the_rest(browser: TestClient) -> None:
    policy = browser.get("/framed").headers.get_list("content-security-policy")
    assert policy == [f"frame-ancestors https://shop.example; {POLICY}"]


@pytest.mark.parametrize(
    "host", ["localhost:8501", "127.0.0.1", "[::1]:8501", "APP.example.com.", "eu.pilots.example.com:443"]
)
def test_own_names_are_answered(browser: TestClient, host: str) -> None:
    assert browser.get("/", headers={"host": host}).text == "page"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "localhost.evil.example", "evil.example#localhost", "localhost@evil.example", "localhost:x",
        "pilots.example.com.evil.example", "pilots.example.com", "[::1", "localhost/", "localhost:99999", "",
    ],
)  # fmt: skip
def test_other_names_are_refused_with_what_to_do(browser: TestClient, host: str) -> None:
    answer = browser.get("/", headers={"host": host})
    assert answer.status_code == 400
    assert "PILOTLIGHT_ALLOWED_HOSTS" in answer.text


def test_a_websocket_is_refused_as_well(browser: TestClient) -> None:
    with browser.websocket_connect("/stream", headers={"host": "localhost"}):
        pass
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        browser.websocket_connect("/stream", headers={"host": "evil.example"}),
    ):
        pass
    assert refused.value.status_code == 400


def test_probes_of_a_cluster_name_the_container(browser: TestClient) -> None:
    assert browser.get("/healthz", headers={"host": "10.1.2.3:8501"}).status_code == 200


@given(st.text(max_size=40))
def test_no_header_breaks_the_check(header: str) -> None:
    assert isinstance(host_of(header), str)
