"""One fact, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assistant.claim_values import matches, values


def facts(text: str) -> list[tuple[str, object]]:
    return [(v.kind, v.value) for v in values(text).items]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000 items", "1000 items"),
        ("３０天", "三十天"),
        ("thirty days", "30-day"),
        ("三十天", "thirty days"),
        ("two weeks", "14 days"),
        ("24 months", "两年"),
        ("$49", "49 USD"),
        ("￥99", "99元"),
        ("1.5万元", "15000元"),
        ("百分之五", "5%"),
        ("5 per cent", "5%"),
        ("5 business days", "五个工作日"),
        ("March 3, 2021", "2021年3月3日"),
        ("3 March 2021", "2021-03-03"),
        ("6 pm", "18:00"),
        ("下午6点", "18:00"),
        ("Monday", "星期一"),
        ("AES-256", "aes256"),
        ("per month", "每月"),
        ("one hundred and twenty", "120"),
        ("at least 12", "不少于12"),
        ("up to 12", "最多12"),
    ],
)
def test_two_ways_to_write_one_fact(one: str, other: str) -> None:
    (mine,), (theirs,) = values(one).items, values(other).items
    assert matches(mine, theirs), (mine, theirs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("30 days", "30 hours"),
        ("5 days", "5 business days"),
        ("$49", "€49"),
        ("49元", "49美元"),
        ("at least 12", "at most 12"),
        ("不少于12", "不超过12"),
        ("no more than 12", "more than 12"),
        ("after 30 days", "within 30 days"),
        ("30天后", "30天内"),
        ("March 3, 2021", "March 13, 2021"),
        ("9:00", "21:00"),
        ("per month", "per year"),
        ("AES-256", "AES-128"),
    ],
)
def test_facts_that_differ(one: str, other: str) -> None:
    assert not any(matches(a, b) for a in values(one).items for b in values(other).items)


def test_words_that_only_look_like_numbers() -> None:
    assert facts("万一出现问题，我们会统一处理一些订单") == []
    assert facts("one of the best") == []


@given(st.integers(min_value=1, max_value=99_999_999))
def test_chinese_numerals_come_back(number: int) -> None:
    assert facts(f"{chinese(number)}元") == [("cny", float(number))]


@given(st.integers(min_value=0, max_value=10_000_000))
def test_thousands_separators_change_nothing(number: int) -> None:
    assert facts(f"{number:,} USD") == facts(f"{number} USD") == [("usd", float(number))]


def chinese(number: int) -> str:
    """A second, independent way to write a numeral: by recursion over its powers."""
    if number >= 10_000:
        head, rest = divmod(number, 10_000)
        gap = "零" if rest and rest < 1000 else ""
        return f"{chinese(head)}万{gap}{chinese(rest) if rest else ''}"
    for power, name in ((1000, "千"), (100, "百"), (10, "十")):
        if number >= power:
            head, rest = divmod(number, power)
            gap = "零" if rest and rest * 10 < power else ""
            return f"{'零一二三四五六七八九'[head]}{name}{gap}{chinese(rest) if rest else ''}"
    return "零一二三四五六七八九"[number]
