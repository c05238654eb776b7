"""Sign-in at a real provider of OpenID Connect, which runs as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.services.people import accounts, links
from tests.browser.steps import key
from tests.conftest import NewDatabase
from tests.servers import Server, free_port, fresh_web, stop

OWNER, PASSWORD = "ada@example.org", "violet lamp by the sea"
PEOPLE = {
    "bo": {"email": "bo@example.org", "email_verified": True, "name": "Bo"},
    "eve": {"email": "eve@example.org", "email_verified": True},
    "mal": {"email": "bo@example.org", "email_verified": False},
    "cleo": {"email": "cleo@corp.example", "email_verified": True, "name": "Cleo"},
}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    port = free_port()
    command = [str(Path(sys.executable).parent / "oidc-provider-mock"), "--port", str(port)]
    for subject, claims in PEOPLE.items():
        command += ["--user-claims", json.dumps({"sub": subject, **claims})]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/.well-known/openid-configuration"
    for _ in range(150):
        try:
            urllib.request.urlopen(address, timeout=1).close()
            break
        except OSError:
            time.sleep(0.2)
    yield address
    stop(process)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, provider: str, new_database: NewDatabase) -> Iterator[Server]:
    """A web app with an owner, an invitation for Bo, and corp.example let in."""
    from core.bootstrap import build, local_actor
    from core.settings import Settings

    data = tmp_path_factory.mktemp("company")
    company = {
        "OIDC_METADATA_URL": provider,
        "OIDC_CLIENT_ID": "pilotlight",
        "OIDC_CLIENT_SECRET": "a-secret-of-this-test",
        "OIDC_DOMAINS": "corp.example",
    }
    with new_database() as database_url:
        folders = {"data_dir": data / "var", "index_dir": data / "indexes"}
        app = build(Settings(**folders, database_url=database_url, _env_file=None))
        owner = local_actor(app, "test")
        accounts.create_first_owner(app, owner.workspace_id, OWNER, PASSWORD, trusted=True)
        links.invite(app, owner, "bo@example.org", "agent")
        app.database.engine.dispose()
        with fresh_web(data, database_url, **company) as web:
            yield web


def come(chromium: Any, place: Server, subject: str) -> Any:
    context = chromium.new_context(locale="en-US", base_url=place.url, timezone_id="UTC")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("/")
    page.locator(key("sign-in-company")).get_by_role("button").click(timeout=90_000)  # a cold server
    page.wait_for_url("**/oauth2/authorize**")
    page.locator('input[name="sub"]').fill(subject)
    page.locator('button[type="submit"]').first.click()
    return page


def test_who_was_invited_comes_in_and_goes(chromium: Any, place: Server) -> None:
    page = come(chromium, place, "bo")
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    page.reload()
    expect(page.locator(key("account"))).to_contain_text("Bo")
    page.locator(key("account")).get_by_role("button").first.click()
    page.locator(key("sign-out")).get_by_role("button").click()
    page.get_by_role("button", name="End session").click()  # the provider's own page asks
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    page.goto("/inbox")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    page.context.close()


@pytest.mark.parametrize(("subject", "said"), [("eve", "has not been invited"), ("mal", "did not confirm an e-mail")])
def test_who_was_not_invited_or_is_not_vouched_for_stays_out(
    chromium: Any, place: Server, subject: str, said: str
) -> None:
    page = come(chromium, place, subject)
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    page.context.close()


def test_a_domain_of_the_settings_is_let_in_with_its_role(chromium: Any, place: Server) -> None:
    page = come(chromium, place, "cleo")
    expect(page.locator(key("account"))).to_contain_text("Cleo")
    expect(page.get_by_test_id("stSidebarNavLink").filter(has_text="Studio")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink").filter(has_text="Inbox")).to_have_count(0)
    page.context.close()
