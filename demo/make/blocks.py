"""The small Markdown dialect of demo/source: front matter, headings, paragraphs, lists, tables, notes, figures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Block:
    """One block. ``kind`` is h1, h2, h3, p, ul, ol, table, note, figure, stats or speaker."""

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass
class Source:
    """One source file: its front matter and its blocks."""

    meta: dict[str, str]
    blocks: list[Block] = field(default_factory=list)

    @property
    def chinese(self) -> bool:
        return self.meta["language"] == "zh"


_ORDERED = re.compile(r"\d+\.\s+")


def read_source(path: Path) -> Source:
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    meta = dict(line.split(": ", 1) for line in head.splitlines())
    source = Source(meta)
    for chunk in re.split(r"\n\s*\n", body.strip()):
        source.blocks.extend(_blocks(chunk.strip().splitlines(), chinese=source.chinese))
    return source


def _blocks(lines: list[str], *, chinese: bool) -> list[Block]:
    first = lines[0]
    heading = re.match(r"(#{1,3}) (.+)", first)
    if heading:
        rest = _blocks(lines[1:], chinese=chinese) if lines[1:] else []
        return [Block(f"h{len(heading.group(1))}", heading.group(2)), *rest]
    if first.startswith("|"):
        rows = [tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in lines]
        return [Block("table", rows=tuple(row for row in rows if not set("".join(row)) <= set("-: ")))]
    if first.startswith("- "):
        return [Block("ul", rows=tuple((line[2:],) for line in lines))]
    if _ORDERED.match(first):
        return [Block("ol", rows=tuple((_ORDERED.sub("", line, count=1),) for line in lines))]
    if first.startswith("> "):
        return [Block("note", " ".join(line[2:] for line in lines))]
    if first.startswith("!figure "):
        return [Block("figure", first.removeprefix("!figure "))]
    if first.startswith("!stat "):
        return [Block("stats", rows=tuple(tuple(line.removeprefix("!stat ").split(" | ")) for line in lines))]
    if first.startswith("!speaker "):
        return [Block("speaker", first.removeprefix("!speaker "))]
    return [Block("p", ("" if chinese else " ").join(lines))]
