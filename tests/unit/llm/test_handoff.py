"""The packet that a person on duty reads."""

from __future__ import annotations

from core.assistant.handoff import MAX_LISTED, HandoffReason, Turn, packet
from core.types import Answer, Citation, Refusal, RefusalReason, Rung

CITATION = Citation(1, 1, 1, "Returns.pdf", 3, "", 0, 8, "30 days.")
ANSWER = Answer("Items may be returned within 30 days.", Rung.DOCUMENT, 0.9, (CITATION,))
REFUSAL = Answer(None, Rung.REFUSAL, 0.1, refusal=Refusal(RefusalReason.TOO_WEAK, (CITATION,)))
FAQ = Answer("Yes, by email.", Rung.FAQ, 1.0, faq_id=4)
HELLO = Answer("Hello!", Rung.SMALLTALK, 1.0)


def said(text: str) -> Turn:
    return Turn("customer", text)


def replied(answer: Answer, helpful: bool | None = None) -> Turn:
    return Turn("assistant", answer.text or "I do not know.", answer, helpful)


CONVERSATION = [
    said("Hello"),
    replied(HELLO),
    said("How long can I return things?"),
    replied(ANSWER, helpful=False),
    said("And a used laptop?"),
    replied(REFUSAL),
    said("Do you send invoices?"),
    replied(FAQ),
    said("I want to talk to a person"),
]


def test_what_was_tried_in_order_with_what_failed() -> None:
    made = packet(CONVERSATION, HandoffReason.ASKED, "en")
    assert [(t.question, t.rung, t.failed, t.why) for t in made.tried] == [
        ("How long can I return things?", Rung.DOCUMENT, True, "unhelpful"),
        ("And a used laptop?", Rung.REFUSAL, True, "refused.too_weak"),
        ("Do you send invoices?", Rung.FAQ, False, ""),
    ]
    assert made.tried[0].citations == made.tried[1].citations == (CITATION,)


def test_the_summary_reads_in_english() -> None:
    assert packet(CONVERSATION, HandoffReason.ASKED, "en", contact="kim@example.com").summary.splitlines() == [
        "The customer asked for a person.",
        "3 questions so far; not settled: 2.",
        "1. “How long can I return things?” – answered from the documents: “Items may be returned within 30 days.” "
        "(Returns.pdf, p. 3) – this did not help",
        "2. “And a used laptop?” – not answered: what was found is too weak (Returns.pdf, p. 3).",
        "3. “Do you send invoices?” – answered from the FAQ: “Yes, by email.”",
        "Reach the customer at: kim@example.com",
    ]


def test_the_summary_reads_in_chinese() -> None:
    turns = [said("多久能退货？"), replied(ANSWER, False), said("二手的呢？"), replied(REFUSAL), said("转人工")]
    assert packet(turns, HandoffReason.UNHELPFUL, "zh").summary.splitlines() == [
        "客户反馈回答没有帮助。",
        "目前共 2 个问题，未解决 2 个。",
        "1. “多久能退货？”——已引用文档答复："
        "“Items may be returned within 30 days.”（《Returns.pdf》第 3 页），客户表示没有帮助",
        "2. “二手的呢？”——未作答：找到的内容不够可靠（《Returns.pdf》第 3 页）。",
    ]


def test_unanswered_questions_and_staff_replies_count() -> None:
    turns = [
        said("Where is my parcel?"),
        said("Number 42?"),
        Turn("staff", "On its way."),
        said("When will it be here?"),
    ]
    assert [(t.question, t.rung, t.why) for t in packet(turns, HandoffReason.STAFF, "en").tried] == [
        ("Where is my parcel?", None, "unanswered"),
        ("Number 42?", Rung.PERSON, ""),
        ("When will it be here?", None, "unanswered"),
    ]


def test_nothing_asked_yet() -> None:
    made = packet([said("agent please")], HandoffReason.ASKED, "en")
    assert made.tried == ()
    assert made.summary.splitlines()[1] == "No question has been asked yet."


def test_long_conversations_and_texts_stay_readable() -> None:
    turns = [turn for n in range(30) for turn in (said(f"Question {n} " + "word " * 200), replied(ANSWER))]
    summary = packet(turns, HandoffReason.ASKED, "en").summary
    assert len(summary.splitlines()) == MAX_LISTED + 3
    assert "(22 more in between)" in summary
    assert all(len(line) < 450 for line in summary.splitlines())


def test_every_reason_has_its_words() -> None:
    for language in ("en", "zh"):
        for reason in HandoffReason:
            for refusal in RefusalReason:
                answer = Answer(None, Rung.REFUSAL, 0.0, refusal=Refusal(refusal))
                assert packet([said("Q?"), replied(answer)], reason, language).summary  # type: ignore[arg-type]
