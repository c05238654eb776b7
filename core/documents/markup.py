"""Markdown and HTML: readable text with headings, lists and tables; what a browser does not show is flagged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.documents.builder import TextBuilder, one_line
from core.documents.encoding import decode
from core.documents.options import Source
from core.documents.sniff import HTML, MARKDOWN
from core.documents.tables import looks_like_header
from core.types import LoadedDocument

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import Tag
    from markdown_it.token import Token

_META = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)|<\?xml[^>]+encoding\s*=\s*[\"']([\w-]+)", re.I)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.S)
_DROP = ("script", "style", "nav", "noscript", "template", "svg", "iframe", "object", "button", "select", "head",
         "canvas", "video", "audio", "input", "textarea", "map", "dialog")  # fmt: skip
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr html li main ol p pre section summary table ul "
    "tr td th tbody thead tfoot caption".split()
)
_RULES = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_MEDIA = re.compile(r"@[\w-]+[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", re.S)
_WHITE = r"(?:#fff(?:fff)?\b|white\b|rgba?\(\s*25[0-5]\s*,\s*25[0-5]\s*,\s*25[0-5]|#f[a-f]f[a-f]f[a-f]\b)"
_HIDING = tuple(
    (reason, re.compile(pattern, re.I | re.S))
    for reason, pattern in (
        ("invisible_text", r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"),
        ("invisible_text", r"(?<![\w-])opacity\s*:\s*0?\.?0+\s*(?:;|$|!)"),
        ("tiny_text", r"font-size\s*:\s*(?:0(?:\.\d+)?|1(?:\.\d+)?(?=px|pt))\s*(?:px|pt|em|rem|%|;|$)"),
        ("outside_page", r"(?:left|right|top|text-indent|margin-left|margin-top)\s*:\s*-\d{4,}"),
        ("outside_page", r"clip\s*:\s*rect\(\s*0"),
        ("outside_page", r"(?<![\w-])(?:max-)?(?:width|height)\s*:\s*0\s*(?:px)?\s*;.*overflow\s*:\s*hidden"),
        ("white_text", rf"(?<![\w-])color\s*:\s*(?:{_WHITE}|transparent)"),
    )
)
_GROUND = re.compile(r"background(?:-color|-image)?\s*:\s*([^;]+)", re.I)


# --- Markdown -----------------------------------------------------------------------------------------------


def load_markdown(path: Path, source: Source) -> LoadedDocument:
    """Reads Markdown (CommonMark with tables). Raises DocumentError."""
    from markdown_it import MarkdownIt

    text = decode(path.read_bytes(), source.name).text.replace("\r\n", "\n")
    builder = TextBuilder()
    title = ""
    if match := _FRONT_MATTER.match(text):
        found = re.search(r"^title\s*:\s*[\"']?(.+?)[\"']?\s*$", match.group(1), re.M)
        title = found.group(1) if found else ""
        text = text[match.end() :]
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    _Markdown(builder).write(tokens)
    return builder.build(MARKDOWN, title=title)


class _Markdown:
    def __init__(self, builder: TextBuilder) -> None:
        self.builder = builder
        self._lists: list[int] = []  # 0 for bullets, else the next number
        self._marker = ""

    def write(self, tokens: Sequence[Token]) -> None:
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.type == "table_open":
                end = next(i for i in range(index, len(tokens)) if tokens[i].type == "table_close")
                self._table(tokens[index:end])
                index = end
            elif token.type == "heading_open":
                self.builder.close()
                self.builder.heading(int(token.tag[1]), _inline(tokens[index + 1]))
                index += 1
            else:
                self._token(token)
            index += 1

    def _token(self, token: Token) -> None:
        kind = token.type
        if kind in ("bullet_list_open", "ordered_list_open"):
            self._lists.append(int(token.attrs.get("start", 1)) if kind[0] == "o" else 0)
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()
            if not self._lists:
                self.builder.close()
        elif kind == "list_item_open":
            number = self._lists[-1]
            self._marker = f"{number}. " if number else "• "
            self._lists[-1] += 1 if number else 0
        elif kind == "inline":
            if self._lists:
                self.builder.item(self._marker + _inline(token))
                self._marker = ""
            else:
                self.builder.block(_inline(token))
        elif kind in ("fence", "code_block"):
            self.builder.close()
            self.builder.block(token.content)
        elif kind == "html_block":
            self.builder.close()
            write_html(self.builder, token.content)

    def _table(self, tokens: Sequence[Token]) -> None:
        rows: list[list[str]] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(_inline(token))
        self.builder.table(rows[0], rows[1:])


def _inline(token: Token) -> str:
    """The words of a paragraph without the marks; a link that goes elsewhere keeps its address."""
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    for child in token.children or []:
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type == "softbreak":
            wide = bool(parts and re.search(r"[\u3000-\u9fff\uff00-\uffef]$", parts[-1]))
            parts.append("" if wide else " ")
        elif child.type == "hardbreak":
            parts.append("\n")
        elif child.type == "image":
            parts.append(child.content)
        elif child.type == "link_open":
            links.append((str(child.attrs.get("href", "")), len(parts)))
        elif child.type == "link_close":
            href, start = links.pop()
            shown = "".join(parts[start:])
            if href.startswith(("http://", "https://")) and href.rstrip("/") != shown.rstrip("/"):
                parts.append(f" ({href})")
        elif child.type == "html_inline" and re.match(r"<br\s*/?>", child.content, re.I):
            parts.append("\n")
    return "".join(parts)


# --- HTML ---------------------------------------------------------------------------------------------------


def load_html(path: Path, source: Source) -> LoadedDocument:
    """Reads an HTML page. Raises DocumentError."""
    data = path.read_bytes()
    match = _META.search(data[:4096])
    declared = (match.group(1) or match.group(2)).decode("ascii") if match else ""
    builder = TextBuilder()
    title = write_html(builder, decode(data, source.name, declared).text)
    return builder.build(HTML, title=title)


def write_html(builder: TextBuilder, text: str) -> str:
    """Adds the readable text of ``text``; returns the page's title."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "lxml")
    title = one_line(soup.title.get_text()) if soup.title else ""
    hidden = _hidden_tags(soup)
    for tag in soup.find_all(_DROP):
        tag.decompose()
    for tag in soup.select('[role="navigation"], [role="menu"], [role="menubar"]'):
        tag.decompose()
    root = soup.body or soup
    _Html(builder, hidden).children(root)
    return title


