"""Stop, pressed in a real browser while a language model behind a real endpoint is at it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewBrowser
from tests.browser.steps import choose_base, send
from tests.servers import Server

SAID = "Refunds are paid within 5 working days after the returned lamp has arrived."
ENDLESS = "The money goes back to the card and"


class SlowModel:
    """An OpenAI-compatible endpoint that says one sentence and then goes on and on, or falls silent, until it is left.

    ``left``: the client hung up.
    """

    def __init__(self, *, silent: bool) -> None:
        self.silent, self.left, self._closing = silent, threading.Event(), threading.Event()
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                try:
                    for piece in model.words():
                        self.wfile.write(chunk(piece))
                        self.wfile.flush()
                except OSError:
                    model.left.set()

            def log_message(self, format: str, *args: object) -> None:
                """The test's output is not the place for an access log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def words(self) -> Iterator[str]:
        yield from (f"{word} " for word in (SAID + " " + ENDLESS).split())
        while not self._closing.wait(0.2):
            if not self.silent:
                yield "and "

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


def chunk(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "slow", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n".encode()


@pytest.mark.parametrize("silent", [False, True], ids=["it goes on", "it falls silent"])
def test_stop_keeps_what_was_said_and_the_box_is_free_again(
    ready: str, server: Server, new_browser: NewBrowser, silent: bool
) -> None:
    model = SlowModel(silent=silent)
    # Far more patience than this test has: what ends the waiting is Stop.
    slow = {"PILOTLIGHT_LLM": "endpoint", "PILOTLIGHT_LLM_MODEL": "slow", "PILOTLIGHT_LLM_TIMEOUT": "300"}
    server.restart(**slow, PILOTLIGHT_LLM_BASE_URL=model.url)
    try:
        page = new_browser()
        page.goto("/chat")
        choose_base(page, ready)
        send(page, "When are refunds paid?")
        answer = page.locator(".stChatMessage").nth(1)
        expect(answer).to_contain_text(SAID)
        page.get_by_test_id("stChatInputStopButton").click()

        expect(answer).to_contain_text("Stopped here, as you asked.")
        expect(answer).to_contain_text(SAID)
        expect(answer.locator("button.cite")).to_have_count(1)
        expect(answer.get_by_role("button", name="Answer again")).to_be_visible()
        if not silent:
            assert model.left.wait(20), "the model speaks on to nobody"

        send(page, "Thank you!")
        expect(page.locator(".stChatMessage")).to_have_count(4)
        expect(page.get_by_test_id("stChatInputSubmitButton")).to_be_visible()
        page.reload()
        expect(page.locator(".stChatMessage").nth(1)).to_contain_text("Stopped here, as you asked.")
        expect(page.locator(".stChatMessage").nth(1)).to_contain_text(SAID)
    finally:
        model.close()
        server.restart()
