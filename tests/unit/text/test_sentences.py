"""Sentence boundaries with offsets, in both languages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.language import detect_language
from core.text.sentences import sentence_spans


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith pays 3.50 today. He left.", ["Dr. Smith pays 3.50 today.", "He left."]),
        (
            "We close at 5 p.m. The office opens at 9 a.m. sharp.",
            ["We close at 5 p.m.", "The office opens at 9 a.m. sharp."],
        ),
        ("See e.g. page 3. Done.", ["See e.g. page 3.", "Done."]),
        ("第一句。第二句！“第三句？”他说。", ["第一句。", "第二句！", "“第三句？”", "他说。"]),
        ("价格3.5元；运费5元。谢谢。", ["价格3.5元；运费5元。", "谢谢。"]),
        ("1. Open Settings\n2. Choose Export", ["1. Open Settings", "2. Choose Export"]),
        ("- one\n- two", ["- one", "- two"]),
        (
            "This line of a page is broken in its middle and\ncontinues here. Next.",
            ["This line of a page is broken in its middle and\ncontinues here.", "Next."],
        ),
        ("Team\t$20. Up to 5\nPro\t$45", ["Team\t$20. Up to 5", "Pro\t$45"]),
        ("| Team | No. Never. |\n| Pro | Yes |", ["| Team | No. Never. |", "| Pro | Yes |"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


def test_only_a_long_chinese_sentence_is_cut_at_a_semicolon() -> None:
    clause = "这是一个很长的分句，" * 8
    assert len(cut(f"{clause}；{clause}；{clause}。")) > 1


@given(st.text(alphabet="ab。.!？；\n \t|”Dr1", max_size=80))
def test_spans_are_ordered_trimmed_and_hold_everything_but_white_space(text: str) -> None:
    spans = sentence_spans(text)
    assert all(start < end and text[start:end] == text[start:end].strip() for start, end in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    assert "".join(text[s:e] for s, e in spans).split() == text.split() or "".join(
        "".join(text[s:e].split()) for s, e in spans
    ) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello", "en"),
        ("你好", "zh"),
        ("Pilotlight 支持导出 CSV 吗", "zh"),
        ("ask 客服 about it please", "en"),
        ("", "en"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert detect_language(text) == language
