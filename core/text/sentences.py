"""Sentence boundaries with offsets, English and Chinese, tables and lists included."""

from __future__ import annotations

import re

# A run up to a terminator (with closing quotes or brackets that belong to it), or up to a line's end. An English full stop
# ends a sentence only before white space and something that can start one, and never after an abbreviation or a number.
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|No|Fig|Inc|Ltd|Co|Corp|approx|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)"
    r"|\b[A-Z])\.$"
)
_END = re.compile(r"[。！？!?；;]+[”’」』）)\]\"']*|\.+[”’\"')\]]*(?=\s+|$)|\n+")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans ``(start, end)`` of the sentences of ``text``, in order, trimmed of white space, none of them empty."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        terminator = match.group()
        if terminator[0] == "." and _ABBREVIATION.search(text[start : match.end()]):
            continue
        if terminator[0] in ";；" and match.end() - start < 12:
            continue
        _add(text, start, match.end(), spans)
        start = match.end()
    _add(text, start, len(text), spans)
    return spans


def _add(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    right = len(piece.rstrip())
    if right > left:
        spans.append((start + left, start + right))
