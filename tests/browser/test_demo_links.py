"""Demo links in real browsers: an owner makes one, strangers use it, limits and sites hold."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.steps import LONG, ask, key, send, starting

NewBrowser = Callable[..., Any]
HOSTILE = "Acme <script>document.title='taken'</script><b>desk</b>"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Another web site on this machine, on a port of its own: its port, and the folder it serves."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield str(served.server_address[1]), tmp_path
        served.shutdown()


def make_link(owner: Any, name: str, base: str, *, messages: int, title: str = "", sites: str = "") -> str:
    """On the Demo links page; the address it shows."""
    owner.goto("/links?show=make")
    box = owner.locator(key("link-new-name")).get_by_role("textbox")
    box.fill(name)
    box.press("Tab")
    chosen = owner.locator(key("link-new-base")).get_by_role("combobox")
    chosen.click()
    owner.get_by_role("option", name=base, exact=True).click()
    number = owner.locator(key("link-new-messages")).locator("input")
    number.fill(str(messages))
    number.press("Tab")
    if title:
        field = owner.locator(key("link-new-title")).get_by_role("textbox")
        field.fill(title)
        field.press("Tab")
        expect(owner.locator(".demo-preview-head")).to_have_text(title)
    if sites:
        owner.get_by_text("Password and other sites").click()
        area = owner.locator(key("link-new-sites")).get_by_role("textbox")
        area.fill(sites)
        area.press("Control+Enter")
    owner.locator(key("link-new-go")).get_by_role("button").click()
    made = owner.locator(key("link-made"))
    expect(made.get_by_text(f"The address of “{name}”")).to_be_visible()
    expect(made.get_by_alt_text("QR code of the address")).to_be_visible()
    return str(made.locator("code").first.inner_text()).strip()


def revoke(owner: Any, name: str) -> None:
    owner.goto("/links")
    row = owner.locator(starting("row-link-")).filter(has_text=name)
    row.get_by_role("button", name="Revoke").click()
    owner.locator(key("revoke-yes")).get_by_role("button").click()
    expect(row.get_by_text("Revoked")).to_be_visible()


def test_a_stranger_asks_until_the_limit_and_the_owner_reads_it(
    new_browser: NewBrowser, chromium: Any, ready: str
) -> None:
    owner, guest = new_browser(), new_browser(width=390, height=844)
    address = make_link(owner, "First meeting", ready, messages=2, title=HOSTILE)
    guest.goto(address)
    expect(guest.get_by_role("heading", name=HOSTILE)).to_be_visible(timeout=LONG)
    expect(guest.get_by_text("2 messages left")).to_be_visible()
    assert guest.title() == HOSTILE
    assert guest.get_by_test_id("stSidebarNav").count() == 0
    ask(guest, "How long do parcels to Norway take?")
    expect(guest.get_by_text("8 days").first).to_be_visible()
    expect(guest.get_by_text("1 message left")).to_be_visible()
    send(guest, "What do students pay for the Aurora plan?")
    expect(guest.get_by_text("This demo has no messages left")).to_be_visible(timeout=LONG)
    expect(guest.get_by_test_id("stChatInputTextArea")).to_be_disabled()
    guest.reload()
    expect(guest.get_by_text("This demo has no messages left")).to_be_visible()
    expect(guest.get_by_text("8 days").first).to_be_visible()

    context = chromium.new_context(locale="zh-CN")  # its console reports the answer 403, as it should
    late = context.new_page()
    late.goto(address)
    expect(late.get_by_text("这次演示的消息已经用完")).to_be_visible()
    context.close()
    owner.goto("/links")
    row = owner.locator(starting("row-link-")).filter(has_text="First meeting")
    expect(row.get_by_text("2 of 2 messages · 1 of 25 people")).to_be_visible()
    row.get_by_role("button", name="What guests asked").click()
    numbers = owner.locator(key("asked-numbers"))
    expect(numbers.get_by_text("2", exact=True).first).to_be_visible()
    # The owner tries a link in the same browser and keeps the app.
    owner.goto(make_link(owner, "My own try", ready, messages=5))
    expect(owner.get_by_text("5 messages left")).to_be_visible(timeout=LONG)
    assert owner.get_by_test_id("stSidebarNav").count() == 0
    owner.goto("/links")
    expect(owner.get_by_test_id("stSidebarNav")).to_be_visible()


def test_a_revoked_link_shuts_at_once(new_browser: NewBrowser, ready: str) -> None:
    owner, guest, stranger = new_browser(), new_browser(), new_browser()
    address = make_link(owner, "Soon gone", ready, messages=5, title="Secret plan")
    guest.goto(address)
    expect(guest.get_by_text("5 messages left")).to_be_visible(timeout=LONG)
    revoke(owner, "Soon gone")
    send(guest, "How long do parcels to Norway take?")
    expect(guest.get_by_text("There is nothing at this address")).to_be_visible()
    answer = stranger.request.get(address)
    assert answer.status == 404
    assert "Secret" not in answer.text()
    assert answer.text() == stranger.request.get("/d/" + "A" * 43).text()


def test_only_an_allowed_site_shows_it_in_a_frame(
    new_browser: NewBrowser, chromium: Any, ready: str, site: tuple[str, Path]
) -> None:
    port, folder = site
    owner = new_browser()
    address = make_link(owner, "Widget", ready, messages=5, sites=f"http://localhost:{port}")
    snippet = owner.locator(key("link-made")).locator("code").nth(1).inner_text()
    assert address.replace("/d/", "/embed/") in snippet
    (folder / "index.html").write_text(f"<h1>Our shop</h1>{snippet}", encoding="utf-8")
    context = chromium.new_context(locale="en-US")  # its console reports the refused frame, as it should
    shop = context.new_page()
    shop.goto(f"http://localhost:{port}/")
    widget = shop.frame_locator("iframe")
    expect(widget.get_by_text("5 messages left")).to_be_visible(timeout=LONG)
    box = widget.get_by_test_id("stChatInputTextArea")
    box.fill("How long do parcels to Norway take?")
    box.press("Enter")
    expect(widget.get_by_text("8 days").first).to_be_visible(timeout=LONG)
    expect(widget.get_by_text("4 messages left")).to_be_visible(timeout=LONG)
    for place in (f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/plain.html"):
        (folder / "plain.html").write_text(f"<iframe src='{address}'></iframe>", encoding="utf-8")
        other = context.new_page()
        with other.expect_console_message(lambda message: "frame-ancestors" in message.text):
            other.goto(place)
        assert not [frame for frame in other.frames if "/demo" in frame.url]
    context.close()
