"""From an empty studio to a model that serves, in a real browser against the real server and worker.

Run it alone with ``pytest -m browser tests/browser/test_studio_path.py``. It trains a small network for real, which
takes about half a minute on two free cores.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.servers import Server

NewBrowser = Callable[..., Any]
LONG = 120_000  # a job waits for the worker
TRAINED = 400_000  # a training process loads its libraries first

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def key(name: str) -> str:
    return f".st-key-{name}"


def starting(name: str) -> str:
    return f'[class*="st-key-{name}"]'


def section(page: Any, name: str) -> None:
    page.locator(key("studio\\.section")).get_by_role("radio", name=name).or_(
        page.locator(key("studio\\.section")).get_by_role("button", name=name)
    ).first.click()


@pytest.fixture(scope="module")
def data_set(chromium: Any, server: Server) -> str:
    """The example data set, made through the page; its name."""
    context = chromium.new_context(locale="en-US", base_url=server.url)
    page = context.new_page()
    page.goto("/studio")
    page.locator(key("data-example")).get_by_role("button").click()
    expect(page.get_by_role("heading", name="Example reviews")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Look at the rows")).to_be_visible(timeout=LONG)
    context.close()
    return "Example reviews"


@pytest.fixture(scope="module")
def model(chromium: Any, server: Server, data_set: str) -> str:
    """A small network trained through the page; the address of its version."""
    context = chromium.new_context(locale="en-US", base_url=server.url)
    page = context.new_page()
    page.set_default_timeout(LONG)
    page.goto("/studio?show=train&recipe=lstm")
    for name, value in (("epochs", "4"), ("hidden", "16"), ("embedding", "16")):
        field = page.locator(key(f"arg-lstm-{name}")).get_by_role("spinbutton")
        field.fill(value)
        field.press("Tab")
    page.locator(key("train-start")).get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"run=\d+"), timeout=LONG)
    page.reload()
    expect(page.locator(starting("run-state-"))).to_be_visible()
    expect(page.locator(starting("run-model-"))).to_be_visible(timeout=TRAINED)
    expect(page.locator(starting("curves-")).locator("canvas, svg").first).to_be_visible()
    page.locator(starting("run-model-")).get_by_role("button").click()
    expect(page.get_by_text("Did it learn?").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"model=\d+"))
    address = str(page.url)
    context.close()
    return address


def test_the_model_can_be_read_tried_and_promoted(model: str, new_browser: NewBrowser) -> None:
    page = new_browser()
    page.goto(model)
    expect(page.get_by_text("What is taken for what")).to_be_visible()
    picture = page.locator(starting("confusion-")).locator("canvas, svg").first
    expect(picture).to_be_visible()
    before = page.locator(key("quote-cell")).inner_text()
    box = picture.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.15)
    page.wait_for_timeout(2000)
    assert page.locator(key("quote-cell")).inner_text() != before or "%" in before
    page.locator(key("model-part")).get_by_text("Try it").click()
    text = page.locator(starting("try-text-")).get_by_role("textbox")
    text.fill("I love this lamp")
    page.locator(starting("try-go-")).get_by_role("button").click()
    expect(page.locator(starting("tried-")).first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("What speaks for")).to_be_visible(timeout=LONG)
    page.goto("/studio?show=runs")
    page.locator(starting("open-run-")).get_by_role("button").first.click()
    expect(page.locator(starting("run-state-"))).to_be_visible()
    page.goto("/studio?show=serving")
    page.locator(key("promote-go-sentiment")).get_by_role("button").click()
    expect(page.locator(starting("now-sentiment-"))).to_be_visible()
    page.reload()
    expect(page.locator(starting("now-sentiment-"))).to_be_visible()
    page.locator(key("roll-back-sentiment")).get_by_role("button").click()
    expect(page.locator(starting("now-sentiment-"))).to_be_hidden()


def test_the_studio_opens_in_chinese(data_set: str, new_browser: NewBrowser) -> None:
    page = new_browser(locale="zh-CN")
    page.goto("/studio?show=train")
    expect(page.get_by_role("heading", name="模型工坊")).to_be_visible()
    expect(page.get_by_role("button", name="开始训练")).to_be_visible(timeout=LONG)


@pytest.mark.parametrize("place", ["data", "train", "runs", "models", "serving"])
def test_on_a_phone_nothing_runs_off_the_side(model: str, new_browser: NewBrowser, place: str) -> None:
    page = new_browser(width=390, height=844)
    page.goto(f"/studio?show={place}")
    expect(page.get_by_role("heading", name="Studio")).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_a_model_and_a_run_on_a_phone(model: str, new_browser: NewBrowser) -> None:
    page = new_browser(width=390, height=844)
    page.goto(model)
    expect(page.get_by_text("Did it learn?").first).to_be_visible(timeout=LONG)
    expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
