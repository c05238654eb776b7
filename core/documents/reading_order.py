"""The order in which the lines of a scanned page are read."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from core.documents.segments import Segment

_BREAK = 2.5  # heights of a line: empty over both columns, they end there


def reading_order(segments: Sequence[Segment], width: float) -> list[int]:
    """The order of OCR segments: rows from top to bottom, but columns of running text one after the other."""
    gutter = _gutter(segments, width)
    order = sorted(range(len(segments)), key=lambda i: (segments[i].top + segments[i].bottom) / 2)
    if gutter is None:
        return _by_rows(segments, order)
    result: list[int] = []
    band: list[int] = []
    lowest = 0.0
    for index in [*order, -1]:
        here = segments[index] if index >= 0 else None
        crosses = here is None or here.left < gutter < here.right
        if here is not None and not crosses and not (band and here.top - lowest > _BREAK * here.size):
            band.append(index)
            lowest = max(lowest, here.bottom)
            continue
        for side in (True, False):
            result.extend(_by_rows(segments, [i for i in band if (segments[i].right <= gutter) == side]))
        band = []
        if here is not None and crosses:
            result.append(index)
        elif here is not None:  # both columns have ended above it: a footer, or the next part of the page
            band, lowest = [index], here.bottom
    return result


def _gutter(segments: Sequence[Segment], width: float) -> float | None:
    """The middle of two columns of running text: few lines cross it and both sides are full of long lines."""
    best: tuple[int, float] | None = None
    for step in range(35, 66):
        x = width * step / 100
        crossing = sum(1 for s in segments if s.left < x < s.right)
        if best is None or crossing < best[0]:
            best = (crossing, x)
    if best is None or best[0] * 4 > len(segments):
        return None
    for side in ([s for s in segments if s.right <= best[1]], [s for s in segments if s.left >= best[1]]):
        if len(side) < 5:
            return None
        span = max(s.right for s in side) - min(s.left for s in side)
        if span < width * 0.2 or median(s.right - s.left for s in side) < span * 0.6:
            return None
    return best[1]


def _by_rows(segments: Sequence[Segment], order: Sequence[int]) -> list[int]:
    rows: list[list[int]] = []
    for index in order:
        middle = (segments[index].top + segments[index].bottom) / 2
        last = segments[rows[-1][0]] if rows else None
        if last is not None and last.top < middle < last.bottom:
            rows[-1].append(index)
        else:
            rows.append([index])
    return [index for row in rows for index in sorted(row, key=lambda i: segments[i].left)]
