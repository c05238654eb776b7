"""The house colours, the mark and the drawing of a garden, as vectors for reportlab."""

from __future__ import annotations

from typing import Any

from reportlab.lib import colors
from reportlab.platypus import Flowable

MOSS = colors.HexColor("#3F6B4B")
DEEP = colors.HexColor("#24402E")
MIST = colors.HexColor("#E3ECDF")
OAT = colors.HexColor("#F4EFE3")
CLAY = colors.HexColor("#C9744B")
INK = colors.HexColor("#26302A")
GREY = colors.HexColor("#6C766F")


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
        ("seedcup in basket", 29, 18, 22, 24, "right"),
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
