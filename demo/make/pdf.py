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

MOSS = colors.HexColor("#3F6B4B")
DEEP = colors.HexColor("#24402E")
MIST = colors.HexColor("#E3ECDF")
OAT = colors.HexColor("#F4EFE3")
CLAY = colors.HexColor("#C9744B")
INK = colors.HexColor("#26302A")
GREY = colors.HexColor("#6C766F")

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


def draw_logo(canvas: Any, x: float, y: float, size: float, *, name: bool = True, chinese: bool = False) -> None:
    """The mark (two leaves over a tray) with its lower left corner at (x, y), ``size`` high, and the word beside it."""
    canvas.saveState()
    canvas.translate(x, y)
    canvas.scale(size / 100, size / 100)
    canvas.setFillColor(MOSS)
    canvas.roundRect(0, 0, 100, 100, 24, stroke=0, fill=1)
    canvas.setFillColor(OAT)
    for mirror in (1, -1):
        leaf = canvas.beginPath()
        leaf.moveTo(50, 34)
        leaf.curveTo(50 + mirror * 6, 62, 50 + mirror * 20, 78, 50 + mirror * 36, 80)
        leaf.curveTo(50 + mirror * 36, 56, 50 + mirror * 22, 38, 50, 34)
        canvas.drawPath(leaf, stroke=0, fill=1)
    canvas.roundRect(22, 20, 56, 8, 4, stroke=0, fill=1)
    canvas.restoreState()
    if name:
        canvas.saveState()
        canvas.setFillColor(DEEP)
        canvas.setFont("Tai" if chinese else "Lark-Bold", size * 0.72)
        canvas.drawString(x + size * 1.25, y + size * 0.26, "朗苔" if chinese else "larkmoss")
        canvas.restoreState()


class Garden(Flowable):
    """A drawing of a garden. With ``labels`` it names the parts, as in the manual's figure."""

    def __init__(self, width: float, *, labels: bool) -> None:
        super().__init__()
        self.width = width
        self.height = width * 0.62
        self.labels = labels

    def wrap(self, *_: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        canvas, unit = self.canv, self.width / 100
        canvas.saveState()
        canvas.scale(unit, unit)
        _draw_garden(canvas)
        if self.labels:
            _draw_labels(canvas)
        canvas.restoreState()


def _draw_garden(canvas: Any) -> None:
    canvas.setFillColor(MIST)
    canvas.circle(50, 30, 29, stroke=0, fill=1)
    canvas.setFillColor(DEEP)
    canvas.roundRect(48.5, 14, 3, 38, 1, stroke=0, fill=1)
    canvas.roundRect(24, 50, 52, 4, 2, stroke=0, fill=1)
    canvas.setFillColor(CLAY)
    canvas.circle(50, 52, 1.2, stroke=0, fill=1)
    for i, height in enumerate((16, 11, 14, 9, 17, 12)):
        _draw_plant(canvas, 29 + i * 8.4, 17, height)
    canvas.setFillColor(OAT)
    canvas.setStrokeColor(DEEP)
    canvas.setLineWidth(0.5)
    canvas.roundRect(22, 4, 56, 13, 3, stroke=1, fill=1)
    canvas.setFillColor(MOSS)
    canvas.circle(72, 8.5, 1.6, stroke=0, fill=1)


def _draw_plant(canvas: Any, x: float, y: float, height: float) -> None:
    canvas.setStrokeColor(MOSS)
    canvas.setLineWidth(0.6)
    canvas.line(x, y, x, y + height)
    canvas.setFillColor(MOSS)
    for k, side in enumerate((1, -1, 1, -1)):
        base = y + height * (0.35 + 0.18 * k)
        leaf = canvas.beginPath()
        leaf.moveTo(x, base)
        leaf.curveTo(x + side * 1.5, base + 2.5, x + side * 3.5, base + 2.6, x + side * 4.2, base + 1.6)
        leaf.curveTo(x + side * 3.2, base - 0.4, x + side * 1.4, base - 0.6, x, base)
        canvas.drawPath(leaf, stroke=0, fill=1)


def _draw_labels(canvas: Any) -> None:
    canvas.setStrokeColor(CLAY)
    canvas.setLineWidth(0.25)
    canvas.setFont("Lark", 2.6)
    labels = (
        ("lamp panel", 76, 52, 84, 57, "left"),
        ("light ring and button", 50, 52, 30, 59, "right"),
        ("lamp arm", 50, 44, 84, 44, "left"),
        ("seedcup in basket", 29, 18, 16, 24, "right"),
        ("float", 72, 8.5, 84, 12, "left"),
        ("water tank", 22, 8, 16, 8, "right"),
    )
    for text, x, y, to_x, to_y, side in labels:
        canvas.line(x, y, to_x, to_y)
        canvas.setFillColor(INK)
        if side == "left":
            canvas.drawString(to_x + 0.6, to_y - 0.9, text)
        else:
            canvas.drawRightString(to_x - 0.6, to_y - 0.9, text)


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
        self.h1 = style("h1", body * 1.85, fontName=bold, textColor=DEEP, leading=body * 2.3, spaceAfter=6, spaceBefore=10, keepWithNext=1)
        self.h2 = style("h2", body * 1.25, fontName=bold, textColor=MOSS, leading=body * 1.7, spaceBefore=9, spaceAfter=3, keepWithNext=1)
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
    data = [[Paragraph(_inline(cell), styles.head if r == 0 else styles.cell) for cell in row] for r, row in enumerate(block.rows)]
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
