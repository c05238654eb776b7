"""The doors over HTTP: what is answered, which cookie is set, who may frame it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from core.access.actor import Actor
from core.api.links import GuestFrames, routes
from core.db.link_tables import DemoGuest, DemoLink
from core.db.tables import utc_now
from core.services.application import Application
from core.services.links import making, tries
from tests.integration.links.conftest import MakeLink

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def web(app: Application) -> TestClient:
    async def page(_request: object) -> HTMLResponse:
        return HTMLResponse("<html></html>", headers={"cache-control": "public"})

    site = Starlette(
        routes=[*routes(lambda: app), Route("/demo", page), Route("/chat", page)],
        middleware=[Middleware(GuestFrames, application=lambda: app)],
    )
    return TestClient(site, base_url="https://pilot.example", follow_redirects=False)


def people(app: Application, owner: Actor) -> int:
    with app.database.read(owner.workspace_id) as rows:
        return rows.count(DemoGuest)


def test_get_changes_nothing_and_post_lets_in(app: Application, owner: Actor, web: TestClient, link: MakeLink) -> None:
    made = link(title="Acme desk")
    for _ in range(3):  # as programs do that preview an address
        shown = web.get(f"/d/{made.token}")
        assert shown.status_code == 200
        assert "Acme desk" in shown.text
        assert "set-cookie" not in shown.headers
    assert people(app, owner) == 0
    opened = web.post(f"/d/{made.token}")
    assert (opened.status_code, opened.headers["location"]) == (303, "/demo")
    cookie = opened.headers["set-cookie"]
    assert cookie.startswith("pilotlight_link=")
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/"))
    assert people(app, owner) == 1
    for answer in (shown, opened):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_hostile_title_is_text(web: TestClient, link: MakeLink) -> None:
    made = link(title=HOSTILE[:120], password="open sesame")
    shown = web.get(f"/d/{made.token}")
    assert "<script>alert" not in shown.text
    assert "<img" not in shown.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown.text
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'nonce-[\w-]{20,}'", policy)


def test_the_password_is_asked_for_and_tries_are_limited(web: TestClient, link: MakeLink) -> None:
    made = link(password="open sesame")
    asked = web.get(f"/d/{made.token}", headers={"accept-language": "zh-CN"})
    assert 'type="password"' in asked.text
    assert "密码" in asked.text
    assert web.post(f"/d/{made.token}", data={"password": "x" * 9000}).status_code == 413
    for _ in range(tries.PASSWORDS):
        wrong = web.post(f"/d/{made.token}", data={"password": "wrong"})
        assert wrong.status_code == 403
        assert "set-cookie" not in wrong.headers
    limited = web.post(f"/d/{made.token}", data={"password": "open sesame"})
    assert limited.status_code == 403
    assert "wait 15 minutes" in limited.text


def test_the_right_password_opens(web: TestClient, link: MakeLink) -> None:
    made = link(password="open sesame & more")
    assert web.post(f"/d/{made.token}", data={"password": "open sesame & more"}).status_code == 303


def test_a_stranger_learns_nothing(app: Application, owner: Actor, web: TestClient, link: MakeLink) -> None:
    made = link(title="Secret plan", name="Secret customer")
    making.revoke_link(app, owner, made.link.id)
    unknown, revoked = web.get("/d/" + "A" * 43), web.get(f"/d/{made.token}")
    assert (unknown.status_code, revoked.status_code) == (404, 404)
    assert unknown.text == revoked.text, "no byte tells them apart"
    assert "Secret" not in revoked.text
    assert "Pilotlight" not in revoked.text


@pytest.mark.parametrize(
    ("column", "value"), [("expires_at", utc_now() - timedelta(days=1)), ("messages", 100), ("people", 25)]
)
def test_a_link_that_is_over_says_so(
    app: Application, owner: Actor, web: TestClient, link: MakeLink, column: str, value: object
) -> None:
    made = link(title="Secret plan")
    with app.database.write(owner.workspace_id) as rows:
        rows.update(DemoLink, **{column: value})
    for accept, words in (("en", "cannot be opened"), ("zh-CN", "无法打开")):
        answer = web.post(f"/d/{made.token}", headers={"accept-language": accept})
        assert answer.status_code == 403
        assert words in answer.text
        assert "Secret" not in answer.text


def test_only_allowed_sites_may_frame(web: TestClient, link: MakeLink) -> None:
    made, closed = link(sites=["https://shop.example"]), link()
    ancestors = "frame-ancestors https://shop.example"
    assert ancestors in web.get(f"/embed/{made.token}").headers["content-security-policy"]
    assert "frame-ancestors 'none'" in web.get(f"/embed/{closed.token}").headers["content-security-policy"]
    assert "frame-ancestors 'none'" in web.get(f"/d/{made.token}").headers["content-security-policy"]
    opened = web.post(f"/embed/{made.token}")
    assert opened.headers["location"] == "/demo?embed=true"
    cookie = opened.headers["set-cookie"]
    assert cookie.startswith("pilotlight_embed=")
    assert "SameSite=None; Secure; Partitioned" in cookie
    held = {"cookie": cookie.split(";")[0]}
    fresh = TestClient(web.app, base_url="https://pilot.example")
    assert fresh.get("/demo?embed=true", headers=held).headers["content-security-policy"] == ancestors
    for path, headers in (("/demo", held), ("/demo?embed=true", {}), ("/demo/?embed=true", {})):
        assert fresh.get(path, headers=headers).headers["content-security-policy"] == "frame-ancestors 'none'"
    assert "content-security-policy" not in fresh.get("/chat", headers=held).headers
