"""Which of our two languages a text is written in."""

from __future__ import annotations

import re

from core.types import Language

_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
_LATIN = re.compile(r"[A-Za-z]+")


def detect_language(text: str) -> Language:
    """``zh`` when Han characters outnumber Latin words (Chinese may hold many English names), else ``en``."""
    han = len(_HAN.findall(text))
    return "zh" if han > len(_LATIN.findall(text)) else "en"


def has_han(text: str) -> bool:
    return _HAN.search(text) is not None
