"""Text of pictures: RapidOCR (PP-OCR models for Chinese and English, carried by the package) on onnxruntime."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from core.documents.layout import arrange
from core.documents.ocr_spaces import SeenLine, restore_spaces
from core.documents.options import LoadOptions
from core.documents.reading_order import reading_order
from core.documents.segments import Block, Segment

if TYPE_CHECKING:
    from PIL.Image import Image

LONG_SIDE = 2000  # pixels; the detector would scale larger pictures down itself
_LOCK = threading.Lock()
_SHARED: dict[int, OcrEngine] = {}


@dataclass(frozen=True, slots=True)
class OcrLine:
    """A line of text in a picture; the box in pixels, origin top left."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    score: float = 1.0  # how certain the engine is of the text


@dataclass(frozen=True, slots=True)
class _Seen:
    """A line as the models see it: corners from the left top clockwise, certainty, the place of each character."""

    corners: Sequence[tuple[float, float]]
    text: str
    score: float
    places: Sequence[tuple[float, float]]


class OcrEngine(Protocol):
    """Reads the lines of a picture (RGB)."""

    def read(self, image: Image) -> list[OcrLine]: ...


@dataclass(frozen=True, slots=True)
class OcrPage:
    """What was read: text, its blocks, pieces ``(start, end, left, top, right, bottom)`` in page fractions."""

    text: str
    blocks: tuple[Block, ...]
    pieces: tuple[tuple[int, int, float, float, float, float], ...]


class RapidEngine:
    """RapidOCR, built at the first picture; one picture at a time."""

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads or -1
        self._engine: Any = None
        self._lock = threading.Lock()

    def read(self, image: Image) -> list[OcrLine]:
        picture = image.convert("RGB")
        with self._lock:
            if self._engine is None:
                self._engine = self._build()
            seen = self._seen(picture)
        texts = restore_spaces(picture, [SeenLine(line.corners, line.text, line.places) for line in seen])
        return [_line(line, text) for line, text in zip(seen, texts, strict=True)]

    def _seen(self, picture: Image) -> list[_Seen]:
        """What the models see. Lines are not turned one by one: their direction is judged from a crop squeezed to
        4:1, by which long lines of an upright page are turned upside down, read as nonsense and lost."""
        import numpy as np

        # The models were trained on BGR.
        pixels = np.asarray(picture)[:, :, ::-1]
        try:
            found, _ = self._engine(pixels, use_cls=False, return_word_box=True)
        except (ValueError, IndexError, ZeroDivisionError):  # places of the characters of a degenerate box
            found, _ = self._engine(pixels, use_cls=False)
        lines = []
        for corners, text, score, *more in found or []:
            if text.strip():
                boxes = more[0] if more else ()
                places = [((box[0][0] + box[2][0]) / 2, (box[0][1] + box[2][1]) / 2) for box in boxes]
                lines.append(_Seen([(float(x), float(y)) for x, y in corners], text, float(score), places))
        return lines

    def _build(self) -> Any:
        from rapidocr_onnxruntime import RapidOCR

        return RapidOCR(intra_op_num_threads=self._threads, inter_op_num_threads=1)


def _line(seen: _Seen, text: str) -> OcrLine:
    xs, ys = [x for x, _ in seen.corners], [y for _, y in seen.corners]
    return OcrLine(text.strip(), min(xs), min(ys), max(xs), max(ys), seen.score)


def _upright(reader: OcrEngine, image: Image) -> tuple[list[OcrLine], bool]:
    """The lines of a picture, and whether it lies upside down: then little reads like text until it is turned."""
    lines = reader.read(image)
    if lines and _certainty(lines) >= 0.8 * sum(len(line.text) for line in lines):
        return lines, False
    turned = reader.read(image.rotate(180))
    return (turned, True) if _certainty(turned) > 1.2 * _certainty(lines) else (lines, False)


def _certainty(lines: Sequence[OcrLine]) -> float:
    return sum(line.score * len(line.text) for line in lines)


def engine(options: LoadOptions) -> OcrEngine:
    """The engine of ``options``, or the one that this process shares."""
    if options.ocr_engine is not None:
        return options.ocr_engine()
    with _LOCK:
        if options.ocr_threads not in _SHARED:
            _SHARED[options.ocr_threads] = RapidEngine(options.ocr_threads)
        return _SHARED[options.ocr_threads]


def read_page(image: Image, options: LoadOptions) -> OcrPage:
    """Reads one picture: lines in reading order, joined into paragraphs and tables."""
    scale = min(1.0, LONG_SIDE / max(image.size))
    small = (
        image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale)))) if scale < 1 else image
    )
    width, height = small.size
    lines, turned = _upright(engine(options), small)
    raw = [Segment(line.text, line.left, line.top, line.right, line.bottom, line.bottom - line.top) for line in lines]
    segments = [_even(raw[i], raw) for i in reading_order(raw, width)]
    layout = arrange(segments)
    pieces = tuple(
        (m.start, m.end, *_part(segments[m.segment], m.offset, m.end - m.start, width, height)) for m in layout.mappings
    )
    if turned:  # boxes belong to the page as it came
        pieces = tuple((a, b, 1 - right, 1 - bottom, 1 - left, 1 - top) for a, b, left, top, right, bottom in pieces)
    return OcrPage(layout.text, tuple(layout.blocks), pieces)


def _even(segment: Segment, others: list[Segment]) -> Segment:
    """Line heights from a detector wobble by a few pixels: near ones are taken to be the same size."""
    near = sorted(o.size for o in others if abs(o.size - segment.size) <= 0.2 * segment.size)
    size = near[len(near) // 2]
    return Segment(segment.text, segment.left, segment.top, segment.right, segment.bottom, size)


def _part(segment: Segment, offset: int, length: int, width: int, height: int) -> tuple[float, float, float, float]:
    whole = max(1, len(segment.text))
    span = segment.right - segment.left
    left = segment.left + span * offset / whole
    right = segment.left + span * min(whole, offset + length) / whole
    return (left / width, segment.top / height, right / width, segment.bottom / height)
