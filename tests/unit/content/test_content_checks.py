"""Checks of drafts, claims without a source, and files."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.content.checks import (
    Corpus,
    check_banned,
    check_copy,
    check_length,
    check_readability,
    check_repetition,
    check_tone,
)
from core.content.export import Exported, export
from core.content.writers import without_tables
from core.errors import BadInput
from core.services.content.facts import unsupported


def test_length_and_banned_words() -> None:
    assert check_length("x" * 71, 70).status == "bad"
    assert check_length("x" * 70, 70).status == "good"
    assert check_length("x" * 9999, 0).status == "good"
    found = check_banned("The CHEAPEST lamp, 全网最低价，cheapestly", ["cheapest", "最低价", " "])
    assert found.status == "bad"
    assert [found.values["count"], len(found.spans)] == [2, 2]
    assert check_banned("uncheapest", ["cheap"]).status == "good"


@settings(deadline=None)
@given(st.text(max_size=80), st.text(min_size=1, max_size=6))
def test_banned_places_hold_the_word(text: str, word: str) -> None:
    for start, end in check_banned(text, [word]).spans:
        assert 0 <= start < end <= len(text)


def test_repetition() -> None:
    assert check_repetition("buy now and save money " * 6).status == "look"
    assert check_repetition("每天浇水一次就好，" * 8).status == "look"
    assert check_repetition("Each of these words stands here only once, as it should in a good text.").status == "good"
    assert check_repetition("").status == "good"


def test_a_copied_run_is_found_and_a_quote_is_not() -> None:
    private = "Our margin on the Aurora lamp is forty one percent before tax this year."
    corpus = Corpus([private, "客户王女士的电话是一三八零零零零零零零零，请勿外传给任何人。"])
    text = f"Hello. {private} Bye."
    found = check_copy(text, corpus)
    assert found.status == "bad"
    assert text[slice(*found.spans[0])] in private
    assert check_copy(text, corpus, [(0, len(text))]).status == "good"
    assert check_copy("我们知道客户王女士的电话是一三八零零零零零零零零。", corpus).status == "bad"
    assert check_copy("The margin on our lamp is a secret.", corpus).status == "good"


def test_readability_and_tone() -> None:
    hard = "Notwithstanding institutional considerations, comprehensive implementation necessitates reevaluation."
    assert check_readability("The cat sat on the mat. It was warm.").status == "good"
    assert check_readability(hard).status == "look"
    assert check_readability("这是一句话。那也是一句话。").code == "readability_zh"
    assert check_readability("").status == "good"
    assert check_tone("x", lambda text: ("negative", 0.9)).status == "look"
    assert check_tone("x", lambda text: ("positive", 0.9)).values == {"percent": 90}


SOURCE = "Refunds take 5 business days. The Aurora plan costs 20 EUR a month. 专业版每月四百元，三十天内可以退货。"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Refunds take five business days.", []),
        ("The Aurora plan costs 20 EUR.", []),
        ("The Aurora plan costs 25 EUR.", ["price"]),
        ("It was launched on 3 May 2024.", ["date"]),
        ("The plan of Microsoft costs 20 EUR a month.", ["name"]),
        ("Refunds take 7 business days.", ["number"]),
        ("专业版每月400元，30天内可退货。", []),
        ("专业版每月五百元。", ["price"]),
        ("Thank you, our team is happy to help.", []),
    ],
)
def test_claims_without_a_source_are_marked(text: str, kinds: list[str]) -> None:
    found = unsupported(text, [SOURCE])
    assert [claim.kind for claim in found] == kinds
    assert all(text[claim.start : claim.end] == claim.text for claim in found)


@settings(deadline=None)
@given(st.text(max_size=120))
def test_claims_lie_within_the_text_and_apart(text: str) -> None:
    found = unsupported(text, [SOURCE])
    assert all(0 <= claim.start < claim.end <= len(text) for claim in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


def some(text: str = "One\ntwo") -> Exported:
    return Exported("T\x07itle", text, {"Model": "m", "Seed": "1"}, datetime(2026, 1, 2, tzinfo=UTC))


def test_exports_can_be_read_again() -> None:
    from docx import Document

    document = Document(io.BytesIO(export([some(), some("第二篇\x0b")], "docx")))
    paragraphs = [one.text for one in document.paragraphs]
    assert {"Title", "One", "two", "第二篇", "Model: m · Seed: 1"} <= set(paragraphs)
    assert "# T" in export([some()], "md").decode()
    rows = list(csv.DictReader(io.StringIO(export([some("=1+1")], "csv").decode("utf-8-sig"))))
    assert rows[0]["text"] == "'=1+1", "a spreadsheet must not compute it"
    assert rows[0]["Model"] == "m"
    with pytest.raises(BadInput):
        export([], "docx")
    with pytest.raises(BadInput):
        export([some()], "pdf")


def test_a_table_row_is_written_out_in_the_language_of_the_text() -> None:
    row = "status: refunded | 状态：已退款 | what_you_can_do: Wait 5 days\nWe refund within 5 days."
    assert without_tables(row, "en") == "- status: refunded\n- what you can do: Wait 5 days\nWe refund within 5 days."
    assert without_tables(row, "zh") == "- 状态：已退款\nWe refund within 5 days."
    assert without_tables("Red | green", "zh") == "- Red\n- green", "no cell in the language: all of them"
    assert without_tables("a_b or c | d", "en") == "- a_b or c\n- d"
