"""Contradictions: found when two sentences plainly differ about one thing, and never for two different things."""

from __future__ import annotations

import pytest

from core.assistant.answer import select
from core.assistant.contradiction import disagree, find
from tests.unit.assistant.passages import found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Refunds are possible within 30 days of purchase.", "Refunds are possible within 60 days of purchase."),
        ("You can request a refund within thirty days.", "You can request a refund within 14 days."),
        ("Support is open until 6 pm.", "Support is open until 8 pm."),
        ("退款需在30天内申请。", "退款须在60日之内提出申请。"),
        ("客服热线工作时间为9:00到18:00。", "客服热线工作时间为9:00到20:00。"),
        ("团队版每人每月99元。", "團隊版每人每月129元。"),
        ("The company was founded in 2019.", "The company was founded in 2021."),
    ],
)
def test_different_values_for_the_same_thing(one: str, other: str) -> None:
    assert disagree(one, other) is not None
    assert disagree(other, one) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Team plan costs $20 per month.", "The Pro plan costs $45 per month."),
        ("团队版每月99元。", "企业版每月199元。"),
        ("Annual plans can be refunded within 30 days.", "Monthly plans can be refunded within 7 days."),
        ("Refunds are possible within 30 days.", "Refunds are possible within thirty days."),
        ("退款需在30天内申请。", "退款需在三十天内申请。"),
        ("Shipping to France takes 3 days.", "Shipping to Germany takes 5 days."),
        ("A seat costs $20, $18 from ten seats on.", "A seat costs $20, $16 from fifty seats on."),
        ("Refunds are possible within 30 days.", "Support answers within 2 hours."),
        ("The warranty lasts 2 years.", "The warranty lasts 24 months."),
        ("国内订单3天送达。", "海外订单10天送达。"),
        ("Order A-1001 was sent.", "Order A-1002 was sent."),
    ],
)
def test_different_things_or_the_same_value(one: str, other: str) -> None:
    assert disagree(one, other) is None
    assert disagree(other, one) is None


def test_table_rows_with_different_keys_do_not_contradict() -> None:
    header = ("Plan\tPrice", "Plan\tPrice")
    assert disagree("Team\t$20 per month", "Pro\t$45 per month", header) is None
    assert disagree("Team\t$20 per month", "Team\t$25 per month", header) is not None


def test_only_different_documents_contradict() -> None:
    texts = "退款需在30天内申请。", "退款需在60天内申请。"
    for same, expected in ((True, False), (False, True)):
        items = found(*texts, same_document=same)
        assert (find(select("退款期限是多少天？", items).ranked, items) is not None) is expected
