"""Plain text: paragraphs by empty lines, lines that an editor wrapped joined again."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from core.documents.builder import TextBuilder
from core.documents.encoding import decode
from core.documents.options import Source
from core.documents.sniff import TXT
from core.types import LoadedDocument

_CHAPTER = re.compile(
    r"^第[一二三四五六七八九十百零\d]{1,5}([编篇部章节])(?:[\s　:：].{0,40}|[^\s。！？；，,;]{0,30})?$"
)
_CHAPTER_LEVELS = {"编": 1, "篇": 1, "部": 1, "章": 2, "节": 3}
_RULE = re.compile(r"^(=|-|~)\1{2,}\s*$")
_NEW_LINE = re.compile(
    r"^(?:\s|[-*•·>|#+]|\(?\d{1,3}[.)、．]|[（(]?[一二三四五六七八九十]{1,3}[)）、]|第[一二三四五六七八九十百\d]+[条章节])"
)
_END = re.compile(r"[.!?。！？:：；;…][”’」』）)\]\"']*$")
_NARROW, _WIDEST = 50, 100  # columns between which an editor wraps lines


def load_text(path: Path, source: Source) -> LoadedDocument:
    """Reads a text file of any encoding. Raises DocumentError."""
    text = decode(path.read_bytes(), source.name).text
    builder = TextBuilder()
    write_plain(builder, text)
    return builder.build(TXT)


def write_plain(builder: TextBuilder, text: str) -> None:
    """Adds plain text: underlined lines and Chinese chapter lines become headings, wrapped lines are joined."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n\n")
    width = _wrap_width(text)
    for paragraph in re.split(r"\n[ \t\u3000]*(?:\n[ \t\u3000]*)+", text.strip("\n")):
        lines = paragraph.split("\n")
        held: list[str] = []
        for line in lines:
            if held and _RULE.match(line) and len(held[-1].strip()) <= 100:
                title = held.pop()
                builder.block(_unwrap(held, width))
                builder.heading(1 if line[0] == "=" else 2, title)
                held = []
            elif match := _CHAPTER.match(line.strip()):
                builder.block(_unwrap(held, width))
                builder.heading(_CHAPTER_LEVELS[match.group(1)], line.strip())
                held = []
            else:
                held.append(line)
        builder.block(_unwrap(held, width))


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _wrap_width(text: str) -> int:
    """The column at which the file's lines were wrapped, or 0 when they were not."""
    widths = [_columns(line.rstrip()) for line in text[:200_000].split("\n") if line.strip()]
    longest = max(widths, default=0)
    if len(widths) < 3 or not _NARROW <= longest <= _WIDEST:
        return 0
    full = sum(1 for width in widths if width >= longest - 16)
    return longest if full * 10 >= len(widths) * 3 else 0


def _unwrap(lines: list[str], width: int) -> str:
    joined = ""
    last = ""
    for line in lines:
        if joined and width and _wraps(last, line, width):
            stripped = line.strip()
            wide = (
                unicodedata.east_asian_width(joined[-1]) in "WF" and unicodedata.east_asian_width(stripped[0]) in "WF"
            )
            joined += stripped if wide else f" {stripped}"
        else:
            joined += f"\n{line.rstrip()}" if joined else line.rstrip()
        last = line.rstrip()
    return joined


def _wraps(last: str, line: str, width: int) -> bool:
    """Was the break between two lines made by the margin? Then the next word would not have fitted."""
    if not last or not line.strip() or _NEW_LINE.match(line):
        return False
    word = line.strip().split(maxsplit=1)[0]
    first = 2 if unicodedata.east_asian_width(word[0]) in "WF" else _columns(word)
    room = width - _columns(last)
    return room <= first + 1 if not _END.search(last) else room <= first
