from __future__ import annotations

from datetime import date, time

import pytest
from streamlit.testing.v1 import AppTest

from core.access.actor import Actor
from core.services import ask, conversations, faq, golden, handoff, schedule, unsent, workspace
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


def test_a_reply_that_was_not_sent_comes_back(
    open_page: OpenPage, request_id: int, app: Application, me: Actor
) -> None:
    page = open_page("inbox")
    page.text_area(key=f"reply-{request_id}-0").set_value("Dear Jo,").run()
    again = open_page("inbox")
    assert again.text_area(key=f"reply-{request_id}-0").value == "Dear Jo,"
    again.text_area(key=f"reply-{request_id}-0").set_value("Dear Jo, three days.")
    again.button(key=f"reply-send-{request_id}").click().run()
    assert not again.error
    assert handoff.handoff_messages(app, me, request_id)[-1].text == "Dear Jo, three days."
    assert unsent.kept_texts(app, me) == {}


def test_keys_pressed_in_a_dialog_do_not_send_the_reply_beneath(open_page: OpenPage, request_id: int) -> None:
    page = open_page("inbox")
    page.text_area(key=f"reply-{request_id}-0").set_value("Dear Jo, three days.")
    page.button(key=f"reply-send-{request_id}").click().run()
    page = open_page("inbox", **{"inbox.state": "answered"})

    def shortcut() -> str:
        return str(page.button(key=f"reply-send-{request_id}").proto.shortcut)

    assert shortcut()
    learn = next(button for button in page.button if str(button.key).startswith("learn-"))
    learn.click().run()
    assert not shortcut()


def test_a_closed_request_leaves_the_list(open_page: OpenPage, request_id: int, app: Application, me: Actor) -> None:
    page = open_page("inbox")
    page.button(key=f"close-{request_id}").click().run()
    assert "Nobody is waiting" in texts(page)
    assert [view.id for view in handoff.list_handoffs(app, me, "closed")] == [request_id]


def settings_page(open_page: OpenPage) -> AppTest:
    page = open_page("inbox", **{"inbox.state": "settings"})
    if page.toggle(key="hours-always").value:
        page.toggle(key="hours-always").set_value(False).run()
    return page


def days(app: Application, me: Actor) -> dict[str, list[list[str]]]:
    return schedule.opening_hours(app, me)["days"]


def test_a_week_is_made_by_clicking(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = settings_page(open_page)
    assert page.pills(key="hours-days-0-0").value == ["mon", "tue", "wed", "thu", "fri"]
    page.time_input(key="hours-to-0-0").set_value(time(12))
    page.button(key="hours-add").click().run()
    page.pills(key="hours-days-0-1").set_value(["mon", "sat"])
    page.time_input(key="hours-from-0-1").set_value(time(13, 30))
    page.time_input(key="hours-to-0-1").set_value(time(0))
    page.date_input(key="hours-holiday").set_value(date(2026, 12, 25))
    page.button(key="hours-holiday-add").click().run()
    assert schedule.opening_hours(app, me)["always"], "nothing is stored before it is saved"
    page.button(key="hours-save").click().run()
    assert not page.error
    morning, evening = ["09:00", "12:00"], ["13:30", "24:00"]
    assert days(app, me) == {
        "mon": [morning, evening],
        "sat": [evening],
        "sun": [],
        **{day: [morning] for day in ("tue", "wed", "thu", "fri")},
    }
    assert schedule.opening_hours(app, me)["holidays"] == ["2026-12-25"]


def test_stored_hours_come_back_into_the_editor_and_a_row_can_go(
    open_page: OpenPage, app: Application, me: Actor
) -> None:
    stored = {"zone": "Asia/Shanghai", "hours": "mon-fri 09:00-18:00; sat 10:00-14:00", "holidays": ["2026-10-01"]}
    schedule.set_opening_hours(app, me, stored)
    page = settings_page(open_page)
    assert page.selectbox(key="hours-zone").value == "Asia/Shanghai"
    assert page.pills(key="hours-days-0-1").value == ["sat"]
    assert page.text_input(key="hours-text").value.startswith("mon 09:00-18:00; tue")
    page.button(key="hours-remove-0-1").click().run()
    page.multiselect(key="hours-holidays-0-2026-10-01").set_value([]).run()
    page.button(key="hours-save").click().run()
    assert not page.error
    assert days(app, me)["sat"] == []
    assert days(app, me)["fri"] == [["09:00", "18:00"]]
    assert schedule.opening_hours(app, me)["holidays"] == []


def test_times_that_overlap_are_refused_and_stay_on_the_page(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = settings_page(open_page)
    page.button(key="hours-add").click().run()
    page.pills(key="hours-days-0-1").set_value(["mon"])
    page.button(key="hours-save").click().run()
    assert "overlap" in str(page.error[0].value)
    assert page.pills(key="hours-days-0-1").value == ["mon"]
    assert schedule.opening_hours(app, me)["always"]


def test_the_week_is_also_taken_as_text(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = settings_page(open_page)
    page.text_input(key="hours-text").set_value("mon 9 to 5").run()
    page.button(key="hours-text-save").click().run()
    assert page.error
    page.text_input(key="hours-text").set_value("周一至周三 09:00-12:00、13:00-17:00").run()
    page.button(key="hours-text-save").click().run()
    assert not page.error
    assert days(app, me)["mon"] == days(app, me)["wed"] == [["09:00", "12:00"], ["13:00", "17:00"]]
    assert days(app, me)["thu"] == []
    assert page.pills(key="hours-days-1-0").value == ["mon", "tue", "wed"], "the editor shows what was typed"


def test_the_greeting_is_kept(open_page: OpenPage, app: Application, me: Actor) -> None:
    page = open_page("inbox", **{"inbox.state": "settings"})
    page.text_area(key="greeting-zh").set_value("您好，有什么可以帮您？")
    page.button(key="workspace-save").click().run()
    assert workspace.workspace_settings(app, me)["greeting"]["zh"] == "您好，有什么可以帮您？"
