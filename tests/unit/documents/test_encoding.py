"""Encodings: every one that Chinese and English files come in is recognised, and binary is not taken for text."""

from __future__ import annotations

import random

import makers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.documents.encoding import decode
from core.errors import DocumentError

TRADITIONAL = "自簽收之日起三十天內，未使用的商品可以申請全額退款。倉庫收到包裹後，退款將在五個工作日內退回原支付帳戶。"
MIXED = f"{makers.EN_1}\n{makers.ZH_1}\n"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk"])
@pytest.mark.parametrize("text", [makers.ZH_1, MIXED, f"价格\t退款\r\n{makers.ZH_2}"])
def test_chinese(codec: str, text: str) -> None:
    assert decode(text.encode(codec), "a.txt").text == text


def test_big5() -> None:
    assert decode((TRADITIONAL * 3).encode("big5"), "a.txt").text == TRADITIONAL * 3


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_western(codec: str) -> None:
    text = "The café charges 5 for a crème brûlée; naïve customers pay more, and señor Muñoz pays nothing at all. " * 3
    assert decode(text.encode(codec), "a.txt").text == text


def test_declared_charset_is_used() -> None:
    assert decode("退款".encode("gbk"), "a.html", "gb2312").text == "退款"


@pytest.mark.parametrize("seed", range(5))
def test_binary_is_refused(seed: int) -> None:
    with pytest.raises(DocumentError) as caught:
        decode(random.Random(seed).randbytes(5000), "a.txt")
    assert caught.value.code == "documents.not_text"


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc", "Cn", "Co"))))
def test_utf8_always_comes_back(text: str) -> None:
    assert decode(text.encode("utf-8"), "a.txt").text == text.removeprefix("\ufeff")
