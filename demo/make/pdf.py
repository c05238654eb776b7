"""PDF documents with reportlab: a cover, contents with page numbers, running heads, tables and vector drawings.

Chinese uses WenQuanYi Micro Hei (TrueType outlines, so reportlab can embed a subset); English uses Liberation Sans.
No text is ever white: white text is what a reviewer is asked about.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reportlab.lib import colors, textsplit
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4, A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    ListFlowable,
    ListItem,
    LongTable,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    TableStyle,
    paragraph,
)
from reportlab.platypus.tableofcontents import TableOfContents

from demo.make.blocks import Block, Source
from demo.make.drawing import CLAY, DEEP, GREY, INK, MIST, MOSS, OAT, Garden, draw_logo

FONTS = {
    "Lark": "truetype/liberation/LiberationSans-Regular.ttf",
    "Lark-Bold": "truetype/liberation/LiberationSans-Bold.ttf",
    "Lark-Italic": "truetype/liberation/LiberationSans-Italic.ttf",
    "Tai": "truetype/wqy/wqy-microhei.ttc",
}
FONT_ROOT = Path("/usr/share/fonts")


def register_fonts() -> None:
    """Raises FileNotFoundError naming the Debian packages when a font is missing."""
    for name, place in FONTS.items():
        path = FONT_ROOT / place
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: apt-get install fonts-liberation fonts-wqy-microhei")
        pdfmetrics.registerFont(TTFont(name, str(path)))
    # reportlab knows Japanese line-breaking rules; the full-width marks of Chinese must not start a line either.
    marks = "".join(textsplit.CANNOT_START_LINE) + "，。；：？！”’》、）"
    textsplit.ALL_CANNOT_START = paragraph.ALL_CANNOT_START = marks
    pdfmetrics.registerFontFamily("Lark", "Lark", "Lark-Bold", "Lark-Italic", "Lark-Bold")
    pdfmetrics.registerFontFamily("Tai", "Tai", "Tai", "Tai", "Tai")


def set_epoch(date: str) -> None:
    """reportlab takes creation dates from SOURCE_DATE_EPOCH, which makes a build reproducible."""
    moment = datetime.fromisoformat(date).replace(hour=9, tzinfo=UTC)
    os.environ["SOURCE_DATE_EPOCH"] = str(int(moment.timestamp()))


class Styles:
    """Paragraph styles of one document."""

    def __init__(self, *, chinese: bool, small: bool) -> None:
        body = (10.6 if chinese else 9.4) if small else 10.4
        font, bold = ("Tai", "Tai") if chinese else ("Lark", "Lark-Bold")
        wrap = "CJK" if chinese else None
        lead = 1.8 if chinese else 1.46

        def style(name: str, size: float, **more: Any) -> ParagraphStyle:
            given: dict[str, Any] = {"fontName": font, "leading": size * lead, "textColor": INK, "wordWrap": wrap}
            return ParagraphStyle(name, fontSize=size, alignment=TA_LEFT, **(given | more))

        self.font, self.bold = font, bold
        self.h1 = style(
            "h1",
            body * 1.85,
            fontName=bold,
            textColor=DEEP,
            leading=body * 2.3,
            spaceAfter=6,
            spaceBefore=10,
            keepWithNext=1,
        )
        self.h2 = style(
            "h2",
            body * 1.25,
            fontName=bold,
            textColor=MOSS,
            leading=body * 1.7,
            spaceBefore=9,
            spaceAfter=3,
            keepWithNext=1,
        )
        self.h3 = style("h3", body * 1.05, fontName=bold, spaceBefore=6, spaceAfter=2)
        self.p = style("p", body, spaceAfter=6)
        self.item = style("item", body, spaceAfter=2)
        self.cell = style("cell", body * 0.9, leading=body * 1.25)
        self.head = style("head", body * 0.9, fontName=bold, textColor=DEEP, leading=body * 1.25)
        self.note = style("note", body, textColor=DEEP)
        self.toc = style("toc", body, leading=body * 2.1)


def _inline(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"\*\*(.+?)\*\*", r'<font color="#24402E"><b>\1</b></font>', text)
    return re.sub(r"(?<!\*)\*([^*]+)\*", r"<i>\1</i>", text)


def _table(block: Block, styles: Styles, width: float) -> LongTable:
    columns = len(block.rows[0])
    longest = [max(_measure(row[i]) for row in block.rows) for i in range(columns)]
    shares = [max(8.0, min(value, 34.0)) for value in longest]
    widths = [width * share / sum(shares) for share in shares]
    data = [
        [Paragraph(_inline(cell), styles.head if r == 0 else styles.cell) for cell in row]
        for r, row in enumerate(block.rows)
    ]
    table = LongTable(data, colWidths=widths, repeatRows=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), MIST),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, MOSS),
                ("LINEBELOW", (0, 1), (-1, -1), 0.3, colors.HexColor("#CBD5CA")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
                ("LEFTPADDING", (0, 0), (-1, -1), 5),
            ]
        )
    )
    table.spaceBefore, table.spaceAfter = 4, 9
    return table


def _measure(text: str) -> float:
    return sum(2.0 if ord(char) > 0x2E80 else 1.0 for char in text)


def _note(text: str, styles: Styles, width: float) -> LongTable:
    table = LongTable([[Paragraph(_inline(text), styles.note)]], colWidths=[width], hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), OAT),
                ("LINEBEFORE", (0, 0), (0, -1), 2.5, CLAY),
                ("LEFTPADDING", (0, 0), (-1, -1), 9),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
            ]
        )
    )
    table.spaceBefore, table.spaceAfter = 4, 8
    return table


def _list(block: Block, styles: Styles) -> ListFlowable:
    ordered = block.kind == "ol"
    items = [ListItem(Paragraph(_inline(row[0]), styles.item), leftIndent=14) for row in block.rows]
    return ListFlowable(
        items,
        bulletType="1" if ordered else "bullet",
        start=None if ordered else "•",
        bulletFontName="Lark",
        bulletFontSize=styles.p.fontSize if ordered else styles.p.fontSize + 1,
        bulletColor=MOSS,
        leftIndent=14,
        spaceAfter=7,
    )


class Template(BaseDocTemplate):
    """Collects the contents and the outline while it lays out, and draws the running head and the page number."""

    def __init__(self, path: Path, source: Source) -> None:
        self.source = source
        size = A5 if source.meta["size"] == "A5" else A4
        margin = 15 * mm if size is A5 else 22 * mm
        super().__init__(
            str(path), pagesize=size, leftMargin=margin, rightMargin=margin, topMargin=margin + 4 * mm, bottomMargin=margin + 2 * mm,
            title=_full_title(source), author="Larkmoss", subject=source.meta["edition"], lang=source.meta["language"],
        )  # fmt: skip
        frame = Frame(self.leftMargin, self.bottomMargin, self.width, self.height, 0, 0, 0, 0)
        pages = [PageTemplate("body", [frame], onPage=_running_head)]
        if source.meta["cover"] == "yes":
            pages.insert(0, PageTemplate("cover", [frame], onPage=_cover))
        self.addPageTemplates(pages)

    def afterFlowable(self, flowable: Flowable) -> None:
        if isinstance(flowable, Paragraph) and flowable.style.name in ("h1", "h2"):
            level = int(flowable.style.name[1]) - 1
            text = flowable.getPlainText()
            key = f"{self.page}-{level}-{text}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(text, key, level, closed=True)
            if level == 0:
                self.notify("TOCEntry", (0, text, self.page, key))


def _full_title(source: Source) -> str:
    return f"{source.meta['title']} – {source.meta['subtitle']}"


def _running_head(canvas: Any, doc: Template) -> None:
    width, height = doc.pagesize
    source = doc.source
    canvas.saveState()
    draw_logo(canvas, doc.leftMargin, height - 13 * mm, 5 * mm, chinese=source.chinese)
    canvas.setFont("Tai" if source.chinese else "Lark", 7.5)
    canvas.setFillColor(GREY)
    canvas.drawRightString(width - doc.rightMargin, height - 11.5 * mm, source.meta["title"])
    canvas.setStrokeColor(MIST)
    canvas.line(doc.leftMargin, height - 15 * mm, width - doc.rightMargin, height - 15 * mm)
    canvas.drawString(doc.leftMargin, 10 * mm, source.meta["edition"])
    canvas.drawRightString(width - doc.rightMargin, 10 * mm, str(doc.page))
    canvas.restoreState()


def _cover(canvas: Any, doc: Template) -> None:
    width, height = doc.pagesize
    source = doc.source
    font, bold = ("Tai", "Tai") if source.chinese else ("Lark", "Lark-Bold")
    canvas.saveState()
    canvas.setFillColor(OAT)
    canvas.rect(0, 0, width, height, stroke=0, fill=1)
    draw_logo(canvas, 15 * mm, height - 26 * mm, 10 * mm, chinese=source.chinese)
    picture = Garden(width - 36 * mm, labels=False)
    picture.canv = canvas
    canvas.translate(18 * mm, height * 0.36)
    picture.draw()
    canvas.translate(-18 * mm, -height * 0.36)
    canvas.setFillColor(DEEP)
    canvas.setFont(bold, 26)
    canvas.drawString(15 * mm, 48 * mm, source.meta["title"])
    canvas.setFont(font, 13)
    canvas.setFillColor(MOSS)
    canvas.drawString(15 * mm, 39 * mm, source.meta["subtitle"])
    canvas.setFont(font, 9)
    canvas.setFillColor(GREY)
    canvas.drawString(15 * mm, 18 * mm, source.meta["edition"])
    canvas.restoreState()


def _story(source: Source, doc: Template) -> list[Flowable]:
    styles = Styles(chinese=source.chinese, small=source.meta["size"] == "A5")
    story: list[Flowable] = _front(source, styles, doc.width)
    chapter = 0
    for block in source.blocks:
        if block.kind == "h1":
            chapter += 1
            if source.meta["chapters"] == "newpage" and chapter > 1:
                story.append(PageBreak())
            number = f"{chapter}  " if source.meta["toc"] == "yes" else ""
            story.append(Paragraph(number + _inline(block.text), styles.h1))
        elif block.kind in ("h2", "h3", "p"):
            story.append(Paragraph(_inline(block.text), getattr(styles, block.kind)))
        elif block.kind in ("ul", "ol"):
            story.append(_list(block, styles))
        elif block.kind == "table":
            story.append(_table(block, styles, doc.width))
        elif block.kind == "note":
            story.append(_note(block.text, styles, doc.width))
        elif block.kind == "figure":
            story.extend([Spacer(1, 4), Garden(doc.width, labels=True), Spacer(1, 6)])
    return story


def _front(source: Source, styles: Styles, width: float) -> list[Flowable]:
    if source.meta["cover"] == "yes":
        contents = TableOfContents(levelStyles=[styles.toc], dotsMinLevel=0)
        heading = ParagraphStyle("contents", parent=styles.h1)
        return [
            NextPageTemplate("body"),
            PageBreak(),
            Paragraph("目录" if source.chinese else "Contents", heading),
            contents,
            PageBreak(),
        ]
    title = ParagraphStyle("title", parent=styles.h1, fontSize=26, leading=32, spaceAfter=2)
    subtitle = ParagraphStyle("subtitle", parent=styles.p, fontSize=12, leading=17, textColor=MOSS, spaceAfter=2)
    edition = ParagraphStyle("edition", parent=styles.p, textColor=GREY, spaceAfter=10)
    return [
        Paragraph(_inline(source.meta["title"]), title),
        Paragraph(_inline(source.meta["subtitle"]), subtitle),
        Paragraph(_inline(source.meta["edition"]), edition),
    ]


def build_pdf(source: Source, path: Path) -> None:
    """Lay ``source`` out into ``path``. Fonts must be registered."""
    set_epoch(source.meta["date"])
    doc = Template(path, source)
    doc.multiBuild(_story(source, doc))
