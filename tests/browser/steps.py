"""What people do on the pages, as the browser tests do it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

LONG = 90_000  # milliseconds: a first upload loads the encoder


def key(name: str) -> str:
    return f".st-key-{name}"


def starting(name: str) -> str:
    return f'[class*="st-key-{name}"]'


def send(page: Any, question: str) -> None:
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    box.press("Enter")


def ask(page: Any, question: str) -> None:
    """Asks and waits for the stored answer: only that one can be judged."""
    thumbs = page.locator(".stChatMessage").locator(starting("thumbs-"))
    before = thumbs.count()
    send(page, question)
    expect(thumbs).to_have_count(before + 1, timeout=LONG)


def choose_base(page: Any, name: str) -> None:
    """On a page with a choice of knowledge bases; other tests may have made some before."""
    page.locator(key("knowledge_base")).get_by_role("combobox").click()
    page.get_by_role("option", name=name, exact=True).click()


def make_base(page: Any, name: str) -> None:
    """On the Knowledge page: a new knowledge base, which is then the chosen one."""
    first = page.locator(key("first-base-name"))
    more = page.locator(key("new-knowledge-base"))
    expect(first.or_(more).first).to_be_visible()
    which = "first-base"
    if not first.count():
        more.get_by_role("button").click()
        which = "new-base"
    page.locator(key(f"{which}-name")).get_by_role("textbox").fill(name)
    page.locator(key(f"{which}-create")).get_by_role("button").click()
    expect(page.get_by_role("combobox", name="Knowledge base")).to_have_value(name)


def upload(page: Any, **files: bytes) -> None:
    """Drops files in and starts their ingest. ``Price_list__md=b"..."`` is ``Price list.md``."""
    names = {name: name.replace("__", ".").replace("_", " ") for name in files}
    page.locator('input[type="file"]').set_input_files(
        [{"name": names[name], "mimeType": "application/octet-stream", "buffer": data} for name, data in files.items()]
    )
    page.locator(key("upload-start")).get_by_role("button").click()
    for name in names.values():
        expect(page.locator(starting("job-ingest")).get_by_text(name).first).to_be_visible(timeout=LONG)


def go_to(page: Any, name: str) -> None:
    """To another page by the sidebar, which keeps the session."""
    page.get_by_test_id("stSidebarNav").get_by_text(name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def document_row(page: Any, name: str) -> Any:
    return page.locator(starting("row-")).filter(has_text=name)
