"""Spaces that a text recogniser left out, put back where the picture shows them.

The recogniser says roughly where it saw each character; the picture says exactly where there is no ink. Gaps between
words are clearly wider than those between letters, in one font and one size: where the widths of a line's gaps fall
into two groups (Otsu's threshold over widths), the wider ones are spaces. No vocabulary is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

Corners = Sequence[Sequence[float]]  # of a line: left top, right top, right bottom, left bottom

_LEAST = 0.16  # of the letters' height: no space is narrower
_APART = 0.12  # of the letters' height: by how much spaces exceed gaps between letters, on the mean, at least
_TIMES = 1.6  # and in proportion
_REACH = 0.9  # of the letters' height: how far from its gap a recognised space may be seen
_CLEARLY = 0.8  # widths of an "n": by how much a word start one letter on must fit better
_FEW = 10  # a line with fewer gaps borrows the widths of its neighbours of like size
_ALIKE = 0.3  # difference in height up to which lines are taken to be in one font


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A recognised line: its corners in the picture, its text, and the middle of each character's place (x, y)."""

    corners: Corners
    text: str
    places: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Gaps:
    """The gaps of one line (start and end in pixels along it), its first and last ink, the height of its letters."""

    found: tuple[tuple[float, float], ...] = ()
    first: float = 0.0
    last: float = 0.0
    height: float = 0.0

    def widths(self, letters: int) -> list[float]:
        """In heights of letters. Letters that touch have a gap of none between them."""
        seen = [(end - start) / self.height for start, end in self.found] if self.height else []
        return seen + [0.0] * max(0, letters - 1 - len(seen))


def restore_spaces(image: Image, lines: Sequence[SeenLine]) -> list[str]:
    """The texts of ``lines`` with the spaces that ``image`` (any mode, the one that was read) shows."""
    import numpy as np

    grey = np.asarray(image.convert("L"))
    gaps = [_gaps(grey, line.corners) if _may_lack(line.text) else _Gaps() for line in lines]
    widths = [own.widths(len("".join(line.text.split()))) for line, own in zip(lines, gaps, strict=True)]
    return [
        _spaced(line, own, _least_width(own, of, gaps, widths))
        for line, own, of in zip(lines, gaps, widths, strict=True)
    ]


def _gaps(grey: Any, corners: Corners) -> _Gaps:
    """Where there is no ink across a line, between its first and its last ink."""
    import numpy as np
    import PIL.Image

    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    width = round(max(np.hypot(x1 - x0, y1 - y0), np.hypot(x2 - x3, y2 - y3)))
    height = round(max(np.hypot(x3 - x0, y3 - y0), np.hypot(x2 - x1, y2 - y1)))
    if width < 4 or height < 4 or height >= 1.5 * width:  # too small, or written downwards
        return _Gaps()
    quad = (x0, y0, x3, y3, x2, y2, x1, y1)
    left, top = max(0, int(min(quad[::2])) - 2), max(0, int(min(quad[1::2])) - 2)
    part = PIL.Image.fromarray(grey[top : int(max(quad[1::2])) + 3, left : int(max(quad[::2])) + 3])
    shifted = [v - (left if i % 2 == 0 else top) for i, v in enumerate(quad)]
    line = np.asarray(part.transform((width, height), PIL.Image.Transform.QUAD, shifted, PIL.Image.Resampling.BILINEAR))
    ink = line < _otsu(line)
    if ink[[0, -1]].mean() > 0.5:
        ink = ~ink  # light letters on a dark ground
    ink[ink.mean(axis=1) > 0.85] = False  # a rule under or through the line
    ink = _without_specks(ink)
    rows = np.flatnonzero(ink.sum(axis=1) >= max(2.0, 0.01 * width))
    columns = np.flatnonzero(ink.any(axis=0))
    if len(rows) == 0 or len(columns) < 2:
        return _Gaps()
    steps = np.diff(columns)
    wide = np.flatnonzero(steps > 1)
    found = tuple((float(columns[i] + 1), float(columns[i + 1])) for i in wide)
    return _Gaps(found, float(columns[0]), float(columns[-1] + 1), float(rows[-1] - rows[0] + 1))


def _without_specks(ink: Any) -> Any:
    """Dark pixels that have two dark neighbours: a bar of one pixel's height is ink, dirt is not."""
    import numpy as np

    framed = np.pad(ink, 1).astype(np.int8)
    height, width = ink.shape
    around = sum(framed[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy in (-1, 0, 1) for dx in (-1, 0, 1))
    return ink & (around >= 3)


def _otsu(line: Any) -> float:
    """The grey value that parts ink from paper (Otsu 1979)."""
    import numpy as np

    counts = np.bincount(line.ravel(), minlength=256).astype(float)
    weight, mass = np.cumsum(counts), np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mass[-1] * weight - mass * weight[-1]) ** 2 / (weight * (weight[-1] - weight))
    return float(np.nanargmax(between)) + 0.5 if np.isfinite(between).any() else 0.0


