"""People on a server of their own: the first owner, sessions, invitations, roles, and what signed-out people get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.access.cookies import SESSION_COOKIE
from tests.browser.steps import key, make_base, upload
from tests.conftest import NewDatabase
from tests.servers import Server, fresh_web

OWNER, OWNERS = "ada@example.org", "violet lamp by the sea"
AGENT, AGENTS = "bo@example.org", "seven quiet green boats"
PROTECTED = ("/knowledge", "/admin", "/inbox")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Server]:
    """A web app on fresh data of its own, without a worker."""
    with new_database() as database_url, fresh_web(tmp_path_factory.mktemp("people"), database_url) as web:
        yield web


@pytest.fixture
def browser(chromium: Any, place: Server) -> Iterator[Callable[[], Any]]:
    contexts: list[Any] = []

    def make() -> Any:
        context = chromium.new_context(locale="en-US", base_url=place.url, timezone_id="UTC")
        context.set_default_timeout(20_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def fill(page: Any, name: str, value: str) -> None:
    page.locator(key(name)).get_by_role("textbox").fill(value)


def press(page: Any, name: str) -> None:
    page.locator(key(name)).get_by_role("button").first.click()


def sign_in(page: Any, email: str, password: str) -> None:
    page.locator(f"{key('sign-in-email')} input").fill(email)
    page.locator(f"{key('sign-in-password')} input").fill(password)
    press(page, "sign-in-send")


def nav(page: Any) -> Any:
    return page.get_by_test_id("stSidebarNavLink")


def session_cookie(page: Any) -> dict[str, Any] | None:
    return next((item for item in page.context.cookies() if item["name"] == SESSION_COOKIE), None)


@pytest.fixture(scope="module")
def owned(chromium: Any, place: Server) -> Server:
    """The first owner, made through the page by the local owner."""
    context = chromium.new_context(locale="en-US", base_url=place.url)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_text("You are working as the local owner")).to_be_visible(timeout=60_000)
    press(page, "first-owner-open")
    page.locator(f"{key('first-owner-name')} input").fill("Ada")
    page.locator(f"{key('first-owner-email')} input").fill(OWNER)
    page.locator(f"{key('first-owner-password')} input").fill("1234567890")
    press(page, "first-owner-send")
    expect(page.get_by_text("one of those that are tried first")).to_be_visible()
    page.locator(f"{key('first-owner-password')} input").fill(OWNERS)
    press(page, "first-owner-send")
    expect(page.locator(key("account"))).to_contain_text("Ada")
    context.close()
    return place


def test_a_sign_in_survives_a_reload_and_ends_with_the_sign_out(owned: Server, browser: Callable[[], Any]) -> None:
    page = browser()
    page.goto("/quality")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, OWNER, "not the right words")
    expect(page.get_by_text("E-mail or password is not right")).to_be_visible()
    sign_in(page, OWNER, OWNERS)
    expect(page.get_by_role("heading", name="Quality", exact=True)).to_be_visible()
    cookie = session_cookie(page)
    assert cookie is not None
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    page.reload()
    expect(page.get_by_role("heading", name="Quality", exact=True)).to_be_visible()
    press(page, "account")
    press(page, "sign-out")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert session_cookie(page) is None
    page.context.add_cookies([cookie])  # a copy that somebody kept
    page.goto("/quality")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_cold_server_shows_the_sign_in_at_every_address(owned: Server, browser: Callable[[], Any]) -> None:
    owned.restart()
    for address in PROTECTED:
        page = browser()
        page.goto(address)
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=60_000)
        assert nav(page).count() == 0
        seen = page.content()
        for word in ("Knowledge base", "Members", "Inbox", "ada@example.org"):
            assert word not in seen, f"{word} is in what {address} shows to somebody signed out"


def test_a_code_is_good_for_the_browser_that_signed_in_only(owned: Server, browser: Callable[[], Any]) -> None:
    mine, other = browser(), browser()
    caught: list[str] = []

    def catch(route: Any) -> None:
        caught.append(route.request.url)
        route.abort()

    mine.goto("/")
    mine.route("**/session?code=*", catch)
    sign_in(mine, OWNER, OWNERS)
    mine.wait_for_timeout(200)
    for _ in range(100):
        if caught:
            break
        mine.wait_for_timeout(100)
    other.goto("/")
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    other.goto(caught[0])
    expect(other.get_by_text("You were not signed in")).to_be_visible()
    assert session_cookie(other) is None


def test_a_tab_that_polls_leaves_with_the_sign_out_in_another(owned: Server, browser: Callable[[], Any]) -> None:
    page = browser()
    page.goto("/knowledge")
    sign_in(page, OWNER, OWNERS)
    make_base(page, "Help")
    upload(page, handbook__md=b"# Refunds\n\nRefunds are paid within 5 working days.\n")  # waits: there is no worker
    other = page.context.new_page()
    other.goto("/report")
    press(other, "account")
    press(other, "sign-out")
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "handbook.md" not in page.content()


def test_an_invited_agent_sees_the_inbox_only(owned: Server, browser: Callable[[], Any]) -> None:
    page = browser()
    page.goto("/admin")
    sign_in(page, OWNER, OWNERS)
    expect(page.get_by_role("heading", name="Admin", exact=True)).to_be_visible()
    page.locator(f"{key('invite-email')} input").fill(AGENT)
    page.locator(key("invite-role")).locator("input").click()
    page.get_by_role("option", name="Agent").click()
    press(page, "invite-send")
    link = page.get_by_test_id("stCode").filter(has_text="/join?token=").inner_text().strip()

    invited = browser()
    invited.goto(link)
    expect(invited.get_by_text("invites you to")).to_be_visible()
    invited.locator(f"{key('join-name')} input").fill("Bo")
    invited.locator(f"{key('join-password')} input").fill(AGENTS)
    press(invited, "join-send")
    expect(invited.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    expect(invited.locator(key("account"))).to_contain_text("Bo")
    assert nav(invited).count() == 0  # one page needs no list of pages
    invited.goto("/knowledge")
    expect(invited.get_by_text("Your role (agent) may not do this")).to_be_visible()
    expect(invited.get_by_role("heading", name="Knowledge", exact=True)).to_have_count(0)

    again = browser()
    again.goto(link)
    expect(again.get_by_text("This link is no longer good")).to_be_visible()

    invited.goto("/inbox")
    expect(invited.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    page.reload()
    row = page.locator('[class*="st-key-row-member-"]').filter(has_text=AGENT)
    row.get_by_role("button", name="Manage").click()
    page.get_by_role("dialog").get_by_text("Remove from this workspace").first.click()
    page.get_by_role("dialog").locator('[class*="st-key-remove-"]').get_by_role("button").click()
    expect(row).to_have_count(0)
    expect(invited.get_by_role("heading", name="Sign in")).to_be_visible()  # the open tab leaves by itself
    invited.goto("/inbox")
    expect(invited.get_by_role("heading", name="Sign in")).to_be_visible()


def test_elsewhere_the_first_account_needs_the_code_of_the_log(
    chromium: Any, tmp_path: Path, database_url: str
) -> None:
    """A server that listens for others: the page asks for the set-up code, which stands in the log."""
    with fresh_web(tmp_path, database_url, HOST="0.0.0.0") as web:
        context = chromium.new_context(locale="en-US", base_url=web.url)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.goto("/knowledge")
        expect(page.get_by_role("heading", name="Create the owner's account")).to_be_visible(timeout=60_000)
        assert nav(page).count() == 0
        code = (tmp_path / "var" / "set-up-code.txt").read_text()
        assert code in (tmp_path / "web.log").read_text()
        for tried in ("guess", code):
            page.locator(f"{key('first-owner-code')} input").fill(tried)
            page.locator(f"{key('first-owner-email')} input").fill(OWNER)
            page.locator(f"{key('first-owner-password')} input").fill(OWNERS)
            press(page, "first-owner-send")
            if tried == "guess":
                expect(page.get_by_text("This is not the set-up code")).to_be_visible()
        expect(page.get_by_role("heading", name="Knowledge", exact=True)).to_be_visible()
        assert not (tmp_path / "var" / "set-up-code.txt").exists()
        context.close()
