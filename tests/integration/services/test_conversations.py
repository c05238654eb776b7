"""Conversations belong to one visitor of one workspace; feedback and export of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from core.access.actor import Actor
from core.db.tables import Conversation, FaqEntry, Feedback, Message, utc_now
from core.errors import BadInput, NotFound
from core.services import answers_codec
from core.services.application import Application
from core.services.conversations import (
    TITLE_CHARS,
    delete_conversation,
    export_conversation,
    list_conversations,
    messages,
    rename_conversation,
    start_conversation,
    title_of,
)
from core.services.feedback import give_feedback
from core.types import Answer, AnswerSentence, Citation, Rung
from tests.integration.services.conftest import Shop

QUOTE = "Returns are free within 30 days."
ANSWER = Answer(
    text=QUOTE,
    rung=Rung.DOCUMENT,
    confidence=0.91,
    citations=(Citation(1, 2, 3, "returns.pdf", 4, "Returns", 10, 10 + len(QUOTE), QUOTE),),
    sentences=(AnswerSentence(QUOTE, (0,)),),
    query="How long can I return?",
)


def exchange(app: Application, actor: Actor, conversation_id: int, question: str, **more: Any) -> int:
    """A question and its stored answer; the answer's message id."""
    with app.database.write(actor.workspace_id) as rows:
        conversation = rows.get(Conversation, conversation_id)
        conversation.title = conversation.title or title_of(question)
        rows.add(Message(conversation_id=conversation_id, role="customer", text=question))
        values: dict[str, Any] = {
            "text": ANSWER.text,
            "rung": "document",
            "confidence": ANSWER.confidence,
            "detail": answers_codec.to_detail(ANSWER) | {"timings": {"total": 41.6}},
            **more,
        }
        return rows.add(Message(conversation_id=conversation_id, role="assistant", **values)).id


