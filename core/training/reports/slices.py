"""Kinds of text that models are known to trip over: long ones, one of two languages, negated ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from core.evaluation.classification import Bools
from core.text.language import detect_language, has_han

# A piece is a Latin word or a Chinese character. The bounds stay the same so that runs can be compared.
LENGTHS = (10, 25, 50, 100)
_PIECE = re.compile(r"[㐀-䶿一-鿿豈-﫿]|[^\W_㐀-䶿一-鿿豈-﫿]+")
_NEGATION_EN = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|nowhere|without|cannot|hardly|barely|scarcely|lacks?)\b|n['’]t\b"
    r"|\b(?:do|does|did|is|was|were|are|ca|wo|have|has|had|would|could|should)nt\b",
    re.IGNORECASE,
)
# Words that hold a character of negation and negate nothing.
_NO_NEGATION_ZH = re.compile(
    "非常|特别|分别|区别|级别|类别|性别|个别|别人|别的|别墅|不过|不仅|不但|不断|不管|不论|不同|不少|差不多|对不起|"
    "不好意思|要不|是不是|好不好|能不能|有没有|无论|无线|未来|非洲|莫名|不得不|无限"
)
_NEGATION_ZH = re.compile("不|没|无|未|别|非|莫|勿|毫无|并非|缺乏|从未")


def slices(texts: Sequence[str]) -> Iterator[tuple[str, str, Bools]]:
    """``(family, name, rows)`` of every slice that holds a row; families are length, language and negation."""
    pieces = np.array([len(_PIECE.findall(text)) for text in texts])
    bounds = (0, *LENGTHS, np.inf)
    for low, high in pairwise(bounds):
        name = f"over_{LENGTHS[-1]}" if high == np.inf else f"to_{int(high)}"
        yield from _named("length", name, (pieces > low) & (pieces <= high) | ((low == 0) & (pieces == 0)))
    languages = np.array([detect_language(text) for text in texts])
    for language in ("en", "zh"):
        yield from _named("language", language, languages == language)
    negated = np.array([has_negation(text) for text in texts], bool)
    yield from _named("negation", "with", negated)
    yield from _named("negation", "without", ~negated)


def _named(family: str, name: str, rows: Bools) -> Iterator[tuple[str, str, Bools]]:
    if rows.any():
        yield family, name, rows


def has_negation(text: str) -> bool:
    """Whether a word of negation stands in ``text``, English or Chinese."""
    if _NEGATION_EN.search(text):
        return True
    return has_han(text) and bool(_NEGATION_ZH.search(_NO_NEGATION_ZH.sub(" ", text)))
