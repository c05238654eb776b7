"""From the owner's switch to a card below an answer that a customer clicks, in a real browser.

Its catalogue is made after those of test_recommend_path, which begins with none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.steps import LONG, ask, key, make_base, starting, upload
from tests.servers import Server

NewBrowser = Callable[..., Any]
LAMPS = b"id,title,category,price,stock\nlamp-1,Oak desk lamp,lamps,49,5\nlamp-2,Brass reading lamp,lamps,59,0\n"
CARE = b"# Care\n\nThe oak desk lamp is wiped with a dry cloth. The brass reading lamp is polished once a year.\n"


def test_a_customer_is_offered_what_was_asked_for(server: Server, new_browser: NewBrowser) -> None:
    page = new_browser()
    page.goto("/recommend")
    make = page.locator(key("catalogue-first-name")).or_(page.locator(key("new-catalogue")))
    expect(make.first).to_be_visible()
    form = "catalogue-first"
    if page.locator(key("new-catalogue")).count():
        page.locator(key("new-catalogue")).get_by_role("button").click()
        form = "catalogue-new"
    page.locator(key(f"{form}-name")).get_by_role("textbox").fill("Lamp shop")
    page.locator(key(f"{form}-create")).get_by_role("button").click()
    page.locator(starting("file-items-")).locator('input[type="file"]').set_input_files(
        [{"name": "lamps.csv", "mimeType": "text/csv", "buffer": LAMPS}]
    )
    page.locator(key("import-start")).get_by_role("button").click()
    expect(page.locator(key("import-list")).get_by_text("lamps.csv")).to_be_visible(timeout=LONG)

    page.goto("/knowledge")
    make_base(page, "Lamp help")
    upload(page, care__md=CARE)
    expect(page.locator(starting("row-")).filter(has_text="care.md").first).to_be_visible(timeout=LONG)
    page.get_by_text("Settings", exact=True).click()
    page.locator(starting("offers-on-")).locator("label").first.click()
    chosen = page.locator(starting("offers-catalogue-")).get_by_role("combobox")
    expect(chosen).to_be_enabled()
    if chosen.input_value() != "Lamp shop":
        chosen.click()
        page.get_by_role("option", name="Lamp shop", exact=True).click()
    page.locator(starting("offers-save-")).get_by_role("button").click()
    expect(page.get_by_text("Items are offered from the next answer on.")).to_be_visible()

    page.get_by_role("link", name="Customer service").click()  # the new knowledge base stays the chosen one
    ask(page, "How do I clean the oak desk lamp?")
    card = page.locator(starting("offer-chat-")).first
    expect(card.get_by_text("Oak desk lamp")).to_be_visible(timeout=LONG)
    expect(card.get_by_text("You asked about it")).to_be_visible()
    expect(page.locator(starting("offer-chat-"))).to_have_count(1)
    card.get_by_role("button", name="Look closer").click()
    expect(page.get_by_role("dialog").get_by_text("49")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.reload()
    expect(page.locator(starting("offer-chat-")).first.get_by_text("Oak desk lamp")).to_be_visible(timeout=LONG)
