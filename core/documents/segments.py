"""The words of page layout: pieces of text with their places, and what they are put together to.

A segment is a run of text on one line. Boxes have their origin at the top left and any unit, the same for all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BARE = re.compile(
    r"^(?:[•·●○▪■◆◦‣⁃∙–—*※\-]|\(?\d{1,3}[.)、．]|\(?[a-zA-Z][.)]|[(（]?[一二三四五六七八九十]{1,3}[)）、]|[①-⑳])$"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text on one line and its box; ``size`` is the height of a line in the same unit."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or table in the page's text; ``size`` and ``bold`` are those of its lines (the smallest, all)."""

    start: int
    end: int
    size: float
    bold: bool
    lines: int
    header: str | None = None  # not None: a table


@dataclass(frozen=True, slots=True)
class Mapping:
    """Characters ``[start, end)`` of the page's text are characters ``[offset, ...)`` of segment ``segment``."""

    start: int
    end: int
    segment: int
    offset: int


@dataclass(slots=True)
class PageLayout:
    """The text of one page with its blocks and where each character came from."""

    text: str = ""
    blocks: list[Block] = field(default_factory=list)
    mappings: list[Mapping] = field(default_factory=list)


def is_marker(text: str) -> bool:
    """Is ``text`` the bullet or number of a list item, and nothing else?"""
    return bool(_BARE.match(text.strip()))
