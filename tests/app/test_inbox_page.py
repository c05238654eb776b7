from __future__ import annotations

import pytest

from core.access.actor import Actor
from core.services import ask, conversations, faq, golden, handoff, schedule, workspace
from core.services.application import Application
from tests.app.conftest import OpenPage, texts

REFUND = "When are refunds paid?"


@pytest.fixture
def request_id(app: Application, me: Actor, handbook: int) -> int:
    number = conversations.start_conversation(app, me, handbook)
    ask.ask(app, me, number, REFUND).result()
    return handoff.request_person(app, me, number, contact="jo@example.com").handoff_id


def test_nobody_waits(open_page: OpenPage) -> None:
    assert "Nobody is waiting" in texts(open_page("inbox"))


def test_the_packet_says_who_asks_why_and_what_was_tried(open_page: OpenPage, request_id: int) -> None:
    said = texts(open_page("inbox"))
    assert "jo@example.com" in said
    assert "Asked for a person" in said
    assert "handbook.md" in said
    assert "question so far" in said


def test_an_empty_reply_is_refused(open_page: OpenPage, request_id: int) -> None:
    page = open_page("inbox")
    page.button(key=f"reply-send-{request_id}").click().run()
    assert page.error


def test_a_reply_reaches_the_conversation_and_becomes_knowledge(
    open_page: OpenPage, request_id: int, app: Application, me: Actor, handbook: int
) -> None:
    page = open_page("inbox")
    page.text_area(key=f"reply-{request_id}-0").set_value("Mara here: usually three days.")
    page.button(key=f"reply-send-{request_id}").click().run()
    assert not page.error
    assert page.segmented_control(key="inbox.state").value == "answered"
    reply = handoff.handoff_messages(app, me, request_id)[-1]
    assert reply.text == "Mara here: usually three days."
    page.button(key=f"learn-{reply.id}").click().run()
    assert page.text_input(key=f"learn-q-{reply.id}").value == REFUND
    page.text_area(key=f"learn-a-{reply.id}").set_value("Usually three working days.")
    page.button(key=f"learn-save-{reply.id}").click().run()
    assert not page.error
    [entry] = faq.list_faq(app, me, handbook).rows
    assert entry.answer == "Usually three working days."
    assert golden.list_golden(app, me, handbook).total == 1


def test_a_closed_request_leaves_the_list(open_page: OpenPage, request_id: int, app: Application, me: Actor) -> None:
    page = open_page("inbox")
    page.button(key=f"close-{request_id}").click().run()
    assert "Nobody is waiting" in texts(page)
    assert [view.id for view in handoff.list_handoffs(app, me, "closed")] == [request_id]


def test_opening_hours_are_edited_and_checked(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = open_page("inbox", **{"inbox.state": "settings"})
    page.toggle(key="hours-always").set_value(False).run()
    page.text_input(key="hours-mon").set_value("9 to 5")
    page.button(key="hours-save").click().run()
    assert page.error
    page.text_input(key="hours-mon").set_value("09:00-12:00, 13:00-17:00")
    page.button(key="hours-save").click().run()
    assert not page.error
    assert schedule.opening_hours(app, me)["days"]["mon"] == [["09:00", "12:00"], ["13:00", "17:00"]]


def test_the_greeting_is_kept(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = open_page("inbox", **{"inbox.state": "settings"})
    page.text_area(key="greeting-zh").set_value("您好，有什么可以帮您？")
    page.button(key="workspace-save").click().run()
    assert workspace.workspace_settings(app, me)["greeting"]["zh"] == "您好，有什么可以帮您？"
