"""DOCX, PPTX and XLSX from the same sources, with fixed dates inside so that a build is reproducible."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from PIL import Image, ImageDraw
from pptx import Presentation
from pptx.dml.color import RGBColor as SlideColor
from pptx.enum.shapes import MSO_SHAPE
from pptx.util import Emu
from pptx.util import Pt as SlidePt

from demo.make.blocks import Block, Source

MOSS, DEEP, MIST, OAT, INK, GREY = "3F6B4B", "24402E", "E3ECDF", "F4EFE3", "26302A", "6C766F"
LATIN, HAN = "Liberation Sans", "Noto Sans CJK SC"


def logo_png(size: int = 240) -> io.BytesIO:
    """The mark as a bitmap, for formats that take no vectors."""
    scale = 4
    side = size * scale
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, side - 1, side - 1), side * 0.24, fill=f"#{MOSS}")
    for mirror in (1, -1):
        curve = [*_bezier((0, 34), (6, 62), (20, 78), (36, 80)), *_bezier((36, 80), (36, 56), (22, 38), (0, 34))]
        pen.polygon([((50 + mirror * x) / 100 * side, (100 - y) / 100 * side) for x, y in curve], fill=f"#{OAT}")
    pen.rounded_rectangle((side * 0.22, side * 0.72, side * 0.78, side * 0.80), side * 0.04, fill=f"#{OAT}")
    out = io.BytesIO()
    image.resize((size, size), Image.Resampling.LANCZOS).save(out, "PNG")
    out.seek(0)
    return out


def _bezier(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> list[tuple[float, float]]:
    points = []
    for i in range(25):
        t = i / 24
        u = 1 - t
        weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
        points.append(tuple(sum(w * p[k] for w, p in zip(weights, (a, b, c, d), strict=True)) for k in (0, 1)))
    return points  # type: ignore[return-value]


def freeze(path: Path, date: str) -> None:
    """Rewrite an office file with entry times of ``date`` and that day as its last change."""
    moment = datetime.fromisoformat(date)
    with zipfile.ZipFile(path) as before:
        entries = [(info.filename, before.read(info)) for info in before.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for name, data in entries:
            if name == "docProps/core.xml":
                stamp = moment.strftime("%Y-%m-%dT09:00:00Z").encode()
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, data)
            info = zipfile.ZipInfo(name, (moment.year, moment.month, moment.day, 9, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            after.writestr(info, data)


def _runs(text: str) -> list[tuple[str, bool]]:
    return [(part, i % 2 == 1) for i, part in enumerate(re.split(r"\*\*", text)) if part]


# --- Word --------------------------------------------------------------------------------------------------------------


def build_docx(source: Source, path: Path) -> None:
    doc = Document()
    section = doc.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.4)
    section.top_margin, section.bottom_margin = Cm(2.4), Cm(2)
    _word_styles(doc)
    _word_properties(doc, source)
    head = section.header.paragraphs[0]
    head.add_run().add_picture(logo_png(), height=Cm(0.7))
    head.add_run("  朗苔" if source.chinese else "  larkmoss").bold = True
    section.footer.paragraphs[0].add_run(f"{source.meta['title']} · {source.meta['edition']}").font.size = Pt(8)
    doc.add_paragraph(source.meta["title"], style="Title")
    doc.add_paragraph(source.meta["subtitle"], style="Subtitle")
    doc.add_paragraph(source.meta["edition"]).runs[0].font.color.rgb = RGBColor.from_string(GREY)
    for block in source.blocks:
        _word_block(doc, block)
    doc.save(str(path))
    freeze(path, source.meta["date"])


def _word_properties(doc: Any, source: Source) -> None:
    moment = datetime.fromisoformat(source.meta["date"])
    core = doc.core_properties
    core.title, core.author, core.subject = source.meta["title"], "Larkmoss", source.meta["subtitle"]
    core.created = core.modified = moment
    core.language = "zh-CN" if source.chinese else "en-GB"
    core.comments = ""


def _word_styles(doc: Any) -> None:
    sizes = {
        "Normal": 10.5,
        "Title": 26,
        "Subtitle": 12.5,
        "Heading 1": 16,
        "Heading 2": 12.5,
        "List Bullet": 10.5,
        "List Number": 10.5,
    }
    tones = {"Title": DEEP, "Subtitle": MOSS, "Heading 1": DEEP, "Heading 2": MOSS}
    for style in doc.styles:
        if style.type != WD_STYLE_TYPE.PARAGRAPH or style.name not in sizes:
            continue
        style.font.name, style.font.size = LATIN, Pt(sizes[style.name])
        style.font.color.rgb = RGBColor.from_string(tones.get(style.name, INK))
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        fonts.set(qn("w:eastAsia"), HAN)
        fonts.set(qn("w:hAnsi"), LATIN)
        style.paragraph_format.space_after = Pt(2 if style.name in ("Title", "Subtitle") else 6)
        if style.name == "Title":
            style.element.pPr.remove(style.element.pPr.find(qn("w:pBdr")))
        if style.name == "Subtitle":
            style.font.italic = False
        if style.name == "Normal":
            style.paragraph_format.line_spacing = 1.3


def _word_block(doc: Any, block: Block) -> None:
    if block.kind in ("h1", "h2"):
        doc.add_heading(block.text, int(block.kind[1]))
    elif block.kind in ("ul", "ol"):
        for row in block.rows:
            _word_text(doc.add_paragraph(style="List Bullet" if block.kind == "ul" else "List Number"), row[0])
    elif block.kind == "table":
        _word_table(doc, block)
    else:
        _word_text(doc.add_paragraph(), block.text)


def _word_text(paragraph: Any, text: str) -> None:
    for part, bold in _runs(text):
        paragraph.add_run(part).bold = bold or None


def _word_table(doc: Any, block: Block) -> None:
    table = doc.add_table(rows=0, cols=len(block.rows[0]))
    table.style = "Table Grid"
    for r, row in enumerate(block.rows):
        cells = table.add_row().cells
        for cell, text in zip(cells, row, strict=True):
            _word_text(cell.paragraphs[0], text)
            cell.paragraphs[0].paragraph_format.space_after = Pt(2)
            if r == 0:
                for run in cell.paragraphs[0].runs:
                    run.bold = True
                shade = OxmlElement("w:shd")
                shade.set(qn("w:val"), "clear")
                shade.set(qn("w:fill"), MIST)
                cell._tc.get_or_add_tcPr().append(shade)
    properties = table.rows[0]._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:tblHeader"))
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        line = OxmlElement(f"w:{side}")
        line.set(qn("w:val"), "nil" if side in ("left", "right", "insideV") else "single")
        line.set(qn("w:sz"), "4")
        line.set(qn("w:color"), "CBD5CA")
        borders.append(line)
    table._tbl.tblPr.append(borders)
    doc.add_paragraph().paragraph_format.space_after = Pt(2)


# --- slides --------------------------------------------------------------------------------------------------------------

WIDE, TALL = Emu(12192000), Emu(6858000)
EDGE = Emu(640000)


def build_pptx(source: Source, path: Path) -> None:
    deck = Presentation()
    deck.slide_width, deck.slide_height = WIDE, TALL
    moment = datetime.fromisoformat(source.meta["date"])
    core = deck.core_properties
    core.title, core.author, core.created, core.modified = source.meta["title"], "Larkmoss", moment, moment
    _title_slide(deck, source)
    pages: list[list[Block]] = []
    for block in source.blocks:
        if block.kind == "h1":
            pages.append([])
        pages[-1].append(block)
    for page in pages:
        _content_slide(deck, source, page)
    deck.save(str(path))
    freeze(path, source.meta["date"])


def _background(slide: Any, tone: str) -> None:
    slide.background.fill.solid()
    slide.background.fill.fore_color.rgb = SlideColor.from_string(tone)


def _write(frame: Any, text: str, size: float, tone: str, *, bold: bool = False, new: bool = False) -> None:
    paragraph = frame.add_paragraph() if new else frame.paragraphs[0]
    paragraph.space_after = SlidePt(8)
    for part, strong in _runs(text):
        run = paragraph.add_run()
        run.text = part
        run.font.size, run.font.bold, run.font.name = SlidePt(size), bold or strong, LATIN
        run.font.color.rgb = SlideColor.from_string(tone)
        east = OxmlElement("a:ea")
        east.set("typeface", HAN)
        run._r.get_or_add_rPr().append(east)


def _title_slide(deck: Any, source: Source) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    _background(slide, OAT)
    slide.shapes.add_picture(logo_png(), EDGE, Emu(640000), height=Emu(760000))
    title, subtitle = slide.shapes.title, slide.placeholders[1]
    title.left, title.top, title.width, title.height = EDGE, Emu(2500000), Emu(10900000), Emu(1100000)
    subtitle.left, subtitle.top, subtitle.width, subtitle.height = EDGE, Emu(3650000), Emu(10900000), Emu(1500000)
    _write(title.text_frame, source.meta["title"], 54, DEEP, bold=True)
    _write(subtitle.text_frame, source.meta["subtitle"], 24, MOSS)
    _write(subtitle.text_frame, source.meta["edition"], 16, GREY, new=True)
    for frame in (title.text_frame, subtitle.text_frame):
        for paragraph in frame.paragraphs:
            paragraph.alignment = 1


def _content_slide(deck: Any, source: Source, blocks: list[Block]) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    title = slide.shapes.title
    title.left, title.top, title.width, title.height = EDGE, Emu(420000), Emu(10200000), Emu(850000)
    _write(title.text_frame, blocks[0].text, 32, DEEP, bold=True)
    title.text_frame.paragraphs[0].alignment = 1
    slide.shapes.add_picture(logo_png(), Emu(11100000), Emu(520000), height=Emu(480000))
    line = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, EDGE, Emu(1290000), Emu(900000), Emu(50000))
    line.fill.solid()
    line.fill.fore_color.rgb = SlideColor.from_string("C9744B")
    line.line.fill.background()
    top = 1550000
    for block in blocks[1:]:
        top = _slide_block(slide, block, top)


def _slide_block(slide: Any, block: Block, top: int) -> int:
    """Places one block at ``top`` (EMU) and returns where the next one starts."""
    width = Emu(10900000)
    if block.kind == "speaker":
        slide.notes_slide.notes_text_frame.text = block.text
        return top
    if block.kind == "table":
        return _slide_table(slide, block, top, width)
    if block.kind == "stats":
        return _slide_stats(slide, block, top)
    texts = [f"•  {row[0]}" for row in block.rows] if block.kind == "ul" else [block.text]
    wide = sum(-(-sum(2 if ord(c) > 0x2E80 else 1 for c in text) // 76) for text in texts)
    height = 450000 * wide + 130000 * len(texts)
    frame = slide.shapes.add_textbox(EDGE, Emu(top), width, Emu(height)).text_frame
    frame.word_wrap = True
    for i, text in enumerate(texts):
        _write(frame, text, 24, INK, new=i > 0)
    return top + height + 120000


def _slide_table(slide: Any, block: Block, top: int, width: Any) -> int:
    row_height = 560000
    shape = slide.shapes.add_table(
        len(block.rows), len(block.rows[0]), EDGE, Emu(top), width, Emu(row_height * len(block.rows))
    )
    table = shape.table
    longest = [
        max(sum(2 if ord(c) > 0x2E80 else 1 for c in row[i]) for row in block.rows) + 4
        for i in range(len(block.rows[0]))
    ]
    for i, share in enumerate(longest):
        table.columns[i].width = Emu(int(width * share / sum(longest)))
    for r, row in enumerate(block.rows):
        for c, text in enumerate(row):
            cell = table.cell(r, c)
            cell.fill.solid()
            cell.fill.fore_color.rgb = SlideColor.from_string(MIST if r == 0 else "FFFFFF")
            _write(cell.text_frame, text or " ", 20, DEEP if r == 0 else INK, bold=r == 0)
            cell.text_frame.paragraphs[0].space_after = SlidePt(0)
    return top + row_height * len(block.rows) + 250000


def _slide_stats(slide: Any, block: Block, top: int) -> int:
    wide = 3400000
    for i, (figure, label) in enumerate(block.rows):
        card = slide.shapes.add_shape(
            MSO_SHAPE.ROUNDED_RECTANGLE, Emu(EDGE + i * (wide + 320000)), Emu(top), Emu(wide), Emu(1800000)
        )
        card.adjustments[0] = 0.08
        card.fill.solid()
        card.fill.fore_color.rgb = SlideColor.from_string(OAT)
        card.line.fill.background()
        card.text_frame.word_wrap = True
        _write(card.text_frame, figure, 44, MOSS, bold=True)
        _write(card.text_frame, label, 18, INK, new=True)
        for paragraph in card.text_frame.paragraphs:
            paragraph.alignment = 2
    return top + 2050000


# --- sheets --------------------------------------------------------------------------------------------------------------


def build_xlsx(sheets: list[tuple[str, str, Path]], path: Path, *, title: str, date: str) -> None:
    """``sheets`` are (name, heading, CSV file). Numbers become numbers; the table's header is in row 3."""
    book = Workbook()
    book.remove(book.active)
    book.properties.title, book.properties.creator = title, "Larkmoss"
    book.properties.created = datetime.fromisoformat(date)
    for name, heading, file in sheets:
        _sheet(book.create_sheet(name), heading, file)
    book.save(path)
    freeze(path, date)


