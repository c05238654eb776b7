"""Sentiment in a real browser: a text is scored, a file uploaded and plotted, doubtful rows are labelled by keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.steps import key, starting

NewBrowser = Callable[..., Any]
FIRST = 240_000  # the first text of a machine waits for the model to be made
ROWS = "\n".join(
    [
        "review,date,product",
        "I love this lamp it is wonderful,2026-01-05,Lamp",
        "Terrible delivery and nobody answers,2026-01-06,Lamp",
        "质量很好 非常满意,2026-02-01,Chair",
        "太差了 再也不会买了,2026-02-02,Chair",
        "It is what it is,2026-02-03,Chair",
    ]
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_score_a_text_judge_a_file_label_rows(new_browser: NewBrowser) -> None:
    page = new_browser()
    page.set_default_timeout(FIRST)
    page.goto("/sentiment")
    box = page.locator(key("sentiment-text")).get_by_role("textbox")
    box.fill("This is a great product.")
    page.locator(key("sentiment-go")).get_by_role("button").click()
    result = page.locator(key("sentiment-result"))
    expect(result.get_by_text("Positive").first).to_be_visible(timeout=FIRST)
    expect(page.locator("span[title]").filter(has_text="great").first).to_be_visible(timeout=FIRST)
    page.reload()
    expect(page.locator(key("sentiment-text")).get_by_role("textbox")).to_have_value("This is a great product.")

    page.goto("/sentiment?show=files")
    file = {"name": "reviews.csv", "mimeType": "text/csv", "buffer": ROWS.encode()}
    page.locator('input[type="file"]').set_input_files([file])
    page.locator(key("sentiment-start")).get_by_role("button").click()
    expect(page.get_by_text("Rows judged")).to_be_visible(timeout=FIRST)
    plots = page.get_by_test_id("stVegaLiteChart")
    expect(plots.nth(1)).to_be_visible(timeout=FIRST)  # shares and days at least
    page.reload()
    expect(page.get_by_text("Rows judged")).to_be_visible()
    why = page.locator(key("lane-why")).get_by_role("combobox")
    why.click()
    why.press("ArrowDown")
    why.press("Enter")
    expect(why).to_have_value("A random sample")
    page.locator(key("lane-put")).get_by_role("button").click()
    expect(page.get_by_text("now wait in the lane").first).to_be_visible()

    page.goto("/sentiment?show=lane")
    name = page.locator(key("lane-person")).get_by_role("textbox")
    name.fill("Ann")
    name.press("Enter")
    for number, label in enumerate("31312", 1):
        expect(page.locator(starting("lane-text"))).to_be_visible()
        page.locator("h1").first.click()  # keys count outside the name's box
        page.keyboard.press(label)
        expect(page.locator(key("lane-numbers")).get_by_text(str(number), exact=True).first).to_be_visible()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    page.locator(key("lane-make")).get_by_role("button").click()
    expect(page.get_by_text("The studio makes a version").first).to_be_visible()
