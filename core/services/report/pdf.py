"""The report as a PDF by reportlab. Chinese is set in STSong-Light, a font that PDF readers bring along."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import Any

from core.services.report.views import PilotReport
from core.services.report.words import COLOURS, Words

LATIN, CHINESE = "Helvetica", "STSong-Light"
LONGEST_QUESTION = 300  # characters
_WIDE = 510  # points between the margins of A4


def as_pdf(report: PilotReport, language: str) -> bytes:
    """The same things in the same order as the HTML."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import SimpleDocTemplate, Spacer

    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))
    words, out = Words(report, language), io.BytesIO()
    story: list[Any] = [_text(words.title(), 17), _text(words.period(), 9.5, "#61706F"), Spacer(1, 8), _figures(words)]
    story += [_head(words.say("sheet.who")), _bars(words.who())]
    if words.moods():
        story += [_head(words.say("sheet.moods")), _bars(words.moods())]
    story += [_head(words.say("sheet.days")), _days(words), _keys(words)]
    story += [_head(words.say("sheet.unanswered")), _unanswered(words), Spacer(1, 10)]
    story.append(_text(words.assumption(), 8.5, "#61706F"))
    SimpleDocTemplate(
        out, pagesize=A4, leftMargin=42, rightMargin=42, topMargin=40, bottomMargin=40, title=_drawable(words.title()),
        author="Pilotlight", invariant=1,
    ).build(story)  # fmt: skip
    return out.getvalue()


def font(text: str) -> str:
    """The font that has the characters of ``text``: Helvetica is Latin-1 only."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return CHINESE
    return LATIN


def _drawable(text: str) -> str:
    """Without what neither font has: characters beyond the first plane (emoji) and control characters."""
    return "".join(" " if ch < " " else ch if ord(ch) <= 0xFFFF else "□" for ch in text)


def _text(text: str, size: float, colour: str = "#1C2B2E") -> Any:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    kept = _drawable(text)
    style = ParagraphStyle(
        "text", fontName=font(kept), fontSize=size, leading=size * 1.4, textColor=colour,
        wordWrap="CJK" if font(kept) == CHINESE else "LTR", splitLongWords=1,
    )  # fmt: skip
    return Paragraph(escape(kept), style)


def _head(text: str) -> Any:
    from reportlab.platypus import Spacer, Table

    return Table([[Spacer(1, 6)], [_text(text, 11.5)]], colWidths=[_WIDE], style=[("LEFTPADDING", (0, 0), (-1, -1), 0)])


def _figures(words: Words) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Table

    cells = [[_text(name, 8.5), _text(value, 14), _text(note, 7.5, "#61706F")] for name, value, note in words.figures()]
    across = 3
    rows = [cells[at : at + across] for at in range(0, len(cells), across)]
    rows[-1] += [""] * (across - len(rows[-1]))  # type: ignore[list-item]
    grid = [
        ("BOX", (0, 0), (-1, -1), 0.5, HexColor("#DDE4E1")),
        ("INNERGRID", (0, 0), (-1, -1), 0.5, HexColor("#DDE4E1")),
    ]
    return Table(rows, colWidths=[_WIDE / across] * across, style=[*grid, ("VALIGN", (0, 0), (-1, -1), "TOP")])


def _bars(rows: Sequence[tuple[str, int, str]]) -> Any:
    from reportlab.graphics.shapes import Drawing, Rect, String
    from reportlab.lib.colors import HexColor

    high, most = 16, max((number for _, number, _ in rows), default=1)
    drawing = Drawing(_WIDE, max(high, high * len(rows)))
    for at, (name, number, colour) in enumerate(rows):
        foot, wide = high * (len(rows) - 1 - at), 330 * number / most
        drawing.add(String(0, foot + 4, name, fontName=font(name), fontSize=9))
        drawing.add(Rect(130, foot + 2, wide, 11, fillColor=HexColor(colour), strokeColor=None))
        drawing.add(String(136 + wide, foot + 4, f"{number:,}", fontName=LATIN, fontSize=9))
    return drawing


def _days(words: Words) -> Any:
    from reportlab.graphics.shapes import Drawing, Rect, String
    from reportlab.lib.colors import HexColor

    days = words.report.days
    most, wide, high = max(1, *(d.answered + d.refused + d.person for d in days)), _WIDE / len(days), 80
    drawing = Drawing(_WIDE, high + 16)
    for at, day in enumerate(days):
        foot = 14.0
        for name in ("answered", "refused", "person"):
            tall = high * getattr(day, name) / most
            if tall:
                bar = Rect(at * wide, foot, max(wide * 0.8, 0.6), tall, fillColor=HexColor(COLOURS[name]))
                bar.strokeColor = None
                drawing.add(bar)
            foot += tall
    drawing.add(String(0, 2, days[0].day.isoformat(), fontName=LATIN, fontSize=8))
    drawing.add(String(_WIDE, 2, days[-1].day.isoformat(), fontName=LATIN, fontSize=8, textAnchor="end"))
    return drawing


def _keys(words: Words) -> Any:
    from reportlab.graphics.shapes import Drawing, Rect, String
    from reportlab.lib.colors import HexColor

    drawing = Drawing(_WIDE, 14)
    names = [(name, words.say(f"day.{name}")) for name in ("answered", "refused", "person")]
    for at, (name, text) in enumerate(names):
        drawing.add(Rect(at * 150, 3, 8, 8, fillColor=HexColor(COLOURS[name]), strokeColor=None))
        drawing.add(String(at * 150 + 13, 3, text, fontName=font(text), fontSize=8.5))
    return drawing


def _unanswered(words: Words) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Table

    if not words.report.unanswered:
        return _text(words.say("sheet.none_unanswered"), 9.5)
    rows = [[_text(words.say(f"open.{name}"), 8.5, "#61706F") for name in ("text", "times", "last")]]
    for one in words.report.unanswered:
        shown = one.text if len(one.text) <= LONGEST_QUESTION else one.text[:LONGEST_QUESTION] + "…"
        rows.append([_text(shown, 9.5), _text(str(one.times), 9.5), _text(one.last.isoformat(), 9.5)])
    line = [("LINEBELOW", (0, 0), (-1, -1), 0.5, HexColor("#DDE4E1")), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    return Table(rows, colWidths=[_WIDE - 140, 65, 75], style=line, repeatRows=1)
