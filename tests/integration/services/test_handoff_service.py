"""A person takes over: requests, packets, promises by the clock, the inbox, and replies that become knowledge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.access.actor import Actor, NotAllowed, Role
from core.db.tables import FaqEntry, GoldenQuestion, Handoff, Message, utc_now
from core.errors import BadInput, Conflict, NotFound
from core.services import handoff, schedule, workspace
from core.services.application import Application
from core.services.conversations import (
    delete_conversation,
    get_conversation,
    list_conversations,
    messages,
    start_conversation,
)
from core.services.feedback import give_feedback
from tests.integration.services.conftest import Shop
from tests.integration.services.test_conversations import QUOTE, exchange

NEVER = {"zone": "UTC", "days": {}}


@pytest.fixture
def talk(app: Application, shop: Shop) -> int:
    conversation = start_conversation(app, shop.customer(), shop.kb)
    exchange(app, shop.customer(), conversation, "How long can I return?")
    return conversation


def test_the_packet_holds_what_was_tried_in_the_readers_language(app: Application, shop: Shop, talk: int) -> None:
    answer = messages(app, shop.customer(), talk)[-1].id
    give_feedback(app, shop.customer(), answer, -1, "wrong")
    promise = handoff.request_person(app, shop.customer(), talk, reason="wrong", contact=" ann@example.com ")
    assert (promise.open, promise.queue_position, promise.has_contact) == (True, 1, True)
    view = handoff.list_handoffs(app, shop.agent())[0]
    assert (view.state, view.reason, view.contact, view.title) == (
        "waiting",
        "wrong",
        "ann@example.com",
        "How long can I return?",
    )
    tried = view.packet["tried"][0]
    assert (tried["question"], tried["failed"], tried["why"]) == ("How long can I return?", True, "unhelpful")
    assert tried["citations"][0]["quote"] == QUOTE
    assert "How long can I return?" in view.packet["summary"]
    chinese = handoff.list_handoffs(app, Actor(shop.workspace, "x", Role.AGENT, "zh"))[0].packet["summary"]
    assert "客户反馈回答没有帮助" in chinese
    assert view.packet["language"] == "en"


def test_asking_twice_is_one_request_with_one_note(app: Application, shop: Shop, talk: int) -> None:
    first = handoff.request_person(app, shop.customer(), talk)
    second = handoff.request_person(app, shop.customer(), talk, contact="+49 30 123")
    assert first.handoff_id == second.handoff_id
    notes = [view for view in messages(app, shop.customer(), talk) if view.role == "system"]
    assert [view.detail["handoff"]["handoff_id"] for view in notes] == [first.handoff_id]
    assert handoff.list_handoffs(app, shop.agent())[0].contact == "+49 30 123"


def test_the_queue_is_told_truthfully(app: Application, shop: Shop, rival: Shop, talk: int) -> None:
    elsewhere = start_conversation(app, rival.customer(), rival.kb)
    assert handoff.request_person(app, rival.customer(), elsewhere).queue_position == 1
    ids = [handoff.request_person(app, shop.customer(), talk).handoff_id]
    ben = start_conversation(app, shop.customer("ben"), shop.kb)
    second = handoff.request_person(app, shop.customer("ben"), ben)
    assert second.queue_position == 2
    handoff.reply(app, shop.agent(), ids[0], "Hello")
    assert handoff.request_person(app, shop.customer(), talk).queue_position == 0
    assert handoff.request_person(app, shop.customer("ben"), ben).queue_position == 1


def test_replies_reach_the_customer_and_closing_says_so(app: Application, shop: Shop, talk: int) -> None:
    promise = handoff.request_person(app, shop.customer(), talk)
    handoff.reply(app, shop.agent(), promise.handoff_id, "I look into it.")
    assert handoff.list_handoffs(app, shop.agent(), "waiting") == []
    assert handoff.list_handoffs(app, shop.agent(), "answered")[0].id == promise.handoff_id
    handoff.close_handoff(app, shop.agent(), promise.handoff_id)
    handoff.close_handoff(app, shop.agent(), promise.handoff_id)
    seen = messages(app, shop.customer(), talk)
    assert [(m.role, m.text, m.detail.get("event")) for m in seen[-2:]] == [
        ("staff", "I look into it.", None),
        ("system", "", "closed"),
    ]
    for act in (
        lambda: handoff.reply(app, shop.agent(), promise.handoff_id, "More"),
        lambda: handoff.leave_contact(app, shop.customer(), promise.handoff_id, "a@b.example"),
    ):
        with pytest.raises(Conflict):
            act()
    again = handoff.request_person(app, shop.customer(), talk)
    assert again.handoff_id != promise.handoff_id
    states = [view.state for view in handoff.list_handoffs(app, shop.agent())]
    assert states == ["waiting", "closed"]


def test_the_customer_may_return_to_the_assistant(app: Application, shop: Shop, talk: int) -> None:
    handoff.request_person(app, shop.customer(), talk)
    handoff.back_to_assistant(app, shop.customer(), talk)
    handoff.back_to_assistant(app, shop.customer(), talk)
    assert [view.state for view in handoff.list_handoffs(app, shop.agent())] == ["closed"]


def test_walls_between_workspaces_visitors_and_roles(app: Application, shop: Shop, rival: Shop, talk: int) -> None:
    promise = handoff.request_person(app, shop.customer(), talk)
    staff = handoff.reply(app, shop.agent(), promise.handoff_id, "Hello")
    assert handoff.list_handoffs(app, rival.agent()) == []
    for act in (
        lambda: handoff.handoff_messages(app, rival.agent(), promise.handoff_id),
        lambda: handoff.reply(app, rival.agent(), promise.handoff_id, "Spam"),
        lambda: handoff.close_handoff(app, rival.agent(), promise.handoff_id),
        lambda: handoff.reply_to_faq(app, rival.owner(), staff, "Q?", "A."),
        lambda: handoff.request_person(app, shop.customer("ben"), talk),
        lambda: handoff.leave_contact(app, shop.customer("ben"), promise.handoff_id, "x"),
        lambda: handoff.back_to_assistant(app, shop.customer("ben"), talk),
        lambda: get_conversation(app, shop.customer("ben"), talk),
    ):
        with pytest.raises(NotFound):
            act()
    for act in (
        lambda: handoff.list_handoffs(app, shop.customer()),
        lambda: handoff.handoff_messages(app, shop.customer(), promise.handoff_id),
        lambda: handoff.reply(app, shop.customer(), promise.handoff_id, "I am staff"),
        lambda: handoff.set_opening_hours(app, shop.agent(), NEVER),
    ):
        with pytest.raises(NotAllowed):
            act()
    with app.database.read(shop.workspace) as rows:
        assert rows.count(Message, Message.role == "staff") == 1


def test_a_reply_becomes_an_entry_and_a_golden_question_once(app: Application, shop: Shop, talk: int) -> None:
    promise = handoff.request_person(app, shop.customer(), talk)
    staff = handoff.reply(app, shop.agent(), promise.handoff_id, "Sixty days since May.")
    made = handoff.reply_to_faq(app, shop.owner(), staff, "How long can I return?", "Sixty days.")
    assert handoff.reply_to_faq(app, shop.owner(), staff, "Return period?", "Sixty days.") == made
    with app.database.read(shop.workspace) as rows:
        entry, golden = rows.get(FaqEntry, made[0]), rows.get(GoldenQuestion, made[1])
        assert (entry.question, entry.answer, entry.approved) == ("Return period?", "Sixty days.", True)
        assert (golden.question, golden.answer, golden.answerable) == ("Return period?", "Sixty days.", True)
        assert (rows.count(FaqEntry), rows.count(GoldenQuestion)) == (1, 1)
    question = messages(app, shop.customer(), talk)[0].id
    with pytest.raises(BadInput):
        handoff.reply_to_faq(app, shop.owner(), question, "Q?", "A.")


def test_who_may_not_write_knowledge_suggests_it(app: Application, shop: Shop, talk: int) -> None:
    promise = handoff.request_person(app, shop.customer(), talk)
    staff = handoff.reply(app, shop.agent(), promise.handoff_id, "Sixty days.")
    entry, _ = handoff.reply_to_faq(app, shop.agent(), staff, "Q?", "A.")
    with app.database.read(shop.workspace) as rows:
        assert rows.get(FaqEntry, entry).approved is False


def test_deleting_the_conversation_takes_the_request_along(app: Application, shop: Shop, talk: int) -> None:
    handoff.request_person(app, shop.customer(), talk)
    delete_conversation(app, shop.customer(), talk)
    assert handoff.list_handoffs(app, shop.agent()) == []


def test_a_request_without_a_question_is_listed(app: Application, shop: Shop) -> None:
    ann = shop.customer()
    conversation = start_conversation(app, ann, shop.kb)
    assert get_conversation(app, ann, conversation).messages == 0
    handoff.request_person(app, ann, conversation)
    assert [view.id for view in list_conversations(app, ann)] == [conversation]
    assert handoff.list_handoffs(app, shop.agent())[0].packet["tried"] == []


@pytest.mark.parametrize(
    ("values", "code"),
    [({"reason": "bored"}, "chat.handoff_reason"), ({"contact": "x" * 201}, "chat.text_too_long")],
)
def test_requests_that_make_no_sense(app: Application, shop: Shop, talk: int, values: Any, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        handoff.request_person(app, shop.customer(), talk, **values)
    assert refused.value.code == code
    assert handoff.list_handoffs(app, shop.agent()) == []


def test_waiting_time_stops_at_the_first_reply(app: Application, shop: Shop, talk: int) -> None:
    promise = handoff.request_person(app, shop.customer(), talk)
    with app.database.write(shop.workspace) as rows:
        row = rows.get(Handoff, promise.handoff_id)
        row.created_at = utc_now() - timedelta(minutes=10)
    waited = handoff.list_handoffs(app, shop.agent())[0].waiting_seconds
    assert 600 <= waited < 660
    handoff.reply(app, shop.agent(), promise.handoff_id, "Hello")
    with app.database.write(shop.workspace) as rows:
        rows.get(Handoff, promise.handoff_id).answered_at = utc_now() - timedelta(minutes=4)
    assert 350 < handoff.list_handoffs(app, shop.agent())[0].waiting_seconds < 370


# --- opening hours -----------------------------------------------------------------------------------------------


def test_hours_are_kept_in_the_workspaces_time_zone(app: Application, shop: Shop, rival: Shop) -> None:
    handoff.set_opening_hours(app, shop.owner(), {"zone": "Asia/Shanghai", "hours": "mon-fri 09:00-18:00"})
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    assert schedule.is_open_now(app, shop.customer(), now=monday.replace(hour=1)) == (True, None)  # 09:00 there
    closed, opening = schedule.is_open_now(app, shop.customer(), now=monday.replace(hour=10))  # 18:00 there
    assert closed is False
    assert opening is not None
    assert opening.astimezone(UTC) == monday.replace(day=3, hour=1)
    assert opening.utcoffset() == timedelta(hours=8)
    assert schedule.is_open_now(app, rival.customer(), now=monday.replace(hour=10)) == (True, None)
    shown = handoff.opening_hours(app, shop.customer())
    assert shown["days"]["mon"] == [["09:00", "18:00"]]
    assert shown["days"]["sun"] == []
    assert shown["always"] is False


def test_what_is_shown_can_be_stored_again(app: Application, shop: Shop) -> None:
    owner = shop.owner()
    for given in (
        {
            "zone": "Europe/Berlin",
            "hours": "mon-fri 09:00-12:00, 13:00-17:00; sat 22:00-02:00",
            "holidays": ["2026-12-25"],
        },
        {"zone": "UTC", "days": {"mon": [["00:00", "24:00"]]}},
        {"zone": "UTC", "hours": ""},
        NEVER,
    ):
        handoff.set_opening_hours(app, owner, given)
        first = handoff.opening_hours(app, owner)
        handoff.set_opening_hours(app, owner, first)
        assert handoff.opening_hours(app, owner) == first
    assert first["always"] is False


def test_closed_every_day_promises_nothing(app: Application, shop: Shop, talk: int) -> None:
    handoff.set_opening_hours(app, shop.owner(), NEVER)
    promise = handoff.request_person(app, shop.customer(), talk)
    assert (promise.open, promise.next_opening) == (False, None)
    handoff.leave_contact(app, shop.customer(), promise.handoff_id, "ann@example.com")
    assert handoff.list_handoffs(app, shop.agent())[0].contact == "ann@example.com"
    with pytest.raises(BadInput):
        handoff.leave_contact(app, shop.customer(), promise.handoff_id, " ")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"zone": "Mars/Base"}, "hours.zone"),
        ({"hours": "someday 9-5"}, "hours.span"),
        ({"days": {"noday": []}}, "hours.day"),
        ({"days": {"mon": [["09:00"]]}}, "hours.span"),
        ({"hours": "mon 09:00-17:00", "holidays": ["Christmas"]}, "hours.holiday"),
    ],
)
def test_hours_that_cannot_be_read_store_nothing(app: Application, shop: Shop, given: Any, code: str) -> None:
    before = handoff.opening_hours(app, shop.owner())
    with pytest.raises(BadInput) as refused:
        workspace.save_workspace_settings(app, shop.owner(), name="New", opening_hours=given)
    assert refused.value.code == code
    assert handoff.opening_hours(app, shop.owner()) == before
    assert workspace.workspace_settings(app, shop.owner())["name"] == "Lumen"
