"""Customers' mood: scored messages, a person asked in once and with a reason, watches and their webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from core.access.actor import Actor, NotAllowed
from core.db.sentiment_tables import MessageMood
from core.db.tables import Handoff, Message
from core.errors import BadInput
from core.services import handoff
from core.services.application import Application
from core.services.conversations import messages
from core.services.sentiment import customers, monitors
from core.services.sentiment.model import sentiment_settings, set_sentiment_settings
from core.services.sentiment.one import score_text
from core.settings import Settings
from tests.integration.services.conftest import Shop

FURIOUS = (
    "This is ridiculous, the lamp is terrible and nobody answers!!",
    "Worst shop ever, unacceptable, I want my money back immediately!!",
    "You are a scam, I am furious and will call a lawyer today!!",
)


@pytest.fixture(autouse=True)
def _starter(app: Application) -> None:
    from core.services.sentiment.model import starter_folder

    starter_folder(app)


def customer_says(app: Application, shop: Shop, conversation: int, text: str) -> customers.MoodPoint:
    with app.database.write(shop.workspace) as rows:
        message = rows.add(Message(conversation_id=conversation, role="customer", text=text)).id
    found = customers.score_message(app, shop.workspace, message)
    assert found is not None
    assert customers.score_message(app, shop.workspace, message) is None, "a message is scored once"
    return found


def requests(app: Application, shop: Shop) -> list[Handoff]:
    with app.database.read(shop.workspace) as rows:
        return rows.all(rows.select(Handoff).order_by(Handoff.id))


def test_two_furious_messages_ask_a_person_in_once_and_say_why(app: Application, shop: Shop, talk: int) -> None:
    points = [customer_says(app, shop, talk, text) for text in FURIOUS]
    assert points[0].rolling < points[1].rolling
    (request,) = requests(app, shop)
    assert request.reason == "mood"
    assert request.packet["why"]["cues"]
    assert "angry or urgent" in request.packet["summaries"]["en"]
    note = next(one for one in messages(app, shop.customer(), talk) if one.role == "system")
    assert note.detail["reason"] == "mood", "the customer is told"
    curve = customers.curve(app, shop.agent(), talk)
    assert [point.rolling for point in curve] == [point.rolling for point in points]
    with pytest.raises(NotAllowed):
        customers.curve(app, shop.customer(), talk)


def test_a_closed_request_is_not_raised_again_by_what_was_said_before(app: Application, shop: Shop, talk: int) -> None:
    for text in FURIOUS:
        customer_says(app, shop, talk, text)
    handoff.close_handoff(app, shop.agent(), requests(app, shop)[0].id)
    customer_says(app, shop, talk, FURIOUS[0])
    assert len(requests(app, shop)) == 1, "one message after the request is not enough"
    customer_says(app, shop, talk, FURIOUS[1])
    customer_says(app, shop, talk, FURIOUS[2])
    assert [one.state for one in requests(app, shop)] == ["closed", "waiting"]


def test_the_owner_sets_the_bound_or_switches_it_off(app: Application, shop: Shop, talk: int) -> None:
    set_sentiment_settings(app, shop.owner(), confident=0.7, handoff_at=None)
    assert sentiment_settings(app, shop.owner()).handoff_at is None
    for text in FURIOUS:
        customer_says(app, shop, talk, text)
    assert requests(app, shop) == []
    with pytest.raises(BadInput):
        set_sentiment_settings(app, shop.owner(), confident=1.5, handoff_at=None)
    with pytest.raises(NotAllowed):
        set_sentiment_settings(app, shop.agent(), confident=0.5, handoff_at=None)


def test_a_question_in_the_chat_gets_its_score_beside_the_answer(app: Application, lamps: Shop, ann: Actor) -> None:
    from core.services.conversations import start_conversation
    from tests.integration.services.conftest import say

    conversation = start_conversation(app, ann, lamps.kb)
    say(app, ann, conversation, "How long is the warranty?")
    customers.settle(app)
    with app.database.read(lamps.workspace) as rows:
        (row,) = rows.all(rows.select(MessageMood))
    assert row.rolling < 0.5
    assert customers.trend(app, lamps.owner())[0].labels == {row.label: 1}
    assert customers.heated(app, lamps.agent())[0][0] == conversation


class Heard(BaseHTTPRequestHandler):
    said: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        Heard.said.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The receivers of the tests are on this machine."""
    return settings.model_copy(update={"allow_private_webhooks": True})


@pytest.fixture
def address() -> Iterator[str]:
    Heard.said.clear()
    server = HTTPServer(("127.0.0.1", 0), Heard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


def mood_rows(app: Application, shop: Shop, talk: int, label: str, count: int) -> None:
    with app.database.write(shop.workspace) as rows:
        for _ in range(count):
            message = rows.add(Message(conversation_id=talk, role="customer", text="x")).id
            values = {"negative": 0.5, "positive": 0.2, "anger": 0.1, "urgency": 0.0, "rolling": 0.1}
            rows.add(MessageMood(message_id=message, conversation_id=talk, label=label, **values))


def test_a_watch_warns_and_calls_once_and_says_when_it_is_over(
    app: Application, shop: Shop, talk: int, address: str
) -> None:
    values = {"source": "messages", "label": "negative", "limit": 0.3, "window": 20, "webhook": address}
    number = monitors.save_monitor(app, shop.owner(), name="Unhappy", **values)
    mood_rows(app, shop, talk, "negative", 9)
    assert monitors.look(app, shop.workspace, "messages") == [], "nine texts say nothing yet"
    mood_rows(app, shop, talk, "positive", 1)
    assert monitors.look(app, shop.workspace, "messages") == [number]
    assert monitors.look(app, shop.workspace, "messages") == [], "the warning stands; nobody is called again"
    (view,) = monitors.raised_monitors(app, shop.owner())
    assert (view.share, view.counted, view.called["status"]) == (0.9, 10, 204)
    mood_rows(app, shop, talk, "positive", 20)
    assert monitors.look(app, shop.workspace, "messages") == [number]
    assert [(one["raised"], one["monitor"]) for one in Heard.said] == [(True, "Unhappy"), (False, "Unhappy")]
    assert monitors.raised_monitors(app, shop.owner()) == []


def test_a_webhook_that_cannot_be_reached_stops_nothing(app: Application, shop: Shop, talk: int) -> None:
    values = {"source": "messages", "label": "negative", "limit": 0.3, "window": 20}
    monitors.save_monitor(app, shop.owner(), name="A", webhook="http://127.0.0.1:9/", **values)
    mood_rows(app, shop, talk, "negative", 12)
    assert len(monitors.look(app, shop.workspace, "messages")) == 1
    assert monitors.list_monitors(app, shop.owner())[0].called["error"] == "outbound.failed"
    for wrong in ({"limit": 1.0}, {"window": 3}, {"webhook": "ftp://x"}, {"label": "angry"}):
        with pytest.raises(BadInput):
            monitors.save_monitor(app, shop.owner(), name="B", **{**values, **wrong})


def test_another_workspace_sees_nothing_of_it(app: Application, shop: Shop, rival: Shop, talk: int) -> None:
    customer_says(app, shop, talk, FURIOUS[0])
    assert customers.trend(app, rival.owner()) == []
    assert score_text(app, rival.owner(), "This is a great product.").judgement.label == "positive"