def _hidden_tags(soup: BeautifulSoup) -> dict[int, str]:
    """``id`` of every tag that its own style, its attribute or a style sheet's rule hides, with the reason."""
    from soupsieve.util import SelectorSyntaxError

    found: dict[int, str] = {}
    for tag in soup.find_all(True):
        reason = _hiding(str(tag.get("style") or ""), tag)
        if tag.has_attr("hidden") and tag.get("hidden") != "until-found":
            reason = "invisible_text"
        if reason:
            found[id(tag)] = reason
    sheet = "\n".join(style.get_text() for style in soup.find_all("style"))
    for match in list(_RULES.finditer(_MEDIA.sub("", _COMMENT.sub("", sheet))))[:2000]:
        reason = _hiding(match.group(2), None)
        if not reason:
            continue
        for selector in match.group(1).split(","):
            if ":" in selector or not selector.strip():
                continue
            try:
                selected = soup.select(selector.strip(), limit=500)
            except (SelectorSyntaxError, NotImplementedError):
                continue
            for tag in selected:
                if not (reason == "white_text" and _on_colour(tag)):
                    found.setdefault(id(tag), reason)
    return found


def _hiding(style: str, tag: Tag | None) -> str:
    if not style:
        return ""
    for reason, pattern in _HIDING:
        if pattern.search(style):
            if reason == "white_text" and (_coloured(style) or (tag is not None and _on_colour(tag))):
                continue
            return reason
    return ""


def _coloured(style: str) -> bool:
    ground = _GROUND.search(style)
    return ground is not None and not re.match(rf"\s*(?:{_WHITE}|transparent|none|inherit)", ground.group(1), re.I)


def _on_colour(tag: Tag) -> bool:
    """Does the tag stand on a colour? A class may colour it in ways we do not compute: then it is believed to show."""
    line = [tag, *tag.parents]
    return any(_coloured(str(parent.get("style") or "")) or bool(parent.get("bgcolor")) for parent in line)


