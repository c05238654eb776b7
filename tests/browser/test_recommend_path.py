"""From two files to a list that somebody can click on, in a real browser against the real server and worker."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.steps import LONG, key, starting
from tests.servers import Server

NewBrowser = Callable[..., Any]
TRAINED = 240_000  # the worker loads its libraries first

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def items() -> bytes:
    lines = ["sku,title,name_zh,category,price,stock"]
    for side, word in (("tea", "茶"), ("tool", "工具")):
        lines += [f"{side}-{n},{side.title()} number {n},{word}{n}号,{side},{5 + n},{n}" for n in range(8)]
    return "\n".join(lines).encode()


def events() -> bytes:
    draw = random.Random(1)
    lines = ["customer,sku,time,event"]
    for person in range(120):
        side = "tea" if person % 2 else "tool"
        for step, number in enumerate(draw.sample(range(8), 6)):
            lines.append(f"c{person},{side}-{number},2026-01-{1 + step * 4 + person % 4:02d} 10:00,purchase")
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def shop(chromium: Any, server: Server) -> str:
    """A catalogue with items and interactions, brought in through the page; its name."""
    context = chromium.new_context(locale="en-US", base_url=server.url)
    page = context.new_page()
    page.set_default_timeout(LONG)
    page.goto("/recommend")
    page.locator(key("catalogue-first-name")).get_by_role("textbox").fill("Tea and tools")
    page.locator(key("catalogue-first-create")).get_by_role("button").click()
    for part, name, data in (("items", "items.csv", items()), ("interactions", "events.csv", events())):
        page.locator(starting(f"file-{part}-")).locator('input[type="file"]').set_input_files(
            [{"name": name, "mimeType": "text/csv", "buffer": data}]
        )
        page.locator(key("import-start")).get_by_role("button").click()
        expect(page.locator(key("import-list")).get_by_text(name)).to_be_visible(timeout=LONG)
    context.close()
    return "Tea and tools"


def test_the_wizard_finds_a_winner_and_lists_follow_clicks(shop: str, new_browser: NewBrowser) -> None:
    page = new_browser()
    page.goto("/recommend?show=wizard")
    page.locator(key("wizard-start")).get_by_role("button").click()
    expect(page.get_by_text(re.compile("beats “Most popular” by"))).to_be_visible(timeout=TRAINED)
    page.locator(key("winner-serve")).get_by_role("button").click()
    expect(page.get_by_text("Serves now").first).to_be_visible()
    page.goto("/recommend?show=people")
    first = page.locator(key("offer-1"))
    expect(first).to_be_visible(timeout=LONG)
    expect(first.get_by_text("Because of")).to_be_visible()
    title = first.locator("strong").first.inner_text()
    first.get_by_role("button", name="Not for me").click()
    expect(page.locator(key("offers")).get_by_text(title, exact=True)).to_be_hidden(timeout=LONG)
    page.goto("/recommend?show=fresh")
    page.locator(key("prove-go")).get_by_role("button").click()
    expect(page.get_by_text("Recorded and listed in")).to_be_visible(timeout=LONG)


@pytest.mark.parametrize("place", ["people", "data", "wizard", "rules", "experiment", "fresh"])
def test_on_a_phone_nothing_runs_off_the_side(shop: str, new_browser: NewBrowser, place: str) -> None:
    page = new_browser(locale="zh-CN", width=390, height=844)
    page.goto(f"/recommend?show={place}")
    expect(page.get_by_role("heading", name="推荐", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
