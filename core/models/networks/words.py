"""Words of a text for the LSTM: pieces with offsets and the vocabulary that numbers them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

Chinese = Literal["characters", "words"]

PADDING, UNKNOWN = 0, 1
_SPECIAL = 2
_HAN = "㐀-䶿一-鿿豈-﫿"
# English contractions fall into word and ending (do + n't, it + 's), so that a negation is one word wherever it stands.
_LATIN = rf"[^\W_{_HAN}]"
_PIECE = re.compile(
    rf"[{_HAN}]+|{_LATIN}+?(?=n['’]t\b)|n['’]t\b|['’](?:s|re|ve|ll|d|m)\b|{_LATIN}+|[^\w\s]|_", re.IGNORECASE
)
_HAN_START = re.compile(rf"[{_HAN}]")


@dataclass(frozen=True, slots=True)
class Piece:
    """``text[start:end]`` as it is looked up: NFKC, lower case."""

    word: str
    start: int
    end: int


@cache
def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba


def pieces(text: str, chinese: Chinese = "characters") -> list[Piece]:
    """Words, numbers and marks of ``text`` in order; Chinese by characters or by jieba's words."""
    found: list[Piece] = []
    for match in _PIECE.finditer(text):
        start, end = match.span()
        if not _HAN_START.match(match.group()):
            found.append(_piece(text, start, end))
        elif chinese == "characters":
            found.extend(_piece(text, at, at + 1) for at in range(start, end))
        else:
            cut = _jieba().tokenize(match.group())
            found.extend(_piece(text, start + left, start + right) for _, left, right in cut)
    return found


def word_pieces(text: str) -> list[Piece]:
    """What a reader takes for words, Chinese cut by jieba: the units in which explanations are given."""
    return pieces(text, "words")


def _piece(text: str, start: int, end: int) -> Piece:
    word = unicodedata.normalize("NFKC", text[start:end]).lower().replace("’", "'")
    return Piece(word, start, end)


class Vocabulary:
    """Numbers words: 0 is padding, 1 a word never seen in training, the rest by how often they were seen."""

    def __init__(self, words: Sequence[str], chinese: Chinese, maximum: int) -> None:
        self.words = tuple(words)
        self.chinese: Chinese = chinese
        self.maximum = maximum  # pieces of a text that are read
        self._numbers = {word: number for number, word in enumerate(words, start=_SPECIAL)}

    @classmethod
    def learn(
        cls, texts: Iterable[str], *, chinese: Chinese, maximum: int, least: int = 2, largest: int = 30_000
    ) -> Vocabulary:
        """The at most ``largest`` words seen at least ``least`` times, most frequent first, equals by spelling."""
        counts = Counter(piece.word for text in texts for piece in pieces(text, chinese)[:maximum])
        kept = sorted((word for word, count in counts.items() if count >= least), key=lambda w: (-counts[w], w))
        return cls(kept[:largest], chinese, maximum)

    def __len__(self) -> int:
        return len(self.words) + _SPECIAL

    def pieces(self, text: str) -> list[Piece]:
        """The pieces of ``text`` that are read; one empty piece where there are none: no text is of length 0."""
        return pieces(text, self.chinese)[: self.maximum] or [Piece("", 0, 0)]

    def encode(self, text: str) -> list[int]:
        return [self._numbers.get(piece.word, UNKNOWN) for piece in self.pieces(text)]
