"""Text of pictures: RapidOCR (PP-OCR models for Chinese and English, carried by the package) on onnxruntime."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from core.documents.layout import arrange
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
        import numpy as np

        with self._lock:
            if self._engine is None:
                self._engine = self._build()
            # The models were trained on BGR.
            found, _ = self._engine(np.asarray(image.convert("RGB"))[:, :, ::-1])
        lines = []
        for corners, text, _score in found or []:
            xs, ys = [float(x) for x, _ in corners], [float(y) for _, y in corners]
            if text.strip():
                lines.append(OcrLine(text.strip(), min(xs), min(ys), max(xs), max(ys)))
        return lines

    def _build(self) -> Any:
        from rapidocr_onnxruntime import RapidOCR

        return RapidOCR(intra_op_num_threads=self._threads, inter_op_num_threads=1)


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
    lines = engine(options).read(small)
    raw = [Segment(line.text, line.left, line.top, line.right, line.bottom, line.bottom - line.top) for line in lines]
    segments = [_even(raw[i], raw) for i in reading_order(raw, width)]
    layout = arrange(segments)
    pieces = tuple(
        (m.start, m.end, *_part(segments[m.segment], m.offset, m.end - m.start, width, height)) for m in layout.mappings
    )
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
