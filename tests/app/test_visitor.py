from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pages.shared.visitor import LANGUAGE_COOKIE, VISITOR_COOKIE, VisitorCookies, valid_visitor


async def page(_request: Request) -> Response:
    return HTMLResponse("<p>page</p>", headers={"cache-control": "public"})


async def data(_request: Request) -> Response:
    return JSONResponse({})


@pytest.fixture
def browser() -> TestClient:
    app = Starlette(routes=[Route("/", page), Route("/data", data)], middleware=[Middleware(VisitorCookies)])
    return TestClient(app)


def set_cookies(response: object) -> Sequence[str]:
    return response.headers.get_list("set-cookie")  # type: ignore[attr-defined]


def test_the_first_page_sets_a_random_cookie_that_scripts_cannot_read(browser: TestClient) -> None:
    response = browser.get("/")
    [cookie] = set_cookies(response)
    assert re.match(rf"{VISITOR_COOKIE}=[A-Za-z0-9_-]{{32}}; ", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert response.headers["cache-control"] == "no-store"


def test_a_browser_keeps_its_cookie(browser: TestClient) -> None:
    browser.get("/")
    kept = browser.cookies[VISITOR_COOKIE]
    again = browser.get("/")
    assert set_cookies(again) == []
    assert again.headers["cache-control"] == "public"
    assert browser.cookies[VISITOR_COOKIE] == kept


def test_two_browsers_get_two_visitors(browser: TestClient) -> None:
    first = browser.get("/").cookies[VISITOR_COOKIE]
    browser.cookies.clear()
    assert browser.get("/").cookies[VISITOR_COOKIE] != first


@pytest.mark.parametrize("value", ["", "short", "a b" * 12, "x" * 65, "../../etc/passwd-and-more-characters"])
def test_a_made_up_cookie_is_replaced(browser: TestClient, value: str) -> None:
    assert not valid_visitor(value)
    response = browser.get("/", headers={"cookie": f"{VISITOR_COOKIE}={value}"})
    assert len(set_cookies(response)) == 1


def test_other_answers_carry_no_cookie(browser: TestClient) -> None:
    assert set_cookies(browser.get("/data")) == []


def test_a_language_in_the_address_is_remembered(browser: TestClient) -> None:
    browser.get("/?lang=zh")
    assert browser.cookies[LANGUAGE_COOKIE] == "zh"
    browser.get("/?lang=klingon")
    assert browser.cookies[LANGUAGE_COOKIE] == "zh"


def test_over_https_the_cookie_is_secure() -> None:
    app = Starlette(routes=[Route("/", page)], middleware=[Middleware(VisitorCookies)])
    assert "Secure" in set_cookies(TestClient(app, base_url="https://testserver").get("/"))[0]
