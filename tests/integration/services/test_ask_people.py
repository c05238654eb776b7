"""A person in the conversation, walls between people, and many of them at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from core.access.actor import Actor
from core.db.tables import utc_now
from core.errors import NotFound
from core.services import conversations, faq, handoff
from core.services.application import Application
from core.services.ask import ask, retry
from core.services.ladder import answer_question
from core.services.views import MessageView
from core.types import Rung
from tests.integration.services.conftest import Shop, open_shop, say


def test_asking_for_a_person_makes_a_request_once(app: Application, shop: Shop, ann: Actor, talk: int) -> None:
    for words in ("I want to talk to a human", "转人工", "talk to a person please"):
        view = say(app, ann, talk, words)
        assert view.rung == "person"
        assert view.text
        assert view.detail["handoff"]["open"] is True
    assert len(handoff.list_handoffs(app, shop.agent())) == 1


def test_when_nobody_is_on_duty_it_says_when(app: Application, shop: Shop, ann: Actor, talk: int) -> None:
    tomorrow = (utc_now() + timedelta(days=1)).strftime("%a").lower()
    handoff.set_opening_hours(app, shop.owner(), {"zone": "UTC", "hours": f"{tomorrow} 09:00-10:00"})
    view = say(app, ann, talk, "I want to talk to a human")
    promise = view.detail["handoff"]
    assert promise["open"] is False
    assert promise["next_opening"].endswith("T09:00:00+00:00")
    assert "09:00" in view.text


def test_while_one_waits_the_assistant_goes_on_and_passes_on_the_rest(
    app: Application, lamps: Shop, ann: Actor, talk: int
) -> None:
    handoff.request_person(app, ann, talk)
    assert say(app, ann, talk, "How long is the warranty of a lamp?").rung == "document"
    passed_on = say(app, ann, talk, "Which stadium hosts the football final?")
    assert passed_on.rung == "person"
    seen = handoff.handoff_messages(app, lamps.agent(), handoff.list_handoffs(app, lamps.agent())[0].id)
    assert "Which stadium hosts the football final?" in [m.text for m in seen]


def test_the_assistant_is_silent_while_a_person_speaks(app: Application, lamps: Shop, ann: Actor, talk: int) -> None:
    promise = handoff.request_person(app, ann, talk)
    handoff.reply(app, lamps.agent(), promise.handoff_id, "Hello Ann")
    asked = ask(app, ann, talk, "How long is the warranty of a lamp?")
    assert list(asked.stream) == []
    asked.stream.close()
    assert asked.result().role == "customer"
    assert [m.role for m in conversations.messages(app, ann, talk)][-2:] == ["staff", "customer"]
    handoff.close_handoff(app, lamps.agent(), promise.handoff_id)
    assert say(app, ann, talk, "How long is the warranty of a lamp?").rung == "document"
    assert len(handoff.list_handoffs(app, lamps.agent())) == 1


def test_nobody_asks_in_anothers_conversation(app: Application, shop: Shop, rival: Shop, ann: Actor, talk: int) -> None:
    view = say(app, ann, talk, "Hello!")
    for other in (shop.customer("ben"), rival.customer("ann"), shop.owner()):
        with pytest.raises(NotFound):
            ask(app, other, talk, "What did she ask?")
        with pytest.raises(NotFound):
            retry(app, other, view.id)
    assert len(conversations.messages(app, ann, talk)) == 2


def test_another_workspaces_knowledge_cannot_be_asked(app: Application, lamps: Shop, rival: Shop) -> None:
    with pytest.raises(NotFound):
        answer_question(app, rival.workspace, lamps.kb, "How long is the warranty of a lamp?")
    faq.save_faq(app, lamps.owner(), lamps.kb, question="Where are you?", answer="Berlin.")
    answer = answer_question(app, rival.workspace, rival.kb, "Where are you?")
    assert answer.rung is Rung.REFUSAL


def test_twenty_people_at_once(app: Application, lamps: Shop) -> None:
    """Twenty threads, two workspaces: no locked database, no fault, and everybody gets their own words back."""
    other = open_shop(app, "umbra")
    faq.save_faq(app, lamps.owner(), lamps.kb, question="Where are you?", answer="Lumen is in Berlin.")
    faq.save_faq(app, other.owner(), other.kb, question="Where are you?", answer="Umbra is in Rome.")
    barrier = threading.Barrier(20)

    def person(number: int) -> list[MessageView]:
        shop = lamps if number % 2 else other
        actor = shop.customer(f"p{number}")
        conversation = conversations.start_conversation(app, actor, shop.kb)
        barrier.wait(timeout=30)
        for turn in range(3):
            say(app, actor, conversation, "Where are you?")
            asked = ask(app, actor, conversation, f"How long is the warranty of lamp {number}-{turn}?")
            if turn == 1:
                next(asked.stream, None)
                asked.stream.close()
            asked.result()
        return conversations.messages(app, actor, conversation)

    with ThreadPoolExecutor(20) as pool:
        talks = list(pool.map(person, range(20)))
    for number, views in enumerate(talks):
        assert len(views) == 12
        assert all(view.state in {"done", "stopped"} for view in views)
        questions = [view.text for view in views if view.role == "customer" and "warranty" in view.text]
        assert questions == [f"How long is the warranty of lamp {number}-{turn}?" for turn in range(3)]
        city = "Lumen is in Berlin." if number % 2 else "Umbra is in Rome."
        assert [view.text for view in views if view.rung == "faq"] == [city] * 3
        if number % 2 == 0:
            assert all(view.answer is None or not view.answer.citations for view in views)
    for shop in (lamps, other):
        assert faq.list_faq(app, shop.owner(), shop.kb).rows[0].hits == 30
