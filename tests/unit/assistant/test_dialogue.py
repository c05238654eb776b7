"""Conversation: small talk, a wish for a person, follow-ups, doubts; and that a wrong claim changes no answer."""

from __future__ import annotations

import pytest

from core.assistant.answer import select
from core.assistant.dialogue import Turn, understand
from tests.unit.assistant.passages import found


def after(*questions: str) -> list[Turn]:
    return [Turn("customer", question) for question in questions]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hello", "greeting"),
        ("Hi there!", "greeting"),
        ("你好", "greeting"),
        ("您好！在吗？", "greeting"),
        ("Thank you very much for your help.", "thanks"),
        ("ok, great, thanks!", "thanks"),
        ("谢谢", "thanks"),
        ("非常感谢您的帮助！", "thanks"),
        ("bye", "goodbye"),
        ("okay thanks bye", "goodbye"),
        ("再见", "goodbye"),
        ("talk to a human", "ask_person"),
        ("I want to speak to an agent", "ask_person"),
        ("could I speak with a real person please?", "ask_person"),
        ("human", "ask_person"),
        ("I want to talk to your sales team", "ask_person"),
        ("转人工", "ask_person"),
        ("我要找人工客服", "ask_person"),
        ("你好，帮我转客服", "ask_person"),
        ("有真人吗？", "ask_person"),
        ("能找个人跟我聊聊吗", "ask_person"),
        ("how many agents can I add?", "question"),
        ("Can an agent export reports?", "question"),
        ("Is human review included?", "question"),
        ("I need a person to review my documents", "question"),
        ("人工客服几点上班？", "question"),
        ("人工智能是什么", "question"),
        ("不用转人工", "question"),
        ("hi, how much is the Team plan?", "question"),
        ("greatest discount?", "question"),
        ("行李怎么托运", "question"),
        ("可以退款吗", "question"),
    ],
)
def test_what_a_message_is(text: str, kind: str) -> None:
    understood = understand(text, [])
    assert understood.kind == kind
    assert bool(understood.query) is (kind == "question")


@pytest.mark.parametrize(
    ("before", "text", "query"),
    [
        ("How much is the Team plan?", "and for students?", "How much is the Team plan for students?"),
        ("How much is the Team plan?", "What about the Pro plan?", "How much is the Pro plan?"),
        ("How much is the Team plan?", "No, I meant the Pro plan", "How much is the Pro plan?"),
        ("How much is the Team plan?", "What does it include?", "What does the Team plan include?"),
        ("How long does shipping to France take?", "What about Germany?", "How long does shipping to Germany take?"),
        ("How long does delivery in France take?", "and in Canada?", "How long does delivery in Canada take?"),
        ("How do gift cards work?", "do they expire?", "do gift cards expire?"),
        ("换货需要多久？", "那退货呢？", "退货需要多久？"),
        ("换货需要多久？", "谢谢，那退货呢？", "退货需要多久？"),
        ("团队版多少钱？", "那企业版呢", "企业版多少钱？"),
        ("团队版多少钱？", "不是，我问的是企业版", "企业版多少钱？"),
        ("团队版支持多少人？", "它多少钱？", "团队版多少钱？"),
        ("怎么申请退款？", "需要多久？", "申请退款需要多久？"),
        ("你们有没有数据导出功能？", "这个怎么收费", "数据导出功能怎么收费？"),
    ],
)
def test_a_follow_up_is_completed(before: str, text: str, query: str) -> None:
    understood = understand(text, after(before))
    assert (understood.query, understood.completed) == (query, True)


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("How much is the Team plan?", "How do I export my data?"),
        ("How much is the Team plan?", "Is it possible to export my data to CSV?"),
        ("How much is the Team plan?", "Is there a student discount?"),
        ("团队版多少钱？", "怎么导出数据？"),
        ("团队版多少钱？", "可以开发票吗？"),
    ],
)
def test_a_new_topic_is_not_polluted(before: str, text: str) -> None:
    understood = understand(text, after(before))
    assert (understood.query, understood.completed) == (text, False)


def test_a_follow_up_of_a_follow_up() -> None:
    assert understand("and the Pro plan?", after("How much is the Team plan?", "thanks!")).query.startswith("How much")
    assert understand("它多少钱？", after("团队版支持多少人？", "那企业版呢？")).query == "企业版多少钱？"


def test_without_history_a_fragment_stays_as_it_is() -> None:
    assert understand("and for students?", []).query == "and for students?"


@pytest.mark.parametrize(
    ("asked", "claim", "text", "sourced"),
    [
        (
            "How long do I have to ask for a refund?",
            "No, it is 60 days, right?",
            "You can ask for a refund within 30 days of purchase. Delivery takes up to 60 days.",
            "within 30 days",
        ),
        ("How long is the refund period?", "I thought it was 60 days", "The refund period is 30 days.", "30 days"),
        ("退款期限是多少天？", "不对，应该是60天吧？", "退款期限是30天。保修期是60天。", "30天"),
        ("退款期限是多少天？", "你确定吗？", "退款期限是30天。保修期是60天。", "30天"),
    ],
)
def test_a_wrong_claim_does_not_change_a_sourced_answer(asked: str, claim: str, text: str, sourced: str) -> None:
    history = [*after(asked), Turn("assistant", "…")]
    understood = understand(claim, history)
    assert understood.doubts
    assert understood.query == asked
    items = found(text)
    first, second = select(asked, items), select(understood.query, items)
    assert sourced in first.sentences[0].text
    assert second.text == first.text


def test_what_the_assistant_said_is_never_searched_for() -> None:
    history = [Turn("customer", "How much is the Team plan?"), Turn("assistant", "The Moon plan is free.")]
    assert "Moon" not in understand("and for students?", history).query