class _Html:
    """Walks the tree: inline text is gathered until a block begins or ends."""

    def __init__(self, builder: TextBuilder, hidden: dict[int, str]) -> None:
        self.builder, self.hidden = builder, hidden
        self._inline: list[str] = []
        self._prefix = ""
        self._listed = 0

    def children(self, tag: Tag) -> None:
        self._walk(tag)
        self._flush()

    def _flush(self) -> None:
        lines = [" ".join(line.split()) for line in "".join(self._inline).split("\n")]
        text = "\n".join(line for line in lines if line)
        self._inline = []
        if text:
            if not self._listed:
                self.builder.close()
            self.builder.block(self._prefix + text, "\n" if self._listed else "\n\n")
            self._prefix = ""

    def _walk(self, tag: Any) -> None:
        from bs4.element import NavigableString, PreformattedString, Tag

        for child in tag.children:
            if isinstance(child, PreformattedString):  # comments, declarations
                continue
            if isinstance(child, NavigableString):
                self._inline.append(re.sub(r"\s+", " ", str(child)))
            elif isinstance(child, Tag):
                self._element(child)

    def _element(self, tag: Tag) -> None:
        reason = self.hidden.get(id(tag))
        block = tag.name in _BLOCKS or reason is not None
        if block:
            self._flush()
        before = self.builder.length
        self._inside(tag)
        if block:
            self._flush()
        if reason and self.builder.length > before:
            written = self.builder.text_of(before, self.builder.length)
            start = before + len(written) - len(written.lstrip("\n"))
            self.builder.hide(reason, start, self.builder.length, written)

    def _inside(self, tag: Tag) -> None:
        if re.fullmatch(r"h[1-6]", tag.name):
            self.builder.close()
            self.builder.heading(int(tag.name[1]), tag.get_text(" "))
        elif tag.name == "br":
            self._inline.append("\n")
        elif tag.name == "pre":
            self.builder.close()
            self.builder.block(tag.get_text())
        elif tag.name == "table" and _is_data(tag):
            self._table(tag)
        elif tag.name in ("ul", "ol"):
            self._list(tag)
        elif tag.name == "img":
            self._inline.append(str(tag.get("alt") or ""))
        else:
            self._walk(tag)

    def _list(self, tag: Tag) -> None:
        self._listed += 1
        for number, item in enumerate(tag.find_all("li", recursive=False), start=1):
            self._prefix = f"{number}. " if tag.name == "ol" else "• "
            self._element(item)
            self._prefix = ""
        self._listed -= 1
        if not self._listed:
            self.builder.close()

    def _table(self, tag: Tag) -> None:
        caption = tag.find("caption")
        if caption is not None:
            self.builder.block(one_line(caption.get_text(" ")))
        rows: list[list[str]] = []
        marked = False
        carried: dict[int, tuple[int, str]] = {}
        for row in tag.find_all("tr"):
            cells = row.find_all(["td", "th"], recursive=False)
            if not rows:
                marked = bool(cells) and (
                    all(cell.name == "th" for cell in cells) or row.find_parent("thead") is not None
                )
            line = _spread(cells, carried)
            if any(line):
                rows.append(line)
        named = len(rows) > 1 and (marked or looks_like_header(rows))
        self.builder.table(rows[0] if named else (), rows[1:] if named else rows)


def _spread(cells: Sequence[Tag], carried: dict[int, tuple[int, str]]) -> list[str]:
    """One row's texts by column; cells that span rows are repeated in each, cells that span columns are not."""
    line: list[str] = []

    def carry() -> None:
        while carried.get(len(line), (0, ""))[0] > 0:
            left, text = carried[len(line)]
            carried[len(line)] = (left - 1, text)
            line.append(text)

    for cell in cells:
        carry()
        text = one_line(cell.get_text(" "))
        down, across = _span(cell.get("rowspan")), _span(cell.get("colspan"))
        if down > 1:
            carried[len(line)] = (down - 1, text)
        line.extend([text] + [""] * (across - 1))
    carry()
    return line


def _span(value: Any) -> int:
    return min(100, max(1, int(value))) if isinstance(value, str) and value.isdigit() else 1


def _is_data(table: Tag) -> bool:
    """A table of data, not one that lays out a page: no tables, headings or lists of blocks inside its cells."""
    if table.find("table") is not None or table.find(["h1", "h2", "h3", "article", "section"]) is not None:
        return False
    rows = table.find_all("tr")
    return table.find("th") is not None or (len(rows) > 1 and max((len(r.find_all("td")) for r in rows), default=0) > 1)