def test_the_list_is_one_query_however_long_it_is(app: Application, shop: Shop) -> None:
    ann = shop.customer("ann")
    for number in range(12):
        talk = start_conversation(app, ann, shop.kb)
        for _ in range(number):
            exchange(app, ann, talk, f"Question {number}?")
    asked: list[str] = []
    event.listen(app.database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    found = list_conversations(app, ann)
    assert [statement.split()[0] for statement in asked if not statement.startswith("BEGIN")] == ["SELECT"]
    assert {view.title: view.messages for view in found} == {f"Question {n}?": 2 * n for n in range(1, 12)}
    assert [view.title for view in list_conversations(app, ann, search="question 1", limit=2)] == [
        "Question 11?",
        "Question 10?",
    ]


def test_another_visitor_and_another_workspace_cannot_reach_a_conversation(
    app: Application, shop: Shop, rival: Shop
) -> None:
    ann = shop.customer("ann")
    mine = start_conversation(app, ann, shop.kb)
    answer = exchange(app, ann, mine, "How long can I return?")
    # The same browser id in another workspace is another person, the owner is no visitor of this conversation.
    for other in (shop.customer("ben"), rival.customer("ann"), shop.owner(), shop.agent()):
        assert list_conversations(app, other) == []
        for act in (
            lambda a: messages(app, a, mine),
            lambda a: rename_conversation(app, a, mine, "Mine now"),
            lambda a: delete_conversation(app, a, mine),
            lambda a: export_conversation(app, a, mine),
            lambda a: give_feedback(app, a, answer, -1, correction="No."),
        ):
            with pytest.raises(NotFound):
                act(other)
    assert [view.text for view in messages(app, ann, mine)] == ["How long can I return?", QUOTE]
    assert list_conversations(app, ann)[0].title == "How long can I return?"


def test_a_conversation_about_another_workspaces_knowledge_base_cannot_be_started(
    app: Application, shop: Shop, rival: Shop
) -> None:
    with pytest.raises(NotFound):
        start_conversation(app, shop.customer(), rival.kb)


def test_messages_come_back_as_they_were_with_citations_and_time(app: Application, shop: Shop) -> None:
    ann = shop.customer()
    mine = start_conversation(app, ann, shop.kb)
    exchange(app, ann, mine, "How long can I return?")
    view = messages(app, ann, mine)[-1]
    assert view.answer == ANSWER
    assert (view.milliseconds, view.feedback, view.retry) == (42, 0, False)
    assert view.created_at.tzinfo is not None


def test_an_answer_of_a_killed_process_reads_as_failed_and_may_be_tried_again(app: Application, shop: Shop) -> None:
    ann = shop.customer()
    mine = start_conversation(app, ann, shop.kb)
    begun = {"text": "", "rung": "", "state": "answering", "detail": {}}
    fresh = exchange(app, ann, mine, "A?", **begun)
    killed = exchange(app, ann, mine, "B?", **begun, created_at=utc_now() - timedelta(seconds=61))
    sign = {"alive": (utc_now() - timedelta(seconds=5)).isoformat()}
    slow = exchange(app, ann, mine, "C?", **begun | {"detail": sign}, created_at=utc_now() - timedelta(seconds=300))
    views = {view.id: view for view in messages(app, ann, mine)}
    assert (views[fresh].state, views[fresh].retry) == ("answering", False)
    assert (views[killed].state, views[killed].retry) == ("failed", True)
    assert views[killed].detail["error"]["code"] == "chat.interrupted"
    assert views[slow].state == "answering"


def test_long_conversations_are_read_in_pages(app: Application, shop: Shop) -> None:
    ann = shop.customer()
    mine = start_conversation(app, ann, shop.kb)
    with app.database.write(ann.workspace_id) as rows:
        rows.add_all(
            [
                Message(
                    conversation_id=mine,
                    role="assistant" if i % 2 else "customer",
                    text=f"{i}",
                    rung="document" if i % 2 else "",
                    detail=answers_codec.to_detail(ANSWER) if i % 2 else {},
                )
                for i in range(1000)
            ]
        )
    last = messages(app, ann, mine)
    assert [view.text for view in last] == [str(i) for i in range(800, 1000)]
    earlier = messages(app, ann, mine, before_id=last[0].id, limit=100)
    assert [view.text for view in earlier] == [str(i) for i in range(700, 800)]
    assert len(messages(app, ann, mine, limit=1000)) == 1000


def test_rename_search_and_delete(app: Application, shop: Shop) -> None:
    ann = shop.customer()
    first, second = (start_conversation(app, ann, shop.kb) for _ in range(2))
    exchange(app, ann, first, "About 50% returns")
    vote = exchange(app, ann, second, "About deliveries")
    give_feedback(app, ann, vote, 1)
    assert {c.title for c in list_conversations(app, ann)} == {"About 50% returns", "About deliveries"}
    assert [c.id for c in list_conversations(app, ann, search="50%")] == [first]
    assert list_conversations(app, ann, search="5_%") == []
    rename_conversation(app, ann, first, "  My  returns ")
    assert list_conversations(app, ann, search="my returns")[0].id == first
    with pytest.raises(BadInput):
        rename_conversation(app, ann, first, "  ")
    delete_conversation(app, ann, second)
    with pytest.raises(NotFound):
        messages(app, ann, second)
    with app.database.read(ann.workspace_id) as rows:
        assert rows.count(Message, Message.conversation_id == second) == 0
        assert rows.count(Feedback) == 0


def test_a_conversation_without_a_message_is_not_listed(app: Application, shop: Shop) -> None:
    start_conversation(app, shop.customer(), shop.kb)
    assert list_conversations(app, shop.customer()) == []


def test_export_in_both_formats_and_languages(app: Application, shop: Shop) -> None:
    ann = shop.customer()
    mine = start_conversation(app, ann, shop.kb)
    exchange(app, ann, mine, "How long can I return?")
    exchange(
        app,
        ann,
        mine,
        "Who is your king?",
        text="",
        rung="refusal",
        detail={"refusal": {"reason": "too_weak", "best": [], "detail": {}}},
    )
    markdown = export_conversation(app, ann, mine, "markdown")
    assert "# How long can I return?" in markdown
    assert "> [1] returns.pdf, page 4: “Returns are free within 30 days.”" in markdown
    assert "I do not know." in markdown
    chinese = export_conversation(app, Actor(ann.workspace_id, ann.visitor, ann.role, "zh"), mine, "markdown")
    assert "returns.pdf，第 4 页" in chinese
    read = json.loads(export_conversation(app, ann, mine, "json"))
    assert answers_codec.from_json(read["messages"][1]["answer"]) == ANSWER
    with pytest.raises(BadInput):
        export_conversation(app, ann, mine, "pdf")  # type: ignore[arg-type]


def test_feedback_replaces_the_vote_before_and_keeps_one_suggestion(app: Application, shop: Shop) -> None:
    ann = shop.customer()
    mine = start_conversation(app, ann, shop.kb)
    answer = exchange(app, ann, mine, "How long can I return?")
    give_feedback(app, ann, answer, -1, "wrong", "Sixty days.")
    give_feedback(app, ann, answer, -1, "outdated", "Sixty days since May.")
    assert messages(app, ann, mine)[-1].feedback == -1
    with app.database.read(ann.workspace_id) as rows:
        entry = rows.all(rows.select(FaqEntry))
        assert [(e.question, e.answer, e.approved) for e in entry] == [
            ("How long can I return?", "Sixty days since May.", False)
        ]
    give_feedback(app, ann, answer, 1)
    assert messages(app, ann, mine)[-1].feedback == 1
    give_feedback(app, ann, answer, 0)
    assert messages(app, ann, mine)[-1].feedback == 0


@pytest.mark.parametrize(("value", "reason"), [(2, ""), (-1, "ugly")])
def test_feedback_that_means_nothing_is_refused(app: Application, shop: Shop, value: Any, reason: str) -> None:
    ann = shop.customer()
    answer = exchange(app, ann, start_conversation(app, ann, shop.kb), "How?")
    with pytest.raises(BadInput):
        give_feedback(app, ann, answer, value, reason)


def test_ones_own_question_cannot_be_voted_on(app: Application, shop: Shop) -> None:
    ann = shop.customer()
    mine = start_conversation(app, ann, shop.kb)
    exchange(app, ann, mine, "How?")
    with pytest.raises(NotFound):
        give_feedback(app, ann, messages(app, ann, mine)[0].id, 1)


@given(st.text(max_size=200))
def test_titles_are_short_one_line_and_cut_at_a_word(question: str) -> None:
    title = title_of(question)
    flat = " ".join(question.split())
    assert len(title) <= TITLE_CHARS + 1
    assert "\n" not in title
    if title != flat:
        assert title.endswith("…")
        assert flat.startswith(title[:-1])


def test_titles_do_not_cut_words() -> None:
    question = "How many days do I have to return a lamp that I bought in your shop in Berlin last month?"
    assert title_of(question) == "How many days do I have to return a lamp that I bought in…"
    assert title_of("我" * 100) == "我" * TITLE_CHARS + "…"
