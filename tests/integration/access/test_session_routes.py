"""The routes that set and remove the session cookie."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.access.actor import Actor
from core.access.cookies import SESSION_COOKIE, VISITOR_COOKIE
from core.api.signing_in import next_path, session_routes
from core.services.application import Application
from core.services.people import accounts, signing_in

EMAIL, PASSWORD, BROWSER = "ada@example.org", "violet lamp by the sea", "browser-of-ada-0000000000"


@pytest.fixture
def client(app: Application, owner: Actor) -> TestClient:
    accounts.create_first_owner(app, owner.workspace_id, EMAIL, PASSWORD, trusted=True)
    made = TestClient(Starlette(routes=session_routes(lambda: app)), follow_redirects=False)
    made.cookies.set(VISITOR_COOKIE, BROWSER)
    return made


def code(app: Application) -> str:
    return signing_in.sign_in(app, EMAIL, PASSWORD, browser=BROWSER)


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_a_code_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(
    app: Application, client: TestClient, scheme: str, secure: bool
) -> None:
    answer = client.get(f"/session?code={code(app)}&next=/quality", headers={"x-forwarded-proto": scheme})
    assert (answer.status_code, answer.headers["location"]) == (303, "/quality")
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/;" in cookie
    assert ("secure" in cookie.split("; ")) is secure


@pytest.mark.parametrize("query", ["", "?code=", "?code=made-up", "?code=%00", "?code=" + "x" * 5000])
def test_what_is_no_code_sets_no_cookie(client: TestClient, query: str) -> None:
    answer = client.get(f"/session{query}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?sign-in=again")
    assert "set-cookie" not in answer.headers


def test_a_code_is_nothing_without_the_browser_it_was_made_for(app: Application, client: TestClient) -> None:
    made = code(app)
    client.cookies.set(VISITOR_COOKIE, "another-browser-000000000")
    assert "set-cookie" not in client.get(f"/session?code={made}").headers
    client.cookies.delete(VISITOR_COOKIE)
    assert "set-cookie" not in client.get(f"/session?code={made}").headers


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/a/../b",
        "/%2f",
        "/a?b=c",
        "javascript:alert(1)",
        "a",
    ],
)
def test_nobody_is_sent_elsewhere(wanted: str) -> None:
    assert next_path(wanted) == "/"


def test_the_end_takes_only_a_cookie_that_leads_nowhere(app: Application, client: TestClient) -> None:
    client.get(f"/session?code={code(app)}")
    token = str(client.cookies.get(SESSION_COOKIE))
    assert "set-cookie" not in client.get("/session/end").headers  # somebody's link to here signs nobody out
    found = signing_in.signed_in(app, token)
    assert found is not None
    signing_in.sign_out(app, found, token)
    assert "max-age=0" in client.get("/session/end").headers["set-cookie"].lower()
