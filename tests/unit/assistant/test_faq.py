"""FAQ matching: other wordings match; other things, numbers, negations and names never do."""

from __future__ import annotations

import numpy as np
import pytest

from core.assistant.faq import FaqIndex, FaqItem, conflicts, match

ENTRIES = [
    FaqItem(1, ("How do I reset my password?", "I forgot my password", "Password reset")),
    FaqItem(2, ("How long does delivery take?", "When will my order arrive?")),
    FaqItem(3, ("怎么申请退款？", "如何退款", "退款怎么操作")),
    FaqItem(4, ("怎么开通团队版？",)),
    FaqItem(5, ("Can I pay by invoice?",)),
]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("how do i reset my password", 1),
        ("I forgot my password!", 1),
        ("How long does the delivery take?", 2),
        ("請問怎麼申請退款？", 3),
        ("如何退款？", 3),
        ("Which airports have a lounge?", None),
        ("团队版多少钱？", None),
        ("怎么关闭团队版？", None),
        ("怎么开通企业版？", None),
        ("", None),
    ],
)
def test_matches(question: str, expected: int | None) -> None:
    found = match(question, ENTRIES)
    assert (found.id if found else None) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Can I return after 30 days?", "Can I return after 60 days?"),
        ("Is the Team plan refundable?", "Is the Team plan not refundable?"),
        ("How do I cancel my account?", "How do I open my account?"),
        ("How much is delivery?", "How long is delivery?"),
        ("Does it work with Slack?", "Does it work with Teams?"),
        ("怎么开通花呗", "怎么关闭花呗"),
        ("为什么无法登录", "怎么登录"),
        ("30天内可以退吗", "60天内可以退吗"),
    ],
)
def test_conflicts_forbid_a_match(one: str, other: str) -> None:
    assert conflicts(one, other)
    assert not conflicts(one, one)
    assert match(one, [FaqItem(1, (other,))]) is None


def test_two_entries_that_are_equally_alike_do_not_fire() -> None:
    rivals = [FaqItem(1, ("How do I change my address?",)), FaqItem(2, ("How do I change my email?",))]
    assert match("How do I change my", rivals) is None


def test_an_encoder_finds_other_words_for_the_same_and_is_not_asked_about_chinese() -> None:
    asked: list[str] = []
    directions = {"password": 0, "delivery": 1, "invoice": 2}

    def encode(texts: object) -> np.ndarray:
        rows = []
        for text in texts:  # type: ignore[attr-defined]
            asked.append(text)
            word = "password" if "log in" in text else next((w for w in directions if w in text.lower()), "")
            row = np.zeros(4, dtype=np.float32)
            row[directions.get(word, 3)] = 1.0
            rows.append(row)
        return np.array(rows)

    index = FaqIndex([FaqItem(1, ("reset password",)), FaqItem(2, ("delivery time",)), FaqItem(3, ("退款",))], encode)
    scores, _ = index.scores("I cannot log in")
    assert int(np.argmax(scores)) == 0
    index.match("退款")
    assert "退款" not in asked
