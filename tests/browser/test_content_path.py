"""Three variants written, one edited, all exported, in a real browser; the models are the starters that ship."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from core.models.catalogue import STARTERS
from tests.browser.steps import LONG, key, starting

NewBrowser = Callable[..., Any]

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (STARTERS / "text-en" / "pilotlight.json").is_file(), reason="the starter text-en is not in this copy"
    ),
]


def test_three_variants_are_written_edited_and_exported(new_browser: NewBrowser) -> None:
    page = new_browser()
    page.set_default_timeout(LONG)
    page.goto("/content")
    box = page.locator(starting("brief-continuation-text")).get_by_role("textbox")
    expect(box).to_be_visible(timeout=LONG)
    box.fill("My fellow")
    box.press("Tab")
    page.wait_for_timeout(1500)  # nothing on the page says that a field was kept
    page.reload()
    expect(box).to_have_value("My fellow", timeout=LONG)
    box.fill("My fellow citizens,")
    box.press("Tab")
    page.locator(key("write-go")).get_by_role("button").click()
    cards = page.locator(starting("variant-"))
    expect(page.locator(starting("stop-")).or_(cards).first).to_be_visible(timeout=LONG)
    expect(cards).to_have_count(3, timeout=2 * LONG)
    page.reload()
    expect(cards).to_have_count(3, timeout=LONG)
    expect(box).to_have_value("My fellow citizens,", timeout=LONG)
    cards.first.get_by_role("button", name="Edit").click()
    editor = cards.first.get_by_role("textbox")
    editor.fill("My fellow citizens, the basil is ready.")
    editor.press("Control+Enter")
    cards.first.get_by_role("button", name="Save").click()
    expect(cards.first.get_by_text("the basil is ready")).to_be_visible(timeout=LONG)
    expect(cards.first.locator(".stMarkdownBadge")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waited:
        page.locator(starting("export-docx-")).get_by_role("button").click()
    assert re.fullmatch(r"pilotlight-texts.*\.docx", waited.value.suggested_filename)


@pytest.mark.skipif(not (STARTERS / "describe-en").is_dir(), reason="the starter describe-en is not in this copy")
def test_another_template_shows_the_model_that_writes_it(new_browser: NewBrowser) -> None:
    page = new_browser()
    page.set_default_timeout(LONG)
    page.goto("/content")
    model = page.get_by_role("combobox", name="Model")
    template = page.get_by_role("combobox", name="Template")
    expect(model).to_be_visible(timeout=LONG)
    template.click()
    page.get_by_role("option", name="Continue a sentence").first.click()
    expect(model).to_have_value(re.compile("text-en"))
    template.click()
    page.get_by_role("option", name="A place to eat or drink").click()
    expect(page.get_by_label("Kind")).to_be_visible()
    expect(model).to_have_value(re.compile("describe-en"))
    page.get_by_label("Name").first.fill("Zur alten Post")
    page.get_by_label("Food").fill("Bavarian")
    page.get_by_label("Food").press("Tab")
    page.locator(key("write-go")).get_by_role("button").click()
    cards = page.locator(starting("variant-"))
    expect(cards).to_have_count(3, timeout=2 * LONG)
    for number in range(3):
        expect(cards.nth(number).get_by_text("Zur alten Post").first).to_be_visible(timeout=LONG)
