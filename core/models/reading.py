"""What a reader sees: a question beside one passage, and which tokens belong to which sentence.

The input is ``[CLS] question [SEP] heading, passage [SEP]``, so that "2 years" is read under "Warranty". Training and
serving share this file: a reader must be asked exactly as it was taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUESTION_TOKENS = 64
MAX_TOKENS = 384


@dataclass(frozen=True, slots=True)
class Page:
    """A passage to be read: its heading, its text, and the spans ``(start, end)`` of its sentences in the text."""

    heading: str
    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A question with one page, as token ids; ``sentences`` names the tokens [first, last) of each of its sentences.

    A sentence that was cut off, since the passage is too long, has an empty range.
    """

    ids: tuple[int, ...]
    question: int  # tokens of the first part, [CLS] and [SEP] included
    sentences: tuple[tuple[int, int], ...]


class SheetMaker:
    """Makes sheets with the tokenizer of one model. Thread-safe: the tokenizer is never changed after this."""

    def __init__(self, tokenizer_file: Path, max_tokens: int = MAX_TOKENS) -> None:
        from tokenizers import Tokenizer

        self._tokenizer: Any = Tokenizer.from_file(str(tokenizer_file))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._first, self._between = self._token("[CLS]"), self._token("[SEP]")
        self._max_tokens = max_tokens

    def _token(self, name: str) -> int:
        return int(self._tokenizer.get_vocab()[name])

    def sheets(self, question: str, pages: Sequence[Page]) -> list[Sheet]:
        """One sheet a page, in order."""
        asked = self._tokenizer.encode(question, add_special_tokens=False).ids[:QUESTION_TOKENS]
        opening = [self._first, *asked, self._between]
        heads = [f"{page.heading}: " if page.heading else "" for page in pages]
        texts = [head + page.text for head, page in zip(heads, pages, strict=True)]
        encoded = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            self._sheet(opening, one, len(head), page) for one, head, page in zip(encoded, heads, pages, strict=True)
        ]

    def _sheet(self, opening: list[int], encoded: Any, shift: int, page: Page) -> Sheet:
        room = self._max_tokens - len(opening) - 1
        starts = np.array([start for start, _ in encoded.offsets[:room]], dtype=np.int64) - shift
        bounds = []
        for start, end in page.spans:
            first, last = np.searchsorted(starts, [start, end]).tolist()
            bounds.append((len(opening) + first, len(opening) + max(first, last)))
        ids = (*opening, *encoded.ids[:room], self._between)
        return Sheet(tuple(ids), len(opening), tuple(bounds))


def padded(sheets: Sequence[Sheet]) -> dict[str, NDArray[np.int64]]:
    """``input_ids``, ``attention_mask`` and ``token_type_ids`` of the sheets, each int64 [n, longest]."""
    width = max(len(sheet.ids) for sheet in sheets)
    arrays = {name: np.zeros((len(sheets), width), np.int64) for name in ("input_ids", "attention_mask")}
    types = np.zeros((len(sheets), width), np.int64)
    for row, sheet in enumerate(sheets):
        size = len(sheet.ids)
        arrays["input_ids"][row, :size] = sheet.ids
        arrays["attention_mask"][row, :size] = 1
        types[row, sheet.question : size] = 1
    return {**arrays, "token_type_ids": types}
