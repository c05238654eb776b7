"""What a stranger does on the first day, in a real browser against the real server and worker."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewBrowser
from tests.browser.steps import ask, key, starting
from tests.servers import Server


def test_the_main_path(ready: str, new_browser: NewBrowser) -> None:
    customer = new_browser()
    customer.goto("/chat")
    ask(customer, "When are refunds paid?")
    answer = customer.locator(".stChatMessage").last
    expect(answer).to_contain_text("Cited document")
    expect(answer).to_contain_text("within 5 working days")

    answer.locator("button.cite").first.click()
    drawer = customer.get_by_role("dialog")
    expect(drawer).to_contain_text("Handbook.pdf")
    expect(drawer).to_contain_text("page 1 of 3")
    expect(drawer.locator(".source-quote").first).to_contain_text("5 working days")
    picture = drawer.locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 400
    customer.keyboard.press("Escape")
    expect(drawer).to_be_hidden()

    ask(customer, "How much is the Aurora plan?")
    ask(customer, "And for students?")
    expect(customer.locator(".stChatMessage").last).to_contain_text("12 EUR")

    ask(customer, "Who painted the ceiling of the Sistine Chapel?")
    refused = customer.locator(".stChatMessage").last
    expect(refused).to_contain_text("No answer")
    refused.locator(starting("person-")).get_by_role("button").click()
    customer.locator(key("handoff-contact")).get_by_role("textbox").fill("jo@example.com")
    customer.locator(key("handoff-send")).get_by_role("button").click()
    expect(customer.get_by_role("dialog")).to_be_hidden()

    staff = new_browser()
    staff.goto("/inbox")
    expect(staff.locator(key("packet"))).to_contain_text("jo@example.com")
    staff.locator('[class*="st-key-reply-"] textarea').fill("Michelangelo did, between 1508 and 1512.")
    staff.keyboard.press("Control+Enter")
    expect(customer.get_by_text("Michelangelo did, between 1508 and 1512.")).to_be_visible()

    staff.locator(starting("learn-")).get_by_role("button").first.click()
    staff.locator(starting("learn-save-")).get_by_role("button").click()
    expect(staff.get_by_role("dialog")).to_be_hidden()

    other = new_browser()
    other.goto("/chat")
    expect(other.get_by_test_id("stChatInputTextArea")).to_be_visible()
    expect(other.get_by_text("When are refunds paid?")).to_have_count(0)
    ask(other, "Who painted the ceiling of the Sistine Chapel?")
    expect(other.locator(".stChatMessage").last).to_contain_text("Approved FAQ")
    expect(other.locator(".stChatMessage").last).to_contain_text("Michelangelo")


def test_a_refresh_and_a_restart_keep_the_conversation(ready: str, new_browser: NewBrowser, server: Server) -> None:
    page = new_browser()
    page.goto("/chat")
    ask(page, "Are express parcels offered on weekends?")
    page.reload()
    expect(page.locator(".stChatMessage").last).to_contain_text("not offered on weekends")
    server.restart()
    page.goto("/chat")
    expect(page.locator(".stChatMessage").last).to_contain_text("not offered on weekends")


def test_two_browsers_do_not_see_each_other(ready: str, new_browser: NewBrowser) -> None:
    one, two = new_browser(), new_browser()
    one.goto("/chat")
    ask(one, "How many days do parcels to Norway take?")
    address = one.url
    assert re.search(r"[?&]c=\d+", address)
    two.goto(address)
    expect(two.get_by_test_id("stChatInputTextArea")).to_be_visible()
    expect(two.get_by_text("Norway")).to_have_count(0)


def test_a_page_opens_by_its_address_on_a_cold_server(server: Server, new_browser: NewBrowser) -> None:
    """The frame has to run first: a page served by its file alone would have neither navigation nor language."""
    server.restart()
    page = new_browser(locale="zh-CN")
    page.goto("/inbox")
    expect(page.get_by_role("heading", name="收件箱")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_contain_text("知识库")


def test_the_language_follows_the_browser_and_the_switch_is_kept(server: Server, new_browser: NewBrowser) -> None:
    page = new_browser(locale="zh-CN")
    page.goto("/knowledge")
    expect(page.get_by_role("heading", name="知识库")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_text("English").click()
    expect(page.get_by_role("heading", name="Knowledge", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Knowledge", exact=True)).to_be_visible()
    page.goto("/quality")
    expect(page.get_by_role("heading", name="Quality", exact=True)).to_be_visible()


@pytest.mark.parametrize("name", ["", "chat", "knowledge", "quality", "inbox"])
def test_on_a_phone_nothing_runs_off_the_side(ready: str, new_browser: NewBrowser, name: str) -> None:
    page = new_browser(width=390, height=844)
    page.goto(f"/{name}")
    expect(page.get_by_test_id("stMainBlockContainer")).not_to_be_empty()
    expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_the_cookie_cannot_be_read_by_scripts(server: Server, new_browser: NewBrowser) -> None:
    page = new_browser()
    page.goto("/")
    expect(page.get_by_test_id("stSidebarNav")).to_be_visible()
    assert "pilotlight_visitor" not in page.evaluate("document.cookie")
    [cookie] = [c for c in page.context.cookies() if c["name"] == "pilotlight_visitor"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
