"""Choosing the sentences that answer: the right one first, each cited to the letter, none twice, short."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.assistant.answer import joined, select
from core.assistant.cite import cite, holds, shown
from core.assistant.features import Kind, analyse_question
from core.assistant.ranking import FEATURES
from core.assistant.weights import load, parse
from core.types import Found
from tests.unit.assistant.passages import found

PLANS = (
    "Pilotlight comes in three plans. The Team plan costs $20 per seat and month. The Pro plan costs $45 per seat "
    "and month. All plans include e-mail support. Invoices are sent on the first day of the month."
)
REFUNDS = (
    "Refunds are easy. You can ask for a refund within 30 days of purchase. The money arrives after five business days."
    " Gift cards cannot be refunded."
)
ZH = (
    "星舟公司成立于2019年。总部位于杭州市西湖区。团队版每人每月99元。"
    "退款须在购买后30天内申请。客服热线每天9点到18点开放。"
)


@pytest.mark.parametrize(
    ("question", "texts", "lead"),
    [
        ("How much is the Team plan?", (PLANS, REFUNDS), "The Team plan costs $20 per seat and month."),
        ("How long do I have to ask for a refund?", (PLANS, REFUNDS), "You can ask for a refund within 30 days"),
        ("Can gift cards be refunded?", (REFUNDS, PLANS), "Gift cards cannot be refunded."),
        ("团队版多少钱？", (ZH,), "团队版每人每月99元。"),
        ("總部在哪裡？", (ZH,), "总部位于杭州市西湖区。"),
        ("公司是哪一年成立的？", (ZH,), "星舟公司成立于2019年。"),
        ("退款期限是多久？", (ZH,), "退款须在购买后30天内申请。"),
    ],
)
def test_the_sentence_that_answers_leads(question: str, texts: tuple[str, ...], lead: str) -> None:
    assert select(question, found(*texts)).sentences[0].text.startswith(lead)


def test_the_answer_can_come_from_a_lower_passage() -> None:
    draft = select("How long do I have to ask for a refund?", found(PLANS, REFUNDS))
    assert draft.citations[0].document == "document-2.md"


def test_an_answer_is_short_when_one_sentence_is_enough() -> None:
    assert len(select("How much is the Team plan?", found(PLANS, REFUNDS)).sentences) == 1


def test_nothing_found_gives_an_empty_draft() -> None:
    draft = select("Anything?", [])
    assert (draft.text, draft.sentences, draft.citations, draft.lead) == ("", (), (), None)


def test_the_same_sentence_in_two_documents_is_said_once() -> None:
    draft = select("What happens to gift cards?", found(REFUNDS, REFUNDS), max_sentences=3)
    assert len({c.quote for c in draft.citations}) == len(draft.citations)


def test_overlapping_passages_of_one_document_are_not_quoted_twice() -> None:
    one = found(REFUNDS)[0]
    spans = [(c.start, c.end) for c in select("refund", [one, one]).citations]
    assert len(set(spans)) == len(spans)


def test_a_table_row_is_one_sentence_with_its_header() -> None:
    rows = "Starter\t$0\tUp to 3 people. No support\nTeam\t$20\tUp to 50 people. E-mail support\nPro\t$45\tNo limit"
    draft = select("How many people can use Team?", found(rows, header="Plan\tPrice\tPeople"))
    assert draft.citations[0].quote == "Team\t$20\tUp to 50 people. E-mail support"
    assert draft.citations[0].header == "Plan\tPrice\tPeople"


def test_a_heading_is_not_an_answer() -> None:
    text = "Cancel the Team plan\nYou can cancel the Team plan in Settings at any time."
    draft = select("How do I cancel the Team plan?", found(text, section="Help › Cancel the Team plan"))
    assert draft.sentences[0].text == "You can cancel the Team plan in Settings at any time."


def test_a_sentence_that_introduces_a_list_brings_its_items() -> None:
    text = "The Team plan includes:\n- Single sign-on\n- Audit log\nOther plans include less."
    draft = select("What does the Team plan include?", found(text))
    assert draft.text == "The Team plan includes:\nSingle sign-on\nAudit log"


def test_after_the_lead_sentences_stand_in_reading_order() -> None:
    text = (
        "为什么退款会延迟有几个原因。银行处理需要时间。"
        "节假日银行不办公，因此退款会延迟。退款金额较大时需要人工审核，因此会延迟。"
    )
    citations = select("为什么退款会延迟？", found(text)).citations
    starts = [c.start for c in citations[1:]]
    assert starts == sorted(starts)


WORDS = st.sampled_from(["退款", "需要", "30天", "Team", "plan", "costs", "$20", "。", ". ", "\n", "；", *"？客服 的"])


@given(
    texts=st.lists(st.lists(WORDS, min_size=1, max_size=40).map("".join), min_size=1, max_size=4),
    question=st.lists(WORDS, min_size=1, max_size=6).map("".join),
    most=st.integers(1, 4),
)
@settings(max_examples=80, deadline=None)
def test_every_quote_is_the_stored_text_at_its_offsets(texts: list[str], question: str, most: int) -> None:
    items = found(*texts)
    stored = {item.passage.version_id: " " * item.passage.start + item.passage.text for item in items}
    draft = select(question, items, max_sentences=most)
    assert len(draft.citations) == len(draft.sentences) <= most
    assert all(holds(c, stored[c.version_id]) for c in draft.citations)
    assert [s.citations for s in draft.sentences] == [(i,) for i in range(len(draft.sentences))]


def test_a_quote_outside_its_passage_is_refused() -> None:
    item: Found = found("Short.")[0]
    with pytest.raises(ValueError, match="outside"):
        cite(item.passage, 0, 99)


def test_what_is_shown_loses_marks_and_line_breaks_only() -> None:
    assert shown("- Refunds take\n  five days.") == "Refunds take five days."
    assert shown("退款需要\n五天。") == "退款需要五天。"
    assert joined(["One.", "Two."]) == "One. Two."
    assert joined(["一。", "二。"]) == "一。二。"


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("多少钱一个月？", Kind.MONEY),
        ("How long does delivery take?", Kind.DURATION),
        ("几个人可以一起用？", Kind.NUMBER),
        ("什么时候发货？", Kind.WHEN),
        ("Who founded the company?", Kind.WHO),
        ("你们的总部在哪里？", Kind.WHERE),
        ("为什么登录失败？", Kind.WHY),
        ("这块石头被称为什么？", Kind.OTHER),
        ("可以开发票吗？", Kind.YES_NO),
    ],
)
def test_what_a_question_asks_for(question: str, kind: Kind) -> None:
    assert analyse_question(question).kind is kind


def test_weights_that_do_not_fit_the_code_are_refused() -> None:
    load("answer", FEATURES)
    with pytest.raises(ValueError, match="fit the weights again"):
        parse({"coefficients": {"other": 1.0}}, FEATURES)