def _least_width(
    own: _Gaps, widths: Sequence[float], all_gaps: Sequence[_Gaps], all_widths: Sequence[Sequence[float]]
) -> float:
    """From which width on a gap of this line is a space, in pixels; infinity where the widths are of one kind."""
    if own.height <= 0:
        return float("inf")
    if len(widths) >= _FEW:
        return _split(widths) * own.height
    like = [
        of
        for gaps, of in zip(all_gaps, all_widths, strict=True)
        if gaps.height > 0 and abs(gaps.height - own.height) <= _ALIKE * own.height
    ]
    return _split([width for of in like for width in of]) * own.height


def _split(widths: Sequence[float]) -> float:
    """Otsu's threshold over widths (in heights of letters), where it parts two kinds; infinity where it does not."""
    ordered = sorted(widths)
    total, count = sum(ordered), len(ordered)
    best, at, low_sum = 0.0, -1, 0.0
    for index in range(count - 1):
        low_sum += ordered[index]
        low, high = index + 1, count - index - 1
        between = low * high * (low_sum / low - (total - low_sum) / high) ** 2
        if between > best and ordered[index + 1] > ordered[index]:
            best, at = between, index
    if at < 0:
        return float("inf")
    low_mean = sum(ordered[: at + 1]) / (at + 1)
    high_mean = sum(ordered[at + 1 :]) / (count - at - 1)
    parted = ordered[at + 1] >= _LEAST and high_mean - low_mean >= _APART and high_mean >= _TIMES * low_mean
    return (ordered[at] + ordered[at + 1]) / 2 if parted else float("inf")


def _spaced(line: SeenLine, gaps: _Gaps, least: float) -> str:
    text = line.text
    wide = [gap for gap in gaps.found if gap[1] - gap[0] >= least]
    if not wide or len(line.places) != len(text):
        return text
    places = _along(line)
    seen = _explained(text, places, wide, gaps.height)
    starts = [seen.get(gap, sum(1 for place in places if place < sum(gap) / 2)) for gap in wide]
    _settle(text, gaps, wide, starts, seen)
    before = {start for gap, start in zip(wide, starts, strict=True) if gap not in seen}
    return "".join(f" {char}" if i in before and _wants(text, i) else char for i, char in enumerate(text))


def _explained(
    text: str, places: Sequence[float], wide: Sequence[tuple[float, float]], height: float
) -> dict[tuple[float, float], int]:
    """Gaps for which a space was recognised, with the index after it: each space explains the gap nearest to it."""
    found: dict[tuple[float, float], int] = {}
    for index, char in enumerate(text):
        left = [gap for gap in wide if gap not in found] if char == " " else []
        nearest = min(left, key=lambda gap: abs(sum(gap) / 2 - places[index]), default=None)
        if nearest is not None and abs(sum(nearest) / 2 - places[index]) <= _REACH * height:
            found[nearest] = index + 1
    return found


def _settle(
    text: str,
    gaps: _Gaps,
    wide: Sequence[tuple[float, float]],
    starts: list[int],
    seen: dict[tuple[float, float], int],
) -> None:
    """Moves word starts by a letter where the ink before and after a gap is as long as the words then are.

    A recogniser sees thin letters, and the first of a word, too early.
    """
    ink = (gaps.last - gaps.first) - sum(end - start for start, end in wide)
    unit = ink / max(0.5, sum(map(_units, text)))
    edges = [gaps.first, *(edge for gap in wide for edge in gap), gaps.last]
    for number, gap in enumerate(wide):
        if gap in seen:
            continue
        low = starts[number - 1] if number else 0
        high = starts[number + 1] if number + 1 < len(starts) else len(text)
        before, after = edges[2 * number + 1] - edges[2 * number], edges[2 * number + 3] - edges[2 * number + 2]

        def misfit(start: int, low: int = low, high: int = high, before: float = before, after: float = after) -> float:
            return abs(before / unit - _length(text[low:start])) + abs(after / unit - _length(text[start:high]))

        here = starts[number]
        best = min((s for s in (here, here - 1, here + 1) if low < s < high), key=misfit, default=here)
        if misfit(best) < misfit(here) - _CLEARLY:
            starts[number] = best


def _length(word: str) -> float:
    return sum(map(_units, word))


def _units(char: str) -> float:
    """How wide a letter is, roughly, an "n" being one."""
    if char.isspace():
        return 0.0
    if char in "iljI.,:;!|'`()[]{}1ftr":
        return 0.55
    return 1.5 if char in "mwMW@%" else 1.25 if char.isupper() else 2.0 if char >= "\u2e80" else 1.0


def _may_lack(text: str) -> bool:
    """Are there two characters between which a space could be missing? Not in Chinese."""
    return any(_wants(text, index) for index in range(1, len(text)))


def _along(line: SeenLine) -> list[float]:
    """How far along the line each character stands, in pixels; never back, as the text runs on."""
    (x0, y0), (x1, y1) = line.corners[0], line.corners[1]
    length = max(1.0, ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5)
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    out: list[float] = []
    for x, y in line.places:
        place = (x - x0) * dx + (y - y0) * dy
        out.append(max(place, out[-1]) if out else place)
    return out


def _wants(text: str, index: int) -> bool:
    """May a space stand before this character? Not beside another one, nor beside Chinese, which has none."""
    if index == 0:
        return False
    last, here = text[index - 1], text[index]
    return not last.isspace() and not here.isspace() and last < "\u2e80" and here < "\u2e80"
