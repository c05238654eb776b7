"""Sentence boundaries with offsets, English and Chinese, tables and lists included."""

from __future__ import annotations

import re
from bisect import bisect_right

# A Chinese semicolon joins clauses of one sentence; only a sentence longer than this is cut at it, so that a quote
# stays short.
LONG_SENTENCE = 160  # characters

_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|cf|al|No|Nos|Fig|Figs|Sec|Vol|pp|Inc|Ltd|Co|Corp|approx|dept|est|ext|"
    r"min|max|tel|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|Mt|Gen|Col|Lt|Sgt|Rev|Hon|Jr|Sr|a\.m|p\.m)"
    r"|\b(?:[A-Za-z]\.)*[A-Z])\.$",
    re.IGNORECASE,
)
_LIST_NUMBER = re.compile(r"\(?\d{1,3}(?:\.\d{1,3})*\.$")
_CLOSING = r"[”’」』）)\]\"'》】]*"
_END = re.compile(rf"[。！？!?]+(?:{_CLOSING}[。！？!?]*)*|\.+[”’\"')\]]*(?=\s|$|[㐀-鿿])|\n+")
_ROW = re.compile(r"^(?:[^\n\t]*\t[^\n]*|[^\n|]*\|[^\n|]*\|[^\n]*|[^\n]+ \| [^\n]+)$", re.MULTILINE)
_CLAUSE = re.compile(r"[；;]")
_STARTS_LOWER = re.compile(r"\s*[a-z]")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans ``(start, end)`` of the sentences of ``text``, in order, trimmed of white space, none of them empty.

    A line's end closes a sentence too (list items, table rows, headings), unless the sentence plainly runs on in the
    next line, as it does in text taken from a page.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    rows = [match.span() for match in _ROW.finditer(text)]
    for match in _END.finditer(text):
        if match.end() <= start or _inside(rows, match) or not _closes(text, start, match):
            continue
        _add(text, start, match.end(), spans)
        start = match.end()
    _add(text, start, len(text), spans)
    return spans


def _inside(rows: list[tuple[int, int]], match: re.Match[str]) -> bool:
    """A stop within a table row ends no sentence: the row is read as one."""
    at = bisect_right(rows, (match.start(), len(match.string))) - 1
    return at >= 0 and match.start() < rows[at][1]


def _closes(text: str, start: int, match: re.Match[str]) -> bool:
    mark = match.group()
    if mark[0] == "\n":
        return not _runs_on(text, start, match)
    if mark[0] != ".":
        return True
    piece = text[start : match.end()].strip()
    if _LIST_NUMBER.fullmatch(piece):
        return False
    if mark == "." and _ABBREVIATION.search(piece):
        # "at 5 p.m. The office" ends after all; "Dr. Smith" does not, and both look alike: only a.m./p.m. may end.
        return bool(re.search(r"[ap]\.m\.$", piece, re.IGNORECASE)) and not _STARTS_LOWER.match(text, match.end())
    return not _STARTS_LOWER.match(text, match.end())


def _runs_on(text: str, start: int, match: re.Match[str]) -> bool:
    before = text[start : match.start()].rstrip()
    if len(match.group()) > 1 or not before or "\t" in before or "|" in before:
        return False
    following = text[match.end() : match.end() + 1]
    if before[-1] in "，、,":
        return not following.isspace() and following not in ("-", "*", "•", "·", "|")
    return len(before.rsplit("\n", 1)[-1]) >= 30 and following.isascii() and following.islower()


def _add(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    right = start + len(piece.rstrip())
    if right <= left:
        return
    if right - left > LONG_SENTENCE:
        clauses = [] if _ROW.fullmatch(text, left, right) else _CLAUSE.finditer(text, left, right)
        for clause in clauses:
            if clause.end() - left >= LONG_SENTENCE // 3 and right - clause.end() >= LONG_SENTENCE // 8:
                _trimmed(text, left, clause.end(), spans)
                left = clause.end()
    _trimmed(text, left, right, spans)


def _trimmed(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    while start < end and text[start].isspace():
        start += 1
    if start < end:
        spans.append((start, end))
