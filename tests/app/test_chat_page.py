from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.access.actor import Actor
from core.services import ask, conversations, faq, handoff, knowledge, schedule
from core.services.application import Application
from core.services.ingest import start_ingest
from core.services.views import Upload
from core.types import Rung
from pages.shared.answer_text import sentence_parts
from pages.shared.wording import plain
from tests.app.conftest import OpenPage, texts

REFUND = "When are refunds paid?"


def ask_on(page: AppTest, question: str) -> AppTest:
    return page.chat_input(key="chat-input").set_value(question).run()


def button_of(page: AppTest, prefix: str) -> str:
    found = [button.key for button in page.button if button.key and button.key.startswith(prefix)]
    assert found, f"no button {prefix}*; there are {[button.key for button in page.button]}"
    return found[0]


def test_without_a_knowledge_base_the_page_says_what_to_do(open_page: OpenPage) -> None:
    assert "Create a knowledge base" in texts(open_page("chat"))


def test_an_answer_names_its_rung_its_confidence_and_its_source(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    page = ask_on(open_page("chat"), REFUND)
    assert not page.exception
    assert not page.error
    said = texts(page)
    assert "Cited document" in said
    assert "sure (" in said
    page.button(key=button_of(page, "source-")).click().run()
    dialog = "".join(str(html.value) for html in page.get("html")) if page.get("html") else ""
    opened = texts(page)
    assert "handbook.md" in opened
    assert "page 1 of 1" in opened
    assert '<mark class="source-quote">' in dialog
    assert "5 working days" in dialog


def test_a_question_closes_the_drawer_even_when_its_closing_was_lost(open_page: OpenPage, handbook: int) -> None:
    page = ask_on(open_page("chat"), REFUND)
    page.button(key=button_of(page, "source-")).click().run()
    assert "page 1 of 1" in texts(page)
    assert "page 1 of 1" not in texts(ask_on(page, "How long is the warranty?"))


def test_the_question_is_stored_for_this_visitor_only(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    ask_on(open_page("chat"), REFUND)
    [stored] = conversations.list_conversations(app, me)
    assert [m.role for m in conversations.messages(app, me, stored.id)] == ["customer", "assistant"]
    stranger = open_page("chat", visitor="somebody-else-entirely-0000")
    assert REFUND not in texts(stranger)
    assert not [b for b in stranger.button if b.key and b.key.startswith("open-")]


def test_a_conversation_of_somebody_else_does_not_open_by_its_number(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    ask_on(open_page("chat"), REFUND)
    [stored] = conversations.list_conversations(app, me)
    page = open_page("chat", visitor="somebody-else-entirely-0000", **{"chat.conversation": stored.id})
    assert not page.error
    assert REFUND not in texts(page)


def test_a_refusal_says_why_shows_the_best_places_and_offers_a_person(open_page: OpenPage, handbook: int) -> None:
    page = ask_on(open_page("chat"), "Which planet has the most moons in our solar system?")
    said = texts(page)
    assert "No answer" in said
    assert "I don’t know" in said
    page.button(key=button_of(page, "person-")).click().run()
    assert page.button(key="handoff-send")


def test_an_example_question_is_asked_with_one_click(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    faq.save_faq(app, me, handbook, question="Do you ship to Norway?", answer="Yes, within 8 days.")
    page = open_page("chat")
    page.button(key="example-0").click().run()
    assert "Approved FAQ" in texts(page)


def test_a_greeting_is_not_searched(open_page: OpenPage, handbook: int, app: Application, me: Actor) -> None:
    page = ask_on(open_page("chat"), "Hello!")
    assert not page.error
    [stored] = conversations.list_conversations(app, me)
    answer = conversations.messages(app, me, stored.id)[-1].answer
    assert answer is not None
    assert answer.rung is Rung.SMALLTALK
    assert "Small talk" not in texts(page)


def test_feedback_with_a_correction_becomes_a_suggestion(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    page = ask_on(open_page("chat"), REFUND)
    [stored] = conversations.list_conversations(app, me)
    number = conversations.messages(app, me, stored.id)[-1].id
    page.feedback(key=f"thumbs-{number}").set_value(0).run()
    assert conversations.messages(app, me, stored.id)[-1].feedback == -1
    page.button(key=f"why-{number}").click().run()
    page.text_area(key=f"correction-{number}").set_value("Within 3 working days.")
    page.button(key=f"send-{number}").click().run()
    assert not page.error
    [suggested] = faq.list_faq(app, me, handbook, approved=False).rows
    assert suggested.answer == "Within 3 working days."


def test_rename_refuses_an_empty_title_and_keeps_the_old_one(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    page = ask_on(open_page("chat"), REFUND)
    [stored] = conversations.list_conversations(app, me)
    page.text_input(key=f"rename-to-{stored.id}").set_value("   ")
    page.button(key=f"rename-save-{stored.id}").click().run()
    assert page.error
    page.text_input(key=f"rename-to-{stored.id}").set_value("My refund")
    page.button(key=f"rename-save-{stored.id}").click().run()
    assert conversations.list_conversations(app, me)[0].title == "My refund"


def test_a_deleted_conversation_is_gone(open_page: OpenPage, handbook: int, app: Application, me: Actor) -> None:
    page = ask_on(open_page("chat"), REFUND)
    [stored] = conversations.list_conversations(app, me)
    page.button(key=f"delete-{stored.id}").click().run()
    page.button(key="delete-yes").click().run()
    assert conversations.list_conversations(app, me) == []
    assert "Your conversations will appear here." in texts(page)


@pytest.mark.parametrize(
    ("language", "locale", "words"), [("en", "en-US", "Nobody is on duty"), ("zh", "zh-CN", "不在线")]
)
def test_out_of_hours_it_says_so_and_takes_a_contact(
    open_page: OpenPage, handbook: int, app: Application, me: Actor, language: str, locale: str, words: str
) -> None:
    closed = {day: [] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    schedule.set_opening_hours(app, me, {"zone": "UTC", "days": closed})
    page = open_page("chat", locale=locale)
    assert words in texts(page)
    page.button(key="talk-to-person").click().run()
    page.text_input(key="handoff-contact").set_value("jo@example.com")
    page.button(key="handoff-send").click().run()
    assert not page.error
    [request] = handoff.list_handoffs(app, me)
    assert request.contact == "jo@example.com"


def test_a_staff_reply_appears_in_the_conversation(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    number = conversations.start_conversation(app, me, handbook)
    ask.ask(app, me, number, REFUND).result()
    promise = handoff.request_person(app, me, number)
    handoff.reply(app, me, promise.handoff_id, "Mara here: three days.")
    page = open_page("chat")
    assert "A colleague answers here now." in texts(page)
    page.button(key="back-to-assistant").click().run()
    assert "A colleague answers here now." not in texts(page)


def test_of_many_messages_the_latest_are_shown_and_earlier_ones_on_demand(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    from core.db.tables import Message

    number = conversations.start_conversation(app, me, handbook)
    ask.ask(app, me, number, REFUND).result()
    with app.database.write(me.workspace_id) as rows:
        rows.add_all([Message(conversation_id=number, role="customer", text=f"line {i}") for i in range(120)])
    page = open_page("chat")
    assert len(page.chat_message) == 50
    page.button(key="chat-earlier").click().run()
    assert len(page.chat_message) == 100


def test_what_a_customer_writes_is_never_markup() -> None:
    nasty = "![x](http://e.vil/p.png) <script>$x$ :red[boo] [a](javascript:b) `c` # d"
    shown = plain(nasty)
    assert shown.replace("\\", "") == nasty
    for special in "![]()<>$:`#":
        assert special not in shown.replace("\\" + special, "")


def test_an_answer_is_taken_apart_without_losing_a_letter(app: Application, handbook: int, me: Actor) -> None:
    answer = ask.answer_question(app, me.workspace_id, handbook, REFUND)
    assert answer.text
    assert "".join(part["gap"] + part["text"] for part in sentence_parts(answer)) == answer.text
    assert all(0 <= number < len(answer.citations) for part in sentence_parts(answer) for number in part["citations"])


def test_an_unanswered_knowledge_base_says_it_is_empty(open_page: OpenPage, app: Application, me: Actor) -> None:
    knowledge.create_knowledge_base(app, me, "Empty")
    assert "This knowledge base is empty" in texts(open_page("chat"))


def test_stop_closes_the_stream_so_that_what_was_said_is_kept(
    app: Application, handbook: int, me: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop ends the script where it draws, with an exception that is no Exception."""
    from streamlit.delta_generator import DeltaGenerator
    from streamlit.runtime.scriptrunner_utils.exceptions import StopException

    from pages.shared import chat_answering

    def stopped(*args: object, **more: object) -> None:
        raise StopException

    monkeypatch.setattr(DeltaGenerator, "markdown", stopped)
    number = conversations.start_conversation(app, me, handbook)
    asked = ask.ask(app, me, number, REFUND)
    with pytest.raises(StopException):
        chat_answering._speak(app, me, asked)
    stored = conversations.messages(app, me, number)[-1]
    # A quoted answer is spoken at once: it may be whole before Stop comes, but it is never left open or lost.
    assert stored.state in {"stopped", "done"}
    assert stored.text
    assert stored.text in "Refunds are paid within 5 working days after the returned lamp has arrived."


def test_a_stopped_answer_keeps_its_sources_and_can_be_made_again(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    from core.db.tables import Message

    page = ask_on(open_page("chat"), REFUND)
    [conversation] = conversations.list_conversations(app, me)
    number = conversations.messages(app, me, conversation.id)[-1].id
    with app.database.write(me.workspace_id) as rows:
        rows.get(Message, number).state = "stopped"
    page.run()
    assert "Stopped here, as you asked." in texts(page)
    assert button_of(page, "source-")
    page.button(key=f"again-{number}").click().run()
    assert not page.error
    assert conversations.messages(app, me, conversation.id)[-1].state == "done"


def test_sources_that_contradict_each_other_say_their_own_dates(
    open_page: OpenPage, handbook: int, app: Application, me: Actor, work: Callable[[int], None]
) -> None:
    text = "# Warranty\n\nLast updated: {}\n\nEvery Lumen lamp has a warranty of {} months.\n"
    old, new = text.format("2024-01-10", 24), text.format("2025-03-01", 36)
    work(start_ingest(app, me, handbook, [Upload("old.md", old.encode()), Upload("new.md", new.encode())]))
    knowledge.update_settings(app, me, handbook, threshold=0.2)
    page = ask_on(open_page("chat"), "How long is the warranty of a Lumen lamp?")
    labels = " ".join(str(button.label) for button in page.button).replace("\\", "")
    assert "old.md · p. 1 · dated 2024-01-10" in labels
    assert "new.md · p. 1 · dated 2025-03-01" in labels
    assert "new.md is the later one" in texts(page)


def test_a_request_that_a_colleague_closed_says_so(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    page = ask_on(open_page("chat"), REFUND)
    [stored] = conversations.list_conversations(app, me)
    promise = handoff.request_person(app, me, stored.id)
    handoff.reply(app, me, promise.handoff_id, "Mara here.")
    handoff.close_handoff(app, me, promise.handoff_id)
    page = page.run()
    assert not page.error
    assert "A colleague closed this request." in texts(page)
    assert [button for button in page.button if button.key == "talk-to-person"], "the assistant answers again"
