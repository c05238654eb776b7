"""The chat with a language model behind it: good words are checked and cited, bad ones and broken ones do no harm."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from core.access.actor import Actor
from core.services import conversations
from core.services.application import Application
from core.services.ask import ask
from core.settings import Settings
from tests.integration.services.conftest import RETURNS, Shop, lower_the_bar, open_shop, publish_texts
from tests.tiny_models import tiny_gpt2

QUESTION = "How long is the warranty of a lamp?"


class Talker(BaseHTTPRequestHandler):
    """An OpenAI-shaped server that streams ``words``; the wire, the client and the checks are real."""

    words: ClassVar[list[str]] = []
    gate: ClassVar[threading.Event] = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in self.words:
            if word == "WAIT":
                self.gate.wait(timeout=20)
                continue
            choice = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    Talker.gate = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Talker)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    Talker.gate.set()
    server.shutdown()
    server.server_close()


def shop_with(make: Callable[[Settings], Application], settings: Settings, **llm: object) -> tuple[Application, Shop]:
    app = make(settings.model_copy(update=llm))
    shop = open_shop(app, "lumen")
    publish_texts(app, shop, returns=RETURNS)
    lower_the_bar(app, shop)
    return app, shop


def begin(app: Application, shop: Shop) -> tuple[Actor, int]:
    ann = shop.customer()
    return ann, conversations.start_conversation(app, ann, shop.kb)


def test_supported_words_are_cited_and_the_rest_is_dropped(
    make_application: Callable[[Settings], Application], settings: Settings, endpoint: str
) -> None:
    app, shop = shop_with(
        make_application, settings, llm="endpoint", llm_model="m", llm_base_url=endpoint, llm_timeout=10
    )
    ann, talk = begin(app, shop)
    Talker.words = ["A Lumen lamp has a ", "warranty of 24 months. ", "It also has a warranty of 10 years. "]
    asked = ask(app, ann, talk, QUESTION)
    said = "".join(asked.stream)
    view = asked.result()
    assert (view.rung, view.text) == ("model", said)
    assert "24 months" in said
    assert "10 years" not in said
    assert view.answer is not None
    assert view.answer.dropped == 1
    assert all(view.answer.citations[i].document == "returns.md" for s in view.answer.sentences for i in s.citations)


def test_stop_in_the_middle_of_a_model_keeps_the_sentences_shown(
    make_application: Callable[[Settings], Application], settings: Settings, endpoint: str
) -> None:
    app, shop = shop_with(
        make_application, settings, llm="endpoint", llm_model="m", llm_base_url=endpoint, llm_timeout=10
    )
    ann, talk = begin(app, shop)
    Talker.words = ["A Lumen lamp has a warranty of 24 months. ", "Batteries ", "WAIT", "are covered for 12 months. "]
    asked = ask(app, ann, talk, QUESTION)
    first = next(asked.stream)
    asked.stream.close()
    view = asked.result()
    assert (view.state, view.text, view.rung) == ("stopped", first, "model")
    assert view.answer is not None
    assert [s.text for s in view.answer.sentences] == [first]
    assert view.answer.citations


def test_an_endpoint_that_is_away_leaves_the_quoted_answer_and_says_so(
    make_application: Callable[[Settings], Application], settings: Settings, endpoint: str
) -> None:
    away = "http://127.0.0.1:9/v1"
    app, shop = shop_with(make_application, settings, llm="endpoint", llm_model="m", llm_base_url=away, llm_timeout=2)
    ann, talk = begin(app, shop)
    view = ask(app, ann, talk, QUESTION).result()
    assert (view.state, view.rung) == ("done", "document")
    assert "24 months" in view.text
    assert view.detail["trouble"]["code"] == "llm.unreachable"


def test_a_model_that_babbles_leaves_the_quoted_answer(
    make_application: Callable[[Settings], Application], settings: Settings, tmp_path: Path
) -> None:
    folder = tiny_gpt2(tmp_path / "tiny")
    app, shop = shop_with(make_application, settings, llm="local", llm_model=str(folder), llm_max_tokens=40)
    ann, talk = begin(app, shop)
    asked = ask(app, ann, talk, QUESTION)
    said = "".join(asked.stream)
    view = asked.result()
    assert (view.state, view.rung, view.text) == ("done", "document", said)
    assert "24 months" in said
