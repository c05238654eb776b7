"""A document as an office scanner gives it back: pictures of pages, a little crooked, with noise and no text layer."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from demo.make.office import logo_png
from demo.make.pdf import FONT_ROOT, FONTS, set_epoch

WIDTH, HEIGHT = 1240, 1754  # A4 at 150 dots an inch


def build_scan(source: Path, path: Path, *, date: str) -> None:
    set_epoch(date)
    canvas = Canvas(str(path), pagesize=A4)
    canvas.setTitle("Outgoing inspection record")
    canvas.setAuthor("Larkmoss")
    for number, page in enumerate(source.read_text(encoding="utf-8").split("===\n")):
        canvas.drawImage(ImageReader(_scanned(page, number)), 0, 0, *A4)
        canvas.showPage()
    canvas.save()


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT_ROOT / FONTS["Tai"]), size)


def _scanned(page: str, number: int) -> io.BytesIO:
    sheet = Image.new("L", (WIDTH, HEIGHT), 247)
    _print(sheet, page)
    sheet = sheet.rotate((0.55, -0.4)[number % 2], Image.Resampling.BICUBIC, fillcolor=240)
    sheet = sheet.filter(ImageFilter.GaussianBlur(0.6))
    noise = np.random.default_rng(417 + number).normal(0, 5, (HEIGHT, WIDTH))
    shade = np.linspace(0, -9, WIDTH)[None, :]  # the lid did not close on the right
    grey = np.clip(np.asarray(sheet, dtype=float) + noise + shade, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grey, "L").save(out, "JPEG", quality=58)
    out.seek(0)
    return out


def _print(sheet: Image.Image, page: str) -> None:
    pen = ImageDraw.Draw(sheet)
    logo = Image.open(logo_png(96))
    sheet.paste(logo.convert("L"), (110, 110), logo.getchannel("A"))
    y = 260
    for line in page.strip().splitlines():
        kind, _, text = line.partition(":")
        text = text.strip()
        if kind == "title":
            pen.text((230, 130), text, font=_font(48), fill=30)
        elif kind == "heading":
            pen.text((110, y), text, font=_font(42), fill=20)
            y += 100
        elif kind == "line":
            pen.text((110, y), text, font=_font(31), fill=35)
            y += 62
        elif kind == "rule":
            pen.line((110, y + 14, WIDTH - 110, y + 14), fill=110, width=2)
            y += 48
        elif kind == "hand":
            pen.text((620, y + 30), text, font=_font(34), fill=70)
            y += 66
        elif kind == "stamp":
            _stamp(sheet, text)


def _stamp(sheet: Image.Image, text: str) -> None:
    stamp = Image.new("L", (320, 320), 255)
    pen = ImageDraw.Draw(stamp)
    pen.ellipse((8, 8, 312, 312), outline=120, width=8)
    pen.text((48, 128), text, font=_font(56), fill=120)
    stamp = stamp.rotate(11, fillcolor=255)
    sheet.paste(stamp, (160, 1300), stamp.point(lambda value: 255 if value < 200 else 0))
