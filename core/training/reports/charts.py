"""The charts of a report as inline SVG; their colours are the page's, light or dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from core.evaluation.calibration import ReliabilityBin
from core.evaluation.intervals import Interval

_WIDTH = 640
_LINE = 34  # pixels a row of dots
_LEFT, _RIGHT = 190, 20


@dataclass(frozen=True, slots=True)
class DotRow:
    """One line of a dot chart: what is shown before and after, with bounds, on a scale of 0 to 1."""

    name: str
    before: Interval
    after: Interval


def dots(rows: Sequence[DotRow], title: str) -> str:
    """Dots with whiskers, before above after, one line a row."""
    height = _LINE * len(rows) + 34
    parts = [_axis(height - 22)]
    for number, row in enumerate(rows):
        middle = number * _LINE + 16
        parts.append(f'<text x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{escape(_cut(row.name))}</text>')
        parts.append(_dot(row.before, middle - 5, "before"))
        parts.append(_dot(row.after, middle + 5, "after"))
    return _svg(_WIDTH, height, title, parts)


def reliability_chart(before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin], title: str, ideal: str) -> str:
    """Promised probability from left to right, share that came true upwards; the diagonal is ideal."""
    side, edge = 260, 40
    parts = [
        f'<line class="ideal" x1="{edge}" y1="{side}" x2="{edge + side - 20}" y2="20"/>',
        f'<text class="small" x="{edge + side - 24}" y="34" text-anchor="end">{escape(ideal)}</text>',
    ]
    span = side - 20

    def place(one: ReliabilityBin, share: float) -> tuple[float, float]:
        return edge + one.promised * span, side - share * span

    for tick in (0.0, 0.5, 1.0):
        across, up = edge + tick * span, side - tick * span
        parts.append(f'<line class="grid" x1="{edge}" y1="{up:.1f}" x2="{edge + span}" y2="{up:.1f}"/>')
        parts.append(f'<text class="small" x="{across:.1f}" y="{side + 16}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text class="small" x="{edge - 6}" y="{up + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for kind, curve in (("before", before), ("after", after)):
        path = " ".join("{:.1f},{:.1f}".format(*place(one, one.happened.value)) for one in curve)
        parts.append(f'<polyline class="{kind}" points="{path}"/>')
        for one in curve:
            across, up = place(one, one.happened.value)
            low, high = place(one, one.happened.low)[1], place(one, one.happened.high)[1]
            parts.append(f'<line class="{kind}" x1="{across:.1f}" y1="{low:.1f}" x2="{across:.1f}" y2="{high:.1f}"/>')
            parts.append(f'<circle class="{kind}" cx="{across:.1f}" cy="{up:.1f}" r="4"/>')
    return _svg(edge + side, side + 26, title, parts)


def _axis(bottom: int) -> str:
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        across = _across(tick)
        parts.append(f'<line class="grid" x1="{across:.1f}" y1="4" x2="{across:.1f}" y2="{bottom}"/>')
        parts.append(
            f'<text class="small" x="{across:.1f}" y="{bottom + 16}" text-anchor="middle">{100 * tick:g}</text>'
        )
    return "".join(parts)


def _dot(interval: Interval, height: int, kind: str) -> str:
    low, high, value = (_across(edge) for edge in (interval.low, interval.high, interval.value))
    return (
        f'<line class="{kind}" x1="{low:.1f}" y1="{height}" x2="{high:.1f}" y2="{height}"/>'
        f'<circle class="{kind}" cx="{value:.1f}" cy="{height}" r="4"/>'
    )


def _across(share: float) -> float:
    return _LEFT + min(max(share, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT)


def _cut(name: str) -> str:
    return name if len(name) <= 26 else name[:25] + "…"


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