def _sheet(sheet: Any, heading: str, file: Path) -> None:
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    sheet["A1"] = heading
    sheet["A1"].font = Font(name=LATIN, size=14, bold=True, color=DEEP)
    thin = Side(style="thin", color="CBD5CA")
    for r, row in enumerate(rows, start=3):
        for c, text in enumerate(row, start=1):
            cell = sheet.cell(r, c, _number(text))
            cell.font = Font(name=LATIN, size=10.5, bold=r == 3, color=DEEP if r == 3 else INK)
            cell.border = Border(bottom=thin)
            cell.alignment = Alignment(vertical="center", indent=1 if isinstance(cell.value, str) else 0)
            if r == 3:
                cell.fill = PatternFill("solid", fgColor=MIST)
            if isinstance(cell.value, float):
                cell.number_format = "#,##0.00"
    for c in range(1, len(rows[0]) + 1):
        longest = max(sum(2 if ord(ch) > 0x2E80 else 1 for ch in row[c - 1]) for row in rows)
        sheet.column_dimensions[get_column_letter(c)].width = longest + 3
    sheet.freeze_panes = "A4"
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _number(text: str) -> str | int | float:
    if re.fullmatch(r"\d+\.\d+", text):
        return float(text)
    return int(text) if re.fullmatch(r"\d+", text) else text
